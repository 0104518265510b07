"""Tensors to pictures: PIL images, data URIs for the page."""

import base64
from io import BytesIO

import numpy as np
import torch
from PIL import Image, ImageChops, ImageDraw
from torch import Tensor


def to_pil(x: Tensor, size: int | None = None) -> Image.Image:
    """(C, H, W) in [0, 1], C 1 or 3 -> PIL image, L or RGB; enlarged without smoothing to `size` pixels if given."""
    pixels = (x.detach().clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    return image.resize((size, size), Image.Resampling.NEAREST) if size else image


def to_grid(rows: Tensor, gap: int = 0) -> Tensor:
    """Rows of pictures (rows, columns, C, H, W) in [0, 1] -> one picture (C, rows · (H + gap), columns · (W + gap))."""
    padded = torch.nn.functional.pad(rows, (0, gap, 0, gap), value=1.0)
    return torch.cat([torch.cat(list(row), dim=2) for row in padded], dim=1)


def data_uri(image: Image.Image, quality: int | None = None) -> str:
    """PIL image -> data URI: PNG (lossless, best for small pictures), or JPEG of the given quality."""
    buffer = BytesIO()
    kind = "png" if quality is None else "jpeg"
    image.save(buffer, kind, **({"compress_level": 1} if quality is None else {"quality": quality}))
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"


def heat(values: np.ndarray, lines: Image.Image, ring: tuple[float, float] | None = None) -> Image.Image:
    """Values (h, w) ≥ 0 under an L image of lines: white is 0, yellow, red, violet the largest; a ring round a place
    (x, y), in shares of the width and height."""
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
