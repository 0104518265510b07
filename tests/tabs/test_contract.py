"""What every tab must have, and what the page as a whole must be."""

import inspect
import json

import gradio as gr
import pytest

import app
from ae_demo.tabs import TABS
from ae_demo.tabs.controls import Number, Slider
from ae_demo.tabs.texts import TEXTS


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
    names = ("colorize", "variants", "decode_point", "draw_path", "restore", "compress", "edit", "between_noises")
    live = [fn for fn in page.fns.values() if fn.api_name in names]
    assert len(live) == len(names)
    assert all(fn.queue is False and fn.trigger_mode == "always_last" for fn in live)


def test_the_page_starts_without_loading_any_weights():
    loaders = {tab.network for tab in TABS if hasattr(tab, "network")}
    for network in loaders:
        network.cache_clear()
    app.build()
    assert all(network.cache_info().currsize == 0 for network in loaders)


def test_texts_are_data_in_plain_sections():
    assert json.loads(json.dumps(TEXTS)) == TEXTS
    assert all(isinstance(text, str) and text for section in TEXTS.values() for text in section.values())


def test_boxes_take_the_nearest_number_and_their_first_for_none():
    slider, box = Slider(1, 10, 4), Number(3, minimum=0, maximum=5, precision=0)
    assert [slider.preprocess(value) for value in (9999, -2, 7.5, None, float("inf"))] == [10, 1, 7.5, 4, 10]
    assert [box.preprocess(value) for value in (9999, -2, 4.4, None)] == [5, 0, 4, 3]


def test_no_tab_has_a_box_that_refuses_a_number(page):
    plain = [block for block in page.blocks.values() if type(block) in (gr.Slider, gr.Number)]
    assert not plain
