"""Every name that the README and the model cards mention does what they say: endpoints, and lines of Python."""

import re
from pathlib import Path

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

import app
from ae_demo import checkpoints
from ae_demo.training.recipes import RECIPES

HOME = Path(__file__).resolve().parent.parent
README = (HOME / "README.md").read_text(encoding="utf-8")


class Recording(Client):
    """A client that remembers whom it asked."""

    asked: set[str]

    def submit(self, *args, api_name, **kwargs):
        self.asked.add(api_name)
        return super().submit(*args, api_name=api_name, **kwargs)


@pytest.fixture(scope="module")
def client():
    """A visitor of the app, which this process serves."""
    server, url, _ = app.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1", server_port=None)
    visitor = Recording(url, verbose=False)
    visitor.asked = set()
    yield visitor
    server.get_blocks().close(verbose=False)


def test_every_endpoint_answers_without_a_browser(client):
    picture = client.predict(3, api_name="/load_example_picture")
    (clean, given, *_), compared = client.predict(picture, "blur", 0.5, 0, api_name="/restore")
    assert clean["src"].startswith("data:image/png") and "PSNR" in given["note"] and compared["before"] == given["src"]
    assert len(client.predict(picture, api_name="/super_resolve")) == 5
    assert len(client.predict(picture, 16, api_name="/compress")) == 4
    assert len(client.predict(picture, api_name="/neighbours")) == 9
    at, near = client.predict("pca", "pca", picture, api_name="/place_drawing")
    assert len(at) == 2 and len(near) == 9
    assert len(client.predict("nested", 3, 5, api_name="/inspect_code")) == 11
    assert len(client.predict("mnist", 0.0, picture, 1, api_name="/encode_picture")) == 8
    assert client.predict("mnist", 0.0, picture, picture, True, api_name="/draw_path")[0]["src"]
    assert len(client.predict("fashion", 0.5, 0.5, api_name="/decode_labels")) == 10
    sketch, _ = client.predict(0, api_name="/load_example")
    assert len(client.predict(sketch, True, True, api_name="/colorize")) == 4
    frog, pig = (client.predict(sketch, True, True, name, "noto", api_name="/colorize") for name in ("frog", "pig"))
    assert frog[0]["src"] != pig[0]["src"] and frog[1]["src"] == pig[1]["src"]
    assert {"name", "code_point", "probability"} == set(client.predict(sketch, api_name="/recognize")[0])
    choices = client.predict(sketch, 1, True, True, api_name="/variants")
    assert len(choices["pictures"]) == 5
    chosen = client.predict({"picked": 2}, sketch, 1, api_name="/continue_from")
    assert chosen["lines"] == sketch["lines"] and chosen["hints"].startswith("data:image/png")
    layer = client.predict(chosen, "lines", True, api_name="/download_layers")
    assert layer["name"] == "coloured-lines.png"
    assert client.predict("mnist", -3.0, 0.0, 0.0, api_name="/decode_point")[0]["src"]
    gan = ("ring", "", "hinge", -3, -3, 1, 0.0, 16, 2, "normal", 0)
    steps = [client.predict({"do": "both"}, *gan, api_name="/train_gan")["step"] for _ in range(2)]
    assert steps == [1, 2], "a visitor's run is kept"
    zeros = [0] * 9
    (face,) = client.predict(3, 0.8, *zeros, api_name="/paint_face")
    assert "% real" in face["note"] and len(client.predict(3, 0.8, api_name="/paint_faces")["pictures"]) == 12
    assert client.predict(3, 4, 0.8, api_name="/between_faces")[0]["src"]
    assert client.predict(3, 4, 0.8, "gif", api_name="/download_loop")["src"].startswith("data:image/gif")
    assert "found" in client.predict({"lines": face["src"], "hints": ""}, api_name="/find_face")[1]["note"]
    game, row = client.predict({}, "", api_name="/play_game")
    assert "Face 1 of 10" in row[0]["title"]
    assert client.predict(game, "real", api_name="/play_game")[0]["answers"] == [True]
    assert len(client.predict(0.5, api_name="/watch_learning")) == 2
    job = client.submit("ddpm-fashion", 7, 4, 0, 2.0, "ddim", api_name="/sample")
    trunk = job.result(timeout=60)
    assert len(trunk["frames"]) == 5
    where = {"tree": trunk["tree"], "run": 0, "step": 2}
    branch = client.predict(where, "ddpm-fashion", 8, 0, 2.0, "ddim", api_name="/fork")
    assert branch["parent"] == 0 and len(branch["frames"]) == 3
    with pytest.raises(AppError, match="no longer kept"):
        client.predict(where | {"step": [2]}, "ddpm-fashion", 8, 0, 2.0, "ddim", api_name="/fork")
    assert client.predict(api_name="/stop")["stopped"] > trunk["tree"]
    on_pad = {"lines": picture, "hints": ""}
    assert len(client.predict(on_pad, "ddpm-fashion", 9, 599, 0, 2.0, api_name="/edit")) == 4
    assert client.predict("ddpm-mnist", 3, 0, 1, 2.0, api_name="/between_noises")[0]["src"]
    assert "<svg" in client.predict("ddpm-mnist", api_name="/sampler_quality")
    drawn = handle_file(HOME / "checkpoints/dcgan-faces/samples.png")
    for name in ("/load_picture", "/load_drawing", "/load_face", "/super_resolve_color"):
        assert client.predict(drawn, api_name=name)
    assert client.predict(drawn, sketch, api_name="/load_palette")["palette"]
    assert client.predict(picture, api_name="/rate_distortion")
    assert client.predict("blur", 0.5, api_name="/level_map")["rows"]
    assert client.predict(0, api_name="/load_emoji")
    assert len(client.predict(picture, api_name="/family")) == 10
    assert "vae-mnist" in client.predict("vae-mnist", api_name="/inspect_model")[1]
    tune = client.predict("3/4", 0.5, 7, 8, api_name="/sample_melody")
    assert tune["metre"] == "3/4" and tune["notes"]
    assert client.predict(tune, api_name="/encode_melody")["kept"] > 0.5
    assert len(client.predict(tune, tune, 5, api_name="/interpolate_melodies")["path"]) == 5
    assert client.predict(tune, 1, 0, 0, 0, "rhythm", api_name="/change_melody")["bars"] == 8
    measuring = client.submit(api_name="/measure_models")
    assert "<table" in next(iter(measuring))
    measuring.cancel()
    public = set(client.view_api(return_format="dict")["named_endpoints"])
    for name in public - client.asked:  # of a tab that is newer than this test: its own examples
        parameters = client.view_api(return_format="dict")["named_endpoints"][name]["parameters"]
        client.predict(*(one["example_input"] for one in parameters), api_name=name)
    assert set(re.findall(r"`(/[a-z_]+)`", README)) <= client.asked == public


def blocks_of_python(text):
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


def test_the_lines_of_the_readme_run():
    blocks = blocks_of_python(README)
    assert blocks
    for block in blocks:
        exec(block, {})


@pytest.mark.parametrize("name", RECIPES)
def test_the_lines_of_the_cards_load_the_model(name):
    (block,) = blocks_of_python((checkpoints.ROOT / name / checkpoints.CARD_FILE).read_text(encoding="utf-8"))
    scope = {}
    exec(block, scope)
    assert checkpoints.count_parameters(scope["model"]) == checkpoints.metadata(name)["model"]["parameters"]
