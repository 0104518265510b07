"""Shapes, ranges and sizes of the networks; the sampler against diffusers."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from ae_demo.checkpoints import count_parameters
from ae_demo.models.autoencoder import Autoencoder
from ae_demo.models.colorization import Colorization, ColorizationBaseline
from ae_demo.models.colorization_concept import ConceptColorization
from ae_demo.models.ddpm import DDPM, SCHEDULE, to_pixels
from ae_demo.models.samplers import SAMPLERS
from ae_demo.models.unet import Attention
from ae_demo.models.vae import VAE
from ae_demo.training.recipes import RECIPES
from tests.benchmarks.sampling import Labelled

HOME = Path(__file__).resolve().parents[2]


def test_the_baseline_is_the_course_notes_network_layer_by_layer():
    model = ColorizationBaseline()
    layers = [*model.encoder, *model.decoder]
    assert [type(layer) for layer in layers] == [
        nn.Conv2d, nn.ReLU, nn.Conv2d, nn.ReLU, nn.ConvTranspose2d, nn.ReLU, nn.ConvTranspose2d, nn.Tanh,
    ]  # fmt: skip
    channels = [(layer.in_channels, layer.out_channels) for layer in layers[::2]]
    assert channels == [(3, 64), (64, 128), (128, 64), (64, 3)]
    for layer in layers[::2]:
        assert (layer.kernel_size, layer.stride, layer.padding) == ((4, 4), (2, 2), (1, 1))
    assert count_parameters(model) == 268_547


def test_the_baseline_sees_the_sketch_in_three_channels_from_minus_one_to_one():
    model, seen = ColorizationBaseline(width=8), []
    model.encoder.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    sketch = torch.rand(1, 1, 8, 8)
    model(sketch)
    assert torch.allclose(seen[0], sketch.expand(1, 3, 8, 8) * 2 - 1)


@pytest.mark.parametrize(("depth", "code", "count"), [(3, (64, 4, 4), 46_529), (4, (32, 2, 2), 83_489)])
def test_autoencoders_have_the_course_notes_codes(depth, code, count):
    model = Autoencoder(width=16, depth=depth)
    x = torch.rand(2, 1, 28, 28)
    assert model.encoder(x).shape == (2, *code)
    assert model(x).shape == x.shape
    assert count_parameters(model) == count


@pytest.mark.parametrize("make", [Colorization, ColorizationBaseline])
@pytest.mark.parametrize("size", [64, 128])
def test_colorization_keeps_the_size_and_stays_in_range(make, size):
    color = make(width=8).eval()(torch.rand(2, 1, size, size))
    assert color.shape == (2, 3, size, size)
    assert 0 <= color.min() and color.max() <= 1


def test_a_hint_changes_the_answer_and_no_hint_is_the_same_as_empty_hints():
    model, sketch = Colorization(width=8).eval(), torch.rand(1, 1, 64, 64)
    hints = torch.zeros(1, 4, 64, 64)
    assert torch.equal(model(sketch), model(sketch, hints))
    hints[:, 2:, 20:24, 20:24] = 1
    assert not torch.equal(model(sketch), model(sketch, hints))
    black = torch.zeros(1, 4, 64, 64)
    black[:, 3, 20:24, 20:24] = 1
    assert not torch.equal(model(sketch), model(sketch, black)), "black is a hint, too"


def test_the_colorization_that_is_trained_has_at_most_five_million_weights():
    assert count_parameters(RECIPES["colorization"].build()) <= 5_000_000


def test_attention_lets_one_corner_change_the_other():
    model = Colorization(width=8).eval()
    sketch = torch.ones(1, 1, 256, 256)
    other = sketch.clone()
    other[..., :32, :32] = 0
    assert not torch.equal(model(sketch)[..., -16:, -16:], model(other)[..., -16:, -16:])


@pytest.mark.parametrize("heads", [1, 4])
def test_attention_is_that_of_pytorch_with_the_same_weights(heads):
    layer, x = Attention(16, heads), torch.randn(2, 16, 3, 5)
    layer.qkv.weight.data *= 4  # or the softmax would be even whatever its scale
    each = layer.qkv(layer.norm(x)).flatten(2).transpose(1, 2)  # (N, H W, 3 C): all queries, all keys, all values
    q, k, v = (part.unflatten(2, (heads, -1)).transpose(1, 2) for part in each.split(16, dim=2))
    mixed = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
    expected = x + layer.out(mixed.transpose(1, 2).unflatten(2, (3, 5)))
    assert torch.allclose(layer(x), expected, atol=1e-5)


def test_vae_decodes_to_pixels():
    model = VAE(width=8)
    x = model.decode(torch.randn(3, 2))
    assert x.shape == (3, 1, 28, 28) and 0 <= x.min() and x.max() <= 1
    mu, logvar = model.encode(x)
    assert mu.shape == logvar.shape == (3, 2)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_sampling_repeats_with_its_seed_and_goes_on_where_it_was_left(sampler):
    model, y = DDPM(width=8).eval(), torch.tensor([3, 4])
    runs = [list(model.sample(y, 5, guidance=2.0, sampler=sampler, seed=seed)) for seed in (0, 0, 1)]
    assert [step.t for step in runs[0]] == [999, 799, 599, 399, 199, -1]
    assert all(torch.equal(a.x_t, b.x_t) for a, b in zip(runs[0], runs[1], strict=True))
    assert not torch.equal(runs[0][-1].x_t, runs[2][-1].x_t)
    assert all(step.x0.abs().max() <= 1 for step in runs[0])
    later = list(model.denoise(runs[0][2].x_t, y, 5, first=2, guidance=2.0, sampler=sampler, seed=0))
    assert [step.t for step in later] == [599, 399, 199, -1]
    if sampler in ("ddim", "ddpm"):  # the others remember what was before
        assert all(torch.equal(a.x_t, b.x_t) for a, b in zip(runs[0][2:], later, strict=True))


def test_every_step_explains_what_it_sees():
    model = DDPM(width=8).eval()
    for t, x_t, noise, x0 in list(model.sample(torch.tensor([1]), 4, seed=2))[:-1]:
        a, s = model.alpha_sigma_at(t)
        assert torch.allclose(x_t, a * x0 + s * noise, atol=1e-5)


@pytest.mark.parametrize("sampler", ["ddim", "ddpm"])
def test_what_is_known_stays(sampler):
    model = DDPM(width=8).eval()
    picture, mask = torch.rand(1, 1, 28, 28) * 2 - 1, torch.zeros(1, 1, 28, 28)
    mask[..., :14] = 1
    *_, last = model.sample(torch.tensor([1]), 8, sampler=sampler, known_region=(picture, mask))
    assert torch.allclose(last.x_t[..., :14], picture[..., :14], atol=1e-4)
    assert (last.x_t[..., 14:] - picture[..., 14:]).abs().mean() > 0.1


IMPORTS = """
import threading
from ae_demo.models import ddpm, samplers
from ae_demo.training.loops import _running_average
failures, ready = [], threading.Barrier(6)

def use(work):
    ready.wait()
    try:
        work()
    except Exception as error:
        failures.append(repr(error))

works = [lambda: ddpm.DDPM(width=8), lambda: list(ddpm.SAMPLERS["unipc"]([999, 499], 0, None, num_train_timesteps=1000)
         for _ in range(1)), lambda: samplers.import_diffusers().DPMSolverMultistepScheduler] * 2
threads = [threading.Thread(target=use, args=(work,)) for work in works]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(failures)
"""


def test_six_threads_that_need_diffusers_at_once_all_get_it():
    done = subprocess.run([sys.executable, "-c", IMPORTS], cwd=HOME, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr[-2000:]


def test_all_that_is_made_for_a_network_is_on_its_device():
    """The device "meta" holds no numbers, but refuses to be mixed with others."""
    model = DDPM(width=8).to("meta")
    assert model.noise(2, 0).device.type == "meta"
    seen = []

    def net(x, t, y):
        seen.append({each.device.type for each in (x, t, y)})
        return x

    y = torch.zeros(2, dtype=torch.long, device="meta")
    model._guided(net, model.noise(2, 0), 5, y, guidance=1.0)
    model._guided(net, model.noise(2, 0), 5, y, guidance=2.0)
    assert seen == [{"meta"}, {"meta"}]
    assert model.alpha_sigma(y)[0].device.type == "meta"


def test_the_palette_moves_with_its_network_and_is_no_weight():
    model = ConceptColorization(["#808080", "#ff0000"], 5, 2, width=8)
    assert not {"palette", "is_grey"} & set(model.state_dict())
    assert model.is_grey.tolist() == [True, False]
    assert {buffer.device.type for buffer in model.to("meta").buffers()} == {"meta"}


def test_guidance_of_one_asks_once_and_two_asks_twice():
    model, asked = DDPM(width=8).eval(), []

    def net(x, t, y):
        asked.append(y.tolist())
        return torch.zeros_like(x)

    list(model.sample(torch.tensor([3]), 2, guidance=1.0, net=net))
    list(model.sample(torch.tensor([3]), 1, guidance=2.0, net=net))
    assert asked == [[3], [3], [3, 10]]


@pytest.mark.parametrize(("sampler", "steps"), [("ddim", 10), ("ddpm", 10), ("ddpm", 1000)])
def test_the_hand_written_loop_is_the_pipeline_of_diffusers(sampler, steps):
    """The same network, seed and steps through diffusers' own DDIMPipeline and DDPMPipeline."""
    import diffusers

    model, y = DDPM(width=8).eval(), torch.tensor([1, 2])
    settings = {"prediction_type": "v_prediction", "timestep_spacing": "trailing", "clip_sample": True, **SCHEDULE}
    if sampler == "ddim":
        scheduler = diffusers.DDIMScheduler(1000, set_alpha_to_one=True, **settings)
        pipeline = diffusers.DDIMPipeline(Labelled(model, y), scheduler)
    else:
        pipeline = diffusers.DDPMPipeline(Labelled(model, y), diffusers.DDPMScheduler(1000, **settings))
    pipeline.set_progress_bar_config(disable=True)
    options = {"use_clipped_model_output": True} if sampler == "ddim" else {}
    theirs = pipeline(
        len(y), torch.Generator().manual_seed(5), num_inference_steps=steps, output_type="pt", **options
    ).images  # fmt: skip
    *_, last = model.sample(y, steps, sampler=sampler, seed=5)
    theirs = torch.as_tensor(theirs)
    assert torch.allclose(to_pixels(last.x_t), theirs, atol=2e-3)


@pytest.mark.parametrize("kind", ["DPMSolverMultistepScheduler", "UniPCMultistepScheduler"])
def test_the_solvers_are_those_of_diffusers_at_our_times(kind):
    """Where diffusers' own times are as many as the steps, all by diffusers alone gives the same."""
    import diffusers

    model, y, steps = DDPM(width=8).eval(), torch.tensor([1, 2]), 8
    solver = getattr(diffusers, kind)(
        1000, prediction_type="sample", timestep_spacing="trailing", solver_order=2, **SCHEDULE
    )  # fmt: skip
    solver.set_timesteps(steps)
    x = model.noise(2, 5)
    for t in solver.timesteps:
        a, s = model.alpha_sigma_at(int(t))
        with torch.inference_mode():
            v = model(x, t.expand(2), y)
        x = solver.step((a * x - s * v).clamp(-1, 1), t, x).prev_sample
    sampler = "dpm++" if kind.startswith("DPM") else "unipc"
    *_, last = model.sample(y, steps, sampler=sampler, seed=5)
    assert torch.allclose(last.x_t, x, atol=1e-4)


@pytest.mark.parametrize("sampler", ["dpm++", "unipc"])
@pytest.mark.parametrize("steps", [1, 2, 48, 61, 103, 121])
def test_every_number_of_steps_ends_at_what_the_network_expects(sampler, steps):
    model = DDPM(width=8).eval()
    *_, before, last = model.sample(torch.tensor([1]), steps, sampler=sampler, net=lambda x, t, y: 0.1 * x)
    assert before.t == model.timesteps(steps)[-1]
    assert torch.allclose(last.x_t, before.x0, atol=1e-5)


def test_a_network_that_predicts_x0_gives_the_v_that_leads_to_it():
    model = DDPM(width=8, channels=3, side=16, patch=4, predict_x0=True).eval()
    assert sum(p.numel() for p in model.unet.conv_in.parameters()) == 8 * (48 * 9 + 1), "patches of 4 × 4 pixels"
    x, y, t = torch.rand(4, 3, 16, 16) * 2 - 1, torch.arange(4), torch.tensor([999, 700, 200, 5])
    predicted = torch.rand_like(x) * 2 - 1
    model.unet.forward = lambda *_, **__: SimpleNamespace(sample=F.pixel_unshuffle(predicted, 4))
    a, s = model.alpha_sigma(t)
    x0 = a * x - s * model(x, t, y)
    assert torch.allclose(x0[:3], predicted[:3], atol=1e-5)
    assert ((x0 - x)[3].abs() < 0.3 * (predicted - x)[3].abs() + 0.01).all(), "with little noise: mostly what was given"
