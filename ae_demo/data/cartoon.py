"""Cartoon faces drawn from named parts with python-avatars (MIT): a picture and its attributes from a seed."""

import random
from enum import Enum

import numpy as np
import python_avatars as pa

from ae_demo.data.emoji import render

SIZE = 64  # pixels, both sides
PARTS: dict[str, list[Enum]] = {
    "top": [t for t in pa.HairType if t is not pa.HairType.NONE],
    "hair_color": list(pa.HairColor),
    "skin_color": list(pa.SkinColor),
    "eyes": list(pa.EyeType),
    "eyebrows": list(pa.EyebrowType),
    "mouth": list(pa.MouthType),
    "facial_hair": list(pa.FacialHairType),
    "accessory": list(pa.AccessoryType),
    "clothing": [c for c in pa.ClothingType if c is not pa.ClothingType.GRAPHIC_SHIRT],  # its print is unreadable
    "clothing_color": list(pa.ClothingColor),
}
# what one would say of a face: the part, and its values that make it so
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
    """Seed -> (64, 64, 3) uint8 and one index into each of `PARTS`. Two faces in three have no beard, as many no
    glasses."""
    rng = random.Random(seed)
    chosen = {name: rng.choice(values) for name, values in PARTS.items()}
    for name, nothing in (("facial_hair", pa.FacialHairType.NONE), ("accessory", pa.AccessoryType.NONE)):
        if rng.random() < 2 / 3:
            chosen[name] = nothing
    avatar = pa.Avatar(style=pa.AvatarStyle.TRANSPARENT, facial_hair_color=chosen["hair_color"], **chosen)
    return render(avatar.render(), SIZE), [PARTS[name].index(value) for name, value in chosen.items()]
