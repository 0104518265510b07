"""Shapes, ranges and sizes of the networks; the sampler against diffusers."""

import pytest
import torch
from torch import nn

from ae_demo.checkpoints import parameters
from ae_demo.models.autoencoder import Autoencoder
from ae_demo.models.colorization import Colorization, ColorizationBaseline
from ae_demo.models.ddpm import DDPM
from ae_demo.models.vae import VAE
from ae_demo.training.recipes import RECIPES


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
    assert parameters(model) == 268_547


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
    assert parameters(model) == count


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
    assert parameters(RECIPES["colorization"].model()) <= 5_000_000


def test_attention_lets_one_corner_change_the_other():
    model = Colorization(width=8).eval()
    sketch = torch.ones(1, 1, 256, 256)
    other = sketch.clone()
    other[..., :32, :32] = 0
    assert not torch.equal(model(sketch)[..., -16:, -16:], model(other)[..., -16:, -16:])


def test_vae_decodes_to_pixels():
    model = VAE(width=8)
    x = model.decode(torch.randn(3, 2))
    assert x.shape == (3, 1, 28, 28) and 0 <= x.min() and x.max() <= 1
    mu, logvar = model.encode(x)
    assert mu.shape == logvar.shape == (3, 2)


def test_sampling_repeats_with_its_seed_and_stays_in_range():
    model, y = DDPM(width=8).eval(), torch.tensor([3, 4])
    runs = [[x for _, x, _ in model.sample(y, 5, guidance=2.0, eta=1.0, seed=seed)] for seed in (0, 0, 1)]
    assert len(runs[0]) == 6
    assert all(torch.equal(a, b) for a, b in zip(runs[0], runs[1], strict=True))
    assert not torch.equal(runs[0][-1], runs[2][-1])
    assert all(0 <= x.min() and x.max() <= 1 for x in runs[0])


def test_guidance_of_one_asks_once_and_two_asks_twice():
    model, asked = DDPM(width=8).eval(), []

    def net(x, t, y):
        asked.append(y.tolist())
        return torch.zeros_like(x)

    list(model.sample(torch.tensor([3]), 2, guidance=1.0, net=net))
    list(model.sample(torch.tensor([3]), 1, guidance=2.0, net=net))
    assert asked == [[3], [3], [3, 10]]


@pytest.mark.parametrize("eta", [0.0, 1.0])
def test_the_hand_written_loop_is_the_one_of_diffusers(eta):
    """DDIMScheduler of diffusers on the same network, noise and times; with eta 1 its noise is ours."""
    from diffusers import DDIMScheduler

    model, y, steps = DDPM(width=8).eval(), torch.tensor([1, 2]), 10  # 999 / 9 is whole: no rounding of times
    scheduler = DDIMScheduler(
        1000, beta_schedule="squaredcos_cap_v2", prediction_type="v_prediction", timestep_spacing="linspace",
        clip_sample=True, set_alpha_to_one=True,
    )  # fmt: skip
    scheduler.set_timesteps(steps)
    times = torch.linspace(999, 0, steps).round().long().tolist()
    assert scheduler.timesteps.tolist() == times
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 1, 28, 28, generator=generator)
    ours = model.sample(y, steps, eta=eta, seed=0)
    scheduler.num_inference_steps = 9  # it steps by 1000 // this = 111, as the times do
    for t in times:
        _, x_t, x0 = next(ours)
        assert torch.allclose(x_t, (x / 2 + 0.5).clamp(0, 1), atol=2e-4)
        with torch.inference_mode():
            v = model(x, torch.full((2,), t), y)
        noise = torch.randn(x.shape, generator=generator)
        step = scheduler.step(
            v, t, x, eta=eta, variance_noise=noise if eta else None, use_clipped_model_output=True
        )  # fmt: skip
        x = step.prev_sample
        assert torch.allclose(x0, (step.pred_original_sample / 2 + 0.5).clamp(0, 1), atol=2e-4)
    t, last, _ = next(ours)
    assert t == -1 and torch.allclose(last, (x / 2 + 0.5).clamp(0, 1), atol=2e-4)
