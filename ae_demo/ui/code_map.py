"""Map of codes, on which points are clicked."""

from collections.abc import Callable

import gradio as gr
from torch import Tensor

from ae_demo.ui.i18n import in_language
from ae_demo.ui.widgets import template


def scale_to_map(sample: Tensor, xy: Tensor) -> list[list[float]]:
    """Scale points (N, 2) to [[x, y], …]: the `sample` (M, 2) centred in [0, 1], both axes at the same scale."""
    low, high = sample.amin(0), sample.amax(0)
    return [[round(v, 4) for v in row] for row in ((xy - (low + high) / 2) / (high - low).max() + 0.5).tolist()]


class CodeMap(gr.HTML):
    """Map of codes. Its value is {name, projection, first, second, at}: the map, up to two clicked indices, and the
    position of the visitor's own; fires `input` on every click. load_map({name, projection}) returns the map: points
    [x, y, label], labels, colors, about, and a sheet of thumbnails with its columns; or {error: sentence}."""

    def __init__(self, value: dict, load_map: Callable[[dict], dict], title: str, **kwargs):
        def map_codes(wanted: dict) -> dict:
            return load_map(wanted)

        ask = {"server_functions": [in_language(map_codes)]}
        super().__init__(value, texts={"map": title}, **ask, **template("map", "code_map"), **kwargs)

    def api_info(self) -> dict:
        return {"type": "object", "description": "name, projection, first, second: indices, at: [x, y]"}
