"""Map of codes, on which points are clicked."""

from collections.abc import Callable

import gradio as gr

from ae_demo.ui.i18n import in_language
from ae_demo.ui.widgets import template


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
