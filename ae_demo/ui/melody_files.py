"""Melodies as files: MIDI for sequencers, ABC notation for players of tunes."""

from collections.abc import Iterable, Sequence
from io import BytesIO

import mido

from ae_demo.data.melodies import METRES

SIXTEENTH_TICKS = 120
GUITAR = 24  # program of the General MIDI instrument that is plucked
PITCHES = ("C", "^C", "D", "^D", "E", "F", "^F", "G", "^G", "A", "^A", "B")


def write_midi(notes: Sequence[Sequence[int]], metre: str, tempo: float) -> bytes:
    """Write notes [[pitch, start, length], …], times in sixteenths, as a MIDI file; tempo in quarters a minute."""
    upper, lower = map(int, metre.split("/"))
    track = mido.MidiTrack()
    track.append(mido.MetaMessage("time_signature", numerator=upper, denominator=lower))
    track.append(mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(tempo)))
    track.append(mido.Message("program_change", program=GUITAR))
    events = []
    for pitch, start, length in notes:
        events += [
            (start + length, 0, mido.Message("note_off", note=pitch)),
            (start, 1, mido.Message("note_on", note=pitch)),
        ]
    now = 0
    for step, _, message in sorted(events, key=lambda event: event[:2]):  # a note ends before the next begins
        track.append(message.copy(time=(step - now) * SIXTEENTH_TICKS))
        now = step
    file = mido.MidiFile(type=0, ticks_per_beat=4 * SIXTEENTH_TICKS, tracks=[track])
    stored = BytesIO()
    file.save(file=stored)
    return stored.getvalue()


def write_abc(notes: Sequence[Sequence[int]], metre: str, bars: int, tempo: float, title: str) -> str:
    """Write notes [[pitch, start, length], …], times in sixteenths, in ABC notation (standard 2.1)."""
    per_bar = METRES[metre]
    written: list[list[str]] = [[] for _ in range(bars)]
    end = 0
    for pitch, start, length in [*sorted(notes, key=lambda note: note[1]), (None, bars * per_bar, 0)]:
        for bar, steps, _ in cut_at_bars(end, start, per_bar):
            written[bar].append(f"z{steps}")
        for bar, steps, goes_on in cut_at_bars(start, start + length, per_bar):
            written[bar].append(f"{abc_pitch(pitch, written[bar])}{steps}{'-' * goes_on}")
        end = start + length
    lines = [" | ".join(" ".join(bar) for bar in written[first : first + 4]) for first in range(0, bars, 4)]
    head = [f"T:{title}", f"M:{metre}", "L:1/16", f"Q:1/4={tempo:g}", "K:C"]
    return "\n".join(["%abc-2.1", "X:1", *head, *(f"{line} |" for line in lines[:-1]), f"{lines[-1]} |]"]) + "\n"


def cut_at_bars(start: int, end: int, per_bar: int) -> Iterable[tuple[int, int, bool]]:
    """Cut a span of sixteenths at the bar lines -> (bar, sixteenths, whether it goes on in the next bar)."""
    while start < end:
        stop = min(end, (start // per_bar + 1) * per_bar)
        yield start // per_bar, stop - start, stop < end
        start = stop


def abc_pitch(pitch: int, bar: Sequence[str]) -> str:
    """Write a MIDI pitch in ABC, with a natural where a sharp earlier in the bar would last: in version 2.1 of the
    notation it does in every octave."""
    name, octave = PITCHES[pitch % 12], pitch // 12 - 5
    letter = name[-1].lower() + "'" * (octave - 1) if octave >= 1 else name[-1] + "," * -octave
    of_letter = [part[0] for part in bar if part.lstrip("^=")[0].lower() == name[-1].lower()]
    sharpened = any(sign == "^" for sign in of_letter)
    sign = "^" if len(name) == 2 else "=" * sharpened
    return sign + letter
