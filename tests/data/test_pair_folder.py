"""Folders of pairs: which files are a pair, what is said of the others, and how sketches are read."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from ae_demo.data.images import DatasetError
from ae_demo.data.pair_folder import pair_folder, read_pairs


def write_pair(folder, i, size=(40, 30), color="red", kind="jpg", name="train", sides="AB"):
    for side in sides:
        (folder / f"{name}{side}").mkdir(parents=True, exist_ok=True)
        image = Image.new({"A": "L", "B": "RGB"}[side], size, "white")
        image.paste({"A": 0, "B": color}[side], (5, 5, 20, 20))
        image.save(folder / f"{name}{side}" / f"{i}_{side}.{kind}")


def colors(folder):
    """The colour in the middle of what is drawn on each picture, rounded: "r", "g" or "b"."""
    return ["rgb"[int(picture[:, 50, 30].argmax())] for picture in read_pairs(str(folder))[:]["color"]]


def test_a_folder_of_pairs_of_any_size_and_kind_becomes_squares(tmp_path):
    for i in range(20):
        write_pair(tmp_path, i, size=(30 + i, 60 - i), kind=("jpg", "png", "webp", "JPEG")[i % 4])
    train, held_out = (pair_folder(str(tmp_path))(split=split) for split in ("train", "held_out"))
    assert (len(train), len(held_out)) == (18, 2)
    pair = train[:1]
    assert pair["color"].shape == (1, 3, 128, 128) and pair["line"].shape == (1, 1, 128, 128)
    ink = pair["line"] < 0.5
    red = (pair["color"][:, :1] > 0.6) & (pair["color"][:, 1:2] < 0.4)
    assert (ink & red).sum() > 0.9 * ink.sum(), "sketch and picture are aligned"


def test_bad_pairs_are_named_and_the_good_ones_stay(tmp_path, capsys):
    for i in range(1, 6):
        write_pair(tmp_path, i)
    (tmp_path / "trainA" / "1_A.jpg").write_bytes(b"no picture")
    (tmp_path / "trainB" / "2_B.jpg").unlink()
    (tmp_path / "trainB" / "notes.txt").write_text("ignored")
    Image.fromarray(np.full((9, 9), 7, np.uint8)).convert("P").save(tmp_path / "trainA" / "3_A.png")
    (tmp_path / "trainA" / "3_A.jpg").unlink()
    pairs = [pair_folder(str(tmp_path))(split=split) for split in ("train", "held_out", "train")]
    assert [len(split) for split in pairs] == [2, 1, 2], "3, 4, 5, one of them held out"
    assert capsys.readouterr().out.splitlines() == [  # once, whatever is loaded
        f"In {tmp_path}, left out without a partner: trainA/2_A.jpg.",
        f"In {tmp_path}, left out as unreadable, themselves or their partners: trainA/1_A.jpg, trainB/1_B.jpg.",
    ]


def test_many_files_without_a_partner_are_counted(tmp_path, capsys):
    for i in range(10):
        write_pair(tmp_path, i, sides="AB" if i == 0 else "A")
    assert len(read_pairs(str(tmp_path))) == 1
    assert "trainA/6_A.jpg and 3 more.\n" in capsys.readouterr().out


def test_pairs_are_not_mixed_across_folders(tmp_path, capsys):
    write_pair(tmp_path, 1, color="red")
    write_pair(tmp_path, 2, color="lime")
    write_pair(tmp_path, 1, name="val", sides="A")
    write_pair(tmp_path, 3, name="val", color="blue")
    write_pair(tmp_path, 2, name="test", sides="B")
    assert colors(tmp_path) == ["r", "g", "b"]
    assert "left out without a partner: testB/2_B.jpg, valA/1_A.jpg." in capsys.readouterr().out


def test_the_same_name_in_two_sets_is_two_pairs(tmp_path, capsys):
    write_pair(tmp_path / "set1", 1, color="red")
    write_pair(tmp_path / "set2", 1, color="lime")
    write_pair(tmp_path / "set2", 1, name="more", color="blue")
    assert colors(tmp_path) == ["r", "b", "g"]
    assert not capsys.readouterr().out


def test_a_file_in_the_folder_of_the_other_side_has_no_partner(tmp_path, capsys):
    write_pair(tmp_path, 1)
    write_pair(tmp_path, 2, sides="B")
    Image.new("L", (9, 9)).save(tmp_path / "trainB" / "2_A.png")
    assert len(read_pairs(str(tmp_path))) == 1
    assert "without a partner: trainB/2_A.png, trainB/2_B.jpg." in capsys.readouterr().out


def test_every_duplicate_is_named(tmp_path, capsys):
    for i in range(8):
        write_pair(tmp_path, i, color="red")
        write_pair(tmp_path, i, kind="png", color="lime", sides="A" if i else "AB")
    assert colors(tmp_path) == ["r"] * 8, "the first file counts"
    names = ["trainA/0_A.png", "trainB/0_B.png", *(f"trainA/{i}_A.png" for i in range(1, 8))]
    assert capsys.readouterr().out == f"In {tmp_path}, left out as duplicates: {', '.join(names)}.\n"


def test_hidden_files_are_ignored(tmp_path, capsys):
    write_pair(tmp_path, 1)
    for name in ("trainA/._1_A.jpg", "trainB/._1_B.jpg", "trainA/.2_A.jpg"):
        (tmp_path / name).write_bytes(b"Mac OS X")
    write_pair(tmp_path / ".trash", 3)
    assert len(read_pairs(str(tmp_path))) == 1 and not capsys.readouterr().out


def drawing(mode, paper, ink):
    image = Image.new(mode, (60, 60), paper)
    ImageDraw.Draw(image).rectangle((15, 15, 44, 44), outline=ink, width=3)
    return image


@pytest.mark.parametrize(
    "sketch",
    [
        drawing("L", 255, 0), drawing("L", 0, 255), drawing("RGB", "#102030", "yellow"), drawing("1", 0, 1),
        drawing("LA", (0, 0), (255, 255)), drawing("RGBA", (0, 0, 0, 0), "black"), drawing("I;16", 65_535, 0),
        drawing("I;16", 0, 65_535), drawing("I;16", 30_000, 65_535),
    ],
    ids=["black on white", "white on black", "yellow on navy", "bits", "white on nothing", "black on nothing",
         "16 bits", "16 bits, white on black", "16 bits, white on grey"],
)  # fmt: skip
def test_a_sketch_is_dark_on_white_however_it_was_drawn(sketch, tmp_path):
    write_pair(tmp_path, 1, sides="B")
    (tmp_path / "trainA").mkdir()
    sketch.save(tmp_path / "trainA" / "1_A.png")
    line = read_pairs(str(tmp_path))[:]["line"][0, 0]
    assert line[2, 2] > 0.5 > line[35, 64], "paper, ink"
    assert line[2, 2] - line[35, 64] > 0.4


def test_a_dark_picture_stays_dark(tmp_path):
    write_pair(tmp_path, 1, sides="A")
    (tmp_path / "trainB").mkdir()
    drawing("RGB", "black", "white").save(tmp_path / "trainB" / "1_B.png")
    assert read_pairs(str(tmp_path))[:]["color"][0, :, 2, 2].max() < 0.1


def test_a_single_pair_says_of_what_its_scores_are(tmp_path, capsys):
    write_pair(tmp_path, 1)
    data = pair_folder(str(tmp_path))
    assert len(data(split="train")) == 1 and not capsys.readouterr().out
    assert len(data(split="held_out")) == 1
    assert "holds a single usable pair: its scores are those of the picture" in capsys.readouterr().out


def test_a_folder_without_a_usable_pair_is_one_sentence(tmp_path):
    with pytest.raises(DatasetError, match=r"no usable pair: put sketches in a folder …A as 1_A.jpg"):
        pair_folder(str(tmp_path / "nothing"))(split="train")
