"""Uses of huggingface_hub internals, read in version 2.4.0; `tests/test_compat.py` names any that an update breaks."""

import httpx2
import huggingface_hub.utils._http as hub_http
from torch import nn


def constructor_arguments(model: nn.Module) -> dict:
    """Return the JSON constructor arguments of a `PyTorchModelHubMixin`; {} for any other module."""
    return getattr(model, "_hub_mixin_config", None) or {}


def bounded_client(timeout_s: float) -> httpx2.Client:
    """Create a Hub client with a timeout on every request; the default client has none on some."""

    def bounded(request: httpx2.Request) -> None:
        request.extensions["timeout"] = httpx2.Timeout(timeout_s).as_dict()

    client = hub_http.default_client_factory()
    client.event_hooks = {"request": [*client.event_hooks["request"], bounded], "response": []}
    return client
