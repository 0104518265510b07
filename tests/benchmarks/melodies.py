"""How near samples of the melody VAE come to its training data, beside held-out tunes:
python -m tests.benchmarks.melodies."""

import torch
from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import cdist
from torch import Tensor

from ae_demo import checkpoints
from ae_demo.data.melodies import METRES, melodies, tokens_to_notes
from ae_demo.evaluation.melody_scores import sample_melodies
from ae_demo.models.melody_vae import MelodyVAE

SAMPLES = 256


def note_text(x: Tensor, metre: Tensor) -> list[str]:
    """Write melodies as text, one character per note from its pitch and length, for edit distances."""
    names = list(METRES)
    found = ((x[i], names[int(metre[i])]) for i in range(len(x)))
    return ["".join(chr(256 * length + pitch) for pitch, _, length in tokens_to_notes(*one)) for one in found]


def nearest(texts: list[str], known: list[str]) -> Tensor:
    """Return the edit distance (Levenshtein) from each text to the nearest known one, per character, in [0, 1]."""
    return torch.from_numpy(cdist(texts, known, scorer=Levenshtein.normalized_distance, workers=-1)).amin(1)


def main() -> None:
    """Print the distances."""
    train, held_out = (melodies("data", split)[:] for split in ("train", "held_out"))
    known = note_text(train["melody"], train["metre"])
    order = torch.randperm(len(held_out["metre"]), generator=torch.Generator().manual_seed(0))[:SAMPLES]
    metre = held_out["metre"][order]
    true = note_text(held_out["melody"][order], metre)
    print("edit distance per note to the nearest training phrase:  median  tenth  nearer than 0.1")
    rows = {"held-out tunes": true}
    for name in ("melody-vae", "melody-lm"):
        model = checkpoints.load(MelodyVAE, name)
        for temperature in (0.4, 0.7, 1.0):
            sampled = note_text(sample_melodies(model, metre, temperature), metre)
            rows[f"{name}, temperature {temperature}"] = sampled
    for name, texts in rows.items():
        found = nearest(texts, known)
        print(f"{name:<56}{found.median():.2f}   {found.quantile(0.1):.2f}   {(found < 0.1).float().mean():.1%}")


if __name__ == "__main__":
    main()
