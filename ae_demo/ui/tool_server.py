"""The public endpoints as tools for language models, by the Model Context Protocol (MCP); overrides Gradio's server of
them, checked with version 6.31.0."""

import asyncio
import json
import re
from contextlib import nullcontext

import gradio as gr
import gradio.mcp
from gradio.mcp import GradioMCPServer
from gradio.processing_utils import save_bytes_to_cache
from gradio.utils import get_upload_folder
from gradio_client import handle_file
from gradio_client.utils import is_file_obj_with_meta, traverse
from mcp.server import Server
from mcp.types import CallToolRequest, ImageContent, ServerResult, TextContent

from ae_demo.ui.gradio_compat import MAX_SENTENCE
from ae_demo.ui.i18n import TEXTS
from ae_demo.ui.inputs import InputError, decode_data_uri

MAX_PICTURES = 16  # in the answer of a tool
MAX_DEFAULT = 30  # characters of a default value in the description of a tool
PICTURE_URI = "picture (PNG, JPEG, GIF, BMP or WebP) as a data URI"
DATA_URI = re.compile(r"data:(image/\w+);base64,([\w+/=]+)", re.ASCII)
NO_LABEL = re.compile(r"parameter_\d+|\d+(st|nd|rd|th)")  # Gradio's, for an argument without one


class ToolServer(GradioMCPServer):
    """The public endpoints as tools over MCP, by their own names. Pictures are taken as data URIs, and returned as
    pictures, where Gradio would write them out as text."""

    _file_data_tool_description = ""  # Gradio tells of files at other addresses, which are refused

    def warn_about_state_inputs(self) -> None:
        """Override a warning at every start: the descriptions of tools tell what is not kept between calls."""

    def get_tool_to_endpoint(self) -> dict[str, str]:
        """Return the endpoint of each tool, by the name of the tool."""
        endpoints = super().get_tool_to_endpoint().values()
        return {self.valid_and_unique_tool_name(self.tool_prefix + name.strip("/"), set()): name for name in endpoints}

    def get_input_schema(self, tool_name: str, parameters: dict[str, str] | None = None) -> tuple[dict, list]:
        """Extend GradioMCPServer: an argument that the docstring does not describe is described by its widget, only
        short defaults are told, and types fit the choices."""
        schema, files = super().get_input_schema(tool_name, parameters)
        for one in self.api_info["named_endpoints"][self.tool_to_endpoint[tool_name]]["parameters"]:
            name, field = one["parameter_name"], schema["properties"][one["parameter_name"]]
            if [name] in files:
                schema["properties"][name] = {"type": "string", "description": PICTURE_URI}
                continue
            widget = filter(None, (NO_LABEL.sub("", one["label"]), one["type"].get("description")))
            field["description"] = (parameters or {}).get(name) or ": ".join(widget)
            if any(isinstance(choice, int) for choice in field.get("enum", ())):
                field["type"] = "integer"  # Gradio says "string"
            default = field.pop("default", None)
            if isinstance(default, int | float | str) and len(str(default)) <= MAX_DEFAULT:
                field["default"] = default
        return schema | {"additionalProperties": False}, files

    def convert_strings_to_filedata(self, value: dict, filedata_positions: list) -> dict:
        """Override GradioMCPServer: store the pictures among the arguments as uploads. Raises InputError for anything
        else that counts as a file: Gradio's client, which the server itself runs, would read it from the disk."""
        traverse(value, _refuse_path, is_file_obj_with_meta)
        return {name: self._store(part) if [name] in filedata_positions else part for name, part in value.items()}

    def _store(self, uri: str) -> dict:
        path = save_bytes_to_cache(decode_data_uri(uri).getvalue(), "picture", get_upload_folder())
        self.blocks.upload_file_set.add(path)  # deleted as uploads are
        return handle_file(path)

    def postprocess_output_data(self, data: list, root_url: str) -> list:
        """Override GradioMCPServer: return texts, or values as JSON, with numbers in place of data URIs, then the last
        MAX_PICTURES of these as pictures. A canvas keeps its data URIs, as other tools take it."""
        texts, pictures = [], []

        def number(found: re.Match) -> str:
            pictures.append(ImageContent(type="image", mimeType=found[1], data=found[2]))
            return f"picture {len(pictures)}"

        for part in data[0] if data and isinstance(data[0], tuple) else data:
            text = part if isinstance(part, str) else json.dumps(part, ensure_ascii=False)
            numbered = DATA_URI.sub(number, text)
            canvas = DATA_URI.fullmatch(text) or (isinstance(part, dict) and "lines" in part)
            texts.append(text if canvas else numbered)
        if len(pictures) > MAX_PICTURES:
            texts.append(f"These are the last {MAX_PICTURES} of {len(pictures)} pictures.")
        return [*(TextContent(type="text", text=text) for text in texts), *pictures[-MAX_PICTURES:]]

    def create_mcp_server(self) -> Server:
        """Extend GradioMCPServer: shorten errors, which quote whole pictures. As all callers count as one visitor, the
        tools that use this visitor's state take turns."""
        server, turn = super().create_mcp_server(), asyncio.Lock()
        call = server.request_handlers[CallToolRequest]

        async def answer(request: CallToolRequest) -> ServerResult:
            block_fn = self.get_block_fn_from_endpoint_name(self.tool_to_endpoint.get(request.params.name, ""))
            keeps_state = block_fn and any(isinstance(block, gr.State) for block in block_fn.inputs)
            async with turn if keeps_state else nullcontext():
                result = await call(request)
            for part in result.root.content if result.root.isError else ():
                part.text = _shorten(part.text)
            return result

        server.request_handlers[CallToolRequest] = answer
        return server


def install_tool_server() -> None:
    """Have gr.Blocks.launch serve the tools by `ToolServer`."""
    gradio.mcp.GradioMCPServer = ToolServer


def _refuse_path(_file: dict) -> None:
    raise InputError(TEXTS["picture"]["no_canvas"])


def _shorten(sentence: str) -> str:
    if sentence[:1] == sentence[-1:] in ("'", '"'):  # gr.Error quotes its sentence
        sentence = sentence[1:-1]
    half = MAX_SENTENCE // 2
    return sentence if len(sentence) <= MAX_SENTENCE else f"{sentence[:half]} … {sentence[-half:]}"
