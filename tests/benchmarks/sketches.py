"""The picture in the README: python -m tests.benchmarks.sketches [FILE].

The thirty sketches that were drawn with a mouse on the canvas, as the Colorize tab colours them. Four rows for
every ten sketches: sketch, plain autoencoder, ours, ours with one hint (the dot in the sketch)."""

import sys
from pathlib import Path

from PIL import Image

from ae_demo.data.mouse import mouse_sketches
from ae_demo.ui import coloring
from ae_demo.ui.drawing import find_drawing

FILE = Path(__file__).resolve().parents[2] / ".github" / "sketches.jpg"
COLUMNS, SIDE = 10, 128


def column(sketch) -> list[Image.Image]:
    """Sketch, baseline, ours, ours with one hint."""
    shown, lines, hints = sketch.lines(), sketch.lines(), sketch.hints()
    shown.paste(hints, mask=hints)
    plain, hinted = (find_drawing(lines, layer) for layer in (None, hints))
    answers = [("colorization-baseline", plain), ("colorization-concept", plain), ("colorization-concept", hinted)]
    x, y, side = hinted.box
    square = shown.transform((512, 512), Image.Transform.EXTENT, (x, y, x + side, y + side), fillcolor="white")
    finished = [coloring.compose(coloring.predict(name, d)[0], d, keep_lines=True, even=True) for name, d in answers]
    return [image.resize((SIDE, SIDE), Image.Resampling.LANCZOS) for image in (square, *finished)]


def sheet() -> Image.Image:
    """All of them."""
    columns = [column(sketch) for sketch in mouse_sketches()]
    bands = -(-len(columns) // COLUMNS)
    image = Image.new("RGB", (COLUMNS * SIDE, bands * 4 * SIDE), "white")
    for i, pictures_of_one in enumerate(columns):
        for row, one in enumerate(pictures_of_one):
            image.paste(one, (i % COLUMNS * SIDE, (i // COLUMNS * 4 + row) * SIDE))
    return image


if __name__ == "__main__":
    sheet().save(sys.argv[1] if len(sys.argv) > 1 else FILE, quality=88)
