"""How the commands start and end: their environment, ports, folders and terminals, and Ctrl-C at any moment."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

import app
from ae_demo.training.console import STOPPED, handled_signals, interruptible, stop_requests
from ae_demo.ui import environment

HOME = Path(__file__).resolve().parent.parent


def start(script, *arguments, **variables):
    """A command under way, with changed environment variables; None removes one."""
    changed = os.environ | {"OMP_NUM_THREADS": "1"} | variables
    return subprocess.Popen(
        [sys.executable, str(HOME / script), *arguments], cwd=HOME, text=True, encoding="utf-8", errors="replace",
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={k: v for k, v in changed.items() if v is not None},
    )  # fmt: skip


def finish(process, timeout=200):
    out, err = process.communicate(timeout=timeout)
    return process.returncode, out, err


# Memory


def test_the_app_is_built_without_what_takes_much_memory_and_few_visitors_need():
    script = "import sys, app; app.build(); print(*(name for name, module in sys.modules.items() if module))"
    built = subprocess.run([sys.executable, "-c", script], cwd=HOME, capture_output=True, text=True, check=True)
    assert {"torch", "gradio"} < set(built.stdout.split())
    heavy = {"torchvision", "torch._dynamo", "diffusers", "openvino", "torchmetrics", "sklearn", "triton"}
    assert not heavy & set(built.stdout.split())


# Terminals


@pytest.mark.parametrize("argument", ["--list", "--help"])
def test_a_terminal_without_greek_gets_question_marks_and_every_line(argument):
    plain, poor = (start("train.py", argument, PYTHONIOENCODING=code) for code in ("utf-8", "ascii"))
    (status, expected, _), (poor_status, told, err) = finish(plain), finish(poor)
    assert status == poor_status == 0 and not err
    assert not expected.isascii() and told == re.sub(r"[^\x00-\x7f]", "?", expected)


# Ctrl-C


@pytest.fixture
def slow_torch(tmp_path):
    """A folder with a module torch that says that it is imported, and takes long."""
    (tmp_path / "torch.py").write_text("import time\nprint('importing', flush=True)\ntime.sleep(100)\n")
    return str(tmp_path)


@pytest.mark.parametrize(("script", "told"), [("train.py", STOPPED), ("app.py", "The app was stopped before it could")])
def test_ctrl_c_during_the_imports_is_one_sentence(script, told, slow_torch):
    process = start(script, "linear", PYTHONPATH=slow_torch)
    assert process.stdout.readline() == "importing\n"
    process.send_signal(signal.SIGINT)
    status, out, err = finish(process, timeout=20)
    assert (status, out) == (130, "") and err.startswith(f"\n{told}") and len(err.strip().splitlines()) == 1


def test_ctrl_c_interrupts_this_process_and_leaves_its_workers_to_it(tmp_path):
    """A terminal sends it to all of them; a worker that is interrupted shows a traceback."""
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt, match=re.escape(STOPPED)), interruptible():
        if (worker := os.fork()) == 0:
            with contextlib.suppress(BaseException):
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(0.1)
                (tmp_path / "finished").touch()
            os._exit(0)
        os.waitpid(worker, 0)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(10)
    assert (tmp_path / "finished").exists()
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda n: n.name)
def test_a_stop_request_that_came_too_late_for_the_last_step_stops_after_it(number):
    with pytest.raises(KeyboardInterrupt, match=re.escape(STOPPED)), stop_requests() as stop:
        os.kill(os.getpid(), number)
        assert stop == [number]


def test_signals_are_handled_as_before_after_a_failure():
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(ZeroDivisionError), handled_signals(signal.SIG_IGN, signal.SIGTERM):
        raise ZeroDivisionError
    assert signal.getsignal(signal.SIGTERM) is before


# The app's environment


@pytest.fixture
def variables(monkeypatch, tmp_path):
    """A function that sets environment variables, without those that are set already."""
    for name in ("PORT", "GRADIO_SERVER_PORT", "GRADIO_TEMP_DIR"):
        monkeypatch.setenv(name, "")  # so that what is tested is undone
        monkeypatch.delenv(name)

    def put(**values):
        for name, value in values.items():
            monkeypatch.setenv(name, str(value))

    put(GRADIO_TEMP_DIR=tmp_path / "uploads")
    return put


@pytest.mark.parametrize(
    ("values", "port"),
    [
        ({}, 7860),
        ({"PORT": "8080"}, 8080),
        ({"PORT": "8080", "GRADIO_SERVER_PORT": "9090"}, 9090),
        ({"PORT": "nonsense", "GRADIO_SERVER_PORT": "9090"}, 9090),
        ({"PORT": "8080", "GRADIO_SERVER_PORT": ""}, 8080),
        ({"PORT": ""}, 7860),
    ],
)
def test_the_port_is_gradio_s_or_that_of_the_host(values, port, variables):
    variables(**values)
    environment.prepare_environment()
    assert environment.named_port() == port


@pytest.mark.parametrize("name", ["PORT", "GRADIO_SERVER_PORT"])
@pytest.mark.parametrize("port", ["http", "0", "-1", "65536", "80.5", "²", " "])
def test_a_port_that_is_none_is_one_sentence(name, port, variables):
    variables(**{name: port})
    with pytest.raises(SystemExit) as caught:
        environment.prepare_environment()
    assert caught.value.code == f"{name} is {port!r}: set it to a number from 1 to 65535."


def test_a_folder_for_uploads_that_cannot_be_written_is_one_sentence(variables, tmp_path):
    (tmp_path / "file").touch()
    variables(GRADIO_TEMP_DIR=tmp_path / "file" / "uploads")
    with pytest.raises(SystemExit) as caught:
        environment.prepare_environment()
    assert caught.value.code == (
        f"{tmp_path / 'file' / 'uploads'} cannot be written (Not a directory): set GRADIO_TEMP_DIR to a folder for "
        "uploads."
    )


@pytest.mark.parametrize("values", [{"PORT": "http"}, {"GRADIO_TEMP_DIR": str(HOME / "app.py" / "uploads")}], ids=str)
def test_the_app_says_at_once_what_is_wrong_with_its_environment(values):
    status, out, err = finish(start("app.py", **{"GRADIO_SERVER_PORT": None} | values), timeout=20)
    assert (status, out) == (1, "") and len(err.splitlines()) == 1


class Served:
    """A page that Gradio serves on a port."""

    def __init__(self, port):
        self.server_port, self.waits = port, False

    def get_blocks(self):
        return self

    def block_thread(self):
        self.waits = True


@pytest.mark.parametrize(
    ("taken", "told"), [(7860, ""), (7861, "Port 7860 is in use: the app has taken 7861 instead.\n")]
)
def test_the_app_names_the_port_it_took_instead(taken, told, variables, monkeypatch, capsys):
    served = Served(taken)
    monkeypatch.setattr(app, "launch", lambda **options: (served, "", ""))
    environment.prepare_environment()
    app.main()
    assert capsys.readouterr().out == told and served.waits


def test_a_failure_of_the_system_at_the_start_is_one_sentence(monkeypatch):
    def refuse(**options):
        raise OSError("Cannot find empty port in range: 80-179.")

    monkeypatch.setattr(app, "launch", refuse)
    with pytest.raises(SystemExit) as caught:
        app.main()
    assert caught.value.code == "The app cannot start: Cannot find empty port in range: 80-179."


def test_the_app_takes_the_next_port_if_its_own_is_in_use_and_stops_at_ctrl_c(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        process = start("app.py", PORT=str(port), GRADIO_SERVER_PORT=None, GRADIO_TEMP_DIR=str(tmp_path))
        lines = []
        while not (lines and "in use" in lines[-1]):
            lines.append(process.stdout.readline())
            assert lines[-1], process.communicate()
        (taken,) = re.findall(rf"Port {port} is in use: the app has taken (\d+) instead\.", lines[-1])
        with socket.create_connection(("127.0.0.1", int(taken)), timeout=20):
            process.send_signal(signal.SIGINT)
    status, _, err = finish(process, timeout=60)
    assert status == 0 and not err


# Installation


@pytest.mark.parametrize(("target", "times"), [("app", 1), ("test", 2)])
def test_make_passes_arguments_to_every_pip(target, times):
    extra = "--extra-index-url https://download.pytorch.org/whl/cpu"
    command = ["make", "--dry-run", "--always-make", target, f"PIP_ARGS={extra}"]
    told = subprocess.run(command, cwd=HOME, capture_output=True, text=True, check=True).stdout
    installs = [line for line in told.splitlines() if "pip install" in line]
    assert len(installs) == times and all(extra in line for line in installs)
