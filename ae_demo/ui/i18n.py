"""Visitor-facing texts as data: one file per language in `texts/`, with a section per tab. Texts are looked up in the
language of the page that is being built, or whose event is being answered."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from functools import cache, wraps
from pathlib import Path
from string import Formatter

TEXTS_DIR = Path(__file__).parent / "texts"
DEFAULT_LANGUAGE = "en"  # also that of the public endpoints
LANGUAGES = (DEFAULT_LANGUAGE, *sorted({path.stem for path in TEXTS_DIR.glob("*.json")} - {DEFAULT_LANGUAGE}))
current_language: ContextVar[str] = ContextVar("language", default=DEFAULT_LANGUAGE)


class Phrase(str):
    """Text whose `format` writes numbers with the decimal and the thousands mark of the current language."""

    def format(self, *args, **values) -> str:
        """Extend str.format by these marks."""
        return _NumberFormatter().vformat(self, args, values)


class _NumberFormatter(Formatter):
    def format_field(self, value, format_spec: str) -> str:
        text = super().format_field(value, format_spec)
        if isinstance(value, str):
            return text
        return text.translate(str.maketrans(".,", load_texts(current_language.get())["app"]["number_marks"]))


class Section(Mapping[str, Phrase]):
    """Texts of a section by key, in the current language."""

    def __init__(self, name: str):
        self.name = name

    def __getitem__(self, key: str) -> Phrase:
        return Phrase(load_texts(current_language.get())[self.name][key])

    def __iter__(self) -> Iterator[str]:
        return iter(load_texts(DEFAULT_LANGUAGE)[self.name])

    def __len__(self) -> int:
        return len(load_texts(DEFAULT_LANGUAGE)[self.name])


@cache
def load_texts(language: str) -> dict[str, dict[str, str]]:
    """Read the texts of one of LANGUAGES, by section and key."""
    return json.loads((TEXTS_DIR / f"{language}.json").read_text(encoding="utf-8"))


TEXTS = {name: Section(name) for name in load_texts(DEFAULT_LANGUAGE)}


def format_number(value: float, spec: str = ",") -> str:
    """Format a number by a format specification, with the marks of the current language."""
    return _NumberFormatter().format_field(value, spec)


def translate_name(name: str) -> str:
    """Return the name of a class, or the title or caption of a recipe, in the current language."""
    return TEXTS["names"].get(name, name)


def in_language(function: Callable, language: str | None = None) -> Callable:
    """Make a function that runs in a language: by default that of the page under construction."""
    language = language or current_language.get()

    @wraps(function)
    def answer(*args, **kwargs):
        token = current_language.set(language)
        try:
            return function(*args, **kwargs)
        finally:
            current_language.reset(token)

    return answer
