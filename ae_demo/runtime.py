"""The fast path for inference: OpenVINO, and eager PyTorch until that is ready and where it is not installed; and a GPU
where one is lent."""

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
                precision = "f32"
                if "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
                    if any(op.get_type_name() == "GroupNormalization" for op in network.get_ops()):
                        _convolve_in_bf16(network)
                    else:
                        precision = "bf16"
                options = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": precision}
                compiled = core.compile_model(network, "CPU", options)
            idle = []  # requests, each with buffers of its own: as many as there were calls at the same time

            def call(*inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
                try:
                    request = idle.pop()
                except IndexError:
                    request = compiled.create_infer_request()
                answers = request.infer([np.ascontiguousarray(x.numpy()) for x in inputs])
                answers = tuple(torch.from_numpy(answers[port].copy()) for port in compiled.outputs)
                idle.append(request)
                return answers if len(answers) > 1 else answers[0]

            call(*inputs)
            self._compiled[shapes] = call
        except Exception as error:  # a missing or failing OpenVINO must never cost an answer
            logging.getLogger(__name__).warning("No fast path for %s: %s", type(self.model).__name__, error)


def _convolve_in_bf16(network) -> None:
    """Rounds what goes into the convolutions of an OpenVINO network to bfloat16 and leaves all else in float32: group
    normalisation and SiLU between them take three times as long in OpenVINO's bfloat16."""
    from openvino import opset13

    for op in network.get_ops():
        if op.get_type_name() not in ("Convolution", "ConvolutionBackpropData"):
            continue
        for port in op.inputs()[:2]:  # picture, weights
            port.replace_source_output(opset13.convert(port.get_source_output(), "bf16").output(0))
        targets = op.output(0).get_target_inputs()
        answer = opset13.convert(op.output(0), "f32").output(0)
        for port in targets:
            port.replace_source_output(answer)
    network.validate_nodes_and_infer_types()


_CONVERSION = threading.Lock()  # tracing is not safe in two threads at once


def gpu(handler: Callable) -> Callable:
    """The handler with a GPU while it runs, where a Space lends one (ZeroGPU has the package `spaces`); elsewhere as it
    is."""
    try:
        import spaces
    except ImportError:
        return handler
    return spaces.GPU(handler)


def fast(model: nn.Module) -> Fast:
    """The model behind the fastest path that this machine has."""
    return Fast(model)
