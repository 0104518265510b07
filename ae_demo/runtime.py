"""The fast CPU path for inference: OpenVINO, and eager PyTorch until that is ready and where it is not installed."""

import logging
import threading
import warnings
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

CACHED_SHAPES = 8  # compiled versions kept per model


class Fast:
    """model(*inputs) -> output, a tensor or a tuple of them, the same as calling the model, several times faster once
    converted.

    The first call converts the model in a background thread and each new set of input shapes is compiled there too;
    until then, and if anything fails, the model itself answers. Where the processor has bfloat16 it is used, so that
    answers differ slightly from float32."""

    def __init__(self, model: nn.Module):
        self.model = model.eval()
        self._lock = threading.Lock()
        self._converted = None
        self._compiled: dict[tuple, Callable | None] = {}  # None: under way, or failed

    def __call__(self, *inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
        shapes = tuple(tuple(x.shape) for x in inputs)
        with self._lock:
            if shapes not in self._compiled and len(self._compiled) < CACHED_SHAPES:
                self._compiled[shapes] = None
                threading.Thread(target=self._compile, args=(shapes, inputs)).start()
            compiled = self._compiled.get(shapes)
        if compiled:
            return compiled(*inputs)
        with torch.inference_mode():
            return self.model(*inputs)

    def ready(self, *inputs: Tensor) -> bool:
        """Whether inputs of these shapes take the fast path by now."""
        return bool(self._compiled.get(tuple(tuple(x.shape) for x in inputs)))

    def _compile(self, shapes: tuple, inputs: tuple[Tensor, ...]) -> None:
        try:
            import openvino as ov

            warnings.filterwarnings("ignore", module="torch.jit")  # OpenVINO's way of tracing is deprecated …
            warnings.filterwarnings("ignore", category=torch.jit.TracerWarning)  # … and safe, as shapes are fixed
            with _CONVERSION:
                if self._converted is None:
                    self._converted = ov.convert_model(self.model, example_input=tuple(x.clone() for x in inputs))
                network = self._converted.clone()
                network.reshape({port: list(shape) for port, shape in zip(network.inputs, shapes, strict=True)})
                core = ov.Core()
                options = {"PERFORMANCE_HINT": "LATENCY"}
                if "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
                    options["INFERENCE_PRECISION_HINT"] = "bf16"
                compiled = core.compile_model(network, "CPU", options)
            calls = threading.local()

            def call(*inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
                if not hasattr(calls, "request"):
                    calls.request = compiled.create_infer_request()
                answers = calls.request.infer([np.ascontiguousarray(x.numpy()) for x in inputs])
                answers = tuple(torch.from_numpy(answers[port].copy()) for port in compiled.outputs)
                return answers if len(answers) > 1 else answers[0]

            call(*inputs)
            self._compiled[shapes] = call
        except Exception as error:  # a missing or failing OpenVINO must never cost an answer
            logging.getLogger(__name__).warning("No fast path for %s: %s", type(self.model).__name__, error)


_CONVERSION = threading.Lock()  # tracing is not safe in two threads at once


def fast(model: nn.Module) -> Fast:
    """The model behind the fastest path that this machine has."""
    return Fast(model)
