"""Concepts, the things that a drawing may show: one vocabulary for emoji, doodles and the words that visitors type."""

import unicodedata
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ae_demo.data import vocabulary

TABLES_DIR = Path(__file__).parent / "tables"  # emoji.txt: concepts of emoji; doodles.tsv: those of doodle categories
CONCEPT_LANGUAGES = ("en", "id")


@dataclass(frozen=True)
class Category:
    """Category of Quick, Draw! doodles: its concept; the emoji concepts whose pictures show it, or, if none does,
    things of the same colours; and its Indonesian name where there is no emoji to have one."""

    name: str
    concept: str
    pictures: tuple[str, ...]
    indonesian: str

    @property
    def has_emoji(self) -> bool:
        """Return whether an emoji shows the very thing."""
        return self.concept in self.pictures


def _read_categories() -> tuple[Category, ...]:
    rows = [line.split("\t") for line in (TABLES_DIR / "doodles.tsv").read_text(encoding="utf-8").splitlines()[1:]]
    return tuple(Category(name, concept, tuple(pictures.split()), own) for name, concept, pictures, own in rows)


CATEGORIES = _read_categories()
_emoji = (TABLES_DIR / "emoji.txt").read_text(encoding="utf-8").split()
CONCEPTS = (*_emoji, *(category.concept for category in CATEGORIES if category.concept not in _emoji))
INDEX = {concept: i for i, concept in enumerate(CONCEPTS)}
UNKNOWN = len(CONCEPTS)  # index of what is no concept


def concept_index(codes: list[str]) -> int:
    """Return the index into CONCEPTS of an emoji's code points; UNKNOWN for what is not among them, such as a flag."""
    return INDEX.get(vocabulary.concept(codes), UNKNOWN)


@cache
def _emoji_entries() -> dict[str, tuple[str, dict]]:
    """Return character and names of the emoji of each concept: the neutral one, if several share it."""
    import emoji

    for language in CONCEPT_LANGUAGES:
        emoji.config.load_language(language)
    entries: dict[str, tuple[str, dict]] = {}
    for character, entry in emoji.EMOJI_DATA.items():
        if entry["status"] > emoji.STATUS["fully_qualified"]:
            continue
        codes = [f"{ord(c):04x}" for c in character]
        concept = vocabulary.concept(codes)
        if vocabulary.has_skin_tone(codes) or (concept in entries and not is_plainer(character, entries[concept][0])):
            continue
        entries[concept] = (character, entry)
    return entries


def is_plainer(character: str, other: str) -> bool:
    """Return whether the first of two emoji of one concept shows a person of no gender, or is the shorter one."""
    person = "\N{ADULT}"
    return (person in character, -len(character)) > (person in other, -len(other))


def emoji_character(concept: str) -> str:
    """Return the emoji of a concept, "" if it has none."""
    return _emoji_entries()[concept][0] if concept in _emoji_entries() else ""


@cache
def _category_names() -> dict[str, Category]:
    return {category.concept: category for category in reversed(CATEGORIES)}


def concept_name(concept: str, language: str = "en") -> str:
    """Return the name of a concept in one of CONCEPT_LANGUAGES: that of the doodles, else that of the Unicode CLDR."""
    category = _category_names().get(concept)
    if category and (language == "en" or category.indonesian):
        return category.name if language == "en" else category.indonesian
    entry = _emoji_entries()[concept][1]
    return entry.get(language, entry["en"]).strip(":").replace("_", " ")


@cache
def _search_keys(language: str) -> tuple[tuple[str, str], ...]:
    """Return (folded name, concept) of all names by which a concept can be found, shorter names first."""
    keys = [(fold(category.name), category.concept) for category in CATEGORIES]
    for concept in CONCEPTS:
        names = {concept_name(concept, language), concept_name(concept, "en")}
        if concept in _emoji_entries():
            character, entry = _emoji_entries()[concept]
            names |= {character, *(name.strip(":").replace("_", " ") for name in entry.get("alias", ()))}
        keys += [(fold(name), concept) for name in sorted(names)]
    return tuple(sorted(dict.fromkeys(keys), key=lambda key: len(key[0])))


def fold(text: str) -> str:
    """Return text without case, accents and surplus space, for comparison."""
    letters = unicodedata.normalize("NFKD", text).replace("\N{VARIATION SELECTOR-16}", "")
    return " ".join("".join(c for c in letters if not unicodedata.combining(c)).casefold().split())


def find_concepts(text: str, language: str = "en", n: int = 8) -> list[str]:
    """Return up to n concepts whose name or synonym equals, begins with, or contains a text, in this order."""
    wanted = fold(text)
    if not wanted:
        return []
    ranked: list[list[str]] = [[], [], [], []]
    for key, concept in _search_keys(language):
        if key == wanted:
            ranked[0].append(concept)
        elif key.startswith(wanted):
            ranked[1].append(concept)
        elif f" {wanted}" in key:
            ranked[2].append(concept)
        elif wanted in key:
            ranked[3].append(concept)
    return list(dict.fromkeys(concept for rank in ranked for concept in rank))[:n]
