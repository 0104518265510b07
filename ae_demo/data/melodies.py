"""Monophonic tunes of three old collections, read by music21 and cut to phrases on a grid of sixteenths.

O'Neill's Music of Ireland (1850 tunes), James Aird's Airs (1778 to 1801) and Ryan's Mammoth Collection (1883) come with
music21 (Cuthbert & Ariza, 2010). Each tune is transposed to the white keys: C major, A minor, D Dorian or G Mixolydian.
"""

import gzip
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from string import capwords

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from tqdm import tqdm

from ae_demo.data.images import SAMPLES_DIR, DatasetError, Images, atomic_write, dataset

BAR_STEPS = 16  # longest bar, in sixteenths
METRES = {"4/4": 16, "6/8": 12, "2/4": 8, "3/4": 12}  # sixteenths in a bar
BEATS = {"4/4": 4, "6/8": 6, "2/4": 4, "3/4": 4}  # sixteenths in a beat
SCALE_MODES = ("major", "minor", "dorian", "mixolydian")
TONICS = {"major": 0, "minor": 9, "dorian": 2, "mixolydian": 7}  # pitch class after transposition
HOLD, REST = 0, 1  # tokens of a step: what sounds goes on, silence begins; the others are notes that begin
MIN_PITCH, MAX_PITCH = 55, 88  # MIDI, G3 to E6
FIRST_NOTE = 2  # token of MIN_PITCH
VOCABULARY = FIRST_NOTE + MAX_PITCH - MIN_PITCH + 1
PHRASE_BARS = 8
HELD_OUT_EVERY = 12  # one tune of so many is held out
COLLECTIONS = {"oneills1850": "O'Neill", "airdsAirs": "Aird", "ryansMammoth": "Ryan"}
CUT_METRES = {"2/2": "4/4"}  # counted in other beats, written alike

Note = tuple[int, int, int]  # MIDI pitch, first sixteenth, length in sixteenths


def notes_to_tokens(notes: Iterable[Sequence[int]], metre: str, bars: int) -> Tensor:
    """Write notes [[pitch, start, length], …], starts and lengths in sixteenths from the first bar -> tokens (bars, 16)
    of int8; a bar of fewer sixteenths is filled up with HOLD. Of notes at once the highest sounds; a new note ends the
    former.

    Raises ValueError for a pitch outside MIN_PITCH … MAX_PITCH, and for a note outside the bars."""
    per_bar = METRES[metre]
    line = torch.full((bars * per_bar,), REST, dtype=torch.int8)
    begun = -1
    for pitch, start, length in sorted(notes, key=lambda note: (note[1], -note[0])):
        if not MIN_PITCH <= pitch <= MAX_PITCH:
            raise ValueError(f"A pitch is a MIDI number from {MIN_PITCH} to {MAX_PITCH}, not {pitch}.")
        if not 0 <= start < start + length <= len(line):
            raise ValueError(f"Every note must lie within {bars} bars of {per_bar} sixteenths and last at least one.")
        if start == begun:
            continue
        line[start:] = REST
        line[start] = FIRST_NOTE + pitch - MIN_PITCH
        line[start + 1 : start + length] = HOLD
        begun = start
    silent = line == REST
    line[1:][silent[1:] & silent[:-1]] = HOLD  # silence begins once
    tokens = torch.full((bars, BAR_STEPS), HOLD, dtype=torch.int8)
    tokens[:, :per_bar] = line.view(bars, per_bar)
    return tokens


def tokens_to_notes(tokens: Tensor, metre: str) -> list[Note]:
    """Read notes (pitch, start, length), in sixteenths, from tokens (bars, 16)."""
    per_bar = METRES[metre]
    notes: list[Note] = []
    sounding = False
    for step, token in enumerate(tokens[:, :per_bar].flatten().tolist()):
        if token >= FIRST_NOTE:
            notes.append((token - FIRST_NOTE + MIN_PITCH, step, 1))
            sounding = True
        elif token == REST:
            sounding = False
        elif sounding:
            pitch, start, length = notes[-1]
            notes[-1] = (pitch, start, length + 1)
    return notes


def valid_steps(metre: Tensor) -> Tensor:
    """Return the mask (N, 16) of the steps that a bar has, for metres (N,) as indices into METRES."""
    lengths = torch.tensor(list(METRES.values()), device=metre.device)[metre]
    return torch.arange(BAR_STEPS, device=metre.device) < lengths[:, None]


@dataset(
    "Tunes of O'Neill's Music of Ireland, Aird's Airs and Ryan's Mammoth Collection",
    "public domain, transcriptions as in music21 (BSD-3-Clause)",
    ("train", "held_out", "sample"),  # the sample is all that is held out
    labels=SCALE_MODES,
)
def melodies(data_dir: str, split: str) -> Images:
    """Phrases of eight bars: melody (8, 16) int8 tokens, metre (index into METRES), label (index into SCALE_MODES),
    tune (number of the tune). Variants of a tune are all in the same split."""
    if split == "sample":
        return phrases_to_images(sample_tunes())
    folder = Path(data_dir) / "melodies"
    if not (folder / f"{split}.safetensors").exists():
        train, held_out = split_tunes(read_collections())
        for name, tunes in (("train", train), ("held_out", held_out)):
            with atomic_write(folder / f"{name}.safetensors") as part:
                save_file(phrases_to_images(tunes, recombined=name == "train").tensors, part)
    return Images(**load_file(folder / f"{split}.safetensors"))


def sample_tunes() -> list[dict]:
    """Read the held-out tunes, which come with the code: title, source, metre, mode, original tonic and sections of
    bars of tokens."""
    return json.loads(gzip.decompress((SAMPLES_DIR / "melodies.json.gz").read_bytes()))


def write_sample_tunes(tunes: list[dict]) -> None:
    """Write the held-out tunes to the folder of samples."""
    text = json.dumps(tunes, ensure_ascii=False, separators=(",", ":"))
    (SAMPLES_DIR / "melodies.json.gz").write_bytes(gzip.compress(text.encode(), mtime=0))


def split_tunes(tunes: list[dict]) -> tuple[list[dict], list[dict]]:
    """Split tunes into those to train on and those held out."""
    parts: tuple[list[dict], list[dict]] = ([], [])
    for tune, held_out in zip(tunes, hold_out(tunes), strict=True):
        parts[held_out].append(tune)
    return parts


def phrases_to_images(tunes: list[dict], recombined: bool = False) -> Images:
    """Cut tunes to phrases of eight bars, which begin every four bars of a section; also, if `recombined`, the first
    four bars of each phrase of a tune with the last four of each other one, which end as they did."""
    half = PHRASE_BARS // 2
    found: dict[tuple, tuple[int, dict]] = {}
    for number, tune in enumerate(tunes):
        phrases = [
            section[first : first + PHRASE_BARS]
            for section in tune["sections"]
            for first in range(0, len(section) - PHRASE_BARS + 1, half)
        ]
        if recombined:
            phrases += [a[:half] + b[half:] for a in phrases for b in phrases]
        for phrase in phrases:
            found.setdefault((tuple(map(tuple, phrase)), tune["metre"]), (number, tune))
    metres = list(METRES)
    return Images(
        melody=torch.tensor([phrase for phrase, _ in found], dtype=torch.int8),
        metre=torch.tensor([metres.index(metre) for _, metre in found]),
        label=torch.tensor([SCALE_MODES.index(tune["mode"]) for _, tune in found.values()]),
        tune=torch.tensor([number for number, _ in found.values()]),
    )


WHITE_KEYS = (0, 2, 4, 5, 7, 9, 11)
MAX_DEGREES = 3


def degree_table() -> Tensor:
    """Return the token of every token after a shift by −3 … 3 degrees of the scale, (7, VOCABULARY); −1 if that is
    outside the range. Black keys stay a semitone above the white key below."""
    table = torch.full((2 * MAX_DEGREES + 1, VOCABULARY), -1)
    table[:, :FIRST_NOTE] = torch.arange(FIRST_NOTE)
    for row, shift in enumerate(range(-MAX_DEGREES, MAX_DEGREES + 1)):
        for pitch in range(MIN_PITCH, MAX_PITCH + 1):
            octave, within = divmod(pitch, 12)
            degree = sum(key <= within for key in WHITE_KEYS) - 1
            octaves, moved = divmod(degree + shift, len(WHITE_KEYS))
            to = 12 * (octave + octaves) + WHITE_KEYS[moved] + within - WHITE_KEYS[degree]
            if MIN_PITCH <= to <= MAX_PITCH:
                table[row, pitch - MIN_PITCH + FIRST_NOTE] = to - MIN_PITCH + FIRST_NOTE
    return table


DEGREE_TABLE = degree_table()


def vary_melodies(x: Tensor, metre: Tensor, shifted: float = 0.5, mixed: float = 0.25) -> Tensor:
    """Vary melodies (N, bars, 16) in metres (N,), of which there are too few to learn from: a share `shifted` of them
    is moved by up to three degrees of the scale, if it stays in range, and in a share `mixed` half of the bars come
    from another one of the batch in the same metre."""
    shift = torch.randint(len(DEGREE_TABLE), (len(x),), device=x.device)
    moved = DEGREE_TABLE.to(x.device)[shift[:, None, None], x.long()].to(x.dtype)
    fits = (moved >= 0).flatten(1).all(1) & (torch.rand(len(x), device=x.device) < shifted)
    x = torch.where(fits[:, None, None], moved, x)
    order = torch.randperm(len(x), device=x.device)
    order = order[metre[order].argsort(stable=True)]  # shuffled within each metre
    other = torch.empty_like(order)
    other[order] = order.roll(1)
    mixes = (metre[other] == metre) & (torch.rand(len(x), device=x.device) < mixed)
    taken = (torch.rand(x.shape[:2], device=x.device) < 0.5) & mixes[:, None]
    return torch.where(taken[..., None], x[other], x)


def hold_out(tunes: list[dict]) -> list[bool]:
    """Choose the held-out tunes: those that share a name, or four bars of at least twelve notes, go together."""
    parent = list(range(len(tunes)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    seen: dict = {}
    for number, tune in enumerate(tunes):
        keys: list = [core_title(tune["title"])]
        for section in tune["sections"]:
            for first in range(len(section) - 3):
                bars = tuple(map(tuple, section[first : first + 4]))
                if sum(token >= FIRST_NOTE for bar in bars for token in bar) >= 12:
                    keys.append((tune["metre"], bars))
        for key in keys:
            parent[root(number)] = root(seen.setdefault(key, number))
    families = defaultdict(list)
    for number in range(len(tunes)):
        families[root(number)].append(number)
    chosen = [False] * len(tunes)
    for index, members in enumerate(families.values()):
        for number in members:
            chosen[number] = index % HELD_OUT_EVERY == HELD_OUT_EVERY - 1
    return chosen


def core_title(title: str) -> str:
    """Reduce a title to what variants share: "Rakes of Mallow, The -- Reel (2nd version)" -> "mallow rakes"."""
    title = re.sub(r"\(.*?\)|'s\b|[^\w\s]", " ", title.lower())
    dull = {"the", "a", "an", "of", "and", "set", "version", "1st", "2nd", "3rd", "reel", "jig", "hornpipe", "new"}
    words = [word for word in title.split() if word not in dull and not word.isdigit()]
    return " ".join(sorted(words)) or title


def read_collections() -> list[dict]:
    """Read all tunes of the three collections; raises DatasetError if music21 is missing."""
    try:
        from music21 import corpus
    except ImportError as error:
        raise DatasetError("The tunes come with music21, which is not installed: pip install music21.") from error
    paths = sorted(path for path in map(Path, corpus.getCorePaths()) if path.parent.name in COLLECTIONS)
    order = sorted(paths, key=lambda path: -path.stat().st_size)  # the longest first, for even ends
    with ProcessPoolExecutor() as pool:
        read = list(tqdm(pool.map(read_file, order), desc="melodies", total=len(order), unit="file"))
    by_path = dict(zip(order, read, strict=True))
    return [tune for path in paths for tune in by_path[path]]


def read_file(path: Path) -> list[dict]:
    """Read the tunes of one ABC file that are in a metre of METRES and a mode of SCALE_MODES."""
    from music21 import converter, stream

    parsed = converter.parse(path, forceSource=True)
    scores = parsed.scores if isinstance(parsed, stream.Opus) else [parsed]
    tunes = []
    for score in scores:
        title = (score.metadata.title if score.metadata else None) or path.stem
        tune = read_tune(score)
        if tune:
            tunes.append({"title": clean_title(title), "source": COLLECTIONS[path.parent.name], **tune})
    return tunes


def clean_title(title: str) -> str:
    """Write a title as one would print it: "DON'T BE LATE -- JIG." -> "Don't Be Late Jig"."""
    title = re.sub(r"(?<=\w):(?=\w)", "", title.strip(" .,"))  # a slip of the transcription, as in "Cat:holic"
    title = title.replace('"', "").strip(" .,")
    parts = [part.strip() for part in re.split(r"\s+-+\s+", title)]
    return " ".join(capwords(part) if part.isupper() else part for part in parts)


def read_tune(score) -> dict | None:
    """Read a music21 score -> its metre, mode, original tonic, and sections of bars of tokens; None if it is in another
    metre or mode, or has no section of eight bars."""
    part = (score.parts[0] if score.parts else score).stripTies()
    key = next(iter(part.recurse().getElementsByClass("KeySignature")), None)
    times = {time.ratioString for time in part.recurse().getElementsByClass("TimeSignature")}
    mode, sharps = getattr(key, "mode", "major") or "major", key.sharps if key else 0
    if len(times) != 1 or mode not in SCALE_MODES:
        return None
    ratio = times.pop()
    metre = CUT_METRES.get(ratio, ratio)
    if metre not in METRES:
        return None
    shift = -7 * sharps % 12
    measures = list(part.getElementsByClass("Measure"))
    pitches = [pitch + shift for measure in measures for pitch, _, _ in melody_notes(measure)]
    if not pitches:
        return None
    shift += 12 * round((72 - sum(pitches) / len(pitches)) / 12)
    sections = [
        section
        for section in (notes_to_section(bars, metre) for bars in read_sections(measures, METRES[metre], shift))
        if section and len(section) >= PHRASE_BARS
    ]
    tonic = getattr(key, "tonic", None)
    name = tonic.name.replace("-", "♭") if tonic else "C"
    return {"metre": metre, "mode": mode, "tonic": name, "sections": sections} if sections else None


def melody_notes(measure) -> Iterator[tuple[int, float, float]]:
    """Yield pitch, begin and end in quarters of the notes of a measure, of chords the highest, without grace notes."""
    for element in measure.notes:
        if not element.duration.isGrace:
            begin = float(element.offset)
            yield max(pitch.midi for pitch in element.pitches), begin, begin + float(element.quarterLength)


def read_sections(measures: list, per_bar: int, shift: int) -> Iterator[list[list[Note]]]:
    """Yield the sections between repeat signs, double bars and upbeats: lists of bars of notes in sixteenths."""
    bars: list[list[Note]] = []
    for measure in measures:
        length = round(float(measure.duration.quarterLength) * 4)
        opens = bool(measure.leftBarline) and measure.leftBarline.type != "regular"
        if opens and bars:
            yield bars
            bars = []
        notes = []
        for pitch, begins, ends in melody_notes(measure):
            start = round(begins * 4)  # triplets fall on the nearest sixteenths
            notes.append((pitch + shift, start, max(1, round(ends * 4) - start)))
        if length == per_bar or (length < per_bar and bars and length > per_bar // 2):
            bars.append(notes)  # the last bar of a section lacks the next upbeat
        elif length > per_bar:
            if bars:
                yield bars
            bars = []
        closes = bool(measure.rightBarline) and measure.rightBarline.type != "regular"
        if bars and (closes or length < per_bar):
            yield bars
            bars = []
    if bars:
        yield bars


def notes_to_section(bars: list[list[Note]], metre: str) -> list[list[int]] | None:
    """Write a section of bars of notes as tokens; None if it leaves the range of pitches."""
    per_bar = METRES[metre]
    line = [(p, s + i * per_bar, n) for i, bar in enumerate(bars) for p, s, n in bar if s < per_bar]
    total = len(bars) * per_bar
    clipped = [(p, s, min(n, total - s)) for p, s, n in line]
    if not clipped or not all(MIN_PITCH <= p <= MAX_PITCH for p, _, _ in clipped):
        return None
    return notes_to_tokens(clipped, metre, len(bars)).tolist()
