"""Conversion of tensors to PIL images, data URIs and SVG curves."""

import base64
import html
import math
from io import BytesIO

import numpy as np
import torch
from PIL import Image, ImageChops, ImageDraw
from torch import Tensor


def to_pil(x: Tensor, size: int | None = None) -> Image.Image:
    """Convert (C, H, W) in [0, 1], C 1 or 3, to a PIL image, L or RGB; enlarged to `size` by nearest neighbour if
    given."""
    pixels = (x.detach().clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    return image.resize((size, size), Image.Resampling.NEAREST) if size else image


def to_grid(rows: Tensor, gap: int = 0) -> Tensor:
    """Tile images (rows, columns, C, H, W) in [0, 1] -> (C, rows · (H + gap), columns · (W + gap))."""
    padded = torch.nn.functional.pad(rows, (0, gap, 0, gap), value=1.0)
    return torch.cat([torch.cat(list(row), dim=2) for row in padded], dim=1)


def data_uri(image: Image.Image, quality: int | None = None) -> str:
    """Encode a PIL image as a data URI: PNG (lossless, best for small images), or JPEG of the given quality."""
    buffer = BytesIO()
    kind = "png" if quality is None else "jpeg"
    image.save(buffer, kind, **({"compress_level": 1} if quality is None else {"quality": quality}))
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"


def film_uri(images: list[Image.Image], kind: str, duration: int) -> str:
    """Encode PIL images, each shown for `duration` ms, as a data URI of an endless film, kind "gif" or "webp"."""
    buffer = BytesIO()
    images[0].save(buffer, kind, save_all=True, append_images=images[1:], duration=duration, loop=0)
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"


LINE_COLORS = ("#3b5bdb", "#e4572e", "#1b9e5a", "#7b3fe4", "#0c8599", "#c2255c")  # safe for colour-blind viewers


def curves(
    lines: dict[str, list[tuple[float, float]]], x_title: str, y_title: str, floor: tuple[str, float] | None = None
) -> str:
    """Draw lines of points (x, y) > 0, by name, as an SVG with logarithmic axes; `floor` names a dashed level."""
    xs = sorted({x for line in lines.values() for x, _ in line})
    ys = [y for line in lines.values() for _, y in line] + ([floor[1]] if floor else [])
    low, high = math.log10(min(ys)) - 0.1, math.log10(max(ys)) + 0.1
    span = math.log(xs[-1] / xs[0])  # 0 for a single x, which is then centred

    def across(x: float) -> float:
        return round(60 + 520 * (math.log(x / xs[0]) / span if span else 0.5), 1)

    def up(y: float) -> float:
        return round(320 - 300 * (math.log10(y) - low) / (high - low), 1)

    def text(x: float, y: float, words: str, anchor: str = "middle", **style: str) -> str:
        more = "".join(f' {name}="{value}"' for name, value in style.items())
        return f'<text x="{x}" y="{y}" text-anchor="{anchor}"{more}>{html.escape(words)}</text>'

    ticks = [m * 10**e for e in range(math.floor(low), math.ceil(high)) for m in (1, 2, 5)]
    parts = [
        f'<path d="M60 {up(y)}H580" stroke="#ddd"/>' + text(54, up(y) + 4, f"{y:g}", "end")
        for y in ticks
        if low <= math.log10(y) <= high
    ]
    parts += [text(across(x), 338, f"{x:g}") for x in xs]
    parts += [text(320, 358, x_title), text(16, 170, y_title, transform="rotate(-90 16 170)")]
    if floor:
        parts += [
            f'<path d="M60 {up(floor[1])}H580" stroke="#666" stroke-dasharray="5 4"/>',
            text(578, up(floor[1]) - 5, floor[0], "end"),
        ]
    for i, (name, line) in enumerate(lines.items()):
        ink = LINE_COLORS[i % len(LINE_COLORS)]
        points = [(across(x), up(y)) for x, y in line]
        parts.append(
            f'<path d="M{" ".join(f"{x},{y}" for x, y in points)}" fill="none" stroke="{ink}" stroke-width="2"/>'
            + "".join(f'<circle cx="{x}" cy="{y}" r="3.5" fill="{ink}"/>' for x, y in points)
            + text(572, 36 + 18 * i, name, "end", fill=ink, **{"font-weight": "bold"})
        )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 600 370" role="img"'
        ' font-family="sans-serif" font-size="12">'
        f"<title>{y_title}, {x_title}: {html.escape(', '.join(lines))}</title>"
        f'<rect width="600" height="370" fill="#fff"/>{"".join(parts)}</svg>'
    )


def loss_curve(points: list[list[float]], x_title: str, y_title: str):
    """Draw [[step, loss], …] as an interactive plotly figure."""
    import plotly.graph_objects as go  # slow to import, so only on use

    x, y = zip(*points, strict=True)
    figure = go.Figure(go.Scatter(x=x, y=y, mode="lines", line={"color": LINE_COLORS[0], "width": 2}))
    figure.update_layout(margin={"l": 50, "r": 10, "t": 10, "b": 40}, height=280, template="plotly_white")
    clear, middling = "rgba(0,0,0,0)", "#808590"  # on light and on dark pages
    figure.update_layout(paper_bgcolor=clear, plot_bgcolor=clear, font={"color": middling})
    figure.update_xaxes(title=x_title, gridcolor="#80859040")
    return figure.update_yaxes(title=y_title, gridcolor="#80859040")


def heat(values: np.ndarray, lines: Image.Image, ring: tuple[float, float] | None = None) -> Image.Image:
    """Draw values (h, w) ≥ 0 as a heat map, white (0) through yellow and red to violet (maximum), under an L image of
    lines, with an optional ring at (x, y), as fractions of width and height."""
    top = max(float(np.quantile(values, 0.995)), 0.03)
    stops, ramp = [0, 0.33, 0.66, 1], [(255, 255, 255), (255, 214, 80), (226, 74, 51), (84, 20, 110)]
    colors = np.stack([np.interp(values / top, stops, channel) for channel in zip(*ramp, strict=True)], axis=-1)
    image = Image.fromarray(colors.astype(np.uint8)).resize(lines.size, Image.Resampling.BILINEAR)
    image = ImageChops.multiply(image, lines.convert("RGB"))
    if ring is None:
        return image
    x, y = ring[0] * lines.width, ring[1] * lines.height
    radius = lines.width / 18
    draw = ImageDraw.Draw(image)
    for grow, ink, width in ((2, "white", 7), (0, "#0050ff", 3)):
        draw.ellipse(
            (x - radius - grow, y - radius - grow, x + radius + grow, y + radius + grow), outline=ink, width=width
        )
    return image
