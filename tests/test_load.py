"""What the app does for many visitors at once, and for those who leave."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlparse

import pytest

import app
from ae_demo.tabs import diffusion, toy_gan
from ae_demo.training.toy_gan import GanRun
from ae_demo.ui import handlers, networks
from ae_demo.ui.i18n import TEXTS
from tests.benchmarks.load import Failure, Visitor

BUSY = TEXTS["app"]["busy"]


@pytest.fixture(scope="module")
def visitor():
    """Of the app, served by this process."""
    _, address, _ = app.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1", server_port=None)
    return Visitor(urlparse(address).port)


def test_nothing_is_sampled_any_more_a_second_after_the_page_was_closed(visitor, monkeypatch):
    net, asked = networks.fast_network("ddpm-fashion"), []

    class Slow:
        model = net.model

        def __call__(self, *inputs):
            asked.append(time.monotonic())
            time.sleep(0.005)
            return net(*inputs)

    monkeypatch.setattr(diffusion, "fast_network", lambda name: Slow())
    with visitor.watch("sample", "ddpm-fashion", 7, 1000, 0, 1, "ddim", None) as messages:
        while next(messages)["msg"] != "process_generating":
            pass
        before = len(asked)
        while len(asked) < before + 20:
            next(messages)
    left = time.monotonic()
    time.sleep(2)
    assert len(asked) < 1000 and max(asked) < left + 1


def test_the_gan_lab_trains_only_while_it_is_asked_to(visitor, monkeypatch):
    values = ["ring", "", "non-saturating", -3, -3, 1, 0.01, 32, 2, "normal", 0]
    command = {"do": "run", "steps": 1000}
    visitor.ask("train_gan", command, None, *values)  # the first step of all is slow
    advance, spent = GanRun.advance, []

    def timed(*args):
        begun = time.monotonic()
        advance(*args)
        spent.append(time.monotonic() - begun)

    monkeypatch.setattr(GanRun, "advance", timed)
    (frame,) = visitor.ask("train_gan", command, None, *values)
    time.sleep(1)  # whoever has closed the page asks no more
    assert 0 < frame["step"] < 2000 and len(spent) == 1 and spent[0] < 1


def test_whoever_finds_the_queue_full_is_told_so_and_the_others_are_served(visitor, monkeypatch):
    opened, network, refused = threading.Event(), diffusion.fast_network, []

    def closed(name):
        assert opened.wait(30)
        return network(name)

    monkeypatch.setattr(diffusion, "fast_network", closed)
    sample = "sample", "ddpm-fashion", 7, 1, 0, 1, "ddim", None
    for _ in range(80):
        try:
            visitor.join(*sample)
        except Failure as failure:
            refused.append(str(failure))
    opened.set()
    assert 30 < len(refused) < 80 and all("full" in sentence for sentence in refused)
    until = time.monotonic() + 20
    while True:
        try:
            with Visitor(visitor.port).watch(*sample) as messages:
                assert any(message["msg"] == "process_completed" for message in messages)
            break
        except Failure:  # still full
            assert time.monotonic() < until
            time.sleep(0.1)


def test_those_who_wait_too_long_for_their_turn_are_told_so_and_the_others_are_served(monkeypatch):
    monkeypatch.setattr(handlers, "QUEUE_TIMEOUT_S", 0.2)
    opened, crowd, refused = threading.Event(), 50, []

    def work():
        assert opened.wait(30)
        return "served"

    with ThreadPoolExecutor(crowd) as pool:
        told = [pool.submit(handlers.handler(work, refused.append)) for _ in range(crowd)]
        until = time.monotonic() + 10
        while len(refused) < crowd - handlers.MAX_CONCURRENT_HANDLERS and time.monotonic() < until:
            time.sleep(0.01)
        opened.set()
    assert refused == [BUSY] * (crowd - handlers.MAX_CONCURRENT_HANDLERS)
    assert [turn.result() for turn in told].count("served") == handlers.MAX_CONCURRENT_HANDLERS, (
        "they were at work, however long"
    )
    assert handlers.handler(work)() == "served"


def test_a_timeout_of_a_handler_is_not_taken_for_a_crowd():
    def late():
        raise TimeoutError("mine")

    with pytest.raises(TimeoutError, match="mine"):
        handlers.handler(late, lambda sentence: sentence)()


def test_visitors_of_the_gan_lab_leave_the_others_their_places():
    """Four who train without a pause, two requests each on the way, as their pages ask."""
    settings = ("ring", "", "non-saturating", -3, -3, 1, 0.01, 32, 2, "normal", 0)
    over, memories = threading.Event(), [{} for _ in range(4)]
    trained = handlers.handler(toy_gan.train_gan, pool=None)

    def visit(memory):
        while not over.is_set():
            trained({"do": "run", "steps": 1000}, memory, *settings)

    trivial, waits = handlers.handler(lambda: None), []
    with ThreadPoolExecutor(8) as pool:
        visits = [pool.submit(visit, memory) for memory in memories * 2]
        time.sleep(0.5)
        for _ in range(40):
            begun = time.perf_counter()
            trivial()
            waits.append(time.perf_counter() - begun)
            time.sleep(0.02)
        over.set()
    assert all(visit.result() is None for visit in visits)
    assert sorted(waits)[20] < 0.06, "the median; it was 0.18 when they shared the places of all handlers"
    assert all(memory["run"].step > 20 for memory in memories)


def test_the_lab_does_not_use_the_places_of_other_handlers(visitor, monkeypatch):
    monkeypatch.setattr(handlers._handler_pool, "submit", lambda *args: pytest.fail("took a place"))
    values = ["ring", "", "non-saturating", -3, -3, 1, 0.01, 32, 2, "normal", 0]
    (frame,) = visitor.ask("train_gan", {"do": "both"}, None, *values)
    assert frame["step"] >= 1
