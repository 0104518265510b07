"""Visitor-facing texts as data: one file per language in `texts/`, with a section per tab."""

import json
from pathlib import Path

LANGUAGE = "en"
TEXTS_DIR = Path(__file__).parent / "texts"
TEXTS: dict[str, dict[str, str]] = json.loads((TEXTS_DIR / f"{LANGUAGE}.json").read_text(encoding="utf-8"))
