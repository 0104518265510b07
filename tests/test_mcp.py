"""The endpoints as tools over MCP, asked by the client that the protocol's own library has."""

import asyncio
import base64
import json
import re
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import httpx
import numpy as np
import pytest
from gradio.utils import get_upload_folder
from jsonschema import validate
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from PIL import Image

from ae_demo.data.mouse import mouse_sketches
from ae_demo.figures import data_uri
from ae_demo.tabs import diffusion, latent
from ae_demo.ui.gradio_compat import MAX_SENTENCE
from ae_demo.ui.i18n import TEXTS
from ae_demo.ui.tool_server import MAX_PICTURES
from tests.browser import conftest
from tests.test_attack import FILE, sentence

url = conftest.url  # the app, served by this process
FROG = data_uri(next(sketch for sketch in mouse_sketches() if sketch.name == "frog").lines())


def over_mcp(url, question):
    """Return the answer of an async function to a session with the app."""

    async def asked():
        address = f"{url}gradio_api/mcp/"
        async with streamable_http_client(address) as (read, write, _), ClientSession(read, write) as session:
            await session.initialize()
            return await question(session)

    with ThreadPoolExecutor(1) as thread:  # as a browser that other tests have left open has a loop in this one
        return thread.submit(asyncio.run, asked()).result()


def call(url, tool, **arguments):
    """Call a tool -> its values, and its pictures as data URIs."""
    result = over_mcp(url, lambda session: session.call_tool(tool, arguments))
    assert not result.isError, result.content[0].text
    return read(result)


def refuse(url, tool, **arguments):
    """The sentence with which a tool refuses its arguments."""
    result = over_mcp(url, lambda session: session.call_tool(tool, arguments))
    assert result.isError and len(result.content) == 1
    return result.content[0].text


def read(result):
    texts = [part.text for part in result.content if part.type == "text"]
    pictures = [f"data:{part.mimeType};base64,{part.data}" for part in result.content if part.type == "image"]
    return [json.loads(text) if text[0] in "[{" else text for text in texts], pictures


def opened(uri):
    return Image.open(BytesIO(base64.b64decode(uri.partition(",")[2])))


def difference(uri, other):
    """Mean absolute difference of two grey pictures, in 0 … 255: a little, where one network is compiled by now."""
    return float(
        np.abs(np.subtract(*(np.asarray(opened(one).convert("L"), dtype=float) for one in (uri, other)))).mean()
    )


def test_every_public_endpoint_is_a_tool_and_says_what_it_takes(url):
    tools = {tool.name: tool for tool in over_mcp(url, lambda session: session.list_tools()).tools}
    public = httpx.get(f"{url}gradio_api/info").json()["named_endpoints"]
    assert set(tools) == {name.strip("/") for name in public}
    assert len({tool.description for tool in tools.values()}) == len(tools)
    for name, tool in tools.items():
        assert len(tool.description) >= 40, name
        fields = tool.inputSchema["properties"]
        assert list(fields) == [one["parameter_name"] for one in public[f"/{name}"]["parameters"]]
        for argument, field in fields.items():
            assert "type" in field or "oneOf" in field, f"{name}: {argument}"
            assert field["description"] or re.search(rf"\b{argument}\b", tool.description), f"{name}: {argument}"
            for value in [*field.get("enum", ()), *([field["default"]] if "default" in field else [])]:
                validate(value, field)
    assert len(json.dumps([tool.model_dump(exclude_none=True) for tool in tools.values()])) < 40_000


def test_a_drawing_is_recognised_and_coloured(url):
    ([guesses], pictures) = call(url, "recognize", pad={"lines": FROG})
    assert guesses[0]["name"] == "frog" and guesses[0]["probability"] > 0.3 and not pictures
    ([answers], pictures) = call(url, "colorize", pad={"lines": FROG}, name="frog")
    assert [one["src"] for one in answers] == [f"picture {i}" for i in (1, 2, 3, 4)]
    assert answers[0]["title"] == TEXTS["colorize"]["colorization-concept"]
    red, green, blue = opened(pictures[0]).convert("RGB").getpixel((256, 256))
    assert green > max(red, blue) + 20, "frogs are green"


def test_a_point_is_decoded_as_on_the_page(url):
    ([[answer]], [picture]) = call(url, "decode_point", dataset="fashion", log_beta=0.5, z1=1.25, z2=-2)
    assert answer["src"] == "picture 1" and answer["note"].startswith("z = (1.25, -2.00)")
    assert difference(picture, latent.decode_point("fashion", 0.5, 1.25, -2)[0]["src"]) < 1


def test_a_picture_is_sampled_and_forked_as_on_the_page(url):
    *_, expected = diffusion.sample("ddpm-fashion", 3, 4, 0, 2.0, "ddim")
    ([film], pictures) = call(url, "sample", label=3, steps=4)
    assert film["done"] and [frame["step"] for frame in film["frames"]] == [0, 1, 2, 3, 4]
    assert film["frames"][-1]["x_t"] == "picture 13" and difference(pictures[12], expected["frames"][-1]["x_t"]) < 4
    ([branch], pictures) = call(url, "fork", where={"tree": film["tree"], "run": 0, "step": 2}, label=3, seed=8)
    assert branch["parent"] == 0 and len(branch["frames"]) == 3 and len(pictures) == 9
    ([film, told], pictures) = call(url, "sample", steps=20)
    assert told == f"These are the last {MAX_PICTURES} of 63 pictures." and len(pictures) == MAX_PICTURES
    assert film["frames"][-1]["x0"] == "picture 63"


def test_two_callers_do_not_stop_each_other(url):
    async def question(session):
        return await asyncio.gather(*(session.call_tool("sample", {"steps": 30, "seed": seed}) for seed in (1, 2)))

    assert [read(result)[0][0]["done"] for result in over_mcp(url, question)] == [True, True]


def test_a_picture_is_a_data_uri_and_a_canvas_can_be_handed_on(url):
    ([canvas], [picture]) = call(url, "load_drawing", path=FROG)
    assert canvas == {"lines": picture, "hints": ""}
    assert call(url, "recognize", pad=canvas)[0][0][0]["name"] == "frog"
    ([digit], [picture]) = call(url, "load_example_picture", index=3)
    assert digit == picture and opened(picture).size == (28, 28)
    (row, compared), pictures = call(url, "restore", drawing=digit, kind="blur", level=0.5)
    assert pictures[0] == digit and "PSNR" in row[2]["note"] and set(compared) == {"before", "after"}
    game, row = call(url, "play_game", game={})[0]
    assert game["answers"] == [] and row[0]["src"] == "picture 1"


@pytest.mark.parametrize(
    ("tool", "arguments", "told"),
    [
        ("decode_point", {"z1": "left"}, "'left' is not of type 'number'"),
        ("decode_point", {"dataset": "cifar"}, "'cifar' is not one of ['mnist', 'fashion']"),
        ("decode_point", {"z3": 0}, "'z3' was unexpected"),
        ("recognize", {}, "'pad' is a required property"),
        ("recognize", {"pad": FROG}, "is not of type 'object'"),
        ("recognize", {"pad": {"lines": "/etc/passwd"}}, TEXTS["picture"]["no_canvas"]),
        ("load_example", {"index": 1000}, "1000 must be one of 0, 1, 2"),
        ("load_drawing", {"path": "data:image/png;base64,AAAA"}, TEXTS["picture"]["unreadable"]),
        ("fork", {"where": {"tree": 0, "run": 0, "step": 0}}, TEXTS["diffusion"]["no_step"]),
        ("nothing", {}, "Unknown tool"),
    ],
)
def test_a_bad_argument_is_one_sentence(url, tool, arguments, told):
    text = refuse(url, tool, **arguments)
    assert told in text and sentence(text) and len(text) <= MAX_SENTENCE + 3
    assert text[0] != text[-1], "not quoted"


@pytest.mark.parametrize("path", ["/etc/hostname", "http://127.0.0.1:1/a.png", __file__])
def test_no_file_of_the_server_is_read_for_a_caller(url, path):
    """Gradio's own server has its client, which it runs itself, upload every file that an argument names."""
    stored = set(Path(get_upload_folder()).rglob("*"))
    file = {"path": path, **FILE}
    for arguments in ({"path": path}, {"path": FROG, "pad": file}, {"path": FROG, "pad": {"lines": [{"a": file}]}}):
        assert refuse(url, "load_palette", **arguments) == TEXTS["picture"]["no_canvas"]
    for tool, argument in (("play_game", "game"), ("find_face", "pad"), ("fork", "where"), ("colorize", "pad")):
        assert refuse(url, tool, **{argument: {"deep": [file]}}) == TEXTS["picture"]["no_canvas"]
    names = {found.name for found in set(Path(get_upload_folder()).rglob("*")) - stored}
    assert Path(path).name not in names
