"""Melodies: two tunes on piano rolls, the path between them, changes of one property, new tunes, and a map of tunes."""

from functools import cache

import gradio as gr
import torch
from torch import Tensor

from ae_demo import checkpoints
from ae_demo.checkpoints import CheckpointError
from ae_demo.data.melodies import METRES, PHRASE_BARS, melodies, sample_tunes, tokens_to_notes, valid_steps
from ae_demo.evaluation.melody_analysis import change_attributes
from ae_demo.evaluation.melody_attributes import ATTRIBUTES, draw_rolls
from ae_demo.evaluation.melody_scores import TEMPERATURE
from ae_demo.figures import data_uri, to_grid, to_pil
from ae_demo.losses import melody_elbo_terms
from ae_demo.models.interpolation import slerp
from ae_demo.models.melody_vae import MelodyVAE
from ae_demo.ui import inputs
from ae_demo.ui.address import keep_in_address
from ae_demo.ui.code_map import CodeMap, scale_to_map
from ae_demo.ui.defaults import CLASS_COLORS
from ae_demo.ui.gradio_compat import Number, Slider
from ae_demo.ui.handlers import PRIVATE, QUIET, handler
from ae_demo.ui.i18n import TEXTS
from ae_demo.ui.inputs import InputError
from ae_demo.ui.live import Live, connect
from ae_demo.ui.networks import network
from ae_demo.ui.piano_roll import BARS, Conductor, PianoRoll, to_melody
from ae_demo.ui.widgets import how_it_works

TEXT = TEXTS["melody"]
MELODY_VAES = {8: "melody-vae", 2: "melody-vae-2bar"}  # by the number of bars
PATH_POINTS = 17
ELBO_SAMPLES = 16
MAX_SHIFT = 2.0  # standard deviations of a property
TEMPERATURE_RANGE = (0.1, 1.5)
KEPT = ("nothing", "rhythm", "pitches")
TUNES = (  # those in the menus, well known or telling; the first two are A and B at first
    "Oh dear what can the matter be", "Pop Goes The Weasel", "Boyne Water", "Turkish March", "The Spinning Wheel",
    "There's nae luck about the House", "Paddy Whack", "The Humors of Bandon", "Apples in Winter",
    "The Bucks of Oranmore", "Kiss Me Kate", "American Hornpipe",
)  # fmt: skip
TAKES = {"melody-a": "→ A", "melody-b": "→ B"}
SHRINKAGE = 0.3  # the map's covariance has more numbers than 628 codes tell
THUMBNAIL_SIDE = 84
TUNES_IN_A_ROW = 22


def melody_vae(bars: int) -> MelodyVAE:
    """Return the VAE of melodies of so many bars."""
    return network(MELODY_VAES[inputs.check_choice(bars, MELODY_VAES)])


def melody_value(x: Tensor, metre: Tensor | int, note: str = "") -> dict:
    """Return tokens (bars, 16) and the index of their metre as the value of a piano roll."""
    name = list(METRES)[int(metre)]
    return {"metre": name, "bars": len(x), "notes": tokens_to_notes(x, name), "note": note}


@torch.inference_mode()
def kept_share(x: Tensor, recon: Tensor, metre: Tensor) -> float:
    """Return the share of the sixteenths of tokens (1, bars, 16) at which the same begins, or goes on, in both."""
    valid = valid_steps(metre)[:, None].expand(x.shape)
    return float((x == recon)[valid].float().mean())


@torch.inference_mode()
def elbo_of(x: Tensor, metre: Tensor) -> tuple[float, float]:
    """Return both terms of the −ELBO of tokens (1, bars, 16), in nats, the first averaged over seeded samples."""
    model = melody_vae(x.shape[1])
    mu, logvar = model.encode(x, metre)
    noise = torch.randn(ELBO_SAMPLES, model.latent_dim, generator=torch.Generator().manual_seed(0))
    z, metres = mu + noise * (0.5 * logvar).exp(), metre.expand(ELBO_SAMPLES)
    logits = model.logits(z, metres, x.expand(ELBO_SAMPLES, -1, -1))
    recon, kl = melody_elbo_terms(x.expand(ELBO_SAMPLES, -1, -1), valid_steps(metres), logits, mu, logvar)
    return float(recon.mean()), float(kl)


@torch.inference_mode()
def encode_melody(melody: dict) -> dict:
    """Encode a melody {metre: 4/4, 6/8, 2/4 or 3/4; bars: 8 or 2; notes: [[MIDI pitch, start, length], …], times in
    sixteenths} and decode it again -> {code: its numbers, metre, bars, notes, kept: the share of the sixteenths that
    stay as they were, recon and kl: the terms of the −ELBO in nats}."""
    x, metre = to_melody(melody)
    model = melody_vae(x.shape[1])
    z, _ = model.encode(x, metre)
    decoded = model.decode(z, metre)
    recon, kl = elbo_of(x, metre)
    scores = {"kept": kept_share(x, decoded, metre), "recon": recon, "kl": kl}
    code = [round(number, 4) for number in z[0].tolist()]
    return {"code": code, **melody_value(decoded[0], metre)} | {key: round(value, 4) for key, value in scores.items()}


@torch.inference_mode()
def interpolate_melodies(first: dict, second: dict, points: int = PATH_POINTS) -> dict:
    """Decode `points` (2 … 64) melodies on the way from the code of the melody `first` to that of `second`, in the
    metre of the first; melodies are as of `encode_melody`, of as many bars -> {metre, bars, path: [notes, …], note:
    what the codes keep}."""
    (a, metre), (b, other) = to_melody(first), to_melody(second)
    bars = a.shape[1]
    if bars != b.shape[1]:
        raise InputError(TEXT["same_length"])
    points = int(inputs.check_range(points, 2, 64))
    model = melody_vae(bars)
    ends = [model.encode(x, own)[0] for x, own in ((a, metre), (b, other))]
    z = slerp(*ends, torch.linspace(0, 1, points))
    decoded = model.decode(torch.cat([z, ends[1]]), torch.cat([metre.expand(points), other]))  # B in its own metre, too
    kept = kept_share(a, decoded[:1], metre), kept_share(b, decoded[-1:], other)
    recon, kl = elbo_of(a, metre)
    note = TEXT["kept"].format(a=kept[0], b=kept[1], recon=recon, kl=kl, total=recon + kl)
    name = list(METRES)[int(metre)]
    return {"metre": name, "bars": bars, "path": [tokens_to_notes(x, name) for x in decoded[:-1]], "note": note}


@torch.inference_mode()
def sample_melody(metre: str = "6/8", temperature: float = TEMPERATURE, seed: int = 0, bars: int = 8) -> dict:
    """Decode a code from N(0, I), seeded, to a melody of 8 or 2 `bars` in a metre (4/4, 6/8, 2/4 or 3/4): its notes are
    drawn at a `temperature` (0.1 … 1.5; low ones draw the likeliest) -> {metre, bars, notes: [[MIDI pitch, start,
    length], …]}."""
    index = list(METRES).index(inputs.check_choice(metre, METRES))
    temperature = inputs.check_range(temperature, *TEMPERATURE_RANGE)
    seeded, model = inputs.seeded_generator(seed), melody_vae(bars)
    z = torch.randn(1, model.latent_dim, generator=seeded)
    x = model.decode(z, torch.tensor([index]), temperature=temperature, generator=seeded)
    return melody_value(x[0], index)


@cache
def attribute_directions(bars: int) -> tuple[Tensor, Tensor]:
    """Return the directions in the code that change each of ATTRIBUTES, (4, latent_dim), and the standard deviations of
    these, (4,), as found after training (`find_directions`); raises CheckpointError if they are missing."""
    found = checkpoints.analysis(MELODY_VAES[bars])
    stored = found.get("directions")
    if not stored:
        raise CheckpointError(TEXT["no_directions"].format(name=MELODY_VAES[bars]))
    return torch.tensor([stored[name] for name in ATTRIBUTES]), torch.tensor(found["spread"])


@torch.inference_mode()
def change_melody(
    melody: dict, density: float = 0, span: float = 0, leaps: float = 0, mode: float = 0, keep: str = "nothing"
) -> dict:
    """Decode a melody, as of `encode_melody`, from its code moved so that its note density, its range (`span`), its
    leaps and its mode (up: major) change by −2 … 2 standard deviations each, as nearly as can be found; `keep` its
    rhythm, its pitches or nothing."""
    x, metre = to_melody(melody)
    moved = [inputs.check_range(value, -MAX_SHIFT, MAX_SHIFT) for value in (density, span, leaps, mode)]
    keep = inputs.check_choice(keep, KEPT)
    bars = x.shape[1]
    model = melody_vae(bars)
    z, _ = model.encode(x, metre)
    wanted = torch.tensor(moved, dtype=torch.float32)
    rhythm = x if keep == "rhythm" else None
    decoded = change_attributes(model, z, metre, wanted, *attribute_directions(bars), rhythm)
    value = melody_value(decoded[0], metre)
    if keep == "pitches":
        value["notes"] = keep_pitches(value["notes"], tokens_to_notes(x[0], value["metre"]))
    return value


def keep_pitches(notes: list, pitched: list) -> list:
    """Give notes the pitches of other ones, in their order, as often as there are notes."""
    order = [pitch for pitch, _, _ in sorted(pitched, key=lambda note: note[1])]
    return [(order[i * len(order) // len(notes)], start, length) for i, (_, start, length) in enumerate(notes)]


@cache
def tune_phrases() -> tuple[Tensor, Tensor, list[dict]]:
    """Return the held-out phrases: tokens (N, 8, 16), metres (N,), and the tune of each: title, mode and source."""
    tunes, held_out = sample_tunes(), melodies(split="sample")[:]
    facts = [tune | {"title": tune["title"].partition(".,")[0]} for tune in tunes]  # without a second title
    return held_out["melody"], held_out["metre"], [facts[number] for number in held_out["tune"].tolist()]


def tune_value(index: int) -> dict:
    """Return a held-out phrase, with its title, as the value of a piano roll."""
    x, metre, tunes = tune_phrases()
    tune = tunes[index]
    note = TEXT["tune"].format(title=tune["title"], mode=TEXT[tune["mode"]], source=tune["source"])
    return melody_value(x[index], metre[index], note)


def menu_tunes() -> list[dict]:
    """Return the first phrase of each of TUNES as the value of a piano roll."""
    titles = [tune["title"] for tune in tune_phrases()[2]]
    return [tune_value(titles.index(title)) for title in TUNES]


@cache
@torch.inference_mode()
def map_axes() -> tuple[Tensor, Tensor]:
    """Return the codes of the held-out phrases, (N, latent_dim), and the axes of the map, (latent_dim, 2): those that
    tell the metres apart best (linear discriminants: Fisher, 1936), with a covariance shrunk towards the identity."""
    x, metre, _ = tune_phrases()
    z, _ = melody_vae(PHRASE_BARS).encode(x, metre)
    means = torch.stack([z[metre == index].mean(0) for index in range(len(METRES))])
    within = torch.cov((z - means[metre]).T)
    shrunk = torch.lerp(within, within.diagonal().mean() * torch.eye(len(within)), SHRINKAGE)
    root = torch.linalg.cholesky(shrunk)  # whitens the codes within a metre
    apart = torch.linalg.solve_triangular(root, (means - z.mean(0)).T, upper=False)
    axes = torch.linalg.svd(apart, full_matrices=False)[0][:, :2]
    return z, torch.linalg.solve_triangular(root.T, axes, upper=True)


def on_map(z: Tensor) -> list[list[float]]:
    """Project codes (N, latent_dim) to the map: [[x, y], …], the held-out phrases in [0, 1]."""
    codes, axes = map_axes()
    return scale_to_map(codes @ axes, z @ axes)


@cache
def tune_sheet() -> str:
    """Draw the held-out phrases as small piano rolls on one sheet, a data URI."""
    x, metre, _ = tune_phrases()
    small = torch.nn.functional.interpolate(draw_rolls(x, metre), (THUMBNAIL_SIDE, THUMBNAIL_SIDE), mode="area")
    missing = -len(small) % TUNES_IN_A_ROW
    small = torch.cat([small, torch.ones(missing, *small.shape[1:])])
    return data_uri(to_pil(to_grid(small.unflatten(0, (-1, TUNES_IN_A_ROW)))), quality=80)


def map_melodies(wanted: dict) -> dict:
    """Return the map of the held-out phrases, {name: melody-vae}, for the page, or {error: sentence}."""
    try:
        inputs.check_choice(wanted.get("name") if isinstance(wanted, dict) else None, [MELODY_VAES[PHRASE_BARS]])
        _, metre, _ = tune_phrases()
        points = [[*at, index] for at, index in zip(on_map(map_axes()[0]), metre.tolist(), strict=True)]
        labels = [TEXT[name] for name in METRES]
        sheet = {"thumbnails": tune_sheet(), "columns": TUNES_IN_A_ROW}
        return {"points": points, "labels": labels, "colors": CLASS_COLORS[: len(labels)], "about": ""} | sheet
    except (CheckpointError, InputError) as error:
        return {"error": str(error)}


def place_melody(melody: dict) -> list[float] | None:
    """Encode a melody, as of `encode_melody` -> its point [x, y] on the map of tunes, in [0, 1], y upwards; None if it
    is shorter than they are."""
    x, metre = to_melody(melody)
    return on_map(melody_vae(PHRASE_BARS).encode(x, metre)[0])[0] if x.shape[1] == PHRASE_BARS else None


def pick_tune(index: int) -> dict:
    """Return a held-out phrase by its index on the map -> {metre, bars, notes, note}."""
    if isinstance(index, bool) or not isinstance(index, int) or index not in range(len(tune_phrases()[0])):
        raise InputError(TEXT["click"])
    return tune_value(index)


def build() -> None:
    """Lay out the tab and connect its events."""
    tunes = menu_tunes()
    with gr.Row():
        bars = gr.Radio(
            [(TEXT["bars"].format(n=n), n) for n in BARS], value=BARS[0], label=TEXT["length"], scale=0, min_width=220,
            elem_id="melody-bars",
        )  # fmt: skip
        with gr.Column(min_width=300):  # below on a phone
            Conductor(elem_id="melody-conductor")
    blend = PianoRoll(TEXT["blend"], blend=True, takes=TAKES, elem_id="melody-blend")
    with gr.Row():
        with gr.Column(min_width=300):
            first = PianoRoll(TEXT["a"], tunes[0], editable=True, tunes=tunes, elem_id="melody-a")
        with gr.Column(min_width=300):
            second = PianoRoll(TEXT["b"], tunes[1], editable=True, tunes=tunes, elem_id="melody-b")
    with gr.Row():
        with gr.Column(min_width=300):
            gr.Markdown(TEXT["new"])
            sampled = PianoRoll(TEXT["sampled"], takes=TAKES, elem_id="melody-sampled")
            with gr.Row():
                metre = gr.Radio(list(METRES), value="6/8", label=TEXT["metre"])
                temperature = Slider(*TEMPERATURE_RANGE, TEMPERATURE, step=0.05, label=TEXT["temperature"])
            with gr.Row():
                seed = Number(0, label=TEXT["seed"], precision=0, minimum=0, maximum=inputs.MAX_SEED, min_width=120)
                again = gr.Button(TEXT["again"], variant="primary", min_width=120, elem_id="melody-again")
        with gr.Column(min_width=300):
            gr.Markdown(TEXT["change"])
            changed = PianoRoll(TEXT["changed"], takes=TAKES, elem_id="melody-changed")
            sliders = [
                Slider(-MAX_SHIFT, MAX_SHIFT, 0, step=0.1, label=TEXT[name], elem_id=f"melody-{name}")
                for name in ATTRIBUTES
            ]
            keep = gr.Radio([(TEXT[key], key) for key in KEPT], value="nothing", label=TEXT["keep"])
    gr.Markdown(TEXT["map_about"])
    start = {"name": MELODY_VAES[PHRASE_BARS], "projection": "", "first": None, "second": None, "at": None}
    with gr.Row():
        with gr.Column(min_width=300):
            plot = CodeMap(start, map_melodies, TEXT["map"], elem_id="melody-map")
        with gr.Column(min_width=300):
            picked = PianoRoll(TEXT["picked"], takes=TAKES, elem_id="melody-picked")
    how_it_works(TEXT["how"], TEXT["explanation"])

    settings = {"bars": bars, "metre": metre, "temperature": temperature, "seed": seed, "keep": keep}
    settings |= dict(zip(ATTRIBUTES, sliders, strict=True))
    address = keep_in_address("music", settings, MELODY_VAES.values(), eager=True)
    placed = gr.JSON(visible=False)
    to_rolls = "(bars, ...rolls) => rolls.map((value) => ({...value, bars}))"
    bars.change(None, [bars, first, second], [first, second], js=to_rolls, **PRIVATE)
    again.click(lambda seed: (seed or 0) + 1, seed, seed, **QUIET, **PRIVATE)

    def pick(value: dict) -> dict:
        return pick_tune(value["first"] if value["second"] is None else value["second"]) | {"play": True}

    def show(sentence: str) -> dict:
        return {"notes": [], "note": sentence}

    both = [address.submit, first.input, second.input]
    shift = [address.submit, first.input, keep.input, *(slider.input for slider in sliders)]
    draw = [address.submit, metre.input, temperature.input, seed.change, bars.change]
    connect(
        Live(both, handler(interpolate_melodies, show), [first, second], [blend]),
        Live(shift, handler(change_melody, show), [first, *sliders, keep], [changed], "change_melody"),
        Live(draw, handler(sample_melody, show), [metre, temperature, seed, bars], [sampled], "sample_melody"),
        Live([plot.input], handler(pick, show), [plot], [picked]),
        Live([address.submit, first.input], handler(place_melody, lambda _: None), [first], [placed]),
    )
    newest = "(value) => ({...value, first: value.second ?? value.first, second: null})"
    plot.input(None, plot, plot, js=newest, **PRIVATE)
    placed.change(None, [plot, placed], plot, js="(value, at) => ({...value, at})")
    gr.api(handler(encode_melody), api_name="encode_melody")
    gr.api(handler(interpolate_melodies), api_name="interpolate_melodies")
