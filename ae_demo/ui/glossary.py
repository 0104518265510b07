"""Explanations of abbreviations and measures, shown when one points at them."""

import html
import re

from ae_demo.ui.i18n import TEXTS


def glossary() -> dict[str, str]:
    """Return the meaning of every term of the glossary, in the current language."""
    return dict(entry.split(": ", 1) for entry in TEXTS["glossary"].values())


def explain_terms(text: str) -> str:
    """Mark the first place of every term of the glossary in Markdown or HTML, so that its meaning can be pointed at."""
    meanings = glossary()
    terms = "|".join(re.escape(term) for term in sorted(meanings, key=len, reverse=True))
    seen = set[str]()

    def mark(found: re.Match) -> str:
        term = found[0]
        if term in seen:
            return term
        seen.add(term)
        return f'<abbr title="{html.escape(meanings[term])}">{term}</abbr>'

    return re.sub(rf"(?<![\w/])(?:{terms})(?!\w)", mark, text)
