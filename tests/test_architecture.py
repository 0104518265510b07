"""The shape of the code, as `README.md` draws it: who may import whom."""

import ast
from pathlib import Path

import pytest

HOME = Path(__file__).resolve().parent.parent
PACKAGE = HOME / "ae_demo"
MAY_IMPORT = {
    "data": set(),
    "models": set(),
    "figures": set(),
    "runtime": set(),
    "checkpoints": set(),
    "hub": {"checkpoints"},
    "training": {"data", "models", "checkpoints", "runtime"},
    "tabs": {"data", "models", "figures", "runtime", "checkpoints", "hub", "training"},
}
MODULES = sorted(PACKAGE.rglob("*.py"))


def imported(file: Path) -> set[str]:
    """Full names of all modules that a file imports, in functions too."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("file", MODULES, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_imports_follow_the_picture(file):
    parts = file.relative_to(PACKAGE).with_suffix("").parts
    names = imported(file)
    if parts != ("__init__",):
        inside = {name.split(".")[1] for name in names if name.startswith("ae_demo.")}
        assert inside - {parts[0]} <= MAY_IMPORT[parts[0]]
    assert parts[0] == "tabs" or not any(name.split(".")[0] == "gradio" for name in names)


@pytest.mark.parametrize("file", MODULES, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_every_module_and_public_function_says_what_it_is(file):
    tree = ast.parse(file.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), "module"
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), node.name


@pytest.mark.parametrize("file", sorted(PACKAGE.rglob("__init__.py")), ids=lambda f: f.parent.name)
def test_init_files_hold_a_docstring_only(file):
    body = ast.parse(file.read_text(encoding="utf-8")).body
    assert file.parent.name == "tabs" or len(body) == 1
