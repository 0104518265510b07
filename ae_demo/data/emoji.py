"""Emoji as aligned pairs of line art and colour: four open SVG sets, one concept drawn by up to four artists."""

import hashlib
import json
import re
import tarfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.error import URLError

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional as F

from ae_demo.data import vocabulary
from ae_demo.data.emoji_svg import EMOJI_SIZE, draw_pair
from ae_demo.data.images import (
    SAMPLES_DIR,
    DatasetError,
    Images,
    atomic_write,
    dataset,
    draw_in_parallel,
    missing_data_error,
    read_sheet,
)
from ae_demo.data.regions import outside_mask
from ae_demo.data.sketches import HELD_OUT_STYLES
from ae_demo.data.vocabulary import GROUPS

TITLE = "Noto, OpenMoji and Twemoji emoji"
LICENCE = "Apache-2.0, CC BY-SA 4.0 and CC BY 4.0"
EMOJI_SPLITS = ("train", "held_out", "sample")
OTHER_SPLITS = ("held_out_artist", "held_out_canny", "held_out_crayon")
ICON_SIZE = 32  # side of the small emoji in pixels


@dataclass(frozen=True)
class Artist:
    """One emoji set: its source, and the digest of its complete files.

    `digest` is the SHA-256 over the kept files (sorted by name; name and bytes of each), so it does not depend on how
    the archive was compressed."""

    repo: str
    commit: str
    member: str  # regular expression for the wanted archive members
    licence: str
    count: int
    digest: str

    @property
    def url(self) -> str:
        """Address of the archive."""
        return f"https://codeload.github.com/{self.repo}/tar.gz/{self.commit}"


SVGMOJI = ("svgmoji/svgmoji", "fb4bf0c2e6188c0cf70642d2931e92b9b7b0ae65")
ARTISTS = {
    "noto": Artist(
        "googlefonts/noto-emoji", "b3e3051a088047d19fd4d49b1c3ac42fb8c3aaf8", r"/svg/emoji_u\w+\.svg$",
        "Apache-2.0", 1688,
        "262f14051e6784329fd481284d86a53fc1cdd81f671f9798a2bb0db80610892e",
    ),
    "openmoji": Artist(*SVGMOJI, r"/packages/svgmoji__openmoji/svg/[^/]+\.svg$", "CC-BY-SA-4.0", 2192,
        "d48fba320e79a07758a712335f9b16d78ab6ac8908d3d5c48a87d1ad69398bcd"),
    "twemoji": Artist(*SVGMOJI, r"/packages/svgmoji__twemoji/svg/[^/]+\.svg$", "CC-BY-4.0", 1848,
        "3276b9d7f4600c4af744f9877f577bd68b9150109777d4fa83c18544f5a77e44"),
    "fluent": Artist(
        "shuding/fluentui-emoji-unicode", "7a40f1a2d064d76e436813edc0f09b6c8cde5da8", r"/assets/[^/]+_flat\.svg$",
        "MIT", 1545,
        "e85275b1663590618e7a88ef00228b41942be214eb263ff7be240e60574db2df",
    ),
}  # fmt: skip
PALETTE = (  # k-means in CIELAB over the colours of the training images, plus black and white; greys, then by hue
    "#000000", "#16110f", "#3b3e41", "#5e6f77", "#9f9c99", "#c9ccd0", "#eef0ef", "#ffffff",
    "#e14f7b", "#ec92a6", "#6b473e", "#8d3729", "#d43838", "#f14022", "#d5755c", "#eebfbc",
    "#865d2d", "#a67f6c", "#e26e2b", "#f39016", "#daa072", "#f0a841", "#433818", "#a98531",
    "#f8bd24", "#f3d283", "#f6d358", "#fae12f", "#f5dfb6", "#5b7533", "#5a9f3d", "#8fc678",
    "#a9c73d", "#b8cc9f", "#2b9e8b", "#6dd4cd", "#87a8b7", "#63b9ec", "#aad7ec", "#24528c",
    "#4186ba", "#3693e2", "#4841a1", "#5f23e7", "#3f6fda", "#a57ecb", "#9e3db2", "#d819e9",
)  # fmt: skip
HELD_OUT_ARTIST = "fluent"  # not used in training: the smallest set, so that little data is lost


@dataset(TITLE, LICENCE, (*EMOJI_SPLITS, *OTHER_SPLITS))
def emoji_pairs(data_dir: str, split: str) -> Images:
    """Emoji by several artists: color (3, 128, 128), line and outside (1, 128, 128), artist (index into ARTISTS), group
    (index into vocabulary.GROUPS; len(GROUPS) if unknown). `outside` is 1 on the paper around the drawing.

    `train`: three artists, without the held-out concepts; `held_out`: the held-out concepts by these three; `sample`:
    64 of those; `held_out_artist`: all drawings by the fourth artist; `held_out_canny`, `held_out_crayon`: the held-out
    concepts in line styles not used in training."""
    if split == "sample":
        group = torch.tensor(json.loads((SAMPLES_DIR / "emoji_groups.json").read_text()))
        return Images(**with_outside(read_sheet("emoji_B", EMOJI_SIZE), read_sheet("emoji_A", EMOJI_SIZE)), group=group)
    pairs = _all_pairs(data_dir)
    last = pairs.tensors["artist"] == list(ARTISTS).index(HELD_OUT_ARTIST)
    held_out = pairs.tensors["held_out"]
    rows = {"train": ~last & ~held_out, "held_out_artist": last}.get(split, ~last & held_out)
    picked = pairs.take(rows)
    if style := HELD_OUT_STYLES.get(split.removeprefix("held_out_")):
        picked.tensors["line"] = (255 * style(picked[:])[0]).round().byte()
    return picked


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
    folder = Path(data_dir) / "emoji"
    cached = folder / f"pairs-{EMOJI_SIZE}-groups.safetensors"
    if not cached.exists():
        _draw_pairs(folder, cached)
    return Images(**load_file(cached))


def _draw_pairs(folder: Path, cached: Path) -> None:
    for name in ARTISTS:
        _fetch(folder, name)
    files = [
        (file, index)
        for index, name in enumerate(ARTISTS)
        for file in sorted((folder / name / "svg").glob("*.svg"))
        if not vocabulary.is_flag(codes := vocabulary.codepoints(file.name)) and not vocabulary.has_skin_tone(codes)
    ]
    pairs = draw_in_parallel(draw_pair, [file for file, _ in files], "drawing emoji pairs")
    good = [(pair, file, artist) for pair, (file, artist) in zip(pairs, files, strict=True) if pair is not None]
    color = torch.from_numpy(np.stack([pair[0] for pair, _, _ in good])).permute(0, 3, 1, 2).contiguous()
    line = torch.from_numpy(np.stack([pair[1] for pair, _, _ in good])).unsqueeze(1).contiguous()
    spelt = [vocabulary.codepoints(file.name) for _, file, _ in good]
    facts = {
        "artist": torch.tensor([artist for _, _, artist in good]),
        "group": torch.tensor([vocabulary.unicode_group(one) for one in spelt]),
        "held_out": torch.tensor([vocabulary.is_held_out(one) for one in spelt]),
    }
    with atomic_write(cached) as part:
        save_file(with_outside(color, line) | facts, part)


def with_outside(color: Tensor, line: Tensor) -> dict[str, Tensor]:
    """Return images (N, 3, H, W), line art (N, 1, H, W) and the mask of the paper around it, all uint8, by name."""
    return {"color": color, "line": line, "outside": torch.from_numpy(outside_mask(line[:, 0].numpy())).unsqueeze(1)}


def _fetch(folder: Path, name: str) -> None:
    artist, target = ARTISTS[name], folder / name
    if not target.exists():
        archive = folder / f"{name}.tar.gz"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(artist.url, str(archive))
            with atomic_write(target) as part:
                extract(archive, artist, part / "svg")
        except (URLError, OSError, EOFError) as error:
            raise missing_data_error(f"The emoji set {name}", target, artist.url, error) from error
        finally:
            archive.unlink(missing_ok=True)
    count, found = digest(target / "svg")
    if found != artist.digest:
        raise DatasetError(
            f"{target} holds {count} drawings that are not the {artist.count} of {artist.repo} at {artist.commit[:8]}: "
            f"delete the folder and start again to download it from {artist.url}."
        )


def digest(folder: Path) -> tuple[int, str]:
    """Return the number of SVG files in a folder, without skin-tone variants, and the SHA-256 over them."""
    files = sorted(f for f in folder.glob("*.svg") if not vocabulary.has_skin_tone(vocabulary.codepoints(f.name)))
    total = hashlib.sha256()
    for file in files:
        total.update(file.name.encode() + file.read_bytes())
    return len(files), total.hexdigest()


def extract(archive: Path, artist: Artist, folder: Path) -> None:
    """Unpack the wanted members of a `.tar.gz` flat into `folder`, without skin-tone variants."""
    folder.mkdir(parents=True)
    with tarfile.open(archive, "r:gz") as tar:
        for member in tar:
            name = Path(member.name).name
            if (
                member.isfile()
                and re.search(artist.member, member.name)
                and not vocabulary.has_skin_tone(vocabulary.codepoints(name))
                and (content := tar.extractfile(member))
            ):
                (folder / name).write_bytes(content.read())
