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
    "hub_compat": set(),
    "checkpoints": {"hub_compat"},
    "hub": {"checkpoints", "hub_compat"},
    "losses": {"data", "models"},
    "evaluation": {"data", "models", "losses", "checkpoints", "runtime"},
    "training": {"data", "models", "losses", "evaluation", "checkpoints", "runtime", "figures"},
    "report": {"data", "models", "losses", "evaluation", "training", "checkpoints", "figures"},
    "ui": {"data", "models", "losses", "evaluation", "training", "checkpoints", "runtime", "figures"},
    "tabs": {
        "data", "models", "losses", "evaluation", "training", "report", "checkpoints", "runtime", "figures", "hub",
        "ui",
    },
}  # fmt: skip
TAB_CONTRACT = {"TEXT", "build"}  # every tab has its own
COMPAT = {  # private or overridden names of libraries, and the one file that may use each
    "ui/gradio_compat.py": ("preprocess_data", "process_api", "get_block_name", "root_block"),
    "ui/tool_server.py": ("GradioMCPServer", "save_bytes_to_cache", "handle_file"),
    "hub_compat.py": ("_hub_mixin_config", "_http", "default_client_factory"),
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
    assert parts[0] in ("tabs", "ui") or not any(name.split(".")[0] == "gradio" for name in names)
    others = {name.split(".")[2] for name in names if name.startswith("ae_demo.tabs.")} - {parts[-1]}
    assert parts[0] != "tabs" or parts[-1] == "__init__" or not others, "no tab imports another tab"


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


@pytest.mark.parametrize(("home", "names"), COMPAT.items())
def test_what_libraries_do_not_promise_is_used_in_one_file_only(home, names):
    for file in [*MODULES, HOME / "app.py", HOME / "train.py"]:
        if file == PACKAGE / home:
            continue
        tree = ast.parse(file.read_text(encoding="utf-8"))
        used = {getattr(node, "attr", getattr(node, "id", getattr(node, "name", None))) for node in ast.walk(tree)}
        assert not used & set(names), f"{file.name} uses {used & set(names)}, which belongs into {home}"


def test_no_private_attribute_of_another_library_is_used_elsewhere():
    """`object._name`, where object is not self, cls or a module of ours."""
    allowed = {"self", "cls", "networks"}
    for file in MODULES:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Attribute) or not node.attr.startswith("_") or node.attr.startswith("__"):
                continue
            root = node.value
            assert isinstance(root, ast.Name) and root.id in allowed, f"{file.name}:{node.lineno} uses {node.attr}"


def public_names(file):
    """Functions, classes and constants that a module defines at its top."""
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                for part in target.elts if isinstance(target, ast.Tuple) else [target]:
                    if isinstance(part, ast.Name):
                        yield part.id
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id


def test_a_public_name_means_one_thing_in_the_whole_package():
    homes = {}
    for file in MODULES:
        for name in set(public_names(file)) - TAB_CONTRACT:
            if not name.startswith("_"):
                homes.setdefault(name, []).append(str(file.relative_to(PACKAGE)))
    assert not {name: files for name, files in homes.items() if len(files) > 1}
