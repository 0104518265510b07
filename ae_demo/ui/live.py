"""Live handlers, which answer while a visitor draws or drags: by one call a frame, of which the page has one under way
and then asks with its newest values. Gradio's own events would cost the page several times as much."""

import itertools
import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import gradio as gr
from gradio.components import Component

from ae_demo.ui.gradio_compat import readable_sentence, refuse_files
from ae_demo.ui.handlers import LIVE, PRIVATE, QUIET
from ae_demo.ui.i18n import TEXTS, in_language
from ae_demo.ui.local_networks import LocalAnswer
from ae_demo.ui.widgets import template

_numbers = itertools.count()


@dataclass(frozen=True)
class Live:
    """Handler that answers events while a visitor drags or draws: what `gr.on` takes, the name of its endpoint, and
    `local`, what the page can compute in its place. The outputs are widgets of our own, or Gradio asks by itself."""

    triggers: Sequence[Any]
    function: Callable
    inputs: Sequence[Component]
    outputs: Sequence[Component]
    api_name: str = ""
    local: LocalAnswer | None = None


def connect(*answers: Live) -> None:
    """Connect live handlers to their events: all those of one event in one call, in the order given; what the page can
    compute apart, lest it waits for Python."""
    ours = [answer for answer in answers if all(isinstance(part, gr.HTML) for part in answer.outputs)]
    here = [answer for answer in ours if answer.local and answer.local.possible()]
    groups = _by_events(here) + _by_events([answer for answer in ours if answer not in here])
    by_id: dict[str, list[int]] = {}
    for i, (triggers, _) in enumerate(groups):
        for trigger in filter(_is_drag, triggers):
            by_id.setdefault(trigger.__self__.elem_id, []).append(i)
    link = LiveLink([called for _, called in groups], by_id)
    for i, (triggers, _) in enumerate(groups):
        if others := [trigger for trigger in triggers if not _is_drag(trigger)]:
            gr.on(others, None, link.inputs_of(i), js=link.script(i), **PRIVATE)
    for triggers, called in _by_events([answer for answer in answers if answer not in ours]):
        inputs = _distinct_inputs(called)
        outputs = [part for answer in called for part in answer.outputs]
        gr.on(triggers, join_handlers(called, inputs), inputs, outputs, **PRIVATE, **LIVE)
    named = [answer for answer in answers if answer.api_name]
    endpoint = gr.Button(visible=False) if named else None  # never pressed
    for answer in named:
        endpoint.click(answer.function, answer.inputs, answer.outputs, api_name=answer.api_name, **QUIET)


def _is_drag(trigger) -> bool:
    """Return whether a trigger is the input of a widget that tells its values by itself."""
    return trigger.event_name == "input" and isinstance(trigger.__self__, Draggable)


def _by_events(answers: Sequence[Live]) -> list[tuple[list, list[Live]]]:
    """Group handlers that answer the same events: (these events, the handlers)."""
    by_event: dict[tuple[int, str], tuple[Any, list[Live]]] = {}
    for answer in answers:
        for trigger in answer.triggers:
            by_event.setdefault((id(trigger.__self__), trigger.event_name), (trigger, []))[1].append(answer)
    groups: dict[tuple[int, ...], tuple[list, list[Live]]] = {}
    for trigger, called in by_event.values():
        groups.setdefault(tuple(map(id, called)), ([], called))[0].append(trigger)
    return list(groups.values())


def _distinct_inputs(answers: Sequence[Live]) -> list[Component]:
    return list({id(part): part for answer in answers for part in answer.inputs}.values())


def join_handlers(answers: Sequence[Live], inputs: Sequence[Component]) -> Callable:
    """Make one handler of several, from the values of `inputs`, which are those of all, to the outputs of all."""
    places = {id(part): i for i, part in enumerate(inputs)}

    def answer_all(*values) -> Any:
        results = []
        for answer in answers:
            found = answer.function(*(values[places[id(part)]] for part in answer.inputs))
            results += [found] if len(answer.outputs) == 1 else found
        return results if len(results) != 1 else results[0]

    return answer_all


class Draggable(gr.HTML):
    """Widget whose script tells each value, the one input of its live handlers, by the event `dragged` of the page:
    Gradio would take longer than the network. Its own value follows."""


class LiveLink(gr.HTML):
    """Invisible: passes the values of an event on to Python, and the answers to the widgets. `groups` are the handlers
    of each event, `by_id` those of the values of each `Draggable`, by its elem_id."""

    def __init__(self, groups: Sequence[Sequence[Live]], by_id: dict[str, list[int]]):
        # no attribute has the name of an argument, as Gradio would send it to the page
        self.called, self.channel = groups, f"live-{next(_numbers)}"
        shown = [[part.elem_id for answer in called for part in answer.outputs] for called in groups]
        local = [self._local_answers(group) for group in range(len(groups))]
        lost = {"lost": TEXTS["app"]["lost"]}
        ask = {"server_functions": [in_language(self.answer_event), in_language(self.prepare_answer)]}
        given = {"channel": self.channel, "shown": shown, "local": local, "texts": lost, "own": by_id}
        super().__init__(None, **given, **ask, **template("live"))

    def inputs_of(self, group: int) -> list[Component]:
        """Return the inputs of the handlers of a group, each once."""
        return _distinct_inputs(self.called[group])

    def _local_answers(self, group: int) -> list[dict] | None:
        """Return {function, networks, facts, places of its inputs, whether it has several outputs} of every handler, if
        the page can do all of them."""
        inputs, found = self.inputs_of(group), []
        for live in self.called[group]:
            if not live.local or not live.local.possible():
                return None
            places = [inputs.index(part) for part in live.inputs]
            more = {"places": places, "several": len(live.outputs) > 1, "prepare": bool(live.local.prepare)}
            found.append(asdict(live.local) | more)
        return found

    def script(self, group: int) -> str:
        """Return the JavaScript that passes on the values of an event."""
        event = f"new CustomEvent('{self.channel}', {{detail: [{group}, values]}})"
        return f"(...values) => {{ document.dispatchEvent({event}); }}"

    def prepare_answer(self, asked: dict) -> Any:
        """Return what a handler in `place` of a group needs for answers in the page to a first value; None if there is
        no such value."""
        try:
            live = self.called[asked["group"]][asked["place"]]
            refuse_files(asked["value"])
            return live.local.prepare(live.inputs[0].preprocess(asked["value"]))
        except Exception:
            logging.exception("Answers in the page could not be prepared")
            return None

    def answer_event(self, asked: dict) -> dict:
        """Return {answers: values of the widgets of a group} for {group, values of its `inputs`}, or {error: sentence},
        as the page would lose an exception."""
        try:
            called, inputs = self.called[asked["group"]], self.inputs_of(asked["group"])
            refuse_files(asked["values"])
            given = [part.preprocess(value) for part, value in zip(inputs, asked["values"], strict=True)]
            found = join_handlers(called, inputs)(*given)
            outputs = [part for answer in called for part in answer.outputs]
            answers = [found] if len(outputs) == 1 else found
            answers = [part.postprocess(one) for part, one in zip(outputs, answers, strict=True)]
            return {"answers": answers}
        except Exception as error:
            if not isinstance(error, gr.Error):
                logging.exception("A live handler failed")
            return {"error": readable_sentence(error)}

    def api_info(self) -> dict:
        return {"type": "null"}
