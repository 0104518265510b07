"""Everything that each tab must have, and that the page as a whole must be."""

import ast
import inspect
import re
from collections import Counter
from pathlib import Path
from string import Formatter

import gradio as gr
import pytest

import app
from ae_demo.data.concepts import CONCEPTS, concept_name
from ae_demo.tabs import TABS
from ae_demo.training.recipes import RECIPES
from ae_demo.ui import networks
from ae_demo.ui.gradio_compat import Number, Slider
from ae_demo.ui.i18n import DEFAULT_LANGUAGE, LANGUAGES, TEXTS, load_texts
from ae_demo.ui.live import LiveLink
from ae_demo.ui.widgets import ASSETS

HOME = Path(app.__file__).parent
PACKAGE = HOME / "ae_demo"
NAMED = re.compile(r"`(\w+)`,? (?:in |of |\()`(ae_demo/[\w/]+\.py)`")


@pytest.fixture(scope="module")
def page():
    return app.build()


@pytest.mark.parametrize("tab", TABS, ids=lambda tab: tab.__name__)
def test_a_tab_has_a_title_a_description_and_builds(tab):
    assert tab.TEXT["title"] and tab.TEXT["about"].endswith(".")
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


def test_no_event_calls_two_handlers_that_wait_for_each_other(page):
    waiting = [fn for fn in page.fns.values() if fn.fn and fn.trigger_mode == "always_last"]
    assert waiting and all(fn.queue is False for fn in waiting)
    called = Counter(target for fn in waiting for target in fn.targets)
    assert not [target for target, times in called.items() if times > 1]


def test_every_live_answer_has_a_widget_to_go_to_and_a_channel_of_its_own(page):
    links = [block for block in page.blocks.values() if isinstance(block, LiveLink)]
    assert len({link.channel for link in links}) == len(links) > 10
    for link in links:
        there = {block.elem_id for block in page.blocks.values() if block.page == link.page}
        assert {elem_id for group in link.props["shown"] for elem_id in group} <= there - {None}


def test_the_page_starts_without_loading_any_weights():
    networks._networks.clear()
    app.build()
    assert not networks._networks


def blanks(texts):
    """Return the fields of `format` and their formats, by section and key; of formulas, all words in braces."""
    return {
        name: {
            key: sorted(set(re.findall(r"{(\w+)", text)))
            if "$" in text
            else sorted((field, spec) for _, field, spec, _ in Formatter().parse(text) if field)
            for key, text in section.items()
        }
        for name, section in texts.items()
        if name != "names"
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_the_same_words_with_the_same_blanks(language):
    texts = load_texts(language)
    assert blanks(texts) == blanks(load_texts(DEFAULT_LANGUAGE))
    assert all(isinstance(text, str) and text.strip() for section in texts.values() for text in section.values())
    for name, section in texts.items():
        for key, text in section.items():
            for mark in ("$", "`", "**"):
                same = load_texts(DEFAULT_LANGUAGE)[name].get(key, text)
                assert text.count(mark) == same.count(mark), f"{name}.{key}: {mark}"


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != DEFAULT_LANGUAGE])
def test_every_language_names_classes_networks_and_what_a_drawing_may_show(language):
    names = {recipe.title for recipe in RECIPES.values()} | {recipe.caption for recipe in RECIPES.values()}
    names |= {label for recipe in RECIPES.values() for label in recipe.dataset.labels if not label.isdigit()}
    assert names - set(load_texts(language)["names"]) == set()
    assert set(load_texts(language)["names"]) - names == set(), "names of nothing"
    assert all(concept_name(concept, language) for concept in CONCEPTS)


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_a_page_says_is_in_its_language(language):
    page = app.build()
    route = "" if language == DEFAULT_LANGUAGE else language
    shown = [block for block in page.blocks.values() if block.page == route]
    words = load_texts(language)
    labels = {getattr(block, "label", None) for block in shown}
    assert {words["latent"]["dataset"], words["dcgan"]["truncation"], words["toy_gan"]["distribution"]} <= labels


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
