"""Scores of a melody VAE: how well it reconstructs, and how musical are its samples and interpolations."""

import torch
from torch import Tensor

from ae_demo import checkpoints
from ae_demo.data.images import Images
from ae_demo.data.melodies import METRES, valid_steps
from ae_demo.evaluation import melody_attributes as music
from ae_demo.losses import melody_elbo_terms
from ae_demo.models.interpolation import slerp
from ae_demo.models.melody_vae import MelodyVAE

MELODY_BATCH = 128
SCORED_SAMPLES = 256
SCORED_PAIRS = 32
PATH_STOPS = 10  # on the path between the melodies of a pair
TEMPERATURE = 0.7
LANGUAGE_MODEL = "melody-lm"


def pieces_of(data: Images, bars: int) -> dict[str, Tensor]:
    """Cut melodies into pieces of `bars` bars -> melody (N, bars, 16), metre (N,), label (N,)."""
    batch = data[:]
    cut = batch["melody"].unflatten(1, (-1, bars)).flatten(0, 1)
    times = len(cut) // len(batch["melody"])
    return {"melody": cut, **{name: batch[name].repeat_interleave(times) for name in ("metre", "label")}}


@torch.inference_mode()
def melody_elbo_scores(model: MelodyVAE, data: Images) -> dict[str, float]:
    """Return −ELBO, reconstruction and KL in nats per sixteenth (without a code: −log p of a language model), and the
    share of sixteenths right when the true tokens before are told, and when the model goes by its own."""
    batch = pieces_of(data, model.bars)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        totals = torch.zeros(5, dtype=torch.float64)
        for x, metre in zip(batch["melody"].split(MELODY_BATCH), batch["metre"].split(MELODY_BATCH), strict=True):
            recon, kl = melody_elbo_terms(x, valid_steps(metre), *model(x, metre))
            valid = valid_steps(metre)[:, None].expand(x.shape)
            mu, _ = model.encode(x, metre)
            forced = model.logits(mu, metre, x).argmax(3) == x
            free = model.decode(mu, metre) == x if model.latent_dim else forced
            totals += torch.stack([recon.sum(), kl.sum(), *((ok & valid).sum() for ok in (forced, free)), valid.sum()])
    recon, kl, forced, free, steps = totals.tolist()
    scores = {"nats": (recon + kl) / steps, "accuracy_forced": forced / steps}
    if model.latent_dim:
        scores |= {"recon": recon / steps, "kl": kl / steps, "accuracy": free / steps}
    return scores


@torch.inference_mode()
def sample_melodies(model: MelodyVAE, metre: Tensor, temperature: float = TEMPERATURE, seed: int = 0) -> Tensor:
    """Draw melodies of metres (N,) from z ~ N(0, I) -> tokens (N, bars, 16)."""
    seeded = torch.Generator().manual_seed(seed)
    z = torch.randn(len(metre), model.latent_dim, generator=seeded)
    parts = zip(z.split(MELODY_BATCH), metre.split(MELODY_BATCH), strict=True)
    return torch.cat([model.decode(z, m, temperature=temperature, generator=seeded) for z, m in parts])


def musical_shares(x: Tensor, metre: Tensor) -> dict[str, float]:
    """Return the shares of time in key, beats with a note, repeated bars and phrases that end."""
    return {
        "in_key": music.share_in_key(x, metre),
        "on_beat": music.share_on_beat(x, metre),
        "repeated": music.share_repeated(x),
        "ending": music.share_ending(x, metre),
    }


def melody_scores(model: MelodyVAE, data: Images) -> dict[str, float]:
    """Return the scores of `melody_elbo_scores` and `sample_shares`, and of a network with a code those of
    `interpolation_scores`."""
    scores = melody_elbo_scores(model, data) | sample_shares(model, data)
    return scores | interpolation_scores(model, data) if model.latent_dim else scores


def sample_shares(model: MelodyVAE, data: Images) -> dict[str, float]:
    """Return the `musical_shares` of samples in the metres of the data, and as true_… of the data itself."""
    batch = pieces_of(data, model.bars)
    x, metre = batch["melody"], batch["metre"]
    order = torch.randint(len(x), (SCORED_SAMPLES,), generator=torch.Generator().manual_seed(0))
    shares = musical_shares(sample_melodies(model, metre[order]), metre[order])
    return shares | {f"true_{name}": value for name, value in musical_shares(x, metre).items()}


@torch.inference_mode()
def interpolation_scores(model: MelodyVAE, data: Images) -> dict[str, float]:
    """Return what happens from one stop on the path between two melodies of a metre to the next.

    path_change: mean change of pitch and rhythm histograms (total variation); path_lm_nats: nats per sixteenth under
    the language model; crossfade_…: the same for a cross-fade, which takes each sixteenth from either melody."""
    batch = pieces_of(data, model.bars)
    x, metre = batch["melody"], batch["metre"]
    seeded = torch.Generator().manual_seed(0)
    share = torch.linspace(0, 1, PATH_STOPS)
    codes, crossfades, metres = [], [], []
    for index in range(len(METRES)):
        (rows,) = (metre == index).nonzero(as_tuple=True)
        count = min(SCORED_PAIRS // len(METRES), len(rows) // 2)
        for pair in rows[torch.randperm(len(rows), generator=seeded)][: 2 * count].view(-1, 2):
            ends, _ = model.encode(x[pair], metre[pair])
            codes.append(slerp(ends[:1], ends[1:], share))
            second = torch.rand(x.shape[1:], generator=seeded) < share[:, None, None]
            crossfades.append(torch.where(second, x[pair[1]], x[pair[0]]).long())
            metres.append(metre[pair[0]].expand(PATH_STOPS))
    same = torch.cat(metres)
    parts = zip(torch.cat(codes).split(MELODY_BATCH), same.split(MELODY_BATCH), strict=True)
    scores = {}
    for name, paths in (
        ("path", torch.cat([model.decode(*part) for part in parts])),
        ("crossfade", torch.cat(crossfades)),
    ):
        histograms = torch.cat([music.pitch_histogram(paths, same), music.rhythm_histogram(paths, same)], dim=1)
        changes = histograms.unflatten(0, (-1, PATH_STOPS)).diff(dim=1).abs().sum(2) / 4  # two total variations
        scores[f"{name}_change"] = float(changes.mean())
        scores[f"{name}_lm_nats"] = language_model_nats(paths, same)
    return scores


def language_model_nats(x: Tensor, metre: Tensor) -> float:
    """Return the mean −log p of melodies under the language model, in nats per sixteenth."""
    language_model = checkpoints.load(MelodyVAE, LANGUAGE_MODEL)
    parts = zip(x.split(MELODY_BATCH), metre.split(MELODY_BATCH), strict=True)
    nats = sum(float(melody_elbo_terms(m, valid_steps(t), *language_model(m, t))[0].sum()) for m, t in parts)
    return nats / float(valid_steps(metre).sum() * x.shape[1])
