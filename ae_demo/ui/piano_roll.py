"""Piano roll: the widget that shows and plays a melody, and the check of melodies that come from the page."""

import base64
from collections.abc import Sequence

import gradio as gr
import torch
from torch import Tensor

from ae_demo.data.melodies import BEATS, MAX_PITCH, METRES, MIN_PITCH, PHRASE_BARS, notes_to_tokens, tokens_to_notes
from ae_demo.ui import inputs
from ae_demo.ui.i18n import TEXTS, in_language
from ae_demo.ui.inputs import InputError
from ae_demo.ui.melody_files import write_abc, write_midi
from ae_demo.ui.widgets import template

TEXT = TEXTS["piano_roll"]
BARS = (PHRASE_BARS, 2)  # lengths of a melody
TEMPO_RANGE = (40, 200)  # quarters a minute
FILE_TYPES = {"mid": "audio/midi", "abc": "text/vnd.abc"}


def check_notes(value) -> tuple[list[list[int]], str, int]:
    """Return the notes [[pitch, start, length], …], the metre and the number of bars of a melody {metre, bars, notes}
    from the page; raises InputError if it is none."""
    value = value if isinstance(value, dict) else {}
    metre, notes = inputs.check_choice(value.get("metre"), METRES), value.get("notes")
    bars = inputs.check_choice(value.get("bars", PHRASE_BARS), BARS)
    steps = bars * METRES[metre]
    right = isinstance(notes, list) and len(notes) <= steps
    for note in notes if right else []:
        whole = isinstance(note, list | tuple) and len(note) == 3 and all(type(number) is int for number in note)
        right = right and whole and MIN_PITCH <= note[0] <= MAX_PITCH and 0 <= note[1] < note[1] + note[2] <= steps
    if not right:
        limits = {"low": MIN_PITCH, "high": MAX_PITCH, "bars": bars, "metre": metre, "steps": steps}
        raise InputError(TEXT["unusable"].format(**limits))
    return [list(note) for note in notes], metre, bars


def to_melody(value) -> tuple[Tensor, Tensor]:
    """Convert a melody {metre, bars, notes} from the page -> tokens (1, bars, 16), metre (1,); raises InputError if it
    is none, or if it has no note."""
    notes, metre, bars = check_notes(value)
    if not notes:
        raise InputError(TEXT["empty"])
    return notes_to_tokens(notes, metre, bars)[None], torch.tensor([list(METRES).index(metre)])


def melody_file(wanted: dict) -> dict:
    """Return {file: data URI} of {kind: mid or abc, metre, bars, notes, tempo} for the page, or {error: sentence}."""
    wanted = wanted if isinstance(wanted, dict) else {}
    try:
        kind = inputs.check_choice(wanted.get("kind"), FILE_TYPES)
        tempo = inputs.check_range(wanted.get("tempo"), *TEMPO_RANGE)
        notes, metre, bars = check_notes(wanted)
        notes = tokens_to_notes(notes_to_tokens(notes, metre, bars), metre)  # one at a time
        if kind == "mid":
            data = write_midi(notes, metre, tempo)
        else:
            data = write_abc(notes, metre, bars, tempo, TEXT["melody"]).encode()
        return {"file": f"data:{FILE_TYPES[kind]};base64,{base64.b64encode(data).decode()}"}
    except InputError as error:
        return {"error": str(error)}


class PianoRoll(gr.HTML):
    """Melody to see and to hear. Its value is {metre, bars, notes, note}, notes as [[pitch, start, length], …] and
    `note` a caption; with `blend` {metre, bars, path, note}, of whose lists of notes a slider shows one. An `editable`
    one fires `input` once a change rests. `takes` are buttons that copy the melody to other rolls, {elem_id: words};
    `tunes` are values to choose from, by their captions."""

    def __init__(
        self,
        title: str,
        value: dict | None = None,
        editable: bool = False,
        blend: bool = False,
        takes: dict[str, str] | None = None,
        tunes: Sequence[dict] = (),
        **kwargs,
    ):
        # no argument has the name of a part of the value, as the page would take one for the other
        shown = {"lowest": MIN_PITCH, "highest": MAX_PITCH}
        lengths = {metre: [steps, BEATS[metre]] for metre, steps in METRES.items()}
        super().__init__(
            value or {"metre": next(iter(METRES)), "bars": PHRASE_BARS, "notes": []},
            title=title,
            name=kwargs["elem_id"],
            editable=editable,
            blended=blend,
            copies=list((takes or {}).items()),
            menu=list(tunes),
            metres=lengths,
            texts=dict(TEXT),
            server_functions=[in_language(melody_file)],
            **shown,
            **template("answered", "files", "piano_roll"),
            **kwargs,
        )

    def api_info(self) -> dict:
        words = "{metre, bars, notes}: notes as [[pitch, start, length], …], times in sixteenths"
        return {"type": "object", "description": words}


class Conductor(gr.HTML):
    """Tempo, metronome, repetition and sound of all piano rolls, and their synthesiser."""

    def __init__(self, **kwargs):
        low, high = TEMPO_RANGE
        super().__init__(None, low=low, high=high, texts=dict(TEXT), **template("synth", "conductor"), **kwargs)

    def api_info(self) -> dict:
        return {"type": "null"}
