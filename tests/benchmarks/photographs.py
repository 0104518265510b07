"""Ink found in photographs of drawings: python -m tests.benchmarks.photographs [FILE].

Prints F1, precision and recall for each of the generated photographs (`tests.photographs`), and the side of the square
found as a multiple of the true one. With a FILE, also saves a sheet: photograph, ink found, what a network sees."""

import sys
import time

import numpy as np
from PIL import Image

from ae_demo.figures import to_pil
from tests.photographs import FOUND, PHOTOGRAPHS, find_in_photograph, score, true_box

COLUMNS, SIDE = 8, 200


def main(file: str | None) -> None:
    sheet = Image.new("RGB", (COLUMNS * SIDE, -(-len(PHOTOGRAPHS) // COLUMNS) * 3 * SIDE), "white")
    scores = []
    print(f"{'':<36}{'F1':>6}{'P':>6}{'R':>6}{'side':>6}{'ms':>7}")
    for i, photograph in enumerate(PHOTOGRAPHS):
        begun = time.process_time()
        drawing, box = find_in_photograph(photograph)
        ms = 1000 * (time.process_time() - begun)  # with the time to take the photograph
        scores.append(score(photograph, np.asarray(drawing.lines) < FOUND, box))
        f1, precision, recall = scores[-1]
        side = box[2] / true_box(photograph)[2]
        print(f"{photograph.name:<36}{f1:6.2f}{precision:6.2f}{recall:6.2f}{side:6.2f}{ms:7.0f}", flush=True)
        row, column = divmod(i, COLUMNS)
        for k, image in enumerate((photograph.upright(), drawing.lines, to_pil(drawing.network_view()))):
            image.thumbnail((SIDE, SIDE))
            sheet.paste(image, (column * SIDE, (3 * row + k) * SIDE))
    f1 = [one for one, *_ in scores]
    print(f"mean {np.mean(f1):.3f}, lowest {min(f1):.3f}")
    if file:
        sheet.save(file)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
