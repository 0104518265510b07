"""Tensors to pictures: PIL images, data URIs for the page."""

import base64
from io import BytesIO

import torch
from PIL import Image
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
