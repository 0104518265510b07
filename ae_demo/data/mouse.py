"""Thirty sketches drawn with a mouse on the app's canvas, as examples of real input; not a dataset."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from PIL import Image, ImageDraw

FILE = Path(__file__).parent / "samples" / "mouse_sketches.json"
CANVAS = 512  # side in pixels


@dataclass(frozen=True)
class MouseSketch:
    """Named sketch: strokes as lists of (x, y) in pixels of the canvas, and one hint (x, y, "#rrggbb")."""

    name: str
    strokes: list[list[list[int]]]
    hint: tuple[int, int, str]

    def lines(self, width: int = 5) -> Image.Image:
        """Draw the strokes as on the canvas: RGB, black on white."""
        image = Image.new("RGB", (CANVAS, CANVAS), "white")
        draw = ImageDraw.Draw(image)
        for stroke in self.strokes:
            draw.line([tuple(place) for place in stroke], "black", width, "curve")
            for x, y in stroke:
                draw.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), "black")
        return image

    def hints(self) -> Image.Image:
        """Draw the hint as a dot on a transparent RGBA image."""
        layer = Image.new("RGBA", (CANVAS, CANVAS))
        x, y, color = self.hint
        ImageDraw.Draw(layer).ellipse((x - 8, y - 8, x + 8, y + 8), color)
        return layer


@cache
def mouse_sketches() -> list[MouseSketch]:
    """Load all sketches, once."""
    drawn = json.loads(FILE.read_text(encoding="utf-8"))
    return [MouseSketch(name, entry["strokes"], tuple(entry["hint"])) for name, entry in drawn.items()]
