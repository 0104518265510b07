"""Cartoon faces: the same seed, the same face."""

import numpy as np
import pytest
import torch

from ae_demo.data import faces


def test_a_face_and_its_attributes_depend_on_the_seed_alone():
    (first, labels), (again, labels_again), (other, _) = (faces.draw_face(seed) for seed in (3, 3, 4))
    assert np.array_equal(first, again) and labels == labels_again
    assert not np.array_equal(first, other)
    assert first.shape == (64, 64, 3) and first.dtype == np.uint8
    assert all(0 <= label < len(values) for label, values in zip(labels, faces.PARTS.values(), strict=True))


def test_attributes_tell_what_is_in_the_picture():
    """The clothing and skin colours that the labels name are among the colours of the picture."""
    for seed in range(20):
        image, labels = faces.draw_face(seed)
        skin = faces.PARTS["skin_color"][labels[list(faces.PARTS).index("skin_color")]].value
        wanted = np.array([int(skin[i : i + 2], 16) for i in (1, 3, 5)])
        assert (np.abs(image.reshape(-1, 3).astype(int) - wanted).max(axis=1) < 12).sum() > 30, seed


def test_the_dataset_is_drawn_in_portions_split_and_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(faces, "FACES_PER_FILE", 8)
    few = faces.cartoon_faces(str(tmp_path), "train", limit=10)
    assert few[:]["image"].shape == (10, 3, 64, 64) and few[:]["attributes"].shape == (10, 10)
    assert sorted(f.name for f in (tmp_path / "faces" / "train").iterdir()) == ["0-8.safetensors", "8-8.safetensors"]
    monkeypatch.setattr(faces, "draw_face", None)  # what is there is not drawn again
    assert torch.equal(faces.cartoon_faces(str(tmp_path), "train", limit=12)[:10]["image"], few[:]["image"])


def test_held_out_faces_are_others_than_those_of_training(tmp_path, monkeypatch):
    monkeypatch.setattr(faces, "FACES_PER_FILE", 4)
    held_out = faces.cartoon_faces(str(tmp_path), "held_out", limit=4)[:]["image"]
    first, _ = faces.draw_face(faces.TRAIN_FACES)
    assert np.array_equal((255 * held_out[0]).round().byte().permute(1, 2, 0).numpy(), first)
    assert torch.equal(faces.cartoon_faces(split="sample")[:4]["image"], held_out)


def test_axes_order_all_values_of_every_part_and_their_shares_are_those_of_the_faces():
    for part, names in faces.AXES.items():
        assert sorted(names) == sorted(value.name for value in faces.PARTS[part])
    drawn = torch.tensor([faces.draw_face(seed)[1] for seed in range(300)])
    positions = faces.axis_positions(drawn)
    for k, (part, shares) in enumerate(zip(faces.AXES, faces.axis_shares(), strict=True)):
        assert sum(shares) == pytest.approx(1)
        name = faces.AXES[part][positions[7, k]]
        assert name == faces.PARTS[part][drawn[7, k]].name
    bare = faces.axis_shares()[list(faces.AXES).index("accessory")][0]
    assert float((positions[:, list(faces.AXES).index("accessory")] == 0).float().mean()) == pytest.approx(
        bare, abs=0.09
    )


def test_the_label_of_a_face_is_the_colour_of_its_hair():
    labelled, drawn = faces.faces_by_hair(split="sample")[:], faces.cartoon_faces(split="sample")[:]
    assert torch.equal(labelled["image"], drawn["image"]) and len(faces.HAIR_COLORS) == 10
    for label, attributes in zip(labelled["label"].tolist(), drawn["attributes"].tolist(), strict=True):
        name = faces.PARTS["hair_color"][attributes[faces.HAIR_COLOR]].name
        assert faces.AXES["hair_color"][label] == name
        assert set(faces.HAIR_COLORS[label].upper().replace("GREY", "GRAY").split()) == set(name.split("_"))
