"""What an emoji file is called, which thing it shows, and how it is drawn."""

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest

from ae_demo.data import artists, emoji_svg, vocabulary

FACE = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><style>.b{fill:none;stroke:#0f0}</style>
<circle cx="16" cy="16" r="12" fill="#fc0"/><g fill="none"><path d="M8 20h16" stroke="red"/></g>
<path class="b" d="M8 10h4"/><rect x="20" y="8" width="4" height="4" style="fill:#00f;opacity:.2"/></svg>"""


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("emoji_u1f431.svg", ["1f431"]),
        ("1F431.svg", ["1f431"]),
        ("1f431_flat.svg", ["1f431"]),
        ("emoji_u0023_20e3.svg", ["0023", "20e3"]),
        ("23-20E3.svg", ["0023", "20e3"]),
        ("1F468-200D-1F4BB.svg", ["1f468", "200d", "1f4bb"]),
    ],
)
def test_file_names_of_all_four_artists_spell_the_same_code_points(name, codes):
    assert vocabulary.codepoints(name) == codes


def test_gender_skin_and_direction_do_not_make_another_thing():
    runner = vocabulary.concept(["1f3c3"])
    for variant in ("1f3c3-200d-2642-fe0f", "1f3c3-1f3fe", "1f3c3-200d-2640-fe0f-200d-27a1-fe0f"):
        assert vocabulary.concept(variant.split("-")) == runner
    assert vocabulary.concept(["1f468", "200d", "1f4bb"]) == vocabulary.concept(["1f469", "1f3fb", "200d", "1f4bb"])
    assert vocabulary.concept(["1f431"]) != vocabulary.concept(["1f436"])


def test_a_tenth_of_the_things_is_held_out_whoever_draws_them():
    things = [[f"{code:04x}"] for code in range(0x1F300, 0x1F700)]
    share = np.mean([vocabulary.is_held_out(codes) for codes in things])
    assert 0.07 < share < 0.13
    assert vocabulary.is_held_out(["1f431"]) == vocabulary.is_held_out(["1f431", "fe0f"])


def test_line_art_is_black_on_white_and_follows_the_shapes():
    color, line = emoji_svg.render(FACE), emoji_svg.render(emoji_svg.line_art(FACE))
    assert color.shape == line.shape == (128, 128, 3)
    assert (line[..., 0] == line[..., 1]).all()
    assert (line[50, 64] == 255).all(), "inside of the circle is white"
    assert line[64, 14:18].min() < 100, "the circle is outlined"
    assert line[80, 40:90].max() < 200, "a line with no fill stays a line"
    assert line[34, 82:94].max() > 200 and line[32, 82:94].min() < 100, "what was pale is outlined as well"
    assert tuple(color[50, 64]) == (255, 204, 0)


def test_stroke_width_is_in_pixels_of_the_rendered_picture():
    ink = [(emoji_svg.render(emoji_svg.line_art(FACE, width))[64, :40, 0] < 128).sum() for width in (2, 6)]
    assert ink == [2, 6]


def test_padding_keeps_the_drawing_and_adds_a_margin():
    square = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10"><rect width="10" height="10" fill="#000"/></svg>'
    )
    padded = emoji_svg.render(emoji_svg.padded(square, 0.1))
    assert (padded[:9] == 255).all() and (padded[12:-12, 12:-12] == 0).all()


def test_broken_drawings_are_none():
    for text in ("", "<svg", "not a drawing", '<svg xmlns="http://www.w3.org/2000/svg" viewBox="a b"/>'):
        assert emoji_svg.draw_pair((text, None)) is None


def test_extract_keeps_only_the_wanted_members(tmp_path):
    archive = tmp_path / "a.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for name in (
            "x/svg/emoji_u1f431.svg",
            "x/svg/emoji_u1f44b_1f3fb.svg",
            "x/png/emoji_u1f431.png",
            "x/svg/../../e.svg",
        ):
            info = tarfile.TarInfo(name)
            info.size = len(name)
            tar.addfile(info, io.BytesIO(name.encode()))
    artists.ARTISTS["noto"].extract(archive, tmp_path / "out")
    assert [f.name for f in Path(tmp_path / "out").iterdir()] == ["emoji_u1f431.svg"]


def test_only_the_outlines_of_an_outlined_drawing_are_its_line_art():
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 48 48"><rect width="48" height="20" fill="#f00"/>'
        '<g><circle cx="24" cy="34" r="8" fill="none" stroke="#45413c" stroke-width="2"/></g></svg>'
    )
    color, line = emoji_svg.draw_pair((svg, "#45413c"))
    assert color[20, 60].tolist() == [255, 0, 0]
    assert (line[:45] == 255).all() and (line[60:] < 128).any(), "the red area has no outline of its own"


@pytest.mark.parametrize(
    ("name", "codes"),
    [("frog", "1f438"), ("bird-1", "1f426"), ("grinning-cat-face", "1f63a"), ("birthdaycake", "1f382"),
     ("1st-place-medal", "1f947"), ("no-such-thing", "")],
)  # fmt: skip
def test_icons_are_found_by_name(name, codes):
    assert "-".join(artists.emoji_called(name)) == codes


@pytest.mark.parametrize(
    ("codes", "name"),
    [("1f431", "Animals & Nature"), ("1f600", "Smileys & Emotion"), ("2764-fe0f", "Smileys & Emotion"),
     ("2764", "Smileys & Emotion"), ("1f468-200d-1f373", "People & Body"), ("0031-fe0f-20e3", "Symbols"),
     ("1f355", "Food & Drink"), ("26bd", "Activities")],
)  # fmt: skip
def test_groups_are_those_of_unicode(codes, name):
    assert vocabulary.GROUPS[vocabulary.unicode_group(codes.split("-"))] == name


@pytest.mark.parametrize("codes", ["e050", "1f3f4-200d-2620-fe0f", "1f16f"])
def test_what_unicode_does_not_group_or_calls_a_flag_has_none(codes):
    assert vocabulary.unicode_group(codes.split("-")) == len(vocabulary.GROUPS)
