"""Labelled drawings of every concept: doodles, and line art of emoji."""

import torch

from ae_demo.data import colored_doodles as coloring
from ae_demo.data import doodles as doodle_data
from ae_demo.data import emoji
from ae_demo.data.images import Batch, Images, dataset

LINE_ART_SHARE = 0.25  # share of line art of emoji in a batch for recognition


class Mixture(Images):
    """Images, of which the first rows of a batch, a share `share`, are replaced by those of other images. A batch has
    the tensors of both; those of the same name follow each other, the replaced rows last."""

    def __init__(self, own: Images, others: Images, share: float):
        super().__init__(**own.tensors)
        self.own, self.others, self.share = own, others, share

    def __getitem__(self, index) -> Batch:
        rows = torch.arange(len(self))[index]
        n = round(self.share * len(rows))
        own, others = self.own[rows[n:]], self.others[rows[:n] % len(self.others)]
        return own | others | {name: torch.cat([own[name], others[name]]) for name in own if name in others}

    def to(self, device: torch.device) -> "Mixture":
        return Mixture(self.own.to(device), self.others.to(device), self.share)

    def take(self, index) -> "Mixture":
        return Mixture(self.own.take(index), self.others, self.share)


DRAWINGS_TITLE = f"{doodle_data.doodles.title}, and {emoji.concept_pairs.title}"
DRAWINGS_LICENCE = f"{doodle_data.doodles.licence}; {emoji.concept_pairs.licence}"


@dataset(DRAWINGS_TITLE, DRAWINGS_LICENCE, ("train", "held_out", "sample", "held_out_artist"))
def drawings(data_dir: str, split: str) -> Images:
    """Doodles (`doodles`), for training mixed with pairs of line art and colour (`concept_pairs`); `held_out_artist`:
    pairs only, those of an artist who is not in training."""
    if split == "held_out_artist":
        return emoji.concept_pairs(data_dir, "held_out")
    drawn = doodle_data.doodles(data_dir, split)
    return Mixture(drawn, emoji.concept_pairs(data_dir, split), LINE_ART_SHARE) if split == "train" else drawn


COLORED_TITLE = f"{emoji.concept_pairs.title}, and {coloring.colored_doodles.title}"
DOODLE_SHARE = 0.5  # share of doodles in a batch for colorization
HELD_OUT_STEP = 2  # every second drawing of the unseen artist is scored, as each is coloured several times


@dataset(COLORED_TITLE, DRAWINGS_LICENCE, (*emoji.concept_pairs.splits, "held_out_doodles"), generated=True)
def colored_drawings(data_dir: str, split: str, limit: int | None = None) -> Images:
    """Pairs of line art and colour (`concept_pairs`), for training mixed with coloured doodles (`colored_doodles`).

    `held_out`: every second drawing of that split; `held_out_doodles`: the doodles of `doodles` in split `sample`, with
    every artist's pairs as `others`."""
    if split == "held_out_doodles":
        parts = [emoji.concept_pairs(data_dir, part).tensors for part in ("train", "held_out")]
        every = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
        return Mixture(doodle_data.doodles(data_dir, "sample"), Images(**every), share=0.0)
    pairs = emoji.concept_pairs(data_dir, split)
    if split == "held_out":
        return pairs.take(torch.arange(0, len(pairs), HELD_OUT_STEP))
    if split != "train":
        return pairs
    return Mixture(coloring.colored_doodles(data_dir, split, limit), pairs, 1 - DOODLE_SHARE)
