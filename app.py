"""The app: one tab per module in `ae_demo.tabs.TABS`. Run it with `python app.py`."""

import ctypes
import os
import sys
from contextlib import suppress
from types import ModuleType

from ae_demo.training.console import interruptible, prepare_console
from ae_demo.ui.environment import named_port, prepare_environment

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # no telemetry
if sys.platform == "linux" and hasattr(ctypes.CDLL(None), "mallopt"):  # glibc
    ctypes.CDLL(None).mallopt(-8, 2)  # M_ARENA_MAX: heaps of their own for a hundred threads would retain freed memory
if "triton" not in sys.modules:
    sys.modules["triton"] = None  # type: ignore[assignment]  # compiles for GPUs only: 70 MB that nothing uses here
if __name__ == "__main__":
    prepare_console("The app was stopped before it could be opened.")
    prepare_environment()

import gradio as gr
import torch
from starlette.middleware import Middleware

from ae_demo.tabs import TAB_GROUPS, colorize, models
from ae_demo.ui.document import Document
from ae_demo.ui.gradio_compat import Page, on_page_load
from ae_demo.ui.guard import Guard
from ae_demo.ui.i18n import TEXTS
from ae_demo.ui.local_networks import LocalNetworks
from ae_demo.ui.look import SCRIPT, theme
from ae_demo.ui.negotiation import Negotiation
from ae_demo.ui.tool_server import install_tool_server
from ae_demo.ui.tour import Tour
from ae_demo.ui.widgets import Header

TEXT = TEXTS["app"]
HUB_WAIT_S = 8.0  # longest wait for newer checkpoints at the start, if AE_DEMO_HUB_REPO is set


def build() -> gr.Blocks:
    """Build the whole app, in every language."""
    # uploads are read only once, so they are deleted after an hour
    page = Page(title=TEXT["title"], analytics_enabled=False, delete_cache=(600, 3600))
    page.add_languages(build_page)
    return page


def build_page() -> None:
    """Build the page in the current language."""
    gr.Markdown(f"# {TEXT['title']}", elem_classes="brand")
    Header(elem_classes="tools")
    with gr.Tabs(elem_classes="groups", overflow_behavior="wrap"):
        for key, tabs in TAB_GROUPS.items():
            with gr.Tab(TEXTS["groups"][key], id=key):
                if len(tabs) == 1:
                    build_tab(tabs[0])
                    continue
                with gr.Tabs(elem_classes="group", overflow_behavior="wrap"):
                    for tab in tabs:
                        with gr.Tab(tab.TEXT["title"], id=tab.__name__.rpartition(".")[2]):
                            build_tab(tab)
    LocalNetworks()
    Tour()
    on_page_load(colorize.warm_up)


def build_tab(tab: ModuleType) -> None:
    """Build one tab: what it is about, and its widgets."""
    gr.Markdown(tab.TEXT["about"], elem_classes="about")
    tab.build()


def launch(**options):
    """Start the server with the app's options, which `options` of gr.Blocks.launch extend or override."""
    models.follow_hub(wait=HUB_WAIT_S)
    install_tool_server()
    torch.set_num_threads(1)  # two threads are hardly faster, and a hundred times slower when the cores are busy
    page = build().queue(max_size=32)
    ours = {
        "theme": theme(),
        "js": SCRIPT,
        "run_history": False,
        "ssr_mode": False,
        "mcp_server": True,
        "max_file_size": "20mb",
        "max_threads": 100,
        "app_kwargs": {"middleware": [Middleware(Guard), Middleware(Negotiation), Middleware(Document)]},
    }
    return page.launch(**ours | options)


def main() -> None:
    """Serve the app until Ctrl-C, on the port that the environment names or the next free one."""
    try:
        server, _, _ = launch(prevent_thread_lock=True)
    except OSError as error:
        sys.exit(f"The app cannot start: {error}")
    page = server.get_blocks()
    with suppress(KeyboardInterrupt), interruptible():
        if page.server_port != named_port():
            print(f"Port {named_port()} is in use: the app has taken {page.server_port} instead.", flush=True)
        page.block_thread()  # closes the server when it is interrupted


if __name__ == "__main__":
    main()
