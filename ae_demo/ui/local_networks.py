"""Networks that run in the visitor's own browser: files and addresses of what it needs, and which answers they give."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import gradio as gr

from ae_demo import checkpoints
from ae_demo.training.recipes import RECIPES
from ae_demo.ui.widgets import ASSETS, template

RUNTIME = ASSETS / "runtime"
WASM = "ort-wasm-simd-threaded.wasm.gz"


@dataclass(frozen=True)
class LocalAnswer:
    """Function of `local_*.js` that answers in place of a live handler: its name, the networks that it runs, the texts
    and numbers that it is given, and the least time in ms between two answers, as pictures take time to paint. With
    `prepare`, a handler of the first value, it is also given what that answers, and Python answers until then."""

    function: str
    networks: tuple[str, ...]
    facts: Mapping[str, Any]
    pace: int = 0
    prepare: Callable | None = None

    def possible(self) -> bool:
        """Return whether the page can be given all these networks."""
        return exported_networks().keys() >= set(self.networks)


@cache
def exported_networks() -> dict[str, dict[str, str]]:
    """Return {path, digest} of the ONNX file of each network that has one, made from the very weights in use."""
    found = {}
    for name, recipe in RECIPES.items():
        folder = checkpoints.home(name) / name
        if not recipe.page or not (folder / checkpoints.ONNX_FILE).is_file():
            continue
        digest = checkpoints.sha256(folder / checkpoints.WEIGHTS_FILE)
        exported = (folder / checkpoints.ONNX_FILE).read_bytes()
        if digest.encode() in exported:
            path = (folder / checkpoints.ONNX_FILE).resolve()  # the Hub client makes links, which the server refuses
            found[name] = {"path": str(path), "digest": digest}
    return found


class LocalNetworks(gr.HTML):
    """Invisible: runs the networks of the page in a worker, once a tab asks for them."""

    def __init__(self):
        exported = exported_networks()
        gr.set_static_paths([RUNTIME, *(one["path"] for one in exported.values())])
        wasm = {"file": WASM, "digest": checkpoints.sha256(RUNTIME / WASM)}
        script = template("local_answers", "local_pictures", "sampling", "networks")
        super().__init__(None, networks=exported, base=str(RUNTIME), wasm=wasm, **script)

    def api_info(self) -> dict:
        return {"type": "null"}
