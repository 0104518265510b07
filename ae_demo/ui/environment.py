"""Settings of the app in the environment, checked before Gradio reads them; imports nothing that takes time."""

import os
import sys
import tempfile

DEFAULT_PORT = "7860"
MAX_PORT = 65_535


def prepare_environment() -> None:
    """Take PORT for the port where GRADIO_SERVER_PORT names none, and check the folder of uploads; exits with one
    sentence if either cannot be used."""
    name = "GRADIO_SERVER_PORT" if os.environ.get("GRADIO_SERVER_PORT") else "PORT"
    port = os.environ.get(name) or DEFAULT_PORT
    if not (port.isascii() and port.isdigit() and 1 <= int(port) <= MAX_PORT):
        sys.exit(f"{name} is {port!r}: set it to a number from 1 to {MAX_PORT}.")
    os.environ["GRADIO_SERVER_PORT"] = port
    folder = os.environ.get("GRADIO_TEMP_DIR") or os.path.join(tempfile.gettempdir(), "gradio")
    try:
        os.makedirs(folder, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        sys.exit(f"{folder} cannot be written ({error.strerror}): set GRADIO_TEMP_DIR to a folder for uploads.")


def named_port() -> int:
    """Return the port that `prepare_environment` found."""
    return int(os.environ["GRADIO_SERVER_PORT"])
