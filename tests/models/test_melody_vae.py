"""The melody VAE: its decoder is causal and agrees with itself, step by step and at once."""

import pytest
import torch

from ae_demo.data.melodies import HOLD, METRES, VOCABULARY, melodies, valid_steps
from ae_demo.models.melody_vae import MelodyVAE, last_begun
from ae_demo.training.recipes import RECIPES

SMALL = {"width": 24, "latent_dim": 6}
KINDS = {"hierarchical": {}, "flat": {"flat": True}, "language model": {"flat": True, "latent_dim": 0}}


@pytest.fixture(params=KINDS.values(), ids=KINDS)
def model(request):
    torch.manual_seed(0)
    return MelodyVAE(**SMALL | request.param).eval()


def some(n=5):
    batch = melodies(split="sample").spread(n)[:]
    return batch["melody"], batch["metre"]


def test_the_recipes_know_the_grid_of_the_data():
    for name in ("melody-vae", "melody-vae-2bar", "melody-lm"):
        model = RECIPES[name].build()
        assert model.vocabulary == VOCABULARY and model.steps == 16
        metres = torch.arange(len(METRES))
        assert torch.equal(model.valid_steps(metres), valid_steps(metres))


@torch.no_grad()
def test_what_it_writes_is_what_it_finds_likeliest(model):
    metre = torch.arange(4)
    z = torch.randn(4, model.latent_dim)
    written = model.decode(z, metre)
    assert written.shape == (4, 8, 16)
    likeliest = model.logits(z, metre, written).argmax(3)
    valid = valid_steps(metre)[:, None].expand_as(written)
    assert torch.equal(likeliest[valid], written[valid])
    assert (written[~valid] == HOLD).all()


@torch.no_grad()
def test_no_token_is_told_itself_or_what_comes_after(model):
    x, metre = some(1)
    z = torch.randn(1, model.latent_dim)
    other = x.clone()
    other[0, 3, 4] = 7
    before, after = (model.logits(z, metre, melody).flatten(1, 2) for melody in (x, other))
    differs = (before != after).any(2)[0].nonzero().flatten()
    assert differs[0] == 3 * 16 + 5, "only from the next step on"
    assert model.flat == bool(differs[-1] >= 7 * 16), "a hierarchical decoder forgets the bar at its end"


@torch.no_grad()
def test_a_told_rhythm_is_kept_whatever_the_code():
    model = MelodyVAE(**SMALL).eval()
    x, metre = some(3)
    written = model.decode(torch.randn(3, 6), metre, temperature=1.0, rhythm=x)
    assert torch.equal(written.clamp(max=2), x.long().clamp(max=2))
    assert not torch.equal(written, x.long())


@torch.no_grad()
def test_a_seed_means_a_melody_and_temperature_none_the_likeliest():
    model = MelodyVAE(**SMALL).eval()
    z, metre = torch.randn(2, 6), torch.zeros(2, dtype=torch.long)

    def draw(seed, temperature=1.0):
        return model.decode(z, metre, temperature, generator=torch.Generator().manual_seed(seed))

    assert torch.equal(draw(1), draw(1)) and not torch.equal(draw(1), draw(2))
    assert torch.equal(draw(1, 1e-6), model.decode(z, metre))


def test_some_steps_are_told_nothing_of_the_tokens_before():
    model, seen = MelodyVAE(**SMALL, token_dropout=0.4), []
    model.previous.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    model.sounding.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    x, metre = some(20)
    model.logits(torch.randn(20, 6), metre, x)
    previous, sounding = (part == model.vocabulary for part in seen)
    assert torch.equal(previous[:, 1:], sounding[:, 1:]) and 0.35 < sounding.float().mean() < 0.45
    seen.clear()
    model.eval().logits(torch.randn(20, 6), metre, x)
    assert not (seen[1] == model.vocabulary).any()


def test_hidden_tokens_leave_the_code_to_be_used():
    model = MelodyVAE(**SMALL, token_dropout=1.0)
    x, metre = some(2)
    z = torch.randn(2, 6, requires_grad=True)
    told = model.logits(z, metre, x)
    other = model.logits(z, metre, torch.roll(x, 1, 0))
    assert torch.equal(told, other), "nothing but the code"
    assert torch.autograd.grad(told.sum(), z)[0].abs().sum() > 0


@torch.no_grad()
def test_the_beginning_of_a_melody_is_read_as_in_the_whole(model):
    x, metre = some(2)
    z = torch.randn(2, model.latent_dim)
    whole, beginning = model.logits(z, metre, x), model.logits(z, metre, x[:, :3])
    assert torch.allclose(whole[:, :3], beginning, atol=1e-5)


def test_the_last_begun_token_is_carried_through_what_is_held():
    assert last_begun(torch.tensor([[0, 5, 0, 0, 1, 0, 7]])).tolist() == [[0, 5, 5, 5, 1, 1, 7]]
