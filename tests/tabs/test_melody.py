"""The melody tab's functions: what they return, what they refuse, and that the code keeps what it should."""

import pytest
import torch

from ae_demo.data.melodies import METRES, notes_to_tokens
from ae_demo.evaluation.melody_attributes import ATTRIBUTES, attributes
from ae_demo.tabs import melody
from ae_demo.ui.i18n import current_language
from ae_demo.ui.inputs import InputError
from ae_demo.ui.piano_roll import check_notes


@pytest.fixture
def tune():
    return melody.pick_tune(200)


@pytest.fixture
def short(tune):
    end = 2 * METRES[tune["metre"]]
    notes = [(pitch, start, min(length, end - start)) for pitch, start, length in tune["notes"] if start < end]
    return {"metre": tune["metre"], "bars": 2, "notes": notes}


def starts(notes):
    return [(start, length) for _, start, length in notes]


def test_a_melody_is_encoded_and_mostly_kept(tune):
    found = melody.encode_melody(tune)
    assert len(found["code"]) == 128 and found["kept"] > 0.6
    assert found["recon"] > 0 and found["kl"] > 0
    assert check_notes(found)[1] == tune["metre"]


def test_the_path_begins_at_a_and_ends_at_b(tune):
    other = melody.pick_tune(400)
    found = melody.interpolate_melodies(tune, other, 5)
    assert len(found["path"]) == 5 and found["metre"] == tune["metre"]
    assert found["path"][0] == melody.encode_melody(tune)["notes"]
    assert all(check_notes({"metre": found["metre"], "notes": notes}) for notes in found["path"])
    assert found["bars"] == 8
    assert found["path"][2] not in (found["path"][0], found["path"][4])
    with pytest.raises(InputError):
        melody.interpolate_melodies(tune, other, 1)


@pytest.mark.parametrize("metre", METRES)
def test_samples_are_melodies_of_the_metre_and_a_seed_means_one(metre):
    first, again, other = (melody.sample_melody(metre, 0.7, seed) for seed in (3, 3, 4))
    assert first == again != other
    notes, checked, bars = check_notes(first)
    assert checked == metre and bars == 8 and len(notes) > 8


def test_two_bars_have_a_network_of_their_own(tune, short):
    found = melody.encode_melody(short)
    assert len(found["code"]) == 64 and found["kept"] > 0.6 and found["bars"] == 2
    assert check_notes(melody.sample_melody("4/4", 0.7, 1, 2))[1:] == ("4/4", 2)
    assert check_notes(melody.change_melody(short, 1))[2] == 2
    assert len(melody.interpolate_melodies(short, short, 3)["path"]) == 3
    assert melody.place_melody(short) is None, "the map shows longer ones"
    with pytest.raises(InputError, match="the same number of bars"):
        melody.interpolate_melodies(tune, short)


@pytest.mark.parametrize(
    "values", [("5/4", 0.7, 0), ("4/4", 0, 0), ("4/4", 0.7, -1), (None, 0.7, 0), ("4/4", "hot", 0), ("4/4", 0.7, 0, 3)]
)
def test_bad_settings_of_a_sample_get_a_sentence(values):
    with pytest.raises(InputError):
        melody.sample_melody(*values)


def test_rhythm_and_pitches_can_be_kept(tune):
    rhythm = melody.change_melody(tune, 0, 1.5, 0, 0, "rhythm")
    assert starts(rhythm["notes"]) == starts(tune["notes"]) and rhythm["notes"] != tune["notes"]
    pitches = melody.change_melody(tune, 1.5, 0, 0, 0, "pitches")
    found = [pitch for pitch, _, _ in pitches["notes"]]
    told = [pitch for pitch, _, _ in tune["notes"]]
    assert found == [told[i * len(told) // len(found)] for i in range(len(found))]
    with pytest.raises(InputError):
        melody.change_melody(tune, 0, 0, 0, 0, "everything")
    with pytest.raises(InputError):
        melody.change_melody(tune, 3)


@pytest.mark.parametrize("attribute", range(len(ATTRIBUTES)), ids=ATTRIBUTES)
def test_a_slider_moves_its_property_up_and_down(attribute):
    def measured(shift):
        shifts = [0.0] * len(ATTRIBUTES)
        shifts[attribute] = shift
        found = [melody.change_melody(melody.pick_tune(i), *shifts) for i in range(0, 600, 60)]
        tokens = torch.stack([notes_to_tokens(one["notes"], one["metre"], 8) for one in found])
        metre = torch.tensor([list(METRES).index(one["metre"]) for one in found])
        return float(attributes(tokens, metre)[:, attribute].mean())

    assert measured(-2) < measured(0) < measured(2)


def test_the_map_has_a_dot_and_a_thumbnail_for_every_phrase_and_a_place_for_one_s_own(tune):
    found = melody.map_melodies({"name": "melody-vae"})
    assert len(found["points"]) > 600 and found["thumbnails"].startswith("data:image/")
    assert {label for *_, label in found["points"]} == set(range(4)) and len(found["labels"]) == 4
    assert all(0 <= x <= 1 and 0 <= y <= 1 for x, y, _ in found["points"])
    assert melody.place_melody(tune) == pytest.approx(found["points"][200][:2], abs=1e-3)
    with pytest.raises(InputError):
        melody.pick_tune(10**6)


def test_captions_are_in_the_language_of_the_page():
    assert melody.pick_tune(91)["note"].endswith("major)")
    token = current_language.set("id")
    try:
        assert melody.pick_tune(91)["note"].endswith("mayor)")
        assert [tune["note"].partition(" (")[0] for tune in melody.menu_tunes()] == list(melody.TUNES)
    finally:
        current_language.reset(token)
