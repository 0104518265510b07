"""Both diffusion tabs: films, forks, forward noise, editing and interpolation."""

import base64
import inspect
import time
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image

from ae_demo.data.datasets import fashion_mnist
from ae_demo.figures import data_uri, to_pil
from ae_demo.models.ddpm import DDPM
from ae_demo.models.samplers import SAMPLERS
from ae_demo.tabs import diffusion, diffusion_edit
from ae_demo.tabs.pictures import InputError


def pixels(uri):
    return np.asarray(Image.open(BytesIO(base64.b64decode(uri.partition(",")[2]))), dtype=float)


def last_of(run):
    *_, last = run
    return pixels(last["frame"]["x_t"])


def test_every_step_is_streamed_and_the_film_holds_them_all():
    frames = list(diffusion.sample(label=7, steps=6, seed=1))
    assert frames[0]["frame"]["step"] == 0 and frames[-1]["frame"]["step"] == 6
    film = frames[-1]["film"]
    assert [frame["step"] for frame in film] == list(range(7))
    assert [frame["t"] for frame in film] == [*DDPM(8).timesteps(6), 0]
    assert all(frame[name].startswith("data:image/png") for frame in film for name in ("x_t", "noise", "x0"))
    assert film[-1]["x_t"] == film[-1]["x0"], "at the end what is there is what is expected"
    assert "6 steps in" in film[-1]["note"]


def test_a_long_run_keeps_as_many_frames_as_a_short_one():
    *_, last = diffusion.sample(label=7, steps=130, seed=1, guidance=1)
    steps = [frame["step"] for frame in last["film"]]
    assert steps[0] == 0 and steps[-1] == 130 and 40 < len(steps) < 60


def test_the_same_seed_gives_the_same_picture():
    diffusion.network()  # loaded
    first, again, other = (last_of(diffusion.sample(label=1, steps=3, seed=seed)) for seed in (5, 5, 6))
    assert np.abs(first - again).mean() < 3, "up to the rounding of the fast path"
    assert np.abs(first - other).mean() > 5


@pytest.mark.parametrize("name", diffusion.NETWORKS)
def test_all_classes_come_from_the_same_noise_in_rows(name):
    frames = list(diffusion.sample(name, diffusion.ALL, steps=2))
    shape = diffusion.network(name)[0].shape
    n = len(diffusion.NETWORKS[name])
    columns = 5 if n == 10 else 4
    first = pixels(frames[0]["frame"]["x_t"])
    assert first.shape[:2] == (n // columns * shape[1], columns * shape[2])
    assert np.array_equal(first[: shape[1], : shape[2]], first[shape[1] :, : shape[2]][: shape[1]])
    assert np.abs(np.diff(last_of(frames).reshape(2, -1), axis=0)).mean() > 5


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_fork_without_a_change_leads_to_the_same_picture_and_each_change_elsewhere(sampler):
    tree = {}
    trunk = last_of(diffusion.sample(label=7, steps=10, seed=3, guidance=2.0, sampler=sampler, tree=tree))

    def forked(label=7, seed=3, guidance=2.0, sampler=sampler, run=0):
        frames = list(diffusion.fork({"run": run, "step": 4}, label, seed, guidance, sampler, tree))
        assert frames[0]["frame"]["step"] == frames[0]["at"] == 4 and frames[0]["parent"] == run
        return last_of(frames)

    same = np.abs(forked() - trunk).mean()
    assert same < (4 if sampler in ("ddim", "ddpm") else 12), "solvers have no past at a fork"
    others = [forked(label=8), forked(seed=4), forked(guidance=6.0), forked(label=8, run=1)]
    assert all(np.abs(other - trunk).mean() > 2 * same for other in others[:2])
    assert not np.array_equal(others[2], trunk)
    assert [run.parent for run in tree["runs"]] == [None, 0, 0, 0, 0, 1]


def test_a_fork_may_have_more_or_fewer_pictures_and_another_sampler():
    tree = {}
    list(diffusion.sample(label=diffusion.ALL, steps=5, tree=tree))
    assert last_of(diffusion.fork({"run": 0, "step": 2}, 3, 0, 2.0, "dpm++", tree)).shape == (28, 28)
    assert last_of(diffusion.fork({"run": 1, "step": 3}, diffusion.ALL, 7, 2.0, "ddpm", tree)).shape == (56, 140)


@pytest.mark.parametrize(
    ("where", "sentence"),
    [(None, "not kept"), ({"run": 1, "step": 0}, "not kept"), ({"run": 0, "step": 99}, "not kept"), ({}, "not kept"),
     ({"run": 0, "step": 3}, "last step"), ({"run": "0", "step": [1]}, "not kept")],
)  # fmt: skip
def test_forks_of_nothing_are_refused_in_one_sentence(where, sentence):
    tree = {}
    list(diffusion.sample(steps=3, tree=tree))
    with pytest.raises(InputError, match=sentence):
        list(diffusion.fork(where, 7, 0, 2.0, "ddim", tree))
    with pytest.raises(InputError, match="not kept"):
        list(diffusion.fork({"run": 0, "step": 1}, 7, 0, 2.0, "ddim"))


def test_a_tree_has_a_limit_and_a_new_sample_begins_a_new_one():
    tree = {}
    list(diffusion.sample(steps=2, tree=tree))
    for _ in range(diffusion.RUNS - 1):
        list(diffusion.fork({"run": 0, "step": 1}, 7, 0, 2.0, "ddim", tree))
    with pytest.raises(InputError, match="7 branches"):
        list(diffusion.fork({"run": 0, "step": 1}, 7, 0, 2.0, "ddim", tree))
    list(diffusion.sample(steps=2, tree=tree))
    assert len(tree["runs"]) == 1


@pytest.mark.parametrize(
    "change",
    [{"name": "vae-mnist"}, {"label": 10}, {"label": "shoe"}, {"steps": 0}, {"steps": 1001}, {"seed": -1},
     {"guidance": float("nan")}, {"guidance": None}, {"sampler": "euler"}, {"sampler": ["ddim"]}],
)  # fmt: skip
def test_settings_that_cannot_be_are_refused_in_one_sentence(change):
    with pytest.raises(InputError):
        next(diffusion.sample(**change))


def test_a_run_stops_within_one_step_when_it_is_closed():
    diffusion.network()
    run = diffusion.sample(label=0, steps=1000)
    steps = [next(run)["frame"]["step"] for _ in range(2)]
    begun = time.monotonic()
    run.close()
    assert time.monotonic() - begun < 0.5
    assert steps[-1] < 900


def test_five_visitors_at_once_all_see_progress():
    diffusion.network()
    begun = time.monotonic()

    def visit(seed):
        return [time.monotonic() - begun for _ in diffusion.sample(steps=40, seed=seed)]

    with ThreadPoolExecutor(5) as pool:
        times = list(pool.map(visit, range(5)))
    whole = max(seen[-1] for seen in times)
    assert all(len(seen) >= 5 for seen in times)
    assert all(seen[2] < 0.6 * whole for seen in times), "nobody waits for the others to finish"


def test_the_loop_that_is_shown_is_the_loop_that_runs():
    shown = diffusion.source(DDPM.denoise, "v = ", "x = advance").splitlines()
    assert len(shown) == 4
    running = [line.strip() for line in inspect.getsource(DDPM.denoise).splitlines()]
    assert all(line in running for line in shown)


def test_the_schedule_is_the_one_of_diffusers():
    from diffusers import DDPMScheduler

    shown, scheduler = diffusion.schedule(), DDPMScheduler(1000, beta_schedule="squaredcos_cap_v2")
    assert shown["t"][0] == 0 and shown["t"][-1] == 999
    assert shown["beta"] == pytest.approx(scheduler.betas[shown["t"]].tolist(), abs=2e-4)
    assert shown["alpha_bar"] == pytest.approx(scheduler.alphas_cumprod[shown["t"]].tolist(), abs=1e-4)
    assert shown["snr"] == sorted(shown["snr"], reverse=True)


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
    model, _ = diffusion.network()
    row = diffusion_edit.edit(boot, label=9, t=599, seed=4)
    a, s = model.level(599)
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
    films = [diffusion_edit.between_noises(label=9, seed=1, other=other)[0] for other in (2, 1)]
    there, still = (pixels(film["src"]) for film in films)
    side = 3 * 30  # pixels and a gap, enlarged
    assert there.shape == still.shape == (side, diffusion_edit.BETWEEN * side)
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
