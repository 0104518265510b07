"""How to commit to colours, and where a hint helps: python -m tests.benchmarks.choices [N].

On N held-out things (default 200), without hints: what the networks answer, the likeliest colour per region, one random
variant, and the best of four, each as it is and with one colour per region. Then the mean ΔE after one hint of the true
colour at a random place of the drawing, in the middle of the largest region, and in the ring that the app shows: in the
region over which eight variants differ most.
"""

import sys

import numpy as np
import torch

from ae_demo import checkpoints
from ae_demo.data.emoji import emoji_pairs
from ae_demo.data.hints import no_hints, paint, true_hints
from ae_demo.data.regions import largest_regions
from ae_demo.data.sketches import clean_sketch
from ae_demo.evaluation.colorization_scores import color_variants, colorize_batch
from ae_demo.evaluation.image_metrics import chroma, delta_e, psnr
from ae_demo.evaluation.set_metrics import frechet
from ae_demo.figures import to_pil
from ae_demo.models.colorization import Colorization
from ae_demo.models.colorization_gan import CODE_LENGTH, PaletteColorization
from ae_demo.tabs.colorize import suggest_hint, variant_codes
from ae_demo.ui.drawing import Drawing
from tests.benchmarks.common import one_sentence


def evened(color, sketch):
    """One colour per region: colours (N, 3, H, W), sketches (N, 1, H, W)."""
    out = []
    for picture, lines in zip(color, sketch, strict=True):
        drawing = Drawing(sketch, sketch, to_pil(lines), (0, 0, 1), (1, 1))
        even = np.asarray(drawing.even_out(to_pil(picture)), dtype=np.float32) / 255
        out.append(torch.from_numpy(even).permute(2, 0, 1))
    return torch.stack(out)


def hint_at(color, places):
    """One hint of the true colour each, at (row, column)."""
    row, column = torch.tensor(places).T
    spot, n = torch.stack([column, row], dim=1).float() + 0.5, len(color)
    return paint(no_hints(color), spot, spot, color[torch.arange(n), :, row, column], torch.full((n,), 3.0))


@torch.inference_mode()
def main(n: int) -> None:
    data = emoji_pairs("data", "held_out")
    sketch, color, within = clean_sketch(data.spread(n)[:])
    n = len(sketch)
    gan = checkpoints.load(PaletteColorization, "colorization-gan")
    unet = checkpoints.load(Colorization, "colorization")
    empty = no_hints(sketch[:1])
    code = torch.rand(4, CODE_LENGTH, generator=torch.Generator().manual_seed(0))
    likeliest, _ = color_variants(gan, sketch, no_hints(sketch))
    several = torch.stack([color_variants(gan, x[None], empty, code)[0] for x in sketch])  # (n, 4, 3, H, W)
    best = (several - color[:, None]).square().flatten(2).mean(2).argmin(1)
    answers = {
        "U-Net, L1": colorize_batch(unet, sketch, no_hints(sketch)),
        "U-Net against a discriminator": colorize_batch(gan, sketch, no_hints(sketch)),
        "… likeliest colour per region": likeliest,
        "… one random variant": several[:, 0],
        "… best of four variants": several[torch.arange(n), best],
    }
    print(f"{'':<34}{'PSNR':>7}{'ΔE':>7}{'colour':>8}{'Fréchet':>9}   one colour per region: the same")
    for name, answer in answers.items():
        line = f"{name:<34}"
        for shown in (answer, evened(answer, sketch)):
            line += f"{psnr(shown, color):7.1f}{delta_e(shown, color, within):7.1f}{chroma(shown) / chroma(color):8.2f}"
            line += f"{frechet(shown, color):9.2f}   "
        print(line, flush=True)

    differ, middle = [], []
    for x, inside in zip(sketch, within, strict=True):
        found = largest_regions(x[0], empty[0, 3], 1)
        middle.append(
            found[0].hint_dot.nonzero().float().mean(0).long().tolist() if found else inside[0].nonzero()[0].tolist()
        )
        spread = color_variants(gan, x[None], empty, variant_codes(0))[0].std(0).mean(0).numpy()
        ring = suggest_hint(spread, x[0], empty[0, 3])
        differ.append([int(128 * ring[1]), int(128 * ring[0])] if ring else middle[-1])
    hints = {
        "no hint": no_hints(sketch),
        "at a random place": true_hints(color, within, 1),
        "in the largest region": hint_at(color, middle),
        "in the ring": hint_at(color, differ),
    }
    print("\nmean ΔE after one hint")
    for name, given in hints.items():
        print(f"{name:<34}{delta_e(colorize_batch(gan, sketch, given), color, within):7.2f}")


if __name__ == "__main__":
    with one_sentence():
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
