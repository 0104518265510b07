"""Every dataset as in-memory tensors: downloaded once, checked, split once and for all, cached per process."""

import json
import re
import shutil
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from urllib.error import URLError

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from ae_demo.data import cartoon, emoji, sketches

FASHION_LABELS = (
    "T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
DIGIT_LABELS = tuple("0123456789")
ICON = 32  # pixels of the small emoji, both sides
IDX_BYTES = {
    "train-images-idx3-ubyte": 47_040_016, "train-labels-idx1-ubyte": 60_008,
    "t10k-images-idx3-ubyte": 7_840_016, "t10k-labels-idx1-ubyte": 10_008,
}  # fmt: skip
SAMPLES = Path(__file__).parent / "samples"  # a few held-out pictures that come with the code: split "sample"


class DatasetError(RuntimeError):
    """A dataset cannot be had; the message is one sentence that says what to do."""


class Images:
    """Named tensors of equal length. Bytes are stored (N, C, H, W) and come out as float in [0, 1]; labels stay int."""

    def __init__(self, **tensors: Tensor):
        self.tensors = tensors

    def __len__(self) -> int:
        return len(next(iter(self.tensors.values())))

    def __getitem__(self, index) -> dict[str, Tensor]:
        """Slice, list or tensor of indices -> {name: tensor}."""
        picked = {name: tensor[index] for name, tensor in self.tensors.items()}
        return {name: t.float() / 255 if t.dtype == torch.uint8 else t for name, t in picked.items()}

    def take(self, index) -> "Images":
        """The same kind of dataset with these rows only."""
        return Images(**{name: tensor[index] for name, tensor in self.tensors.items()})


def spread(data: Images, n: int) -> dict[str, Tensor]:
    """n pictures, evenly from the whole dataset; all of them if it has fewer."""
    return data[torch.linspace(0, len(data) - 1, min(n, len(data))).long()]


@contextmanager
def aside(target: Path):
    """Yields a path beside `target` to write to, and renames it to `target` at the end: what is there is whole."""
    part = target.with_name(target.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.unlink(missing_ok=True)
    part.parent.mkdir(parents=True, exist_ok=True)
    yield part
    part.replace(target)


# MNIST and Fashion-MNIST


@cache
def mnist(data_dir: str = "data", split: str = "train") -> Images:
    """60,000 / 10,000 handwritten digits: image (1, 28, 28), label 0 to 9. Splits: train, held_out, sample."""
    return _idx("MNIST", data_dir, split)


@cache
def fashion_mnist(data_dir: str = "data", split: str = "train") -> Images:
    """60,000 / 10,000 articles of clothing: image (1, 28, 28), label into FASHION_LABELS. Splits as for `mnist`."""
    return _idx("FashionMNIST", data_dir, split)


def _idx(name: str, data_dir: str, split: str) -> Images:
    from torchvision import datasets as tv  # takes 2 s to import: only where it is needed

    if split == "sample":
        image = _sheet(name.lower(), 28)
        return Images(image=image, label=torch.arange(10).repeat_interleave(len(image) // 10))
    home, folder = getattr(tv, name), Path(data_dir) / name
    if any(not (f := folder / "raw" / n).is_file() or f.stat().st_size != size for n, size in IDX_BYTES.items()):
        part = folder.with_name(f"{name}.part")
        try:
            home(str(part), train=True, download=True)  # torchvision checks the digests
            shutil.rmtree(folder, ignore_errors=True)
            (part / name).replace(folder)
        except (URLError, RuntimeError, OSError) as error:
            raise DatasetError(_missing(name, folder, home.mirrors[-1], error)) from error
        finally:
            shutil.rmtree(part, ignore_errors=True)
    read = home(data_dir, train=split == "train")
    return Images(image=read.data.unsqueeze(1), label=read.targets.long())


def _missing(name: str, folder: Path, address: str, error: Exception) -> str:
    reason = str(error).strip().splitlines()[0]
    return f"{name} is not in {folder} and cannot be downloaded from {address} ({reason}): connect, or put it there."


def _sheet(name: str, size: int) -> Tensor:
    """A picture of many pictures, row by row: (N, C, size, size) uint8."""
    from torchvision.transforms.functional import pil_to_tensor

    sheet = pil_to_tensor(Image.open(SAMPLES / f"{name}.png"))  # (C, rows · size, columns · size)
    return sheet.unfold(1, size, size).unfold(2, size, size).permute(1, 2, 0, 3, 4).flatten(0, 1).contiguous()


# Emoji


@cache
def emoji_pairs(data_dir: str = "data", split: str = "train") -> Images:
    """Emoji by several artists: color (3, 128, 128), line and outside (1, 128, 128), artist (index into emoji.ARTISTS),
    group (index into emoji.GROUPS, or their number).

    `outside` is 1 where the paper around the drawing is.

    `train`: three artists without the held-out things; `held_out`: the held-out things by these three; `sample`: 64 of
    these; `held_out_artist`: everything that the fourth artist drew; `held_out_canny`, `held_out_crayon`: the held-out
    things in line styles that training never shows."""
    if split == "sample":
        group = torch.tensor(json.loads((SAMPLES / "emoji_groups.json").read_text()))
        return Images(**_pairs(_sheet("emoji_B", emoji.SIZE), _sheet("emoji_A", emoji.SIZE)), group=group)
    pairs = Images(**load_file(_emoji_cache(Path(data_dir) / "emoji")))
    last = pairs.tensors["artist"] == list(emoji.ARTISTS).index(emoji.HELD_OUT_ARTIST)
    held_out = pairs.tensors["held_out"]
    style = sketches.HELD_OUT_STYLES.get(split.removeprefix("held_out_"))
    rows = {"train": ~last & ~held_out, "held_out_artist": last}.get(split, ~last & held_out)
    picked = pairs.take(rows)
    if style:
        picked.tensors["line"] = (255 * style(picked[:])[0]).round().byte()
    return picked


def emoji_pictures(data_dir: str = "data", split: str = "train") -> Images:
    """The coloured pictures of `emoji_pairs` alone: image (3, 128, 128)."""
    return Images(image=emoji_pairs(data_dir, split).tensors["color"])


@cache
def emoji_icons(data_dir: str = "data", split: str = "train") -> Images:
    """The coloured pictures of `emoji_pairs`, small: image (3, 32, 32), label (index into emoji.GROUPS, or their number
    where the code points do not tell)."""
    pairs = emoji_pairs(data_dir, split).tensors
    small = torch.cat([F.avg_pool2d(part.float(), emoji.SIZE // ICON) for part in pairs["color"].split(500)])
    return Images(image=small.round().byte(), label=pairs["group"])


@cache
def emoji_groups(data_dir: str = "data", split: str = "train") -> Images:
    """Those of `emoji_icons` whose group is known."""
    icons = emoji_icons(data_dir, split)
    return icons.take(icons.tensors["label"] < len(emoji.GROUPS))


def _emoji_cache(folder: Path) -> Path:
    cached = folder / f"pairs-{emoji.SIZE}-groups.safetensors"
    if cached.exists():
        return cached
    for name in emoji.ARTISTS:
        _fetch_emoji(folder, name)
    files = [
        (file, index)
        for index, name in enumerate(emoji.ARTISTS)
        for file in sorted((folder / name / "svg").glob("*.svg"))
        if not emoji.is_flag(codes := emoji.codepoints(file.name)) and not emoji.has_skin_tone(codes)
    ]
    pairs = _draw(emoji.draw_pair, [file for file, _ in files], "drawing emoji pairs")
    good = [(pair, file, artist) for pair, (file, artist) in zip(pairs, files, strict=True) if pair is not None]
    with aside(cached) as part:
        save_file(
            _pairs(
                torch.from_numpy(np.stack([p[0] for p, _, _ in good])).permute(0, 3, 1, 2).contiguous(),
                torch.from_numpy(np.stack([p[1] for p, _, _ in good])).unsqueeze(1).contiguous(),
            )
            | {
                "artist": torch.tensor([artist for _, _, artist in good]),
                "group": torch.tensor([emoji.group(emoji.codepoints(f.name)) for _, f, _ in good]),
                "held_out": torch.tensor([emoji.is_held_out(emoji.codepoints(f.name)) for _, f, _ in good]),
            },
            part,
        )
    return cached


def _pairs(color: Tensor, line: Tensor) -> dict[str, Tensor]:
    """Pictures and their line art, with where the paper around the drawing is; all uint8."""
    around = sketches.outside(line[:, 0].numpy())
    return {"color": color, "line": line, "outside": torch.from_numpy(around).unsqueeze(1)}


def _fetch_emoji(folder: Path, name: str) -> None:
    artist, target = emoji.ARTISTS[name], folder / name
    if not target.exists():
        archive = folder / f"{name}.tar.gz"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(artist.url, str(archive))
            with aside(target) as part:
                emoji.extract(archive, artist, part / "svg")
        except (URLError, OSError, EOFError) as error:
            raise DatasetError(_missing(f"The emoji set {name}", target, artist.url, error)) from error
        finally:
            archive.unlink(missing_ok=True)
    count, digest = emoji.digest(target / "svg")
    if digest != artist.digest:
        raise DatasetError(
            f"{target} holds {count} drawings that are not the {artist.count} of {artist.repo} at {artist.commit[:8]}: "
            f"delete the folder and start again to download it from {artist.url}."
        )


def _draw(function, arguments: list, title: str) -> list:
    """function(argument) for all arguments, on all cores, with a progress bar."""
    with ProcessPoolExecutor() as pool:
        return list(tqdm(pool.map(function, arguments, chunksize=32), desc=title, total=len(arguments), unit="picture"))


# Cartoon faces


@cache
def cartoon_faces(data_dir: str = "data", split: str = "train", n: int = 20_000) -> Images:
    """n cartoon faces, the last tenth held out: image (3, 64, 64), attributes (10,) indices into cartoon.PARTS.
    `sample`: 64 of the held-out ones, drawn at once."""
    if split == "sample":
        return _stacked([cartoon.draw_face(seed) for seed in range(n * 9 // 10, n * 9 // 10 + 64)])
    cached = Path(data_dir) / "cartoon" / f"faces-{n}.safetensors"
    if not cached.exists():
        faces = _draw(cartoon.draw_face, list(range(n)), "drawing cartoon faces")
        with aside(cached) as part:
            save_file(_stacked(faces).tensors, part)
    faces = Images(**load_file(cached))
    return faces.take(slice(0, n * 9 // 10) if split == "train" else slice(n * 9 // 10, n))


def _stacked(faces: list) -> Images:
    images = torch.from_numpy(np.stack([image for image, _ in faces])).permute(0, 3, 1, 2).contiguous()
    return Images(image=images, attributes=torch.tensor([attributes for _, attributes in faces]))


# A folder of pairs


@cache
def pair_folder(folder: str, split: str = "train", size: int = emoji.SIZE) -> Images:
    """A folder in the sketch2photo layout, `…A/<i>_A.*` sketches and `…B/<i>_B.*` pictures, jpg or png, any size.

    -> color (3, size, size), line and outside (1, size, size). Every tenth pair is held out (of fewer than ten, the
    last). What cannot be used is named in one printed sentence; DatasetError if nothing is left."""
    found: dict[str, dict[str, Path]] = {"A": {}, "B": {}}
    for file in sorted(Path(folder).rglob("*")):
        match = re.fullmatch(r"(.+)_([AB])\.(jpe?g|png)", file.name, re.IGNORECASE)
        if match and file.parent.name.upper().endswith(match[2].upper()):
            found[match[2].upper()][match[1]] = file
    alone = [file.name for side, other in ("AB", "BA") for i, file in found[side].items() if i not in found[other]]
    colors, lines, broken = [], [], []
    for i in sorted(found["A"].keys() & found["B"].keys(), key=lambda i: (len(i), i)):
        try:
            line, color = _square(found["A"][i], "L", size), _square(found["B"][i], "RGB", size)
        except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError):
            broken += [found["A"][i].name, found["B"][i].name]
        else:
            lines.append(line)
            colors.append(color)
    for names, what in ((alone, "have no partner"), (broken, "(or their partners) cannot be read")):
        if names:
            print(f"In {folder}, {', '.join(names[:6])}{' …' * (len(names) > 6)} {what} and are left out.")
    if not lines:
        raise DatasetError(
            f"{folder} holds no usable pair: put sketches in a folder …A as 1_A.jpg, 2_A.jpg … and their pictures in a "
            "folder …B as 1_B.jpg, 2_B.jpg …"
        )
    colors, lines = torch.from_numpy(np.stack(colors)), torch.from_numpy(np.stack(lines))
    pairs = Images(**_pairs(colors.permute(0, 3, 1, 2).contiguous(), lines.unsqueeze(1)))
    held_out = torch.arange(len(pairs)) % 10 == min(9, len(pairs) - 1)
    if len(pairs) == 1:
        return pairs
    return pairs.take(~held_out if split == "train" else held_out)


def _square(file: Path, mode: str, size: int) -> np.ndarray:
    """A picture file, upright, on white, fitted into a square of `size` pixels."""
    with Image.open(file) as opened:
        picture = ImageOps.exif_transpose(opened).convert("RGBA")
    canvas = Image.new("RGBA", picture.size, "white")
    canvas.alpha_composite(picture)
    return np.asarray(ImageOps.pad(canvas.convert(mode), (size, size), color="white"))
