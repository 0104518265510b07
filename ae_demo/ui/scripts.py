"""Python code for what a visitor sees, to be run with the checkpoints or asked of a running studio."""

import inspect
from collections.abc import Callable, Sequence

CODE = """\
# The pictures of the studio, from its checkpoints: run this in its folder.
from {module} import {name}
from ae_demo.ui.pictures import save_pictures

values = (
{values})
{result}
print(save_pictures(result, "{name}"))

# The same, asked of a running studio:
# from gradio_client import Client
# print(Client("http://127.0.0.1:7860").predict(*values, api_name="/{endpoint}"))
"""


def write_script(function: Callable, endpoint: str, values: Sequence) -> str:
    """Write the code that calls a function of a tab with these values and saves the pictures of its answer, or, if it
    is a generator, of its last one; and the call of its endpoint."""
    parameters = list(inspect.signature(function).parameters)
    names = [parameters[min(i, len(parameters) - 1)] for i in range(len(values))]  # the last may be *arguments
    lines = "".join(f"    {value!r},  # {name}\n" for name, value in zip(names, values, strict=True))
    call = f"{function.__name__}(*values)"
    result = f"*_, result = {call}" if inspect.isgeneratorfunction(function) else f"result = {call}"
    about = {"module": function.__module__, "name": function.__name__, "endpoint": endpoint}
    return CODE.format(values=lines, result=result, **about)
