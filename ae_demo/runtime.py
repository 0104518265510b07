"""CompiledModel inference: OpenVINO on the CPU, with eager PyTorch as fallback, and a GPU where a Space lends one."""

import logging
import threading
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

MAX_COMPILED_SHAPES = 8  # input shapes compiled per model


class CompiledModel:
    """Drop-in replacement for a model: model(*inputs) -> a tensor or a tuple of tensors, several times faster.

    The first call converts the model in a background thread, where each new set of input shapes is compiled as well;
    until then, and after any failure, the model itself runs. Uses bfloat16 where the processor supports it, so outputs
    differ slightly from float32."""

    def __init__(self, model: nn.Module):
        self.model = model.eval()
        self._lock = threading.Lock()
        self._converted: Any = None  # an openvino.Model, once converted
        self._compiled: dict[tuple, Callable | None] = {}  # None while compiling or after a failure

    def __call__(self, *inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
        shapes = tuple(tuple(x.shape) for x in inputs)
        with self._lock:
            if shapes not in self._compiled and len(self._compiled) < MAX_COMPILED_SHAPES:
                self._compiled[shapes] = None
                threading.Thread(target=self._compile, args=(shapes, inputs)).start()
            compiled = self._compiled.get(shapes)
        if compiled:
            return compiled(*inputs)
        with torch.inference_mode():
            return self.model(*inputs)

    def ready(self, *inputs: Tensor) -> bool:
        """Return whether inputs of these shapes already take the fast path."""
        return bool(self._compiled.get(tuple(tuple(x.shape) for x in inputs)))

    def _compile(self, shapes: tuple, inputs: tuple[Tensor, ...]) -> None:
        try:
            import openvino as ov

            warnings.filterwarnings("ignore", module="torch.jit")  # OpenVINO traces with a deprecated API …
            warnings.filterwarnings("ignore", category=torch.jit.TracerWarning)  # … which is safe, as shapes are fixed
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
            idle: list = []  # requests with their own buffers, one per concurrent call

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
        except Exception as error:  # without OpenVINO the model itself must still run
            logging.getLogger(__name__).warning("No fast path for %s: %s", type(self.model).__name__, error)


def _convolve_in_bf16(network) -> None:
    """Round the inputs of an OpenVINO network's convolutions to bfloat16 and keep the rest in float32: group
    normalisation and SiLU take three times as long in OpenVINO's bfloat16."""
    from openvino import opset13

    for op in network.get_ops():
        if op.get_type_name() not in ("Convolution", "ConvolutionBackpropData"):
            continue
        for port in op.inputs()[:2]:  # input, weights
            port.replace_source_output(opset13.convert(port.get_source_output(), "bf16").output(0))
        targets = op.output(0).get_target_inputs()
        answer = opset13.convert(op.output(0), "f32").output(0)
        for port in targets:
            port.replace_source_output(answer)
    network.validate_nodes_and_infer_types()


_CONVERSION = threading.Lock()  # tracing is not thread-safe


def gpu(handler: Callable) -> Callable:
    """Run a handler on a GPU where a Space lends one (ZeroGPU has the package `spaces`), elsewhere unchanged."""
    try:
        import spaces
    except ImportError:
        return handler
    return spaces.GPU(handler)


def fast(model: nn.Module) -> CompiledModel:
    """Wrap a model in the fastest path available on this machine."""
    return CompiledModel(model)
