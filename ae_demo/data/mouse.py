"""Thirty things drawn with a mouse on the app's canvas: no dataset, but what the networks are for."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from PIL import Image, ImageDraw

FILE = Path(__file__).parent / "samples" / "mouse_sketches.json"
CANVAS = 512  # pixels, both sides


@dataclass(frozen=True)
class MouseSketch:
    """What was drawn, its strokes, lists of (x, y) in pixels of the canvas, and one hint: x, y, "#rrggbb"."""

    name: str
    strokes: list[list[list[int]]]
    hint: tuple[int, int, str]

    def lines(self, width: int = 5) -> Image.Image:
        """The drawing, RGB, black on white, as the canvas shows it."""
        image = Image.new("RGB", (CANVAS, CANVAS), "white")
        draw = ImageDraw.Draw(image)
        for stroke in self.strokes:
            draw.line([tuple(place) for place in stroke], "black", width, "curve")
            for x, y in stroke:
                draw.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), "black")
        return image

    def hints(self) -> Image.Image:
        """The hint as a dab on a transparent RGBA image."""
        layer = Image.new("RGBA", (CANVAS, CANVAS))
        x, y, color = self.hint
        ImageDraw.Draw(layer).ellipse((x - 8, y - 8, x + 8, y + 8), color)
        return layer


@cache
def mouse_sketches() -> list[MouseSketch]:
    """All of them, always the same."""
    drawn = json.loads(FILE.read_text(encoding="utf-8"))
    return [MouseSketch(name, entry["strokes"], tuple(entry["hint"])) for name, entry in drawn.items()]
