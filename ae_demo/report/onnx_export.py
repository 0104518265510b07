"""Export of networks to ONNX: weights in float16, computed in float32, for the page and for any other runtime."""

import logging
import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import nn

from ae_demo import checkpoints
from ae_demo.models.page_networks import PageNetwork
from ae_demo.training.loops import TrainingError
from ae_demo.training.recipes import RECIPES

TOLERANCE = 1e-3  # largest difference of an output from that of PyTorch
LARGE = 64  # values of a tensor from which on it is stored in float16


def export_network(name: str, folder: Path) -> Path | None:
    """Write model.onnx into a checkpoint's folder, for a recipe whose network runs in the page, and return its path.

    The file names the digest of the weights that it was made from. Raises TrainingError if the packages for it are
    missing, or if an answer is further than TOLERANCE from PyTorch's."""
    recipe = RECIPES[name]
    if not recipe.page:
        return None
    try:
        import onnx
        import onnxruntime
        import onnxscript  # noqa: F401, which torch.onnx needs
    except ImportError as error:
        raise TrainingError(
            f"{name} runs in the page, and its export needs three more packages: "
            "pip install onnx onnxscript onnxruntime."
        ) from error
    page = recipe.page(checkpoints.load(recipe.model_class, folder.name, folder.parent))
    model = _to_onnx(page)
    forget_origin(model)
    halve_weights(model)
    digest = checkpoints.sha256(folder / checkpoints.WEIGHTS_FILE)
    model.metadata_props.append(onnx.StringStringEntryProto(key=checkpoints.DIGEST_KEY, value=digest))
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    inputs = {key: torch.cat([x, x, x]).numpy() for key, x in page.inputs.items()}  # a batch of another size
    with torch.inference_mode():
        expected = page.network(*map(torch.from_numpy, inputs.values()))
    found = session.run(list(page.outputs), inputs)
    difference = max(float(np.abs(x - y.numpy()).max()) for x, y in zip(found, expected, strict=True))
    if not difference <= TOLERANCE:
        raise TrainingError(f"{name} is off by {difference:.2g} in ONNX, more than {TOLERANCE:g}.")
    path = folder / checkpoints.ONNX_FILE
    path.write_bytes(model.SerializeToString())
    return path


def _to_onnx(page: PageNetwork):
    import onnx

    network: nn.Module = page.network.eval().requires_grad_(False)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    shapes = tuple({0: torch.export.Dim("batch")} for _ in page.inputs)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        torch.onnx.export(
            network, tuple(page.inputs.values()), str(path), dynamo=True, external_data=False, verbose=False,
            input_names=list(page.inputs), output_names=list(page.outputs), dynamic_shapes=(shapes,),
            optimize=False,  # it would fold batch normalisation into weights that are halves, and round them again
        )  # fmt: skip
        return onnx.load(path)


def forget_origin(model) -> None:
    """Take out of an ONNX model where in the code each node came from: as large as the weights, with local paths."""
    graph = model.graph
    del graph.value_info[:], graph.metadata_props[:]
    for part in (*graph.node, *graph.input, *graph.output, *graph.initializer):
        del part.metadata_props[:]
        part.doc_string = ""


def halve_weights(model) -> None:
    """Store the large float32 weights of an ONNX model that float16 can hold as they are, each with a cast back."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    graph, casts = model.graph, []
    for weight in graph.initializer:
        values = numpy_helper.to_array(weight)
        if weight.data_type != TensorProto.FLOAT or values.size < LARGE:
            continue
        name, half = weight.name, values.astype(np.float16)
        if (half != values).any():
            continue
        weight.CopyFrom(numpy_helper.from_array(half, f"{name}_half"))
        casts.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.checker.check_model(model)
