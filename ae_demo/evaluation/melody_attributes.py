"""Properties of melodies (N, bars, 16) of tokens: note density, range, leaps, mode, rhythm and repetition."""

import torch
from torch import Tensor
from torch.nn import functional as F

from ae_demo.data.melodies import BEATS, FIRST_NOTE, MAX_PITCH, METRES, MIN_PITCH, TONICS, WHITE_KEYS, valid_steps
from ae_demo.models.melody_vae import last_begun

ATTRIBUTES = ("density", "range", "leaps", "mode")
# how well each pitch class fits a major and a minor key, from the tonic upwards (Krumhansl & Kessler, 1982)
MAJOR_PROFILE = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
MINOR_PROFILE = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)


def note_starts(x: Tensor, metre: Tensor) -> Tensor:
    """Return the mask (N, bars · 16) of the steps at which a note begins."""
    return (x >= FIRST_NOTE).flatten(1) & valid_steps(metre).repeat(1, x.shape[1])


def sounding_pitches(x: Tensor, metre: Tensor) -> Tensor:
    """Return the MIDI pitch that sounds at each step, (N, bars · 16); 0 for silence and for steps that a bar lacks."""
    last = last_begun(x.long().flatten(1))
    sounds = (last >= FIRST_NOTE) & valid_steps(metre).repeat(1, x.shape[1])
    return torch.where(sounds, last - FIRST_NOTE + MIN_PITCH, 0)


def pitch_histogram(x: Tensor, metre: Tensor) -> Tensor:
    """Return the share of the sounding time of each pitch class, (N, 12)."""
    pitches = sounding_pitches(x, metre)
    counts = (F.one_hot(pitches % 12, 12) * (pitches > 0)[..., None]).sum(1).float()
    return counts / counts.sum(1, keepdim=True).clamp(min=1)


def rhythm_histogram(x: Tensor, metre: Tensor) -> Tensor:
    """Return the share of the notes that begin at each step of the bar, (N, 16)."""
    counts = note_starts(x, metre).unflatten(1, (-1, x.shape[2])).sum(1).float()
    return counts / counts.sum(1, keepdim=True).clamp(min=1)


def intervals(x: Tensor, metre: Tensor) -> tuple[Tensor, Tensor]:
    """Return the interval from the note before to each note, in semitones, (N, bars · 16), and the mask of the steps
    that have one."""
    pitches, starts = sounding_pitches(x, metre), note_starts(x, metre)
    steps = torch.arange(pitches.shape[1], device=x.device).expand_as(pitches)
    before = torch.where(starts, steps, -1).cummax(1).values.roll(1, 1)
    before[:, 0] = -1
    return pitches - pitches.gather(1, before.clamp(min=0)), starts & (before >= 0)


def attributes(x: Tensor, metre: Tensor) -> Tensor:
    """Return the ATTRIBUTES of melodies, (N, 4): notes per quarter; semitones from the lowest to the highest; mean
    |interval| in semitones; and how much better the pitches fit C major than A minor, a difference of correlations with
    key profiles (Krumhansl, 1990)."""
    starts, pitches = note_starts(x, metre), sounding_pitches(x, metre)
    quarters = valid_steps(metre).sum(1) * x.shape[1] / 4
    lowest = torch.where(pitches > 0, pitches, 127).amin(1)
    jumps, measured = intervals(x, metre)
    profiles = torch.tensor([MAJOR_PROFILE, MINOR_PROFILE])
    profiles = torch.stack([profiles[0].roll(TONICS["major"]), profiles[1].roll(TONICS["minor"])])
    centred, wanted = (h - h.mean(1, keepdim=True) for h in (pitch_histogram(x, metre), profiles))
    major, minor = (F.normalize(centred) @ F.normalize(wanted).T).T  # correlations
    return torch.stack(
        [
            starts.sum(1) / quarters,
            (pitches.amax(1) - lowest).clamp(min=0).float(),
            (jumps.abs() * measured).sum(1) / measured.sum(1).clamp(min=1),
            major - minor,
        ],
        dim=1,
    )


def share_in_key(x: Tensor, metre: Tensor) -> float:
    """Return the share of the sounding time on white keys, over all melodies."""
    return float(pitch_histogram(x, metre)[:, list(WHITE_KEYS)].sum(1).mean())


def share_on_beat(x: Tensor, metre: Tensor) -> float:
    """Return the share of beats at which a note begins, over all melodies."""
    beats = torch.tensor(list(BEATS.values()))[metre]
    on_beat = (torch.arange(x.shape[2]) % beats[:, None] == 0) & valid_steps(metre)
    starts = note_starts(x, metre).unflatten(1, (-1, x.shape[2]))
    return float((starts & on_beat[:, None]).sum() / (on_beat.sum() * x.shape[1]))


def share_repeated(x: Tensor) -> float:
    """Return the share of bars that repeat an earlier bar of their melody note for note."""
    same = (x[:, :, None] == x[:, None]).all(3).tril(-1)  # (N, bars, bars)
    return float(same.any(2)[:, 1:].float().mean())


def share_ending(x: Tensor, metre: Tensor) -> float:
    """Return the share of melodies whose last note lasts a beat or more, or is followed by silence: phrases end."""
    starts = note_starts(x, metre)
    steps = torch.arange(starts.shape[1]).expand_as(starts)
    last = torch.where(starts, steps, -1).amax(1)
    end = (x.shape[1] - 1) * x.shape[2] + torch.tensor(list(METRES.values()))[metre]
    return float((end - last >= torch.tensor(list(BEATS.values()))[metre]).float().mean())


def draw_rolls(x: Tensor, metre: Tensor) -> Tensor:
    """Draw melodies as piano rolls (N, 3, 68, 256) in [0, 1]: two pixels to a sixteenth and to a semitone, bar lines
    and white keys in grey, notes in blue, their beginnings darker."""
    n, rows = len(x), MAX_PITCH - MIN_PITCH + 1
    white = torch.tensor([pitch % 12 in WHITE_KEYS for pitch in range(MAX_PITCH, MIN_PITCH - 1, -1)])
    paper = torch.where(white, 1.0, 0.94)[:, None].expand(3, rows, x.shape[1] * x.shape[2]).repeat(n, 1, 1, 1)
    pitches, starts = sounding_pitches(x, metre), note_starts(x, metre)
    note, begins = torch.tensor([0.36, 0.55, 0.95]), torch.tensor([0.12, 0.25, 0.65])
    for picture, line, begun, valid in zip(
        paper, pitches, starts, valid_steps(metre).repeat(1, x.shape[1]), strict=True
    ):
        line, begun = line[valid], begun[valid]
        picture[:, :, :: int(valid.sum()) // x.shape[1]] *= 0.85
        picture[:, :, len(line) :] = 1.0
        (columns,) = line.nonzero(as_tuple=True)
        picture[:, MAX_PITCH - line[columns], columns] = torch.where(begun[columns], begins[:, None], note[:, None])
    return paper.repeat_interleave(2, 2).repeat_interleave(2, 3)
