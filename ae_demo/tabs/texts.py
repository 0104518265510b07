"""What visitors read, as data: `texts.json`, one entry per tab."""

import json
from pathlib import Path

TEXTS: dict[str, dict[str, str]] = json.loads((Path(__file__).parent / "texts.json").read_text(encoding="utf-8"))
