"""Cartoon faces composed of named parts with python-avatars (MIT): an image and its attributes per seed."""

import random
from enum import Enum
from pathlib import Path

import numpy as np
import python_avatars as pa
import torch
from torch import Tensor

from ae_demo.data.emoji_svg import render
from ae_demo.data.images import Images, dataset, draw_in_parallel, load_cached_portions

FACE_SIZE = 64  # side in pixels
TRAIN_FACES, HELD_OUT_FACES = 18_000, 2_000
FACES_PER_FILE = 500  # faces per cached file
PARTS: dict[str, list[Enum]] = {
    "top": [t for t in pa.HairType if t is not pa.HairType.NONE],
    "hair_color": list(pa.HairColor),
    "skin_color": list(pa.SkinColor),
    "eyes": list(pa.EyeType),
    "eyebrows": list(pa.EyebrowType),
    "mouth": list(pa.MouthType),
    "facial_hair": list(pa.FacialHairType),
    "accessory": list(pa.AccessoryType),
    "clothing": [c for c in pa.ClothingType if c is not pa.ClothingType.GRAPHIC_SHIRT],  # its print is illegible
    "clothing_color": list(pa.ClothingColor),
}
# trait: (part, values of that part with the trait)
TRAITS: dict[str, tuple[str, tuple[str, ...]]] = {
    "dark_hair": ("hair_color", ("BLACK", "BROWN_DARK")),
    "blonde": ("hair_color", ("BLONDE", "BLONDE_GOLDEN", "PLATINUM")),
    "red_hair": ("hair_color", ("AUBURN", "RED")),
    "dark_skin": ("skin_color", ("BROWN", "DARK_BROWN", "BLACK")),
    "beard": ("facial_hair", ("BEARD_LIGHT", "BEARD_MAGESTIC", "BEARD_MEDIUM", "WICK_BEARD")),
    "glasses": ("accessory", ("KURT", "PRESCRIPTION_1", "PRESCRIPTION_2", "ROUND")),
    "sunglasses": ("accessory", ("SUNGLASSES", "SUNGLASSES_2", "WAYFARERS", "WAYFARERS_2")),
    "smile": ("mouth", ("SMILE", "BIG_SMILE", "TWINKLE")),
    "suit": ("clothing", ("BLAZER_SHIRT", "BLAZER_SWEATER", "BOND_SUIT", "SHIRT_WICK")),
}


def draw_face(seed: int) -> tuple[np.ndarray, list[int]]:
    """Draw the face of a seed: (64, 64, 3) uint8, and one index into each of `PARTS`. Two in three faces have no beard,
    and two in three no glasses."""
    rng = random.Random(seed)
    chosen = {name: rng.choice(values) for name, values in PARTS.items()}
    for name, nothing in (("facial_hair", pa.FacialHairType.NONE), ("accessory", pa.AccessoryType.NONE)):
        if rng.random() < 2 / 3:
            chosen[name] = nothing
    avatar = pa.Avatar(style=pa.AvatarStyle.TRANSPARENT, facial_hair_color=chosen["hair_color"], **chosen)
    return render(avatar.render(), FACE_SIZE), [PARTS[name].index(value) for name, value in chosen.items()]


@dataset("faces drawn with python-avatars", "MIT", ("train", "held_out", "sample"), generated=True)
def cartoon_faces(data_dir: str, split: str, limit: int | None = None) -> Images:
    """18,000 / 2,000 cartoon faces: image (3, 64, 64), attributes (10,), indices into PARTS. `sample`: 64 of the
    held-out ones, drawn on demand."""
    if split == "sample":
        return Images(**_stack([draw_face(seed) for seed in range(TRAIN_FACES, TRAIN_FACES + 64)]))
    first, n = (0, TRAIN_FACES) if split == "train" else (TRAIN_FACES, HELD_OUT_FACES)

    def draw(indices: range) -> dict[str, Tensor]:
        return _stack(draw_in_parallel(draw_face, [first + i for i in indices], "drawing cartoon faces"))

    return load_cached_portions(
        Path(data_dir) / "faces" / split, min(n, limit or n), FACES_PER_FILE, draw, "cartoon faces"
    )


def _stack(faces: list) -> dict[str, Tensor]:
    images = torch.from_numpy(np.stack([image for image, _ in faces])).permute(0, 3, 1, 2).contiguous()
    return {"image": images, "attributes": torch.tensor([attributes for _, attributes in faces])}
