"""A sheet of held-out doodles, one of each thing that three artists have drawn, as the Colorize tab colours them, with
what each is taken for, red where that is wrong: python -m tests.benchmarks.doodles [FILE] [told].

With `told`, the network is told what each shows."""

import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from ae_demo.data.concepts import CATEGORIES, concept_name
from ae_demo.data.doodles import doodles, render_doodles
from ae_demo.data.drawings import colored_drawings
from ae_demo.evaluation.meaning import artists_colors
from ae_demo.figures import to_pil
from ae_demo.tabs import colorize
from ae_demo.ui import coloring
from ae_demo.ui.drawing import find_drawing
from tests.benchmarks.common import one_sentence

FILE = Path(__file__).resolve().parents[2] / ".github" / "doodles.jpg"
COLUMNS, SIDE, CAPTION = 18, 88, 14


def tile(points, stroke, category, told: bool) -> Image.Image:
    """One coloured doodle with its caption."""
    canvas = to_pil(render_doodles(points, stroke, 512, 2)[0]).convert("RGB")
    drawing = find_drawing(canvas)
    first = coloring.likeliest_concepts(drawing, 1)[0]["concept"]
    color, _ = coloring.predict(colorize.HEADLINE, drawing, category.concept if told else "")
    image = Image.new("RGB", (SIDE, SIDE + CAPTION), "white")
    shown = drawing.place(coloring.compose(color, drawing, keep_lines=True, even=True))
    image.paste(shown.resize((SIDE, SIDE), Image.Resampling.LANCZOS))
    ink = "black" if first == category.concept else "#c00000"
    ImageDraw.Draw(image).text((3, SIDE), concept_name(first)[:17], ink, ImageFont.load_default(10))
    return image


def sheet(told: bool) -> Image.Image:
    """All of them, in the order of their names."""
    known = artists_colors(colored_drawings("data", "held_out_doodles").others[:])
    sample, rows = doodles(split="sample"), [3 * i for i in sorted(known)]
    tiles = []
    for row in rows:
        batch = sample[row : row + 1]
        tiles.append(tile(batch["points"], batch["stroke"], CATEGORIES[int(batch["category"][0])], told))
    lines = -(-len(tiles) // COLUMNS)
    image = Image.new("RGB", (COLUMNS * SIDE, lines * (SIDE + CAPTION)), "white")
    for i, one in enumerate(tiles):
        image.paste(one, (i % COLUMNS * SIDE, i // COLUMNS * (SIDE + CAPTION)))
    return image


if __name__ == "__main__":
    with one_sentence():
        arguments = [argument for argument in sys.argv[1:] if argument != "told"]
        sheet("told" in sys.argv).save(arguments[0] if arguments else FILE, quality=88)
