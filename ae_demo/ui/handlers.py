"""Event handlers that share a thread pool and report visitors' errors in one sentence."""

import inspect
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass
from functools import wraps
from typing import Any

import gradio as gr
from gradio.components import Component

from ae_demo.checkpoints import CheckpointError
from ae_demo.ui.gradio_compat import TOAST_S, on_page_load
from ae_demo.ui.i18n import TEXTS
from ae_demo.ui.inputs import InputError

# live events: one request at a time, the last value wins; for `connect` alone, as two of them at one event, asked again
# while they are under way, call each other for ever (Gradio 6.31)
LIVE: dict[str, Any] = {"queue": False, "trigger_mode": "always_last", "show_progress": "hidden"}
QUIET: dict[str, Any] = {"queue": False, "show_progress": "hidden"}
PRIVATE: dict[str, Any] = {"api_visibility": "private"}
MAX_CONCURRENT_HANDLERS = 4  # more would only compete for cores and memory
QUEUE_TIMEOUT_S = 5  # longest wait in the pool before the visitor is asked to try again
_handler_pool = ThreadPoolExecutor(MAX_CONCURRENT_HANDLERS, "handler")  # shared by all visitors, in order of arrival


def handler(
    function: Callable,
    show: Callable[[str], object] | None = None,
    pool: ThreadPoolExecutor | None = _handler_pool,
) -> Callable:
    """Make an event handler that reports visitors' errors in one sentence: as a toast, or as the output show(sentence)
    where a toast on every pen stroke would be too much.

    Live events bypass Gradio's queue, so handlers that are not generators run in a pool, and too long a wait is
    reported likewise; without a pool the function runs at once."""
    if inspect.isgeneratorfunction(function):

        @wraps(function)
        def stream(*args, **kwargs):
            with user_errors():
                yield from function(*args, **kwargs)

        return stream

    @wraps(function)
    def answer(*args, **kwargs):
        try:
            with user_errors():
                return run_in_pool(pool, function, *args, **kwargs) if pool else function(*args, **kwargs)
        except gr.Error as error:
            if show is None:
                raise
            return show(error.message)

    return answer


@dataclass(frozen=True)
class Live:
    """Handler that answers events while a visitor drags or draws: what `gr.on` takes, and the name of its endpoint."""

    triggers: Sequence[Any]
    function: Callable
    inputs: Sequence[Component]
    outputs: Sequence[Component]
    api_name: str = ""
    js: str | None = None  # run in the page when the handler is called


def connect(*answers: Live) -> None:
    """Connect live handlers to their events: all those of one event in one request, in the order given."""
    by_event: dict[tuple[int, str], tuple[Any, list[Live]]] = {}
    for answer in answers:
        for trigger in answer.triggers:
            by_event.setdefault((id(trigger.__self__), trigger.event_name), (trigger, []))[1].append(answer)
    groups: dict[tuple[int, ...], tuple[list, list[Live]]] = {}
    for trigger, called in by_event.values():
        groups.setdefault(tuple(map(id, called)), ([], called))[0].append(trigger)
    for triggers, called in groups.values():
        inputs = list({id(part): part for answer in called for part in answer.inputs}.values())
        outputs = [part for answer in called for part in answer.outputs]
        script = next((answer.js for answer in called if answer.js), None)
        gr.on(triggers, join_handlers(called, inputs), inputs, outputs, js=script, **PRIVATE, **LIVE)
    named = [answer for answer in answers if answer.api_name]
    endpoint = gr.Button(visible=False) if named else None  # never pressed
    for answer in named:
        endpoint.click(answer.function, answer.inputs, answer.outputs, api_name=answer.api_name, **QUIET)


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


def run_in_pool(pool: ThreadPoolExecutor, function: Callable, *args, **kwargs) -> Any:
    """Return function(*args, **kwargs), run in the pool; raises InputError if no turn comes in QUEUE_TIMEOUT_S."""
    turn = pool.submit(copy_context().run, function, *args, **kwargs)  # Gradio stores the current event in the context
    try:
        return turn.result(QUEUE_TIMEOUT_S)
    except TimeoutError:
        if turn.cancel():
            raise InputError(TEXTS["app"]["busy"]) from None
        return turn.result()  # running by now, or a timeout of its own


@contextmanager
def user_errors() -> Iterator[None]:
    """Turn errors meant for visitors into toasts."""
    try:
        yield
    except (InputError, CheckpointError) as error:
        raise gr.Error(str(error), duration=TOAST_S, print_exception=False) from error


def visitor_state(value) -> gr.State:
    """Create a state that handlers change in place. Gradio deletes the state of visitors who have left only if it was
    once a handler's output: here that of a page-load handler."""
    state = gr.State(value)
    on_page_load(lambda own: own, state, state)
    return state
