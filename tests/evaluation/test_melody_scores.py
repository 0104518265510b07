"""Properties of melodies that one can count by hand, and the directions that change them."""

import math

import pytest
import torch

from ae_demo.data.melodies import METRES, melodies, notes_to_tokens
from ae_demo.evaluation import melody_analysis, melody_scores, sample_grids
from ae_demo.evaluation import melody_attributes as music
from ae_demo.losses import melody_elbo, melody_elbo_terms
from ae_demo.models.melody_vae import MelodyVAE

SCALE = [[60 + step, 4 * i, 4] for i, step in enumerate((0, 2, 4, 5, 7, 9, 11, 12))]  # two bars of 4/4


def melody(notes, metre="4/4", bars=2):
    return notes_to_tokens(notes, metre, bars)[None], torch.tensor([list(METRES).index(metre)])


def test_a_scale_of_quarters_has_one_note_a_quarter_an_octave_and_small_leaps():
    density, span, leaps, _ = music.attributes(*melody(SCALE))[0].tolist()
    assert (density, span) == (1.0, 12.0)
    assert leaps == pytest.approx(12 / 7)
    major = [[60, 0, 8], [64, 8, 4], [67, 12, 12], [60, 24, 8]]
    minor = [[57, 0, 8], [60, 8, 4], [64, 12, 12], [57, 24, 8]]
    assert music.attributes(*melody(major))[0, 3] > 0.3 > -0.3 > music.attributes(*melody(minor))[0, 3]


def test_silence_and_missing_steps_are_nobody_s_time():
    x, metre = melody([[61, 2, 2], [60, 8, 4]], "2/4", 2)
    assert music.sounding_pitches(x, metre)[0].tolist() == [0, 0, 61, 61, *[0] * 12, *[60] * 4, *[0] * 12]
    assert music.share_in_key(x, metre) == pytest.approx(4 / 6)
    assert music.note_starts(x, metre).sum() == 2
    empty = torch.zeros(1, 8, 16, dtype=torch.int8), metre
    assert music.attributes(*empty).isfinite().all() and music.sounding_pitches(*empty).sum() == 0


def test_beats_repeats_and_endings_are_counted():
    x, metre = melody(SCALE)
    assert music.share_on_beat(x, metre) == 1 and music.share_repeated(x) == 0
    assert music.share_ending(x, metre) == 1
    busy = melody([[60, i, 1] for i in range(32)])
    assert music.share_repeated(busy[0]) == 1 and music.share_ending(*busy) == 0
    off = melody([[60, 2, 2], [62, 8, 2]], "6/8", 1)
    assert music.share_on_beat(*off) == 0, "a compound beat has six sixteenths"


def test_a_piano_roll_is_blue_where_a_note_sounds():
    picture = music.draw_rolls(*melody([[60, 0, 16]], bars=8))[0]
    assert picture.shape == (3, 68, 256)
    row = 2 * (88 - 60)
    blue = picture[2] - picture[0] > 0.3
    assert blue[row, :32].all() and blue.sum() == 2 * 32


def test_the_elbo_of_a_melody_is_the_sum_over_the_steps_that_it_has():
    model = MelodyVAE(width=16, latent_dim=4).eval()
    batch = melodies(split="sample").spread(6)[:]
    with torch.no_grad():
        torch.manual_seed(1)
        logits, mu, logvar = model(batch["melody"], batch["metre"])
        recon, kl = melody_elbo_terms(batch["melody"], model.valid_steps(batch["metre"]), logits, mu, logvar)
    for i, metre in enumerate(batch["metre"].tolist()):
        steps = list(METRES.values())[metre]
        told = torch.distributions.Categorical(logits=logits[i, :, :steps]).log_prob(
            batch["melody"][i, :, :steps].long()
        )
        assert float(recon[i]) == pytest.approx(-float(told.sum()), rel=1e-4)
        posterior = torch.distributions.Normal(mu[i], (0.5 * logvar[i]).exp())
        prior = torch.distributions.Normal(torch.zeros(4), torch.ones(4))
        assert float(kl[i]) == pytest.approx(float(torch.distributions.kl_divergence(posterior, prior).sum()), rel=1e-4)


def test_free_nats_cost_nothing_and_a_shorter_model_learns_from_pieces():
    batch = melodies(split="sample").spread(6)[:]
    free = melody_elbo(MelodyVAE(width=16, latent_dim=4), batch, beta=5.0, free_nats=1e6)
    assert free["loss"].item() == pytest.approx(free["recon"].item())
    short = melody_elbo(MelodyVAE(width=16, latent_dim=4, bars=2, flat=True), batch)
    assert math.isfinite(short["loss"].item()) and short["recon"].item() < free["recon"].item() / 2
    pieces = melody_scores.pieces_of(melodies(split="sample").spread(6), 2)
    assert pieces["melody"].shape == (24, 2, 16) and torch.equal(pieces["melody"][1], batch["melody"][0, 2:4])
    assert pieces["metre"].tolist() == batch["metre"].repeat_interleave(4).tolist()


def test_a_network_without_a_code_is_scored_as_a_language_model():
    scores = melody_scores.melody_scores(
        MelodyVAE(width=16, latent_dim=0, flat=True).eval(), melodies(split="sample").spread(20)
    )
    assert scores["nats"] == pytest.approx(math.log(36), rel=0.1), "untrained: any of 36 tokens"
    assert "kl" not in scores and "path_change" not in scores and scores["true_in_key"] > 0.95


def test_the_sheet_shows_melodies_reconstructions_and_samples():
    grid = sample_grids.melody_rolls(MelodyVAE(width=16, latent_dim=4).eval(), melodies(split="sample"))
    assert grid.shape == (8, 4, 3, 68, 256)


class Linear:
    """Stands for a model whose melodies are their codes."""

    latent_dim, bars = 6, 8

    def encode(self, x, metre):
        return torch.zeros(len(x), 6), None

    def decode(self, z, metre, rhythm=None):
        return z


def test_directions_change_one_property_and_no_other_where_all_is_linear(monkeypatch):
    effects = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    monkeypatch.setattr(melody_analysis, "attributes", lambda x, metre: x.flatten(1)[:, :6].float() @ effects)
    monkeypatch.setattr(melody_analysis, "RIDGE", 0.0)
    monkeypatch.setattr(melody_analysis, "SCATTER", 0.01)
    monkeypatch.setattr(melody_analysis, "LONGEST_SHIFT", 1e6)
    data = melodies(split="sample").spread(40)
    found = melody_analysis.find_directions(Linear(), data)
    spread = (data[:]["melody"].flatten(1)[:, :6].float() @ effects).std(0)
    directions = torch.tensor([found["directions"][name] for name in music.ATTRIBUTES])
    assert torch.allclose(directions @ effects, torch.diag(spread), atol=0.02 * float(spread.max()))
    assert found["spread"] == pytest.approx(spread.tolist(), rel=1e-3)
    for name, changes in found["changed"].items():
        assert changes == pytest.approx({other: float(other == name) for other in music.ATTRIBUTES}, abs=0.15)
    monkeypatch.setattr(melody_analysis, "LONGEST_SHIFT", 0.1)
    short = melody_analysis.find_directions(Linear(), data)["directions"]
    for name in music.ATTRIBUTES:
        assert torch.tensor(short[name]).norm() == pytest.approx(0.1, abs=1e-3)
