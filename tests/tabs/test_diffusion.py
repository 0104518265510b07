"""Both diffusion tabs: films, forks, forward noise, editing and interpolation."""

import base64
import inspect
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image

from ae_demo.data.mnist import fashion_mnist
from ae_demo.figures import data_uri, to_pil
from ae_demo.models.ddpm import DDPM
from ae_demo.models.samplers import SAMPLERS
from ae_demo.tabs import diffusion, diffusion_edit
from ae_demo.ui import networks
from ae_demo.ui.defaults import DIFFUSION_NETWORKS, class_labels
from ae_demo.ui.inputs import InputError

GONE = "no longer kept"


def open_picture(uri):
    return Image.open(BytesIO(base64.b64decode(uri.partition(",")[2])))


def pixels(uri):
    return np.asarray(open_picture(uri), dtype=float)


def last_of(run):
    *_, last = run
    return pixels(last["frames"][-1]["x_t"])


def test_every_step_is_streamed_and_the_last_message_holds_them_all():
    told = list(diffusion.sample(label=7, steps=6, seed=1))
    assert told[0]["frames"] == [] and not told[0]["done"], "a sign of life before the first step"
    streamed = [frame["step"] for message in told[:-1] for frame in message["frames"]]
    assert streamed == sorted(streamed) and streamed[0] == 0
    film = told[-1]["frames"]
    assert told[-1]["done"] and [frame["step"] for frame in film] == list(range(7))
    assert [frame["t"] for frame in film] == [*DDPM(8).timesteps(6), 0]
    assert all(frame[name].startswith("data:image/png") for frame in film for name in ("x_t", "noise", "x0"))
    assert film[-1]["x_t"] == film[-1]["x0"], "at the end what is there is what is expected"
    assert "6 steps in" in film[-1]["note"]


def test_a_long_run_keeps_as_many_frames_as_a_short_one():
    *_, last = diffusion.sample(label=7, steps=130, seed=1, guidance=1)
    steps = [frame["step"] for frame in last["frames"]]
    assert steps[0] == 0 and steps[-1] == 130 and 40 < len(steps) < 60


def test_the_same_seed_gives_the_same_picture():
    networks.network("ddpm-fashion")  # loaded
    first, again, other = (last_of(diffusion.sample(label=1, steps=3, seed=seed)) for seed in (5, 5, 6))
    assert np.abs(first - again).mean() < 3, "up to the rounding of the fast path"
    assert np.abs(first - other).mean() > 5


@pytest.mark.parametrize("name", DIFFUSION_NETWORKS)
def test_all_classes_come_from_the_same_noise_in_rows(name):
    told = list(diffusion.sample(name, diffusion.ALL_CLASSES, steps=2))
    shape = networks.network(name).shape
    n = len(class_labels(name))
    columns = 5 if n == 10 else 4
    first = pixels(told[-1]["frames"][0]["x_t"])
    assert first.shape[:2] == (n // columns * shape[1], columns * shape[2])
    assert np.array_equal(first[: shape[1], : shape[2]], first[shape[1] :, : shape[2]][: shape[1]])
    assert np.abs(np.diff(last_of(told).reshape(2, -1), axis=0)).mean() > 5


def forked(tree, run=0, step=4, name="ddpm-fashion", label=7, seed=3, guidance=2.0, sampler="ddim"):
    """Return the answers of the app to a branch of the tree."""
    where = {"tree": tree.id, "run": run, "step": step}
    return list(diffusion.fork(where, name, label, seed, guidance, sampler, tree))


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_fork_without_a_change_leads_to_the_same_picture_and_each_change_elsewhere(sampler):
    tree = diffusion.Tree()
    trunk = last_of(diffusion.sample(label=7, steps=10, seed=3, guidance=2.0, sampler=sampler, tree=tree))

    def branch(**changes):
        told = forked(tree, **{"sampler": sampler} | changes)
        assert told[-1]["frames"][0]["step"] == told[-1]["at"] == 4
        assert told[-1]["parent"] == changes.get("run", 0)
        assert "6 steps in" in told[-1]["frames"][-1]["note"]
        return last_of(told)

    same = np.abs(branch() - trunk).mean()
    assert same < (4 if sampler in ("ddim", "ddpm") else 12), "solvers have no past at a fork"
    others = [branch(label=8), branch(seed=4), branch(guidance=6.0), branch(label=8, run=1)]
    assert all(np.abs(other - trunk).mean() > 2 * same for other in others[:2])
    assert not np.array_equal(others[2], trunk)
    assert [run.parent for run in tree.runs] == [None, 0, 0, 0, 0, 1]


def test_a_fork_may_have_more_or_fewer_pictures_and_another_sampler_or_network():
    tree = diffusion.Tree()
    list(diffusion.sample(label=diffusion.ALL_CLASSES, steps=5, tree=tree))
    assert last_of(forked(tree, step=2, label=3, seed=0, sampler="dpm++")).shape == (28, 28)
    assert last_of(forked(tree, 1, 3, label=diffusion.ALL_CLASSES, seed=7, sampler="ddpm")).shape == (56, 140)
    assert last_of(forked(tree, step=2, name=diffusion.STUDENT)).shape == (28, 28)
    with pytest.raises(InputError, match="same classes as Clothing"):
        forked(tree, step=2, name="ddpm-mnist")


@pytest.mark.parametrize(
    ("where", "sentence"),
    [({"run": 1}, GONE), ({"step": 99}, GONE), ({"run": -1}, GONE), ({"step": 3}, "last step"),
     ({"run": "0"}, GONE), ({"run": 0.0}, GONE), ({"step": [1]}, GONE), ({"step": 1.0}, GONE),
     ({"step": True}, GONE), ({"tree": 1.5}, GONE), ({"tree": None}, GONE)],
)  # fmt: skip
def test_forks_of_nothing_are_refused_in_one_sentence(where, sentence):
    tree = diffusion.Tree()
    list(diffusion.sample(steps=3, tree=tree))
    where = {"tree": tree.id, "run": 0, "step": 1} | where
    with pytest.raises(InputError, match=sentence):
        list(diffusion.fork(where, "ddpm-fashion", 7, 0, 2.0, "ddim", tree))


@pytest.mark.parametrize("where", [None, {}, "0", {"tree": 0.0, "run": 0, "step": 0}])
def test_nothing_can_be_forked_before_something_was_sampled(where):
    with pytest.raises(InputError, match=GONE):
        list(diffusion.fork(where, "ddpm-fashion", 7, 0, 2.0, "ddim"))


def test_a_tree_has_a_limit_and_a_new_sample_begins_a_new_one():
    tree = diffusion.Tree()
    list(diffusion.sample(steps=2, tree=tree))
    for seed in range(diffusion.MAX_RUNS - 1):
        forked(tree, step=1, seed=seed)
        if seed == 0:
            with pytest.raises(InputError, match="exists already"):
                forked(tree, step=1, seed=0)
    with pytest.raises(InputError, match="7 branches"):
        forked(tree, step=1, seed=9)
    list(diffusion.sample(steps=2, tree=tree))
    assert len(tree.runs) == 1


@pytest.mark.parametrize(
    "change",
    [{"name": "vae-mnist"}, {"label": 10}, {"label": "shoe"}, {"steps": 0}, {"steps": 1001}, {"seed": -1},
     {"guidance": float("nan")}, {"guidance": None}, {"sampler": "euler"}, {"sampler": ["ddim"]}],
)  # fmt: skip
def test_settings_that_cannot_be_are_refused_in_one_sentence(change):
    with pytest.raises(InputError):
        next(diffusion.sample(**change))


@pytest.fixture
def answers(monkeypatch):
    """How often the network was asked, a list of times."""
    net, asked = networks.fast_network("ddpm-fashion"), []

    class Listening:
        model = net.model

        def __call__(self, *inputs):
            asked.append(time.monotonic())
            return net(*inputs)

    monkeypatch.setattr(diffusion, "fast_network", lambda name: Listening())
    return asked


def in_the_background(run):
    thread = threading.Thread(target=lambda: list(run))
    thread.start()
    return thread


@pytest.mark.parametrize("end", ["stop", "another sample"])
def test_a_run_ends_within_one_step(answers, end):
    tree = diffusion.Tree()
    thread = in_the_background(diffusion.sample(label=0, steps=1000, tree=tree))
    while len(answers) < 5:
        time.sleep(0.01)
    if end == "stop":
        assert diffusion.stop(tree)["stopped"] > tree.id
    else:
        next(diffusion.sample(steps=2, tree=tree))
    ended = time.monotonic()
    thread.join(5)
    assert not thread.is_alive()
    assert len([asked for asked in answers if asked > ended]) <= 1
    assert len(answers) < 500


def test_what_a_stopped_run_has_shown_can_still_be_forked():
    tree = diffusion.Tree()
    run = diffusion.sample(label=0, steps=1000, tree=tree)
    for _ in range(4):
        next(run)
    diffusion.stop(tree)
    assert list(run) == []
    assert len(forked(tree, step=0)[-1]["frames"]) > 40


def test_after_a_stop_a_branch_may_begin_again_once_and_finished_ones_are_still_refused():
    tree = diffusion.Tree()
    list(diffusion.sample(label=0, steps=6, tree=tree))
    forked(tree, step=2, label=8)
    where = {"tree": tree.id, "run": 0, "step": 2}
    cancelled = diffusion.fork(where, "ddpm-fashion", 9, 3, 2.0, "ddim", tree)
    next(cancelled)
    diffusion.stop(tree)
    assert list(cancelled) == []
    with pytest.raises(InputError, match="exists already"):
        forked(tree, step=2, label=8)
    assert forked(tree, step=2, label=9)[-1]["done"], "what was cancelled begins again"
    with pytest.raises(InputError, match="exists already"):
        forked(tree, step=2, label=9)


def test_two_who_are_the_first_at_once_get_the_same_network():
    networks._networks.pop("ddpm-fashion", None)
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(networks.fast_network, ["ddpm-fashion"] * 2)
    assert first is second


def test_five_visitors_at_once_all_see_progress():
    networks.network("ddpm-fashion")
    begun = time.monotonic()

    def visit(seed):
        return [time.monotonic() - begun for _ in diffusion.sample(steps=40, seed=seed)]

    with ThreadPoolExecutor(5) as pool:
        times = list(pool.map(visit, range(5)))
    whole = max(seen[-1] for seen in times)
    assert all(len(seen) >= 5 for seen in times)
    assert all(seen[2] < 0.6 * whole for seen in times), "nobody waits for the others to finish"


def test_the_loop_that_is_shown_is_the_loop_that_runs():
    shown = diffusion.source_lines(DDPM.denoise, "v = ", "x = advance").splitlines()
    assert len(shown) == 4
    running = [line.strip() for line in inspect.getsource(DDPM.denoise).splitlines()]
    assert all(line in running for line in shown)


def test_the_schedule_is_the_one_of_diffusers():
    from diffusers import DDPMScheduler

    scheduler = DDPMScheduler(1000, beta_schedule="squaredcos_cap_v2")
    t, beta, alpha_bar, snr = zip(*(at.values() for at in diffusion.schedule("ddpm-fashion")), strict=True)
    assert t[0] == 0 and t[-1] == 999
    assert beta == pytest.approx(scheduler.betas[list(t)].tolist(), abs=2e-4)
    assert alpha_bar == pytest.approx(scheduler.alphas_cumprod[list(t)].tolist(), abs=1e-4)
    assert list(snr) == sorted(snr, reverse=True)


# Noise and back


def pad(label, hints=None):
    image = to_pil(fashion_mnist(split="sample")[100 * label + 3]["image"])
    return {"lines": data_uri(image), "hints": data_uri(hints) if hints else ""}


def shown(row):
    return [pixels(one["src"]) for one in row]


def test_little_noise_keeps_a_picture_and_much_noise_forgets_it():
    boot = pad(9)
    errors = []
    for t in (49, 499, 999):
        x0, _, _, back = shown(diffusion_edit.edit(boot, label=9, t=t))
        errors.append(np.abs(x0 - back).mean())
    assert errors == sorted(errors) and errors[0] < 12 < errors[2]


def test_the_noise_of_a_time_is_what_the_formula_says():
    boot = pad(9)
    model = networks.network("ddpm-fashion")
    row = diffusion_edit.edit(boot, label=9, t=599, seed=4)
    a, s = model.alpha_sigma_at(599)
    x0 = torch.from_numpy(pixels(row[0]["src"])) / 255 * 2 - 1
    expected = 255 * ((a * x0 + s * model.noise(1, 4)[0, 0]) / 2 + 0.5).clamp(0, 1)
    assert np.abs(expected.numpy() - pixels(row[1]["src"])).max() < 2
    assert f"SNR {20 * np.log10(a / s):.1f} dB" in row[1]["note"]


def test_another_class_becomes_another_thing():
    boot = pad(9)
    same, other = (shown(diffusion_edit.edit(boot, label=label, t=899))[-1] for label in (9, 1))
    assert np.abs(same - other).mean() > 15


def test_only_what_is_brushed_is_made_anew():
    hints = Image.new("RGBA", (280, 280))
    hints.paste((255, 0, 0, 255), (0, 0, 280, 140))
    x0, _, _, back = shown(diffusion_edit.edit(pad(0, hints), label=3, t=999))
    assert np.abs(x0 - back)[15:].max() <= 2, "the lower half stays"
    assert np.abs(x0 - back)[:13].mean() > 4


def test_a_film_leads_from_one_noise_to_another():
    films = [diffusion_edit.interpolate_noise(label=9, seed=1, other=other)[0] for other in (2, 1)]
    there, still = (pixels(film["src"]) for film in films)
    side = 3 * 30  # pixels and a gap, enlarged
    assert there.shape == still.shape == (side, diffusion_edit.FILM_PICTURES * side)
    first, last = there[:, :side], there[:, -side:]
    assert np.abs(first - last).mean() > 5
    assert np.abs(still[:, :side] - still[:, -side:]).mean() < 2, "from a noise to itself"
    assert np.abs(still[:, :side] - first).mean() < 2


@pytest.mark.parametrize(
    "change",
    [{"pad": None}, {"pad": {"lines": ""}}, {"pad": {"lines": "/etc/passwd"}}, {"pad": {"lines": 3}}, {"t": -1},
     {"label": 11}, {"name": "ddpm-emoji"}, {"guidance": "much"}, {"seed": float("inf")}],
)  # fmt: skip
def test_edits_that_cannot_be_are_refused_in_one_sentence(change):
    with pytest.raises(InputError):
        diffusion_edit.edit(**({"pad": pad(9)} | change))


@pytest.mark.parametrize("kind", ["gif", "webp"])
def test_the_film_of_a_run_shows_every_step_and_rests_at_the_end(kind):
    film = diffusion.download_film("ddpm-mnist", 4, steps=3, seed=1, kind=kind)
    opened = open_picture(film["src"])
    assert film["name"] == f"ddpm-mnist-1.{kind}" and opened.format.lower() == kind and opened.size == (224, 224)
    last = diffusion.FRAMES_AT_END + 1
    assert opened.n_frames in (4, 3 + last)  # a GIF shows the last one for longer
    *_, run = diffusion.sample("ddpm-mnist", 4, 3, 1)
    opened.seek(opened.n_frames - 1)
    final = np.asarray(open_picture(run["frames"][-1]["x_t"]).convert("L"), dtype=float)
    assert np.abs(np.asarray(opened.convert("L").resize((28, 28), Image.Resampling.NEAREST)) - final).mean() < 4
