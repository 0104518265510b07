"""Tunes: read from ABC, written on the grid and read back, cut to phrases, held out by tune."""

import sys

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ae_demo.data import melodies as tunes
from ae_demo.data.images import DatasetError
from ae_demo.data.melodies import (
    FIRST_NOTE,
    HOLD,
    MAX_PITCH,
    METRES,
    MIN_PITCH,
    REST,
    SCALE_MODES,
    hold_out,
    melodies,
    notes_to_tokens,
    phrases_to_images,
    read_file,
    tokens_to_notes,
    valid_steps,
)

TUNE = """X:1
T:THE TEST -- JIG.
M:6/8
L:1/8
K:Ador
e|A2A c2A|{g}B>cd e-e2|(3ABc d [ce]de|z3 e3|
A2A c2A|B2d e2e|A2A ^G2G|A3 A2:|
|:e|a2a a2g|e2d c2B|a2a a2g|e3 e3|
a2a a2g|e2d c2B|ABc BAG|A3 A2:|
"""


@pytest.fixture
def tune(tmp_path):
    """The tune of the text above, as read by music21."""
    folder = tmp_path / "airdsAirs"
    folder.mkdir()
    (folder / "test.abc").write_text(TUNE)
    (read,) = read_file(folder / "test.abc")
    return read


@st.composite
def melodies_of_notes(draw):
    """A metre and notes that do not overlap."""
    metre, notes, step = draw(st.sampled_from(list(METRES))), [], 0
    total = 8 * METRES[metre]
    while step < total and draw(st.booleans()):
        start = draw(st.integers(step, total - 1))
        length = draw(st.integers(1, min(20, total - start)))
        notes.append((draw(st.integers(MIN_PITCH, MAX_PITCH)), start, length))
        step = start + length
    return metre, notes


@given(melodies_of_notes())
def test_notes_written_as_tokens_are_read_back(melody):
    metre, notes = melody
    tokens = notes_to_tokens(notes, metre, 8)
    assert tokens.shape == (8, 16) and tokens.dtype == torch.int8
    assert tokens_to_notes(tokens, metre) == notes
    assert (tokens[:, METRES[metre] :] == HOLD).all(), "what a bar lacks is filled up"


def test_silence_begins_once_and_a_new_note_ends_the_former():
    tokens = notes_to_tokens([[60, 0, 8], [64, 4, 2], [72, 4, 3]], "2/4", 1)
    at = [FIRST_NOTE + pitch - MIN_PITCH for pitch in (60, 72)]
    assert tokens[0, :8].tolist() == [at[0], HOLD, HOLD, HOLD, at[1], HOLD, HOLD, REST]


@pytest.mark.parametrize("note", [[MIN_PITCH - 1, 0, 1], [MAX_PITCH + 1, 0, 1], [60, 8, 1], [60, 7, 2], [60, 0, 0]])
def test_notes_outside_are_refused(note):
    with pytest.raises(ValueError):
        notes_to_tokens([note], "2/4", 1)


def test_bars_have_as_many_steps_as_their_metre():
    assert valid_steps(torch.arange(4)).sum(1).tolist() == list(METRES.values())


def test_a_tune_is_read_by_sections_on_the_white_keys(tune):
    assert (tune["title"], tune["metre"], tune["mode"], tune["tonic"]) == ("The Test Jig", "6/8", "dorian", "A")
    first, second = (torch.tensor(section) for section in tune["sections"])
    assert first.shape == second.shape == (8, 16), "the upbeats are left out, the short last bars filled up"
    notes = tokens_to_notes(first, "6/8")
    assert [pitch % 12 for pitch, _, _ in notes[:4]] == [2, 2, 5, 2], "A Dorian becomes D Dorian"
    bar = [(start - 12, length) for _, start, length in notes if 12 <= start < 24]
    assert bar == [(0, 3), (3, 1), (4, 2), (6, 6)], "dotted, without the grace note, tied over"
    triplet = [(start - 24, length) for _, start, length in notes if 24 <= start < 36]
    assert triplet == [(0, 1), (1, 2), (3, 1), (4, 2), (6, 2), (8, 2), (10, 2)], "on the nearest sixteenths"
    chord = [pitch for pitch, start, _ in notes if start == 30]
    assert [pitch % 12 for pitch in chord] == [9], "the highest of two, E, a fourth up"
    assert [start - 36 for _, start, _ in notes if 36 <= start < 48] == [6], "a rest first"
    assert notes[-1][1:] == (90, 4), "the last bar lacks the upbeat, which is silent"


def test_phrases_begin_every_four_bars_and_recombine_within_a_tune(tune):
    plain, more = phrases_to_images([tune]), phrases_to_images([tune], recombined=True)
    assert len(plain) == 2 and len(more) == 4
    mixed = more.tensors["melody"][2:]
    halves = [tune["sections"][0][:4], tune["sections"][1][:4]]
    assert [melody[:4].tolist() for melody in mixed] == halves
    assert set(plain.tensors["label"].tolist()) == {SCALE_MODES.index("dorian")}


def test_variants_by_name_and_by_notes_stay_together():
    bars = [[[FIRST_NOTE + i, 0, 0, 0] * 4] * 8 for i in range(40)]
    made = [{"title": f"Tune {chr(65 + i)}{i}", "metre": "4/4", "sections": [bars[i]]} for i in range(40)]
    chosen = hold_out(made)
    assert 0 < sum(chosen) < 10
    held = chosen.index(True)
    other = chosen.index(False)
    named = hold_out([*made, made[other] | {"title": f"The {made[held]['title']} (2nd version)"}])
    assert named[held] == named[other] == named[-1], "the same name and the same notes"


def test_without_music21_a_sentence_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "music21", None)
    with pytest.raises(DatasetError, match="pip install music21"):
        melodies(str(tmp_path), "train")


def test_the_held_out_tunes_come_with_the_code():
    sample = melodies(split="sample")
    assert len(sample) > 600
    assert (sample.tensors["melody"] >= 0).all() and (sample.tensors["melody"] < tunes.VOCABULARY).all()
    assert sample.tensors["metre"].bincount(minlength=4).min() > 50
    read = tunes.sample_tunes()
    assert sample.tensors["tune"].max() == len(read) - 1
    assert all(tune["title"] and tune["source"] in tunes.COLLECTIONS.values() for tune in read)


def test_a_shift_by_degrees_stays_in_the_scale_and_keeps_the_rhythm():
    c_major = notes_to_tokens([[60, 0, 4], [64, 4, 4], [67, 8, 4], [66, 12, 4]], "4/4", 1)
    row = {shift: tunes.DEGREE_TABLE[shift + tunes.MAX_DEGREES] for shift in (-1, 0, 1)}
    assert torch.equal(row[0], torch.arange(tunes.VOCABULARY))
    up, down = (tokens_to_notes(row[shift][c_major.long()], "4/4") for shift in (1, -1))
    assert [pitch for pitch, _, _ in up] == [62, 65, 69, 68], "D, F, A, G sharp"
    assert [pitch for pitch, _, _ in down] == [59, 62, 65, 65]
    assert row[-1][FIRST_NOTE] == -1, "below the range"


def test_varied_melodies_keep_their_metre_and_are_bars_of_the_batch():
    batch = melodies(split="sample").spread(100)[:]
    x, metre = batch["melody"], batch["metre"]
    assert torch.equal(tunes.vary_melodies(x, metre, shifted=0, mixed=0), x)
    mixed = tunes.vary_melodies(x, metre, shifted=0, mixed=1)
    foreign = (mixed != x).any(2)
    assert 0.3 < foreign.float().mean() < 0.6
    for i, bar in foreign.nonzero().tolist():
        assert ((x[:, bar] == mixed[i, bar]).all(1) & (metre == metre[i])).any()
    shifted = tunes.vary_melodies(x, metre, shifted=1, mixed=0)
    assert 0.4 < (shifted != x).flatten(1).any(1).float().mean() < 0.95
    assert torch.equal(shifted.clamp(max=FIRST_NOTE), x.clamp(max=FIRST_NOTE))
