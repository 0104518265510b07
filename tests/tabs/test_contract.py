"""Everything that each tab must have, and that the page as a whole must be."""

import ast
import inspect
import json
import re
from pathlib import Path

import gradio as gr
import pytest

import app
from ae_demo.tabs import TABS
from ae_demo.training.recipes import RECIPES
from ae_demo.ui import networks
from ae_demo.ui.gradio_compat import Number, Slider
from ae_demo.ui.i18n import TEXTS, TEXTS_DIR
from ae_demo.ui.widgets import ASSETS

HOME = Path(app.__file__).parent
PACKAGE = HOME / "ae_demo"
NAMED = re.compile(r"`(\w+)`,? (?:in |of |\()`(ae_demo/[\w/]+\.py)`")


@pytest.fixture(scope="module")
def page():
    return app.build()


@pytest.mark.parametrize("tab", TABS, ids=lambda tab: tab.__name__)
def test_a_tab_has_a_title_a_description_and_builds(tab):
    assert tab.TITLE and tab.ABOUT.endswith(".")
    with gr.Blocks():
        assert tab.build() is None


@pytest.mark.parametrize("tab", TABS, ids=lambda tab: tab.__name__)
def test_its_functions_know_no_widget(tab):
    for name, function in inspect.getmembers(tab, inspect.isfunction):
        if function.__module__ == tab.__name__ and name != "build":
            assert "gr." not in inspect.getsource(function), name


def test_every_named_endpoint_is_unique_and_documented(page):
    names = [fn.api_name for fn in page.fns.values() if fn.api_name and fn.api_visibility == "public"]
    assert len(names) == len(set(names))
    wanted = {
        "colorize",
        "variants",
        "continue_from",
        "download_layers",
        "load_palette",
        "load_drawing",
        "load_example",
        "decode_point",
        "decode_labels",
        "encode_picture",
        "draw_path",
        "restore",
        "super_resolve",
        "super_resolve_color",
        "compress",
        "family",
        "neighbours",
        "rate_distortion",
        "inspect_code",
        "place_drawing",
        "load_picture",
        "train_gan",
        "paint_face",
        "paint_faces",
        "between_faces",
        "download_loop",
        "load_face",
        "find_face",
        "play_game",
        "watch_learning",
        "sample",
        "fork",
        "edit",
        "between_noises",
        "inspect_model",
        "measure_models",
    }
    assert wanted <= set(names)
    assert not [name for name in names if name.rpartition("_")[2].isdigit() or name == "lambda"]


def test_live_handlers_do_not_queue_and_keep_the_last_value(page):
    names = (
        "answer",
        "compare",
        "variants",
        "decode_point",
        "draw_path",
        "restore",
        "compress",
        "edit",
        "between_noises",
    )
    live = [fn for fn in page.fns.values() if fn.api_name in names]
    assert len(live) == len(names)
    assert all(fn.queue is False and fn.trigger_mode == "always_last" for fn in live)


def test_the_page_starts_without_loading_any_weights():
    networks._networks.clear()
    app.build()
    assert not networks._networks


@pytest.mark.parametrize("file", sorted(TEXTS_DIR.glob("*.json")), ids=lambda file: file.stem)
def test_every_language_has_the_same_words_with_the_same_blanks(file):
    texts = json.loads(file.read_text(encoding="utf-8"))
    blanks = {
        name: {key: sorted(set(re.findall(r"{(\w+)", text))) for key, text in section.items()}
        for name, section in texts.items()
    }
    assert blanks == {
        name: {key: sorted(set(re.findall(r"{(\w+)", text))) for key, text in section.items()}
        for name, section in TEXTS.items()
    }
    assert all(isinstance(text, str) and text.strip() for section in texts.values() for text in section.values())


def words_used(module):
    """The keys that a module asks its section for, as far as they are written out."""
    tree = ast.parse(inspect.getsource(module))
    return {
        node.slice.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == "TEXT"
        if isinstance(node.slice, ast.Constant)
    }


@pytest.mark.parametrize("tab", TABS, ids=lambda tab: tab.__name__)
def test_the_words_of_a_tab_are_in_its_section_and_none_is_left_over(tab):
    name = tab.__name__.rpartition(".")[2]
    assert tab.TEXT is TEXTS[name]
    assert words_used(tab) <= set(tab.TEXT), "words that are not in the file"
    written = "".join(file.read_text(encoding="utf-8") for file in [*PACKAGE.rglob("*.py"), *ASSETS.glob("*.*")])
    computed = {"museum_", "verdict_", "latent_", "download_", "style_"}  # beginnings that code completes
    for key in tab.TEXT:
        known = any(key.startswith(start) for start in computed) or key in RECIPES or key in written
        assert known, f"nothing shows {name}.{key}"


def test_the_files_and_functions_that_the_words_name_exist():
    found = [pair for section in TEXTS.values() for text in section.values() for pair in NAMED.findall(text)]
    assert len(found) > 10
    for name, path in found:
        tree = ast.parse((HOME / path).read_text(encoding="utf-8"))
        defined = {getattr(node, "name", None) for node in ast.walk(tree)}
        defined |= {target.id for node in tree.body if isinstance(node, ast.AnnAssign | ast.Assign)
                    for target in getattr(node, "targets", [getattr(node, "target", None)])
                    if isinstance(target, ast.Name)}  # fmt: skip
        assert name in defined, f"{path} has no {name}"


def test_boxes_take_the_nearest_number_and_their_first_for_none():
    slider, box = Slider(1, 10, 4), Number(3, minimum=0, maximum=5, precision=0)
    assert [slider.preprocess(value) for value in (9999, -2, 7.5, None, float("inf"))] == [10, 1, 7.5, 4, 10]
    assert [box.preprocess(value) for value in (9999, -2, 4.4, None)] == [5, 0, 4, 3]


def test_no_tab_has_a_box_that_refuses_a_number(page):
    plain = [block for block in page.blocks.values() if type(block) in (gr.Slider, gr.Number)]
    assert not plain
