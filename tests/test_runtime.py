"""The fast path answers like the model, for every shape, and steps aside when it fails."""

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
import torch

from ae_demo import runtime
from ae_demo.models.colorization import Colorization
from ae_demo.models.colorization_concept import ConceptColorization
from ae_demo.models.ddpm import DDPM
from ae_demo.models.recognition import Recognition

INPUTS = {
    "colorization": (lambda: Colorization(width=8), lambda n: (torch.rand(n, 1, 64, 64),)),
    "two outputs": (
        lambda: ConceptColorization(["#ff0000", "#00ff00"], 5, 2, width=8),
        lambda n: (torch.rand(n, 1, 64, 64), torch.rand(n, 4, 64, 64), torch.rand(n, 5), torch.rand(n, 2)),
    ),
    "recognition": (lambda: Recognition(["a", "b", "c"]), lambda n: (torch.rand(n, 1, 128, 128),)),
    "ddpm": (
        lambda: DDPM(width=8),
        lambda n: (torch.randn(n, 1, 28, 28), torch.arange(n) * 100 + 7, torch.arange(n) % 11),
    ),
}


def wait(fast, inputs):
    deadline = time.monotonic() + 60
    while not fast.ready(*inputs):
        assert time.monotonic() < deadline, "never ready"
        time.sleep(0.05)


def outputs(answer):
    return answer if isinstance(answer, tuple) else (answer,)


@pytest.mark.parametrize("name", INPUTS)
def test_fast_equals_eager_before_and_after_conversion(name):
    make, inputs = INPUTS[name]
    model = make().eval()
    fast = runtime.fast(model)
    for n in (1, 3):
        given = inputs(n)
        with torch.inference_mode():
            expected = outputs(model(*given))
        for a, b in zip(outputs(fast(*given)), expected, strict=True):
            assert torch.equal(a, b)  # eager, as it is not ready
        wait(fast, given)
        for new in (given, inputs(n)):
            with torch.inference_mode():
                expected = outputs(model(*new))
            for a, b in zip(outputs(fast(*new)), expected, strict=True):
                assert a.shape == b.shape
                assert (a - b).abs().max() < 0.03 * b.abs().max()


def test_one_request_serves_any_thread_and_calls_at_the_same_time_do_not_mix(monkeypatch):
    from openvino import CompiledModel

    made, create = [], CompiledModel.create_infer_request
    monkeypatch.setattr(CompiledModel, "create_infer_request", lambda self: made.append(1) or create(self))
    model = Colorization(width=8).eval()
    fast, inputs = runtime.fast(model), torch.rand(40, 1, 1, 64, 64)
    fast(inputs[0])
    wait(fast, inputs[:1])
    for x in inputs[:5]:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(fast, x).result()
    assert len(made) == 1
    with ThreadPoolExecutor(4) as pool:
        answers = torch.cat(list(pool.map(fast, inputs)))
    with torch.inference_mode():
        expected = model(inputs.flatten(0, 1))
    assert torch.equal(torch.cdist(answers.flatten(1), expected.flatten(1)).argmin(1), torch.arange(40))
    assert len(made) <= 4


def test_without_openvino_the_model_itself_answers(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "openvino", None)  # import fails
    model = Colorization(width=8).eval()
    fast, x = runtime.fast(model), torch.rand(1, 1, 32, 32)
    for _ in range(3):
        with torch.inference_mode():
            assert torch.equal(fast(x), model(x))
        time.sleep(0.1)
    assert not fast.ready(x)


def test_shapes_beyond_the_cache_still_get_an_answer(monkeypatch):
    monkeypatch.setattr(runtime, "MAX_COMPILED_SHAPES", 0)
    model = Colorization(width=8).eval()
    with torch.inference_mode():
        assert torch.equal(runtime.fast(model)(x := torch.rand(1, 1, 32, 32)), model(x))


def test_a_handler_borrows_a_gpu_where_the_package_of_zerogpu_is_there_and_needs_none(monkeypatch):
    def handler():
        return "answer"

    monkeypatch.setitem(sys.modules, "spaces", None)  # not installed
    assert runtime.gpu(handler) is handler
    lent = []
    monkeypatch.setitem(sys.modules, "spaces", SimpleNamespace(GPU=lambda f: lambda: lent.append(f) or f()))
    assert runtime.gpu(handler)() == "answer" and lent == [handler]
