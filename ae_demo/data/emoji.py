"""Emoji as aligned pairs of line art and colour: one concept drawn by up to eight artists."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional as F

from ae_demo.data import vocabulary
from ae_demo.data.artists import ARTISTS
from ae_demo.data.concepts import INDEX, UNKNOWN, concept_index
from ae_demo.data.emoji_svg import EMOJI_SIZE, draw_pair
from ae_demo.data.images import (
    SAMPLES_DIR,
    Images,
    atomic_write,
    dataset,
    draw_in_parallel,
    read_sheet,
)
from ae_demo.data.regions import outside_mask
from ae_demo.data.sketches import HELD_OUT_STYLES
from ae_demo.data.vocabulary import GROUPS

TITLE = "Noto, OpenMoji and Twemoji emoji"
LICENCE = "Apache-2.0, CC BY-SA 4.0 and CC BY 4.0"
EMOJI_SPLITS = ("train", "held_out", "sample")
STYLE_STEP = 4  # every fourth drawing is enough to judge a line style
ICON_SIZE = 32  # side of the small emoji in pixels


PALETTE = (  # k-means in CIELAB over the colours of the training images, plus black and white; greys, then by hue
    "#000000", "#16110f", "#3b3e41", "#5e6f77", "#9f9c99", "#c9ccd0", "#eef0ef", "#ffffff",
    "#e14f7b", "#ec92a6", "#6b473e", "#8d3729", "#d43838", "#f14022", "#d5755c", "#eebfbc",
    "#865d2d", "#a67f6c", "#e26e2b", "#f39016", "#daa072", "#f0a841", "#433818", "#a98531",
    "#f8bd24", "#f3d283", "#f6d358", "#fae12f", "#f5dfb6", "#5b7533", "#5a9f3d", "#8fc678",
    "#a9c73d", "#b8cc9f", "#2b9e8b", "#6dd4cd", "#87a8b7", "#63b9ec", "#aad7ec", "#24528c",
    "#4186ba", "#3693e2", "#4841a1", "#5f23e7", "#3f6fda", "#a57ecb", "#9e3db2", "#d819e9",
)  # fmt: skip
HELD_OUT_ARTIST = "fluent"  # not used in training: the smallest set, so that little data is lost


@dataset(TITLE, LICENCE, EMOJI_SPLITS)
def emoji_pairs(data_dir: str, split: str) -> Images:
    """Emoji by several artists: color (3, 128, 128), line and outside (1, 128, 128), artist (index into ARTISTS), group
    (index into vocabulary.GROUPS; len(GROUPS) if unknown). `outside` is 1 on the paper around the drawing.

    `train`: three artists, without the held-out concepts; `held_out`: the held-out concepts by these three; `sample`:
    64 of those."""
    if split == "sample":
        return _sample_pairs()
    pairs = _all_pairs(data_dir)
    pairs = pairs.take(pairs.tensors["artist"] < list(ARTISTS).index(HELD_OUT_ARTIST))
    held_out = pairs.tensors["held_out"]
    return pairs.take(held_out if split == "held_out" else ~held_out)


@dataset(
    "emoji of seven artists",
    "Apache-2.0, CC BY-SA 4.0 and CC BY 4.0",
    (*EMOJI_SPLITS, "held_out_canny", "held_out_crayon"),
)
def concept_pairs(data_dir: str, split: str) -> Images:
    """Emoji of every concept: the tensors of `emoji_pairs`, and concept (index into CONCEPTS).

    `train`: seven artists, without the drawings of `sample`; `held_out`: the eighth artist; `held_out_canny` and
    `held_out_crayon`: a quarter of these in line styles not used in training; `sample`: as of `emoji_pairs`, by known
    artists."""
    if split == "sample":
        return _sample_pairs()
    pairs, sample = _all_pairs(data_dir), _sample_pairs().tensors["color"]
    pairs = pairs.take(pairs.tensors["concept"] < UNKNOWN)
    last = pairs.tensors["artist"] == list(ARTISTS).index(HELD_OUT_ARTIST)
    if split == "held_out":
        return pairs.take(last)
    if split != "train":
        return in_style(pairs.take(last.nonzero().flatten()[::STYLE_STEP]), split)
    shown = {picture.numpy().tobytes() for picture in sample}
    kept = torch.tensor([picture.numpy().tobytes() not in shown for picture in pairs.tensors["color"]])
    return pairs.take(~last & kept)


def in_style(pairs: Images, split: str) -> Images:
    """Return pairs with the line style that a split is named after, if any."""
    if style := HELD_OUT_STYLES.get(split.removeprefix("held_out_")):
        pairs.tensors["line"] = (255 * style(pairs[:])[0]).round().byte()
    return pairs


def _sample_pairs() -> Images:
    facts = json.loads((SAMPLES_DIR / "emoji_facts.json").read_text())
    pairs = with_outside(read_sheet("emoji_B", EMOJI_SIZE), read_sheet("emoji_A", EMOJI_SIZE))
    concept = torch.tensor([INDEX.get(concept, UNKNOWN) for concept in facts["concept"]])
    return Images(**pairs, group=torch.tensor(facts["group"]), artist=torch.tensor(facts["artist"]), concept=concept)


@dataset(TITLE, LICENCE, EMOJI_SPLITS)
def emoji_pictures(data_dir: str, split: str) -> Images:
    """Colour images of `emoji_pairs`: image (3, 128, 128)."""
    return Images(image=emoji_pairs(data_dir, split).tensors["color"])


@dataset(TITLE, LICENCE, EMOJI_SPLITS, labels=GROUPS)
def emoji_icons(data_dir: str, split: str) -> Images:
    """Small colour images of `emoji_pairs`: image (3, 32, 32), label (index into vocabulary.GROUPS; len(GROUPS) if the
    group is unknown)."""
    pairs = emoji_pairs(data_dir, split).tensors
    small = torch.cat([F.avg_pool2d(part.float(), EMOJI_SIZE // ICON_SIZE) for part in pairs["color"].split(500)])
    return Images(image=small.round().byte(), label=pairs["group"])


@dataset(TITLE, LICENCE, EMOJI_SPLITS, labels=GROUPS)
def emoji_groups(data_dir: str, split: str) -> Images:
    """Subset of `emoji_icons` with a known group."""
    icons = emoji_icons(data_dir, split)
    return icons.take(icons.tensors["label"] < len(GROUPS))


@cache
def _all_pairs(data_dir: str) -> Images:
    cached = Path(data_dir) / "emoji" / f"pairs-{EMOJI_SIZE}-concepts.safetensors"
    if not cached.exists():
        _draw_pairs(Path(data_dir), cached)
    return Images(**load_file(cached))


def _draw_pairs(data_dir: Path, cached: Path) -> None:
    drawings = [
        (drawing, index, artist.outline)
        for index, (name, artist) in enumerate(ARTISTS.items())
        for drawing in artist.drawings(data_dir, name)
        if not vocabulary.is_flag(drawing.codes)
    ]
    pairs = draw_in_parallel(
        draw_pair, [(drawing.svg, outline) for drawing, _, outline in drawings], "drawing emoji pairs"
    )
    good = [(pair, *rest) for pair, rest in zip(pairs, drawings, strict=True) if pair is not None]
    color = torch.from_numpy(np.stack([pair[0] for pair, *_ in good])).permute(0, 3, 1, 2).contiguous()
    line = torch.from_numpy(np.stack([pair[1] for pair, *_ in good])).unsqueeze(1).contiguous()
    spelt = [drawing.codes for _, drawing, _, _ in good]
    facts = {
        "artist": torch.tensor([artist for _, _, artist, _ in good]),
        "group": torch.tensor([vocabulary.unicode_group(one) for one in spelt]),
        "concept": torch.tensor([concept_index(one) for one in spelt]),
        "held_out": torch.tensor([vocabulary.is_held_out(one) for one in spelt]),
    }
    with atomic_write(cached) as part:
        save_file(with_outside(color, line) | facts, part)


def with_outside(color: Tensor, line: Tensor) -> dict[str, Tensor]:
    """Return images (N, 3, H, W), line art (N, 1, H, W) and the mask of the paper around it, all uint8, by name."""
    return {"color": color, "line": line, "outside": torch.from_numpy(outside_mask(line[:, 0].numpy())).unsqueeze(1)}
