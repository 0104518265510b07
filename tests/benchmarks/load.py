"""Load: the app under many visitors: python -m tests.benchmarks.load [N …].

Starts the app in a process of its own and prints how long it takes until the page is there, and how much memory it
holds once every tab was used. Then for each N: so many visitors at once, for half a minute, who speak HTTP as their
pages do; each drags over the latent plane, draws strokes that are coloured, and samples, round and round. A table tells
how long they waited, how many were told that the app is busy, and how many got no answer. Linux only (/proc)."""

import json
import math
import os
import re
import subprocess
import sys
import time
import uuid
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPException
from itertools import repeat
from pathlib import Path

import numpy as np

from ae_demo.ui.i18n import TEXTS
from tests.benchmarks.common import free_port

HOME = Path(__file__).resolve().parents[2]
VISITORS, SECONDS = (1, 5, 20, 50), 30
MOVES, STROKES, STEPS = 60, 10, 20  # a round of a visitor: moves over the plane, strokes, steps of diffusion
HAND = 1 / 30  # seconds at least from one move of a hand to the next
DRAWING = 12  # index of an example on the canvas
LIVE = {"answer_event", "prepare_answer"}  # server functions of live widgets, whose endpoints answer the same
BUSY = (TEXTS["app"]["busy"], "Queue is full")  # the latter is Gradio's own, for which its page has other words


class Failure(Exception):
    """Sentence of the app where it does not answer."""


class Visitor:
    """Somebody who has opened the page of an app at a port of this machine, and asks what the page would ask."""

    def __init__(self, port: int):
        self.port, self.session = port, uuid.uuid4().hex
        config = self._request("GET", "/config")
        self.events = {event["api_name"]: event for event in config["dependencies"] if event["backend_fn"]}
        self.parts = {part["id"]: part for part in config["components"]}

    def ask(self, name: str, *data) -> list:
        """The outputs of an event that does not queue."""
        return self._post("run/predict", fn_index=self.events[name]["id"], data=data)["data"]

    def join(self, name: str, *data) -> None:
        """Has an event put into the queue."""
        self._post("queue/join", fn_index=self.events[name]["id"], data=data)

    @contextmanager
    def watch(self, name: str, *data) -> Iterator[Iterator[dict]]:
        """The messages of an event that queues, as they come; who leaves earlier has closed the page."""
        self.join(name, *data)
        with closing(self._connected()) as stream:
            stream.request("GET", f"/gradio_api/queue/data?session_hash={self.session}")
            with stream.getresponse() as lines:
                yield _told(lines)

    def use_everything(self, drawing: dict) -> None:
        """Opens the page, then has every tab answer all that it can be asked, with the values that it begins with and
        a drawing on each empty canvas."""

        def filled(value):
            if isinstance(value, dict):
                return value if value.get("lines") else drawing
            return value or drawing["lines"]

        for part in self.parts.values():
            for name in set(part["props"].get("server_fns") or ()) - LIVE:
                wanted = {"component_id": part["id"], "fn_name": name, "data": part["props"].get("value")}
                self._post("component_server/", **wanted)
        for name, event in self.events.items():
            given = [self.parts[part] for part in event["inputs"]]
            values = [
                filled(value) if "paper" in part["props"] else value
                for part in given
                for value in [part["props"].get("value")]
            ]
            missing = any(v is None and p["type"] != "state" for v, p in zip(values, given, strict=True))
            opening = any(kind == "load" for _, kind in event["targets"])
            if missing or not (opening or event["api_visibility"] == "public"):
                continue
            try:
                if event["queue"]:
                    with self.watch(name, *values) as messages:
                        list(messages)
                else:
                    self.ask(name, *values)
            except Failure as failure:
                print(f"not used: {name}: {failure}", file=sys.stderr)

    def _connected(self) -> HTTPConnection:
        return HTTPConnection("127.0.0.1", self.port, timeout=300)

    def _post(self, path: str, **body) -> dict:
        return self._request("POST", f"/gradio_api/{path}", body | {"session_hash": self.session})

    def _request(self, method: str, path: str, body: dict | None = None) -> dict:
        try:
            with closing(self._connected()) as connection:
                connection.request(method, path, json.dumps(body), {"Content-Type": "application/json"})
                response = connection.getresponse()
                answer = json.loads(response.read())
        except (OSError, HTTPException) as error:
            raise Failure(repr(error)) from error
        if response.status != 200:
            raise Failure(answer.get("detail") or answer.get("error"))
        return answer


def _told(lines) -> Iterator[dict]:
    """Messages of a stream of events, up to the last one."""
    try:
        for line in lines:
            if line.startswith(b"data: "):
                message = json.loads(line[6:])
                if not message.get("success", True):
                    raise Failure(message.get("message") or message["output"]["error"])
                yield message
    except (OSError, HTTPException) as error:
        raise Failure(repr(error)) from error


@contextmanager
def started() -> Iterator[tuple[int, int, float]]:
    """The app in a process of its own: its port, process id, and the seconds until its page was there."""
    port = free_port()
    begun, environment = time.perf_counter(), os.environ | {"GRADIO_SERVER_PORT": str(port)}
    process = subprocess.Popen([sys.executable, "app.py"], cwd=HOME, env=environment, stdout=subprocess.DEVNULL)
    try:
        while not _there(port):
            if process.poll() is not None or time.perf_counter() - begun > 300:
                sys.exit("The app does not start.")
            time.sleep(0.05)
        yield port, process.pid, time.perf_counter() - begun
    finally:
        process.terminate()
        process.wait()


def _there(port: int) -> bool:
    try:
        with closing(HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
            connection.request("GET", "/")
            return connection.getresponse().status == 200
    except OSError:
        return False


def megabytes(pid: int, which: str) -> int:
    """Resident memory of a process: VmRSS is now, VmHWM the most so far."""
    return int(re.search(rf"{which}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())[1]) // 1024


class Log:
    """Measured waits of visitors, in seconds, by kind of action, and how often they waited for nothing."""

    def __init__(self):
        self.waited, self.busy, self.errors = defaultdict(list), defaultdict(int), defaultdict(int)

    @contextmanager
    def of(self, kind: str) -> Iterator[None]:
        """Takes the time of an action."""
        begun = time.perf_counter()
        try:
            yield
        except Failure as failure:
            busy = any(sentence in str(failure) for sentence in BUSY)
            (self.busy if busy else self.errors)[kind] += 1
            if not busy:
                print(kind, failure, file=sys.stderr)
        else:
            self.waited[kind].append(time.perf_counter() - begun)


def visit(visitor: Visitor, drawing: dict, log: Log, first: int, until: float) -> None:
    """Rounds of a visitor who draws that, the n-th action first, until a point in time."""

    def refused(outputs: list) -> None:
        if BUSY[0] in str(outputs):
            raise Failure(BUSY[0])

    def drag() -> None:
        for move in range(MOVES):
            begun, turn = time.perf_counter(), 2 * math.pi * move / MOVES
            with log.of("drag"):
                refused(visitor.ask("decode_point", "mnist", 0, 2 * math.cos(turn), 2 * math.sin(turn)))
            time.sleep(max(0, begun + HAND - time.perf_counter()))

    def colour() -> None:
        for _ in range(STROKES):
            with log.of("colour"):
                refused(visitor.ask("colorize", drawing, True, True, "", ""))
            time.sleep(3 * HAND)

    def sample() -> None:
        begun = time.perf_counter()
        with log.of("sample, done"), visitor.watch("sample", "ddpm-fashion", 7, STEPS, 0, 2, "ddim", None) as messages:
            next(message for message in messages if message["msg"] == "process_generating")
            log.waited["sample, begun"].append(time.perf_counter() - begun)
            list(messages)
        time.sleep(3 * HAND)

    actions = drag, colour, sample
    while time.perf_counter() < until:
        actions[first % len(actions)]()
        first += 1


def main(numbers: tuple[int, ...]) -> None:
    with started() as (port, pid, seconds):
        print(f"{seconds:.1f} s until the page is there, {megabytes(pid, 'VmRSS'):,} MB", flush=True)
        visitor = Visitor(port)
        drawing = visitor.ask("load_example", DRAWING)[0]
        visitor.use_everything(drawing)
        time.sleep(10)  # networks are converted in the background
        print(f"{megabytes(pid, 'VmRSS'):,} MB once every tab was used\n", flush=True)
        print(f"{'N':>3}  {'':<14}{'p50 ms':>8}{'p95 ms':>8}{'per s':>8}{'busy':>7}{'errors':>7}{'peak MB':>9}")
        for n in numbers:
            log, visitors = Log(), [Visitor(port) for _ in range(n)]
            begun = time.perf_counter()
            with ThreadPoolExecutor(n) as pool:
                list(pool.map(visit, visitors, repeat(drawing), repeat(log), range(n), repeat(begun + SECONDS)))
            spent = time.perf_counter() - begun
            for kind in sorted({*log.waited, *log.busy, *log.errors}):
                waited = log.waited[kind] or [math.nan]
                p50, p95 = 1000 * np.percentile(waited, (50, 95))
                row = f"{n:>3}  {kind:<14}{p50:8.0f}{p95:8.0f}{len(waited) / spent:8.1f}{log.busy[kind]:7}"
                print(row + f"{log.errors[kind]:7}{megabytes(pid, 'VmHWM'):>9,}", flush=True)


if __name__ == "__main__":
    main(tuple(map(int, sys.argv[1:])) or VISITORS)
