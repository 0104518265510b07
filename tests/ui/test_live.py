"""Live handlers: all of an event in one call, by the page's own way or by Gradio's; errors are one sentence each."""

import gradio as gr
import pytest

from ae_demo.ui.gradio_compat import Slider
from ae_demo.ui.handlers import handler
from ae_demo.ui.i18n import TEXTS
from ae_demo.ui.inputs import InputError
from ae_demo.ui.live import Draggable, Live, LiveLink, connect
from ae_demo.ui.local_networks import LocalAnswer
from ae_demo.ui.pictures import message
from ae_demo.ui.widgets import Choices, Pictures


def double(x):
    if x > 8:
        raise InputError("That is too much.")
    return message(f"{2 * x:g}")


@pytest.fixture
def page():
    """A page with a slider and a box, and handlers of both, of one, and of one that Gradio has to ask."""
    with gr.Blocks() as page:
        slider, box = Slider(0, 10, 4), Slider(0, 5, 1)
        first, second, rest = Pictures([], elem_id="a"), Choices("", "", elem_id="b"), gr.JSON()
        connect(
            Live([slider.input, box.input], handler(double, message), [slider], [first], "double"),
            Live([slider.input], lambda x, y: [{"title": f"{x} {y}", "picked": True}], [slider, box], [second]),
            Live([slider.input], lambda x: {"x": x}, [slider], [rest]),
        )
    return page


@pytest.fixture
def link(page):
    (found,) = (block for block in page.blocks.values() if isinstance(block, LiveLink))
    return found


def test_a_widget_that_tells_its_values_itself_is_heard_by_the_page_and_not_by_gradio():
    with gr.Blocks() as page:
        dot, box = Draggable(0, elem_id="dot", js_on_load="trigger('input');"), Slider(0, 5, 1)
        connect(
            Live([dot.input], handler(double, message), [dot], [Pictures([], elem_id="a")]),
            Live([box.input], handler(double, message), [box], [Pictures([], elem_id="b")]),
        )
    (link,) = (block for block in page.blocks.values() if isinstance(block, LiveLink))
    assert link.props["own"] == {"dot": [0]} and link.props["shown"] == [["a"], ["b"]]
    assert [target for fn in page.fns.values() for target, _ in fn.targets] == [box._id]
    assert link.answer_event({"group": 0, "values": [3]}) == {"answers": [message("6")]}


def test_a_drag_is_answered_by_the_page_and_by_python_if_only_one_of_its_handlers_is_here(monkeypatch):
    monkeypatch.setattr(LocalAnswer, "possible", lambda answer: True)
    with gr.Blocks() as page:
        dot = Draggable(0, elem_id="dot", js_on_load="trigger('input');")
        connect(
            Live(
                [dot.input],
                handler(double, message),
                [dot],
                [Pictures([], elem_id="a")],
                local=LocalAnswer("f", (), {}),
            ),
            Live([dot.input], handler(double, message), [dot], [Pictures([], elem_id="b")]),
        )
    (link,) = (block for block in page.blocks.values() if isinstance(block, LiveLink))
    assert link.props["own"] == {"dot": [0, 1]} and link.props["shown"] == [["a"], ["b"]]
    assert link.props["local"][0] and not link.props["local"][1] and not page.fns


def test_all_handlers_of_an_event_are_asked_at_once_in_their_order(link):
    assert link.props["shown"] == [["a", "b"], ["a"]]
    answers = link.answer_event({"group": 0, "values": [3, 2]})["answers"]
    assert answers[0] == message("6")
    assert answers[1]["pictures"] == [{"title": "3 2", "picked": True}] and answers[1]["picked"] == 0
    assert link.answer_event({"group": 1, "values": [2]}) == {"answers": [message("4")]}


def test_values_are_clamped_as_those_of_gradio_s_events(link):
    assert link.answer_event({"group": 1, "values": [-7]}) == {"answers": [message("0")]}
    assert link.answer_event({"group": 1, "values": [None]}) == {"answers": [message("8")]}


def test_errors_are_one_sentence_each(link, caplog):
    assert link.answer_event({"group": 1, "values": [9]}) == {"answers": [message("That is too much.")]}
    for wrong in (None, {}, {"group": 1, "values": []}, {"group": 7, "values": [1]}, {"group": 1, "values": ["x"]}):
        assert link.answer_event(wrong) == {"error": TEXTS["app"]["unusable"]}
    assert "A live handler failed" in caplog.text


def test_what_is_no_widget_of_ours_is_left_to_gradio_and_endpoints_stay(page):
    asked = {fn.api_name: fn for fn in page.fns.values() if fn.fn}
    assert asked["double"].queue is False and [out.elem_id for out in asked["double"].outputs] == ["a"]
    (waiting,) = (fn for fn in page.fns.values() if fn.trigger_mode == "always_last")
    assert [type(out) for out in waiting.outputs] == [gr.JSON]
