"""Cartoon faces: the same seed, the same face."""

import numpy as np

from ae_demo.data import cartoon, datasets


def test_a_face_and_its_attributes_depend_on_the_seed_alone():
    (first, labels), (again, labels_again), (other, _) = (cartoon.draw_face(seed) for seed in (3, 3, 4))
    assert np.array_equal(first, again) and labels == labels_again
    assert not np.array_equal(first, other)
    assert first.shape == (64, 64, 3) and first.dtype == np.uint8
    assert all(0 <= label < len(values) for label, values in zip(labels, cartoon.PARTS.values(), strict=True))


def test_attributes_tell_what_is_in_the_picture():
    """The clothing and skin colours that the labels name are among the colours of the picture."""
    for seed in range(20):
        image, labels = cartoon.draw_face(seed)
        skin = cartoon.PARTS["skin_color"][labels[list(cartoon.PARTS).index("skin_color")]].value
        wanted = np.array([int(skin[i : i + 2], 16) for i in (1, 3, 5)])
        assert (np.abs(image.reshape(-1, 3).astype(int) - wanted).max(axis=1) < 12).sum() > 30, seed


def test_the_dataset_is_drawn_once_split_and_cached(tmp_path):
    train, held_out = (datasets.cartoon_faces(str(tmp_path), split, n=40) for split in ("train", "held_out"))
    assert (len(train), len(held_out)) == (36, 4)
    assert train[:]["image"].shape == (36, 3, 64, 64) and train[:]["attributes"].shape == (36, 10)
    assert [f.name for f in (tmp_path / "cartoon").iterdir()] == ["faces-40.safetensors"]
    assert datasets.cartoon_faces(str(tmp_path), "train", n=40) is train
