"""Cartoon faces composed of named parts with python-avatars (MIT): an image and its attributes per seed."""

import random
from enum import Enum
from pathlib import Path

import numpy as np
import python_avatars as pa
import torch
from torch import Tensor

from ae_demo.data.emoji_svg import render
from ae_demo.data.images import Batch, Images, dataset, draw_in_parallel, load_cached_portions

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
EYES, HAIR_COLOR = (list(PARTS).index(name) for name in ("eyes", "hair_color"))
READABLE_PARTS = tuple(list(PARTS).index(name) for name in ("hair_color", "skin_color", "clothing"))
ONE_SIDED_EYES = [
    PARTS["eyes"].index(kind) for kind in (pa.EyeType.CRY, pa.EyeType.WINK, pa.EyeType.WINK_WACKY, pa.EyeType.SIDE)
]
NOTHING = {"facial_hair": pa.FacialHairType.NONE, "accessory": pa.AccessoryType.NONE}  # in two of three faces, and more
# part: its values in an order that a slider can follow, as from dark to light
AXES: dict[str, tuple[str, ...]] = {
    "top": (
        "ASTRONAUT", "HAT", "FRIDA", "BRIDE", "SIDES", "BUZZCUT", "SHORT_ROUND", "CAESAR", "CAESAR_SIDE_PART",
        "SHORT_FLAT", "SHORT_DREADS_1", "SHORT_CURLY", "FRIZZLE", "SHORT_WAVED", "MOHAWK", "ELVIS", "POMPADOUR",
        "QUIFF", "EVIL_SPIKE", "BUN", "BRAIDS", "SHORT_DREADS_2", "MOWGLI", "SHAGGY", "SHAGGY_MULLET", "PIXIE",
        "WILD", "EINSTEIN_HAIR", "DREADLOCKS", "CORNROWS", "TWIST_LONG_HAIR", "TWIST_LONG_HAIR_2", "HALF_SHAVED",
        "WICK", "BOB", "MIA_WALLACE", "LONG_NOT_TOO_LONG", "SHAVED_SIDES", "STRAIGHT_STRAND", "STRAIGHT_1",
        "STRAIGHT_2", "CURLY", "FRO_BAND", "FRO", "LOOSE_HAIR", "BIG_HAIR", "CURVY", "DREADS", "CURLY_2",
        "LONG_HAIR_CURLY",
    ),
    "hair_color": (
        "BLACK", "BROWN_DARK", "BROWN", "AUBURN", "RED", "BLONDE", "BLONDE_GOLDEN", "PLATINUM", "SILVER_GRAY",
        "PASTEL_PINK",
    ),
    "skin_color": (
        "YELLOW", "TANNED", "PALE", "LIGHT", "BROWN", "DARK_BROWN", "BLACK",
    ),
    "eyes": (
        "CLOSED", "CRY", "WINK", "HAPPY", "SQUINT", "SIDE", "DEFAULT", "EYE_ROLL", "SURPRISED", "WINK_WACKY", "HEART",
        "X_DIZZY",
    ),
    "eyebrows": (
        "SAD_CONCERNED", "SAD_CONCERNED_NATURAL", "FROWN_NATURAL", "RAISED_EXCITED", "RAISED_EXCITED_NATURAL",
        "UP_DOWN", "UP_DOWN_NATURAL", "DEFAULT", "DEFAULT_NATURAL", "NONE", "FLAT_NATURAL", "UNIBROW_NATURAL",
        "ANGRY_NATURAL", "ANGRY",
    ),
    "mouth": (
        "VOMIT", "SCREAM_OPEN", "GRIMACE", "SAD", "CONCERNED", "DISBELIEF", "SERIOUS", "EATING", "DEFAULT", "TWINKLE",
        "SMILE", "BIG_SMILE", "TONGUE",
    ),
    "facial_hair": (
        "NONE", "EINSTEIN_MOUSTACHE", "MOUSTACHE_MAGNUM", "MOUSTACHE_FANCY", "BEARD_LIGHT", "WICK_BEARD",
        "BEARD_MEDIUM", "BEARD_MAGESTIC",
    ),
    "accessory": (
        "NONE", "EYEPATCH", "ROUND", "PRESCRIPTION_2", "PRESCRIPTION_1", "KURT", "SUNGLASSES", "SUNGLASSES_2",
        "WAYFARERS", "WAYFARERS_2",
    ),
    "clothing": (
        "NONE", "OVERALL", "GLADIATOR", "ASTRONAUT_SUIT", "SHIRT_SCOOP_NECK", "SHIRT_V_NECK", "HOODIE",
        "SHIRT_CREW_NECK", "COLLAR_SWEATER", "CHEF", "JEDI_ROBE", "BLAZER_SWEATER", "BLAZER_SHIRT", "SHIRT_WICK",
        "BOND_SUIT",
    ),
    "clothing_color": (
        "BLACK", "HEATHER", "BLUE_03", "GRAY_02", "RED", "PINK", "BLUE_02", "BLUE_01", "PASTEL_ORANGE",
        "PASTEL_YELLOW", "PASTEL_GREEN", "PASTEL_BLUE", "GRAY_01", "WHITE",
    ),
}  # fmt: skip

HAIR_COLORS = (  # in the order of AXES
    "black", "dark brown", "brown", "auburn", "red", "blonde", "golden blonde", "platinum", "silver grey",
    "pastel pink",
)  # fmt: skip


def axis_shares() -> list[list[float]]:
    """Return the share of faces with each value of AXES, axis by axis."""
    shares = []
    for part, names in AXES.items():
        often = NOTHING[part].name if part in NOTHING else None
        seldom = (1 / 3 if often else 1) / len(names)
        shares.append([seldom + 2 / 3 * (name == often) for name in names])
    return shares


def axis_positions(attributes: Tensor) -> Tensor:
    """Convert attributes (N, 10), indices into PARTS, to indices into AXES, same shape."""
    places = [torch.tensor([AXES[part].index(value.name) for value in values]) for part, values in PARTS.items()]
    return torch.stack([place.to(one.device)[one] for place, one in zip(places, attributes.T, strict=True)], 1)


def hair_colors(attributes: Tensor) -> Tensor:
    """Return the indices (N,) into HAIR_COLORS of attributes (N, 10), indices into PARTS."""
    return axis_positions(attributes)[:, HAIR_COLOR]


def chosen_parts(batch: Batch) -> Tensor:
    """Return the parts of a batch of faces, (N, 10), indices into AXES."""
    return axis_positions(batch["attributes"])


def draw_face(seed: int) -> tuple[np.ndarray, list[int]]:
    """Draw the face of a seed: (64, 64, 3) uint8, and one index into each of `PARTS`. Two in three faces have no beard,
    and two in three no glasses."""
    rng = random.Random(seed)
    chosen = {name: rng.choice(values) for name, values in PARTS.items()}
    for name, nothing in NOTHING.items():
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


@dataset(cartoon_faces.title, cartoon_faces.licence, cartoon_faces.splits, labels=HAIR_COLORS, generated=True)
def faces_by_hair(data_dir: str, split: str, limit: int | None = None) -> Images:
    """Images of `cartoon_faces`, with the colour of their hair as the label, an index into HAIR_COLORS."""
    faces = cartoon_faces(data_dir, split, limit).tensors
    return Images(image=faces["image"], label=hair_colors(faces["attributes"]))


def _stack(faces: list) -> dict[str, Tensor]:
    images = torch.from_numpy(np.stack([image for image, _ in faces])).permute(0, 3, 1, 2).contiguous()
    return {"image": images, "attributes": torch.tensor([attributes for _, attributes in faces])}
