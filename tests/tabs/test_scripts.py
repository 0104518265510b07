"""The Python code that a tab copies makes the very picture that the tab shows."""

import base64
import inspect
import os
import re
import threading
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from ae_demo.data.mouse import mouse_sketches
from ae_demo.figures import data_uri
from ae_demo.tabs import colorize, compression, dcgan, diffusion, diffusion_edit, latent, latent_map, restoration
from ae_demo.ui.defaults import FIRST_BOOT, example_clothing
from ae_demo.ui.scripts import write_script

BOOT = data_uri(example_clothing()[FIRST_BOOT])
FROG = data_uri(next(sketch for sketch in mouse_sketches() if sketch.name == "frog").lines())
OFFERED = {  # function: its endpoint, and values of its widgets
    colorize.colorize: ("colorize", ({"lines": FROG, "hints": ""}, True, True, "", "twemoji")),
    latent.decode_point: ("decode_point", ("fashion", 0.5, 1.25, -0.5)),
    restoration.restore: ("restore", (BOOT, "blocks", 0.6, 3)),
    compression.compress: ("compress", (BOOT, 12)),
    latent_map.place_drawing: ("place_drawing", ("residual-z32", "pca", BOOT)),
    dcgan.paint_face: ("paint_face", (5, 0.9, 0, 0, 1.5, 0, 0, 0, 0, 2.0, 0, 0)),
    diffusion.sample: ("sample", ("ddpm-mnist", 4, 3, 1, 2.0, "ddim")),
    diffusion_edit.edit: ("edit", ({"lines": BOOT, "hints": ""}, "ddpm-fashion", 2, 599, 1, 2.0)),
}


def shown(answer):
    """The pictures in an answer, as arrays."""
    uris = re.findall(r"data:image/\w+;base64,([\w+/=]+)", repr(answer), re.ASCII)
    return [np.asarray(Image.open(BytesIO(base64.b64decode(uri)))) for uri in uris]


@pytest.mark.parametrize("function", OFFERED, ids=lambda function: function.__name__)
def test_the_copied_code_makes_the_same_pictures(function, tmp_path, monkeypatch, capsys):
    endpoint, values = OFFERED[function]
    for _ in range(2):  # the first time has networks compiled, which differ a little
        answer = function(*values)
        if inspect.isgeneratorfunction(function):
            *_, answer = answer
        for thread in threading.enumerate():
            if "_compile" in thread.name:
                thread.join()
    expected = shown(answer)
    monkeypatch.chdir(tmp_path)
    script = write_script(function, endpoint, values)
    exec(compile(script, "copied.py", "exec"), {})
    files = sorted(os.listdir(tmp_path), key=lambda file: int(re.findall(r"\d+", file)[-1]))
    assert str(files) in capsys.readouterr().out
    made = [np.asarray(Image.open(tmp_path / file)) for file in files]
    assert len(made) == len(expected) > 0
    assert all(np.array_equal(a, b) for a, b in zip(made, expected, strict=True))


def test_every_tab_with_pictures_offers_code():
    tabs = (colorize, compression, dcgan, diffusion, diffusion_edit, latent, latent_map, restoration)
    for tab in tabs:
        offered = re.findall(r'offer_script\((\w+), "(\w+)"', inspect.getsource(tab.build))
        assert len(offered) == 1
        assert OFFERED[getattr(tab, offered[0][0])][0] == offered[0][1]
