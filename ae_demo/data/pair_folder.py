"""User-supplied folders of sketch and picture pairs, in the layout of sketch2photo."""

import re
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError

from ae_demo.data.emoji_svg import EMOJI_SIZE
from ae_demo.data.images import Dataset, DatasetError, Images
from ae_demo.data.regions import outside_mask


def pair_folder(folder: str) -> Dataset:
    """Return the dataset of a folder, see `read_pairs`, with every tenth pair held out; it ignores `data_dir`."""
    return Dataset("pair_folder", partial(_split, folder), "a folder of pairs", "your own", ("train", "held_out"))


def _split(folder: str, _data_dir: str, split: str) -> Images:
    pairs = read_pairs(folder)
    if len(pairs) == 1:
        return pairs
    held_out = torch.arange(len(pairs)) % 10 == min(9, len(pairs) - 1)  # the last one if there are fewer than ten
    return pairs.take(~held_out if split == "train" else held_out)


def read_pairs(folder: str, size: int = EMOJI_SIZE) -> Images:
    """Read `…A/<i>_A.*` sketches and `…B/<i>_B.*` pictures, jpg or png, of any size.

    Return color (3, size, size), line and outside (1, size, size). Unusable files are named in one printed sentence;
    raises DatasetError if nothing is left."""
    found, alone = _find(folder)
    colors, lines, broken = [], [], []
    for i in sorted(found["A"].keys() & found["B"].keys(), key=lambda i: (len(i), i)):
        try:
            line, color = _square(found["A"][i], "L", size), _square(found["B"][i], "RGB", size)
        except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError):
            broken += [found["A"][i].name, found["B"][i].name]
        else:
            lines.append(line)
            colors.append(color)
    for names, reason in ((alone, "have no partner"), (broken, "(or their partners) cannot be read")):
        if names:
            print(f"In {folder}, {', '.join(names[:6])}{' …' * (len(names) > 6)} {reason} and are left out.")
    if not lines:
        raise DatasetError(
            f"{folder} holds no usable pair: put sketches in a folder …A as 1_A.jpg, 2_A.jpg … and their pictures in a "
            "folder …B as 1_B.jpg, 2_B.jpg …"
        )
    drawn = torch.from_numpy(np.stack(lines))
    return Images(
        color=torch.from_numpy(np.stack(colors)).permute(0, 3, 1, 2).contiguous(),
        line=drawn.unsqueeze(1),
        outside=torch.from_numpy(outside_mask(drawn.numpy())).unsqueeze(1),
    )


def _find(folder: str) -> tuple[dict[str, dict[str, Path]], list[str]]:
    """Return {"A": {number: file}, "B": …}, and the names of files without a partner."""
    found: dict[str, dict[str, Path]] = {"A": {}, "B": {}}
    for file in sorted(Path(folder).rglob("*")):
        match = re.fullmatch(r"(.+)_([AB])\.(jpe?g|png)", file.name, re.IGNORECASE)
        if match and file.parent.name.upper().endswith(match[2].upper()):
            found[match[2].upper()][match[1]] = file
    alone = [file.name for side, other in ("AB", "BA") for i, file in found[side].items() if i not in found[other]]
    return found, alone


def _square(file: Path, mode: str, size: int) -> np.ndarray:
    """Read an image file, upright, on white, padded to a square of `size` pixels."""
    with Image.open(file) as opened:
        picture = ImageOps.exif_transpose(opened).convert("RGBA")
    canvas = Image.new("RGBA", picture.size, "white")
    canvas.alpha_composite(picture)
    return np.asarray(ImageOps.pad(canvas.convert(mode), (size, size), color="white"))
