"""Melodies as MIDI and ABC, read back by music21."""

import base64

import pytest
from hypothesis import given, settings
from music21 import converter

from ae_demo.data.melodies import METRES
from ae_demo.ui.melody_files import write_abc, write_midi
from ae_demo.ui.piano_roll import check_notes, melody_file, to_melody
from tests.data.test_melodies import melodies_of_notes


def read_back(data, kind):
    score = converter.parseData(data, format=kind).stripTies()
    return [
        (n.pitch.midi, round(4 * float(n.getOffsetInHierarchy(score))), round(4 * float(n.quarterLength)))
        for n in score.recurse().notes
    ]


@settings(max_examples=20, deadline=None)
@given(melodies_of_notes())
def test_abc_holds_every_note_in_its_bar(melody):
    metre, notes = melody
    written = write_abc(notes, metre, 8, 100, "Melody")
    assert read_back(written, "abc") == notes
    measures = converter.parseData(written, format="abc").recurse().getElementsByClass("Measure")
    lengths = [measure.duration.quarterLength for measure in measures]
    assert lengths == [METRES[metre] / 4] * 8


@settings(max_examples=20, deadline=None)
@given(melodies_of_notes())
def test_midi_holds_every_note(melody):
    metre, notes = melody
    data = write_midi(notes, metre, 90)
    assert data[:4] == b"MThd"
    if notes:
        assert read_back(data, "midi") == notes


def test_naturals_undo_sharps_of_the_same_bar_alone():
    notes = [(61, 0, 4), (72, 4, 4), (60, 8, 4), (60, 16, 4)]
    written = write_abc(notes, "4/4", 8, 100, "x")
    bars = written.splitlines()[-2].split(" | ")
    assert bars[0] == "^C4 =c4 =C4 z4" and bars[1].startswith("C4")
    assert read_back(written, "abc") == notes
    melody = {"kind": "abc", "metre": "2/4", "notes": [[60, 0, 8], [64, 0, 8], [67, 4, 8]], "tempo": 100}
    first = base64.b64decode(melody_file(melody)["file"].partition(",")[2]).decode().splitlines()[-2]
    assert first.startswith("E4 G4- | G4"), "one note at a time"


def test_files_for_the_page_are_data_uris_and_bad_values_sentences():
    asked = {"kind": "abc", "metre": "3/4", "notes": [[60, 0, 4]], "tempo": 100}
    uri = melody_file(asked)["file"]
    assert uri.startswith("data:text/vnd.abc;base64,") and b"M:3/4" in base64.b64decode(uri.partition(",")[2])
    assert base64.b64decode(melody_file(asked | {"kind": "mid"})["file"].partition(",")[2]).startswith(b"MThd")
    for bad in (None, {}, asked | {"kind": "exe"}, asked | {"tempo": 0}, asked | {"notes": [[60, 0, 99]]}):
        assert list(melody_file(bad)) == ["error"]


BAD_NOTES = [None, "60", 7, [60], [[60, 0]], [[60, 0, 1.5]], [[True, 0, 1]], [[60, -1, 2]], [[60, 0, 0]], [[54, 0, 1]],
             [[89, 0, 1]], [[60, 64, 1]], [[60, 63, 2]], [[10**30, 0, 1]], [[60, 0, 1]] * 65, {}, [None]]  # fmt: skip


@pytest.mark.parametrize("notes", BAD_NOTES, ids=repr)
def test_what_is_no_melody_gets_a_sentence(notes):
    with pytest.raises(ValueError, match=r"64 sixteenths\.$"):
        check_notes({"metre": "2/4", "notes": notes})


def test_an_empty_roll_is_told_to_write_a_note():
    assert check_notes({"metre": "4/4", "notes": []}) == ([], "4/4", 8)
    assert check_notes({"metre": "4/4", "bars": 2, "notes": [[60, 31, 1]]}) == ([[60, 31, 1]], "4/4", 2)
    with pytest.raises(ValueError, match="within 2 bars"):
        check_notes({"metre": "4/4", "bars": 2, "notes": [[60, 32, 1]]})
    with pytest.raises(ValueError, match="3"):
        check_notes({"metre": "4/4", "bars": 3, "notes": []})
    with pytest.raises(ValueError, match="Write a note"):
        to_melody({"metre": "4/4", "notes": []})
    with pytest.raises(ValueError, match="5/4"):
        to_melody({"metre": "5/4", "notes": [[60, 0, 1]]})
