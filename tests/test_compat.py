"""Everything used of Gradio, accelerate and the Hub client beyond their promises is still there, and as read."""

import inspect
import json

import accelerate
import gradio as gr
import huggingface_hub
import pytest
from gradio.routes import App
from gradio_client.client import Endpoint
from huggingface_hub import PyTorchModelHubMixin, constants
from torch import nn

import app
from ae_demo import hub_compat
from ae_demo.ui import gradio_compat, tool_server


def gone(what, library, version, file):
    return f"{library} {version} has no {what} any more: mend {file}"


@pytest.mark.parametrize("name", ["preprocess_data", "process_api"])
def test_gradio_s_blocks_still_call_what_the_page_overrides(name):
    theirs, ours = getattr(gr.Blocks, name, None), getattr(gradio_compat.Page, name)
    sentence = gone(f"Blocks.{name}", "gradio", gr.__version__, "ui/gradio_compat.py")
    assert inspect.iscoroutinefunction(theirs) and inspect.iscoroutinefunction(ours), sentence
    assert list(inspect.signature(theirs).parameters)[1] == "block_fn", sentence
    if name == "preprocess_data":
        assert "self.preprocess_data(" in inspect.getsource(gr.Blocks), sentence


def test_gradio_still_tells_the_page_that_is_being_built_and_how_to_walk_values():
    with gr.Blocks() as page:
        found = getattr(gradio_compat.Context, "root_block", None)
    assert found is page, gone("Context.root_block", "gradio", gr.__version__, "ui/gradio_compat.py")
    seen = []
    value = [{"a": {"path": "http://x/y", "meta": {"_type": "gradio.FileData"}}}]
    gradio_compat.traverse(value, seen.append, gradio_compat.is_file_obj_with_meta)
    sentence = gone("traverse of gradio_client.utils", "gradio", gr.__version__, "ui/gradio_compat.py")
    assert [one["path"] for one in seen] == ["http://x/y"] and gradio_compat.is_http_url_like("http://x/y"), sentence


def test_gradio_still_has_the_server_of_tools_and_calls_what_ours_overrides():
    sentence = gone("GradioMCPServer as before", "gradio", gr.__version__, "ui/tool_server.py")
    assert "gradio.mcp.GradioMCPServer(" in inspect.getsource(App.setup_mcp_server), sentence
    source = inspect.getsource(tool_server.GradioMCPServer)
    for name in vars(tool_server.ToolServer):
        if name != "_store" and not name.startswith("__"):
            assert f"self.{name}" in source and hasattr(tool_server.GradioMCPServer, name), f"{name}: {sentence}"
    assert "is_file_obj_with_meta" in inspect.getsource(Endpoint.process_input_files), sentence


@pytest.mark.parametrize(
    ("ours", "theirs", "options"),
    [
        (gradio_compat.Slider, gr.Slider, {}),
        (gradio_compat.Number, gr.Number, {}),
        (gradio_compat.PictureUpload, gr.UploadButton, {"label": "x"}),
    ],
)
def test_the_page_draws_our_components_as_gradio_s(ours, theirs, options):
    with gr.Blocks():
        assert ours(**options).get_block_name() == theirs(**options).get_block_name(), gone(
            "get_block_name as before", "gradio", gr.__version__, "ui/gradio_compat.py"
        )


def test_the_hub_client_still_keeps_the_arguments_of_a_model_and_makes_its_client(monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)

    class Sized(nn.Module, PyTorchModelHubMixin):
        def __init__(self, size=3):
            super().__init__()

    version = huggingface_hub.__version__
    found = hub_compat.constructor_arguments(Sized(size=5))
    assert found == {"size": 5}, gone("_hub_mixin_config", "huggingface-hub", version, "hub_compat.py")
    assert hub_compat.constructor_arguments(nn.Linear(1, 1)) == {}
    client = hub_compat.bounded_client(2.0)
    try:
        request = client.build_request("GET", "https://example.org")
        for hook in client.event_hooks["request"]:
            hook(request)
        sentence = gone("utils._http.default_client_factory", "huggingface-hub", version, "hub_compat.py")
        assert request.extensions["timeout"]["read"] == 2.0, sentence
    finally:
        client.close()


@pytest.mark.parametrize("name", ["register_save_state_pre_hook", "register_load_state_pre_hook"])
def test_accelerate_still_has_the_hooks_that_keep_running_averages(name):
    handle = getattr(accelerate.Accelerator(), name)(lambda *_: None)
    handle.remove()


def test_no_property_of_a_component_is_an_event_or_a_method_by_mistake():
    """gr.HTML takes a quoted word of a script for an event, and Gradio any attribute of a component that is named as an
    argument of its constructor for its value: it would then copy the whole app at every request of the page."""
    for component in app.build().get_config_file()["components"]:
        callables = {name for name, value in component["props"].items() if callable(value)} - {"delete_callback"}
        assert not callables, f"{component['type']} {component['props'].get('elem_id')}: {callables}"
        json.dumps(component["props"] | {"delete_callback": None})
