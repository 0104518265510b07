"""Event handlers that share a thread pool and report visitors' errors in one sentence."""

import inspect
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from functools import wraps
from typing import Any

import gradio as gr

from ae_demo.checkpoints import CheckpointError
from ae_demo.ui.gradio_compat import TOAST_S, on_page_load
from ae_demo.ui.i18n import TEXTS
from ae_demo.ui.inputs import InputError

# events asked again and again: one request at a time, the last value wins; never two such handlers of an event, as they
# would call each other for ever once they are asked again while under way (Gradio 6.31)
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
