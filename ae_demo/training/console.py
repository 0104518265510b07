"""Console of a command: output that every terminal can show, and Ctrl-C that ends in one sentence; imports nothing that
takes time."""

import io
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from os import _exit as exit_at_once  # documented, in spite of its name

STOPPED = "Stopped; the same command goes on from what is saved."
INTERRUPTED_STATUS = 130  # exit status of a command that Ctrl-C ended, as in shells


def prepare_console(sentence: str = STOPPED) -> None:
    """Replace characters that the terminal lacks, and let Ctrl-C end the process at once with a sentence.

    An exception could be caught, or shown with its traceback, while modules are imported or the interpreter ends."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")

    def leave(number, frame):
        os.write(2, f"\n{sentence}\n".encode())
        exit_at_once(INTERRUPTED_STATUS)

    signal.signal(signal.SIGINT, leave)


@contextmanager
def handled_signals(handler, *numbers: signal.Signals) -> Iterator[None]:
    """Handle signals by `handler` inside the block, and as before after it."""
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


@contextmanager
def interruptible() -> Iterator[None]:
    """Let Ctrl-C raise KeyboardInterrupt(STOPPED) inside the block, in this process only: a terminal sends it to the
    worker processes too, which this one ends."""
    process = os.getpid()

    def interrupt(number, frame):
        if os.getpid() == process:
            raise KeyboardInterrupt(STOPPED)

    with handled_signals(interrupt, signal.SIGINT):
        yield


@contextmanager
def stop_requests() -> Iterator[list[int]]:
    """Yield a list that receives an entry at the first Ctrl-C or SIGTERM; a second one interrupts at once, and one that
    the block left unanswered at its end."""
    received: list[int] = []

    def note(number, frame):
        if received:
            raise KeyboardInterrupt(STOPPED)
        received.append(number)

    with handled_signals(note, signal.SIGINT, signal.SIGTERM):
        yield received
    if received:
        raise KeyboardInterrupt(STOPPED)
