"""User-supplied folders of sketch and picture pairs, in the layout of sketch2photo."""

import re
from collections import defaultdict
from functools import cache, partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError

from ae_demo.data.emoji_svg import EMOJI_SIZE
from ae_demo.data.images import Dataset, DatasetError, Images
from ae_demo.data.regions import is_dark, outside_mask

PAIR_FILE = re.compile(r"(.+)_([AB])\.(?:jpe?g|png|webp)", re.IGNORECASE)
ALONE, DUPLICATE, UNREADABLE = "without a partner", "as duplicates", "as unreadable, themselves or their partners"
MAX_NAMED = 6  # files named in a sentence, except duplicates, which are all named
FAINTEST_INK = 200  # grey value of 255


@cache
def pair_folder(folder: str) -> Dataset:
    """Return the dataset of a folder, see `read_pairs`, with every tenth pair held out; it ignores `data_dir`."""
    return Dataset("pair_folder", partial(_split, folder), "a folder of pairs", "your own", ("train", "held_out"))


def _split(folder: str, _data_dir: str, split: str) -> Images:
    pairs = read_pairs(folder)
    if len(pairs) == 1:
        if split == "held_out":
            print(f"{folder} holds a single usable pair: its scores are those of the picture that was trained on.")
        return pairs
    held_out = torch.arange(len(pairs)) % 10 == min(9, len(pairs) - 1)  # the last one if there are fewer than ten
    return pairs.take(~held_out if split == "train" else held_out)


@cache
def read_pairs(folder: str, size: int = EMOJI_SIZE) -> Images:
    """Read sketches `…A/<i>_A.*` and pictures `…B/<i>_B.*` of sibling folders, jpg, png or webp, of any size.

    Return color (3, size, size), line and outside (1, size, size). Files that are left out are named in printed
    sentences; raises DatasetError if nothing is left."""
    found, left_out = _find(Path(folder))
    colors, lines = [], []
    for sketch, picture in found:
        try:
            line, color = _read_sketch(sketch, size), _square(_on_paper(_open(picture), "white"), size)
        except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError):
            left_out[UNREADABLE] += [sketch, picture]
        else:
            lines.append(line)
            colors.append(color)
    for reason, files in ((reason, files) for reason, files in left_out.items() if files):
        named = files if reason == DUPLICATE else files[:MAX_NAMED]
        names = ", ".join(file.relative_to(folder).as_posix() for file in named)
        more = f" and {len(files) - len(named)} more" if len(files) > len(named) else ""
        print(f"In {folder}, left out {reason}: {names}{more}.")
    if not lines:
        raise DatasetError(
            f"{folder} holds no usable pair: put sketches in a folder …A as 1_A.jpg, 2_A.jpg … and their pictures in a "
            "folder …B beside it as 1_B.jpg, 2_B.jpg …"
        )
    drawn = torch.from_numpy(np.stack(lines))
    return Images(
        color=torch.from_numpy(np.stack(colors)).permute(0, 3, 1, 2).contiguous(),
        line=drawn.unsqueeze(1),
        outside=torch.from_numpy(outside_mask(drawn.numpy())).unsqueeze(1),
    )


def _find(folder: Path) -> tuple[list[tuple[Path, Path]], dict[str, list[Path]]]:
    """Return sketch and picture of each pair, and by reason the files that are left out; hidden ones are ignored."""
    known: dict[tuple, dict[str, list[Path]]] = defaultdict(lambda: {"A": [], "B": []})
    pairs, left_out = [], defaultdict(list)
    for file in sorted(folder.rglob("*")):
        match, side = PAIR_FILE.fullmatch(file.name), file.parent.name[-1:].upper()
        if not match or any(part.startswith(".") for part in file.relative_to(folder).parts):
            continue
        if match[2].upper() == side:
            known[file.parent.parent, file.parent.name[:-1], len(match[1]), match[1]][side].append(file)
        else:
            left_out[ALONE].append(file)
    for _, files in sorted(known.items()):
        if files["A"] and files["B"]:
            pairs.append((files["A"][0], files["B"][0]))
            left_out[DUPLICATE] += files["A"][1:] + files["B"][1:]
        else:
            left_out[ALONE] += files["A"] + files["B"]
    return pairs, left_out


def _read_sketch(file: Path, size: int) -> np.ndarray:
    """Read a sketch, also white on black or on nothing -> (size, size), dark lines on white."""
    picture = _open(file)
    line = _on_paper(picture, "white").convert("L")
    if np.asarray(line).min() > FAINTEST_INK:  # white lines, if any
        line = _on_paper(picture, "black").convert("L")
    return _square(ImageOps.invert(line) if is_dark(np.asarray(line) / 255) else line, size)


def _open(file: Path) -> Image.Image:
    """Read an image file -> RGBA, upright."""
    with Image.open(file) as opened:
        picture = ImageOps.exif_transpose(opened)
        if picture.mode.startswith("I"):  # 16 bits, which Pillow would clip to 8
            picture = Image.fromarray((np.asarray(picture) // 257).astype(np.uint8))
        return picture.convert("RGBA")


def _on_paper(picture: Image.Image, paper: str) -> Image.Image:
    """Lay an RGBA picture on paper of one colour -> RGB."""
    canvas = Image.new("RGBA", picture.size, paper)
    canvas.alpha_composite(picture)
    return canvas.convert("RGB")


def _square(picture: Image.Image, size: int) -> np.ndarray:
    """Pad a picture, scaled to fit, to a white square of `size` pixels."""
    return np.asarray(ImageOps.pad(picture, (size, size), color="white"))
