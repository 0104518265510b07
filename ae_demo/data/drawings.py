"""Labelled drawings: doodles, and line art of emoji."""

import torch

from ae_demo.data import doodles as doodle_data
from ae_demo.data import emoji
from ae_demo.data.images import Batch, Images, dataset

PAIR_SHARE = 0.2  # of a batch that is line art of emoji


class Mixture(Images):
    """Doodles, mixed with pairs: the first rows of a batch, a share PAIR_SHARE, are replaced by pairs. A batch has the
    tensors of both; `concept` is that of the doodles, then that of the pairs."""

    def __init__(self, drawn: Images, pairs: Images):
        super().__init__(**drawn.tensors)
        self.pairs = pairs

    def __getitem__(self, index) -> Batch:
        rows = torch.arange(len(self))[index]
        n = round(PAIR_SHARE * len(rows))
        drawn, pairs = super().__getitem__(rows[n:]), self.pairs[rows[:n] % len(self.pairs)]
        return drawn | pairs | {"concept": torch.cat([drawn["concept"], pairs["concept"]])}

    def take(self, index) -> "Mixture":
        return Mixture(super().take(index), self.pairs)


TITLE = f"{doodle_data.doodles.title}, and {emoji.concept_pairs.title}"
LICENCE = f"{doodle_data.doodles.licence}; {emoji.concept_pairs.licence}"


@dataset(TITLE, LICENCE, ("train", "held_out", "sample", "held_out_artist"))
def drawings(data_dir: str, split: str) -> Images:
    """Doodles (`doodles`), for training mixed with pairs of line art and colour (`concept_pairs`); `held_out_artist`:
    pairs only, those of an artist who is not in training."""
    if split == "held_out_artist":
        return emoji.concept_pairs(data_dir, "held_out")
    drawn = doodle_data.doodles(data_dir, split)
    return Mixture(drawn, emoji.concept_pairs(data_dir, split)) if split == "train" else drawn
