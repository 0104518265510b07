"""The running app under attack: bad values to every endpoint, foreign files, uploads that are not what they say."""

import ast
import inspect
import json
import re
from contextlib import closing
from http.client import HTTPConnection
from io import BytesIO
from pathlib import Path

import httpx
import pytest
from gradio.components import Component, Slider, State
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

import app
from ae_demo.ui.guard import MAX_REQUEST_BYTES
from ae_demo.ui.i18n import LANGUAGES, TEXTS
from ae_demo.ui.live import LiveLink

HOME = Path(__file__).resolve().parent.parent
FILE = {"meta": {"_type": "gradio.FileData"}}
SCRIPT = "<img src=x onerror=alert(1)><script>alert(1)</script>"
NAMES = "lines hints picked first second dataset log_beta z fork tree run step do steps name projection".split()
HOSTILE = (
    None, float("nan"), float("inf"), -1e308, 10**300, SCRIPT, [None, {}], {name: [SCRIPT] for name in NAMES},
    {"path": "/etc/passwd", **FILE},
)  # fmt: skip
LEAKS = re.compile(r"Traceback|<\w|\.py\b|site-packages|/etc|/tmp|/home|\w+(Error|Exception)\b|(gradio|torch|PIL)\.")


@pytest.fixture(scope="module")
def blocks():
    """The page, served by this process."""
    server, _, _ = app.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1", server_port=None)
    page = server.get_blocks()
    yield page
    page.close(verbose=False)


@pytest.fixture(scope="module")
def http(blocks):
    """A client of its API."""
    with httpx.Client(base_url=blocks.local_api_url, timeout=60) as client:
        yield client


def post(http, path, body):
    """A call by one visitor, as httpx itself refuses to write NaN."""
    body = {"session_hash": "attacker"} | body
    return http.post(path, content=json.dumps(body), headers={"Content-Type": "application/json"})


def upload(http, name, content):
    """The path of an uploaded file."""
    answer = http.post("upload", files={"files": (name, content)})
    assert answer.status_code == 200
    return answer.json()[0]


def at_first(component):
    """Return what a page sends of a component that nobody has touched; of whole numbers the least, which is quick."""
    if isinstance(component, Slider) and component.step == 1:
        return component.minimum
    return None if callable(component.value) else component.value


def sentence(text):
    """Tell if a visitor can read this: one sentence, and nothing of how the app is made."""
    return isinstance(text, str) and 10 < len(text) < 600 and "\n" not in text and not LEAKS.search(text)


def test_every_endpoint_takes_a_bad_value_or_says_so_in_one_sentence(blocks, http):
    """The private ones too: they can be called by number. Some of them show the sentence among their pictures."""
    wrong, asked, covered, refused = [], set(), set(), 0
    for index, fn in blocks.fns.items():
        if fn.fn is None or fn.page:  # the other languages call the same functions
            continue
        inputs = [None if isinstance(block, State) else at_first(block) for block in fn.inputs]
        several = getattr(fn.fn, "__name__", "") == "answer_all"
        joined = inspect.getclosurevars(fn.fn).nonlocals["answers"] if several else ()
        for place, block in enumerate(fn.inputs):
            called = [one.function for one in joined if block in one.inputs] if joined else [fn.fn]
            pairs = {(getattr(function, "__wrapped__", function), block) for function in called}
            if isinstance(block, State) or pairs <= covered:
                continue
            covered |= pairs
            asked.add((index, block))
            for value in HOSTILE:
                data = [*inputs[:place], value, *inputs[place + 1 :]]
                answer = post(http, "run/x", {"data": data, "fn_index": index})
                said = answer.json()
                error = said.get("error")
                refused += answer.status_code == 500
                fine = sentence(error) if answer.status_code == 500 else answer.status_code == 200
                code = fn.api_name.startswith("write")  # for the clipboard
                echoed = SCRIPT[:4] in answer.text and not code
                if not fine or echoed or "Traceback" in answer.text:
                    wrong.append((fn.api_name, place, repr(value)[:60], answer.status_code, answer.text[:300]))
    assert not wrong
    assert refused > len(asked), "most of these values cannot be meant"


def test_every_live_handler_takes_a_bad_value_or_says_so_in_one_sentence(blocks, http):
    """Those that are endpoints too have been asked as such."""
    links = [block for block in blocks.blocks.values() if isinstance(block, LiveLink) and not block.page]
    wrong, covered = [], set()
    for link in links:

        def ask(data, link=link):
            call = {"component_id": link._id, "fn_name": "answer_event", "data": data}
            return post(http, "component_server/", call)

        for group, called in enumerate(link.called):
            inputs = [at_first(block) for block in link.inputs_of(group)]
            assert "answers" in ask({"group": group, "values": inputs}).json()
            for place, block in enumerate(link.inputs_of(group)):
                users = {(live.function, block) for live in called if block in live.inputs and not live.api_name}
                if users <= covered:
                    continue
                covered |= users
                for value in HOSTILE:
                    values = [*inputs[:place], value, *inputs[place + 1 :]]
                    answer = ask({"group": group, "values": values})
                    error = answer.json().get("error") if answer.status_code == 200 else answer.text
                    leaks = SCRIPT[:4] in answer.text or "Traceback" in answer.text or "root:" in answer.text
                    if leaks or (error is not None and not sentence(error)):
                        wrong.append((link.channel, group, place, repr(value)[:60], answer.text[:300]))
        for data in (
            None,
            [],
            {},
            {"group": 99, "values": []},
            {"group": 0, "values": None},
            {"group": -1, "values": 3},
        ):
            assert ask(data).json() == {"error": TEXTS["app"]["unusable"]}, data
    assert not wrong and len(links) > 5


@pytest.mark.parametrize(("endpoint", "data"), [("decode_point", ["mnist", 0]), ("colorize", []), ("paint_face", None)])
def test_too_few_values_are_one_sentence(http, endpoint, data):
    answer = post(http, f"run/{endpoint}", {"data": data})
    assert answer.json().get("error") == TEXTS["app"]["unusable"] or answer.status_code == 422


def test_an_unknown_endpoint_tells_nothing(http):
    answer = httpx.post(f"{http.base_url}run/nothing", json={"data": []})  # the server closes this connection
    assert (answer.status_code, answer.text) == (500, "Internal Server Error")


def test_what_breaks_inside_a_handler_is_one_sentence(blocks, http, monkeypatch):
    fn = next(fn for fn in blocks.fns.values() if fn.api_name == "stop")
    monkeypatch.setattr(fn, "fn", lambda tree: Path("/nowhere/secret.py").read_text())
    answer = post(http, "run/stop", {"data": [None]})
    assert answer.json()["error"] == TEXTS["app"]["failed"]


@pytest.mark.parametrize("value", [*HOSTILE, "x", 5, True, {"name": "binary", "projection": SCRIPT}])
def test_functions_of_the_page_say_so_too(blocks, http, value):
    servers = [block for block in blocks.blocks.values() if getattr(block, "server_fns", ())]
    servers = [block for block in servers if not isinstance(block, LiveLink)]
    assert len(servers) >= 2 * len(LANGUAGES)
    for block in servers:
        body = {"data": value, "component_id": block._id, "fn_name": block.server_fns[0].__name__}
        answer = post(http, "component_server/", body)
        assert answer.status_code == 200 and sentence(answer.json()["error"])


@pytest.mark.parametrize("name", ["preprocess", "postprocess", "__init__", "get_config", "load_event_to_attach"])
def test_no_other_function_can_be_called_from_a_page(blocks, http, name):
    for block in blocks.blocks.values():
        if isinstance(block, Component):
            body = {"data": [], "component_id": block._id, "fn_name": name}
            assert post(http, "component_server/", body).status_code == 404
            return


FOREIGN = (
    "/etc/passwd", "//etc/passwd", "file:///etc/passwd", "../../../../../../etc/passwd", "%2Fetc%2Fpasswd",
    "%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd", "..%2f..%2f..%2f..%2fetc%2fpasswd", "/proc/self/environ",
    "app.py", "ae_demo/checkpoints.py", "requirements.txt", ".git/config", "checkpoints/vae-mnist/config.json",
    *(str(HOME / file) for file in ("app.py", "README.md", "checkpoints/dcgan-faces/model.safetensors")),
    "/dev/zero", "C:\\boot.ini", "%00", "", "http://127.0.0.1:1/", "http://169.254.169.254/latest/meta-data/",
)  # fmt: skip


@pytest.mark.parametrize("path", FOREIGN)
@pytest.mark.parametrize("route", ["file=", "file/", "stream/", "../static/", "../assets/", "../svelte/"])
def test_no_file_is_served_that_was_not_uploaded(http, route, path):
    answer = httpx.get(httpx.URL(str(http.base_url) + route + path), timeout=10, follow_redirects=True)
    page = answer.text.startswith("<!doctype html>") and "root:" not in answer.text  # the app itself
    assert answer.status_code >= 400 or (route.startswith("..") and page)


def test_no_file_is_served_through_what_was_uploaded(http, tmp_path):
    stored = Path(upload(http, "a.png", b"mine"))
    assert http.get(f"file={stored}").content == b"mine"
    (tmp_path / "link.png").symlink_to("/etc/hostname")
    for path in (f"{stored.parent}/../../../etc/hostname", f"{stored}/../../../app.py", tmp_path / "link.png"):
        assert http.get(f"file={path}").status_code == 403


@pytest.mark.parametrize("name", ["../../../evil.png", "/etc/evil.png", "..\\evil.png", "%2e%2e%2fevil.png", "a\0.png"])
def test_an_upload_stays_in_its_folder_whatever_its_name(http, name):
    known = Path(upload(http, "known.png", b"x")).parent.parent
    stored = Path(upload(http, name, b"x"))
    assert stored.resolve().parent.parent == known.resolve() and stored.read_bytes() == b"x"


@pytest.mark.parametrize("name", ["a.html", "a.svg", "a.js", "a.xml", "a"])
def test_what_is_uploaded_never_runs_as_a_page(http, name):
    stored = upload(http, name, SCRIPT.encode())
    headers = http.get(f"file={stored}").headers
    assert headers["content-type"] == "application/octet-stream"
    assert headers["content-disposition"].startswith("attachment")


def test_an_upload_of_more_than_20_megabytes_is_refused(http):
    answer = http.post("upload", files={"files": ("a.png", bytes(21_000_000))})
    assert answer.status_code == 413 and "maximum allowed size" in answer.text


@pytest.mark.parametrize(
    "endpoint", ["load_drawing", "load_palette", "load_picture", "load_face", "super_resolve_color"]
)
@pytest.mark.parametrize("path", ["/etc/passwd", "app.py", str(HOME / "checkpoints/dcgan-faces/samples.png")])
def test_no_handler_reads_a_file_that_was_not_uploaded(http, endpoint, path):
    answer = post(http, f"run/{endpoint}", {"data": [{"path": path, **FILE}, {}]})
    assert answer.json()["error"] == TEXTS["app"]["unusable"]


def test_an_upload_is_read_and_none_is_one_sentence(http):
    buffer = BytesIO()
    Image.effect_noise((30, 30), 50).save(buffer, "png")
    file = {"path": upload(http, "a.png", buffer.getvalue()), **FILE}
    answer = post(http, "run/load_drawing", {"data": [file]})
    assert answer.json()["data"][0]["lines"].startswith("data:image/png")
    for nothing in ([], [file], {}, None):
        assert sentence(post(http, "run/load_drawing", {"data": [nothing]}).json()["error"])


@pytest.mark.parametrize("address", ["http://127.0.0.1:1/a.png", "https://example.com/a.png"])
def test_nothing_is_fetched_for_anybody(http, address):
    for data in ([{"path": address, **FILE}], [{"lines": {"deep": [{"path": address, **FILE}]}}, True, True]):
        answer = post(http, f"run/{'load_drawing' if len(data) == 1 else 'colorize'}", {"data": data})
        assert answer.json()["error"] == TEXTS["picture"]["no_address"]


def test_a_canvas_gives_back_lines_and_hints_and_nothing_else(http):
    pad = {"lines": "", "hints": "", "__type__": "update", "visible": False, "html_template": SCRIPT}
    answer = post(http, "run/continue_from", {"data": [{"picked": 0}, pad, 0, "", ""]})
    assert answer.json().get("data") == [{"lines": "", "hints": ""}], answer.text


def test_the_queue_tells_the_same_sentences(blocks, tmp_path):
    client = Client(blocks.local_url, verbose=False)
    buffer = BytesIO()
    Image.effect_noise((300, 300), 50).save(buffer, "png")
    for name, content in (("a.png", b"<svg onload='alert(1)'/>"), ("b.jpg", buffer.getvalue()[:5000]), ("c.txt", b"x")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(AppError) as told:
            client.predict(handle_file(tmp_path / name), api_name="/load_drawing")
        assert TEXTS["picture"]["unreadable"] in str(told.value)


@pytest.mark.parametrize("file", [HOME / "app.py", *sorted((HOME / "ae_demo").rglob("*.py"))], ids=lambda f: f.name)
def test_nothing_that_is_read_can_run(file):
    """Weights are safetensors and settings JSON: no pickle, no eval, no exec, no other program, but for git, which
    tells a training its commit, and PyTorch's own files only as weights."""
    programs = set() if file.name == "session.py" else {"subprocess"}
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = {alias.name for alias in node.names} | {getattr(node, "module", None)}
            assert not names & ({"pickle", "dill", "joblib", "marshal", "shelve"} | programs)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load":
            assert "weights_only=True" in ast.unparse(node)
        if isinstance(node, ast.Attribute):
            assert ast.unparse(node) not in {"torch.hub.load", "np.load", "os.system", "os.popen"}
        if isinstance(node, ast.Name):
            assert node.id not in {"eval", "exec", "__import__", "compile"}


@pytest.mark.parametrize(
    "address", ["http://example.com/a.png", "https://example.com/", "HTTPS://example.com", "file:///etc"]
)
@pytest.mark.parametrize("route", ["file=", "file/"])
def test_nothing_is_fetched_for_others(http, route, address):
    answer = http.get(route + address)
    assert answer.status_code == 403 and sentence(answer.json()["detail"])


@pytest.mark.parametrize(
    ("header", "value", "status"),
    [("Transfer-Encoding", "chunked", 411), ("Content-Length", MAX_REQUEST_BYTES + 1, 413)],
)
def test_a_body_of_unknown_length_or_beyond_the_limit_is_refused_unread(http, header, value, status):
    with closing(HTTPConnection(http.base_url.host, http.base_url.port, timeout=30)) as connection:
        connection.putrequest("POST", "/gradio_api/run/x")
        connection.putheader(header, str(value))
        connection.endheaders()  # and nothing after them
        answer = connection.getresponse()
        assert answer.status == status and sentence(json.load(answer)["detail"])
