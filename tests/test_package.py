"""The package as pip installs it: complete, and the lines of a model card work far from the checkout."""

import os
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import metadata
from pathlib import Path

import pytest

HOME = Path(__file__).resolve().parent.parent
CONFIG = tomllib.loads((HOME / "pyproject.toml").read_text(encoding="utf-8"))
CARD = """
from ae_demo import checkpoints
from ae_demo.models.vae import VAE
model = checkpoints.load(VAE, "vae-mnist")
print(checkpoints.ROOT, model.decode(__import__("torch").zeros(1, 2)).shape)
from ae_demo.data.mnist import mnist
from ae_demo.tabs import TABS
print(len(mnist(split="sample")), len(TABS))
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with the package installed from a copy of the checkout, without its requirements and without network."""
    source, target = tmp_path_factory.mktemp("source") / "studio", tmp_path_factory.mktemp("installed")
    tracked = subprocess.run(["git", "ls-files"], cwd=HOME, capture_output=True, text=True, check=False).stdout.split(
        "\n"
    )
    if not any(tracked):  # no checkout
        tracked = [str(file.relative_to(HOME)) for file in HOME.rglob("*") if ".venv" not in file.parts]
    for name in tracked:
        if name and (HOME / name).is_file() and name.split("/")[0] not in ("tests", "data", "runs"):
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(HOME / name, source / name)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    pip += ["--disable-pip-version-check", "--target", str(target)]
    done = subprocess.run([*pip, str(source)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return target


def test_the_lines_of_a_card_work_where_the_package_is_installed(installed, tmp_path):
    environment = os.environ | {"PYTHONPATH": str(installed)}
    done = subprocess.run(
        [sys.executable, "-c", CARD], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [f"{installed / 'ae_demo' / 'weights'} torch.Size([1, 1, 28, 28])", "1000 11"]


def test_it_has_metadata_and_asks_for_what_the_app_needs(installed):
    (folder,) = installed.glob("ae_demo-*.dist-info")
    text = (folder / "METADATA").read_text(encoding="utf-8")
    assert "License-Expression: Apache-2.0" in text and "Requires-Python: >=3.11" in text
    wanted = (HOME / "requirements.txt").read_text(encoding="utf-8").split()
    assert [f"Requires-Dist: {one}" in text for one in wanted] == [True] * len(wanted)
    assert metadata("setuptools")["Version"] in (HOME / "tests" / "requirements.txt").read_text(encoding="utf-8")


def test_every_folder_of_the_package_is_installed(installed):
    ours = {str(file.parent.relative_to(HOME)).replace("/", ".") for file in (HOME / "ae_demo").rglob("__init__.py")}
    assert {*CONFIG["tool"]["setuptools"]["packages"]} == ours | {"ae_demo.weights"}
    for file in (HOME / "ae_demo").rglob("*.*"):
        if "__pycache__" not in file.parts and file.suffix != ".pyi":
            assert (installed / file.relative_to(HOME)).is_file(), file
