"""Settings of a tab in the page's address, so that it can be shared, and a reload or a step back restores them."""

import hashlib
from collections.abc import Iterable

import gradio as gr
from gradio.components import Component

from ae_demo import checkpoints
from ae_demo.ui.handlers import PRIVATE
from ae_demo.ui.widgets import Swatches, template


class Address(gr.HTML):
    """Invisible: fires `submit` once the settings in the address are those of the controls: when its tab is first
    opened with such settings (with none, too, if `eager`), and when the visitor goes to another address."""

    def __init__(self, tab: str, **options):  # a named argument whose name is a string of the script would be an event
        super().__init__(None, tab=tab, elem_id=f"{tab}-address", **template("address") | options)

    def api_info(self) -> dict:
        return {"type": "array", "description": "settings of a tab"}


def keep_in_address(
    tab: str, controls: dict[str, Component], networks: Iterable[str] = (), eager: bool = False
) -> Address:
    """Keep the values of controls, by name, in the address while a tab is open; links also tell the weights of its
    `networks`."""
    settings = [[name, control.value, limits(control)] for name, control in controls.items()]
    address = Address(tab, settings=settings, weights=fingerprint(networks), eager=eager)
    node, values = f"document.querySelector('#{address.elem_id} .address')", list(controls.values())
    found = "(found) => found" if len(values) > 1 else "(found) => found[0]"
    applied = address.input(None, address, values, js=found, **PRIVATE) if values else address.input(None, **PRIVATE)
    applied.then(None, js=f"() => {node}.dispatchEvent(new Event('applied'))", **PRIVATE)
    keep = f"(...values) => {{ {node}?.dispatchEvent(new CustomEvent('keep', {{detail: values}})); }}"
    if values:
        changes = [control.input if isinstance(control, gr.HTML) else control.change for control in values]
        gr.on(changes, None, values, None, js=keep, **PRIVATE)
    return address


def limits(control: Component) -> list | dict | None:
    """Return the choices of a menu, or {low, high} of a number."""
    if isinstance(control, Swatches):
        return ["", *(key for key, *_ in control.props["choices"])]
    if choices := getattr(control, "choices", None):
        return [value for _, value in choices]
    low, high = getattr(control, "minimum", None), getattr(control, "maximum", None)
    return None if low is None or high is None else {"low": low, "high": high}


def fingerprint(networks: Iterable[str]) -> str:
    """Return eight characters that tell the weights of these checkpoints from others; "" without any."""
    digests = [checkpoints.metadata(name).get("model", {}).get("sha256", "") for name in networks]
    return hashlib.sha256("".join(digests).encode()).hexdigest()[:8] if digests else ""
