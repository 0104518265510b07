"""GAN lab: two networks learn a distribution on the plane, a preset or a drawing, while the visitor watches."""

import base64
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import lru_cache, partial
from math import log10
from threading import Lock

import gradio as gr

from ae_demo.data import toy
from ae_demo.data.images import from_pil
from ae_demo.losses import GAN_LOSSES
from ae_demo.models.toy_gan import LATENTS
from ae_demo.training.loops import TrainingError
from ae_demo.training.toy_gan import BOARD_REACH, GanRun, Settings
from ae_demo.ui import inputs
from ae_demo.ui.address import keep_in_address
from ae_demo.ui.gradio_compat import Number, Slider
from ae_demo.ui.handlers import LIVE, PRIVATE, handler, run_in_pool, visitor_state
from ae_demo.ui.i18n import TEXTS
from ae_demo.ui.inputs import InputError, check_choice, check_range, check_seed
from ae_demo.ui.widgets import SketchPad, how_it_works, template

TEXT = TEXTS["toy_gan"]
PORTION_S = 0.03  # training time between two frames
PLAYERS = {"run": None, "both": (True, True), "generator": (True, False), "discriminator": (False, True)}
LOG_LR_RANGE = (-5.0, -1.0)
MAX_WIDTH, MAX_DEPTH, MAX_RATIO, MAX_R1 = 128, 4, 10, 10
MAX_PORTION_STEPS = 1000  # steps per portion
PRESET = "ring"  # preset of the museum
LEAST_INK = 64  # out of 255: fainter drawings count as empty
MUSEUM = {  # name: settings that fail, changes that cure them
    "collapse": (Settings(lr=3e-4, d_lr=1e-2, ratio=5, r1=0.0), {"r1": 0.1}),
    "oscillation": (Settings(lr=3e-3, d_lr=3e-4, r1=0.0), {"d_lr": 3e-3}),
    "strong": (Settings(loss="minimax", lr=1e-4, d_lr=1e-2, ratio=5, r1=0.0), {"r1": 0.1}),
    "rate": (Settings(lr=5e-2, d_lr=5e-2, r1=0.0), {"lr": 1e-3, "d_lr": 1e-3}),
}
_lab_pool = ThreadPoolExecutor(2, "gan-lab")  # shared by all visitors, first come, first served


@lru_cache(64)
def distribution(name: str, drawing: str = "") -> toy.Distribution:
    """Return one of the presets, or "drawn": the ink on a canvas (data URI); raises InputError if it is empty."""
    if name != "drawn":
        return toy.sample_preset(check_choice(name, toy.PRESETS))
    ink = 255 - from_pil(inputs.read(inputs.decode_data_uri(drawing)).convert("L").resize((96, 96)))[0].float()
    if ink.max() < LEAST_INK:
        raise InputError(TEXT["draw"])
    return toy.sample_from_ink(ink.clamp(min=32) - 32)


def train_gan(
    command: dict, memory: dict, name: str, drawing: str = "", loss: str = "non-saturating", log_lr: float = -3,
    log_d_lr: float = -3, ratio: int = 1, r1: float = 0.01, width: int = 32, depth: int = 2, latent: str = "normal",
    seed: int = 0,
) -> dict:  # fmt: skip
    """Train a GAN on the plane for one portion -> the new frame, with step, measures, verdict, and points and map as
    `pack` encodes them, and `fresh`: whether a new run begins with it.

    command: {do: "run", for up to 30 ms and at most `steps` steps; "both", "generator" or "discriminator", for one step
    of these players; "reset"; anything else for no step}. memory: a dict kept per visitor; without a session, as over
    MCP, each call begins a new run. name: a preset, or "drawn", the dark ink of `drawing`.
    log_lr, log_d_lr: log₁₀ of the learning rates, −5 … −1. ratio: 1 … 10; r1: 0 … 10; width: 4 … 128; depth: 1 … 4. All
    may change during a run, but a new width, depth, latent or seed begins another."""
    settings = Settings(
        check_choice(loss, GAN_LOSSES), 10 ** check_range(log_lr, *LOG_LR_RANGE),
        10 ** check_range(log_d_lr, *LOG_LR_RANGE), int(check_range(ratio, 1, MAX_RATIO)), check_range(r1, 0, MAX_R1),
        int(check_range(width, 4, MAX_WIDTH)), int(check_range(depth, 1, MAX_DEPTH)), check_choice(latent, LATENTS),
        check_seed(seed),
    )  # fmt: skip
    command = command if isinstance(command, dict) else {}
    do, steps = str(command.get("do")), int(check_range(command.get("steps", MAX_PORTION_STEPS), 1, MAX_PORTION_STEPS))
    name = check_choice(name, (*toy.PRESETS, "drawn"))
    if name == "drawn" and not (drawing and isinstance(drawing, str)):
        raise InputError(TEXT["draw"])
    target = distribution(name, drawing if name == "drawn" else "")

    def portion() -> dict:
        run = memory.get("run")
        fresh = run is None or do == "reset" or run.settings.networks != settings.networks
        if fresh:
            run = memory["run"] = GanRun(target, settings)
        run.settings = settings
        if run.distribution is not target:
            run.set_distribution(target)
        if run.broken:
            raise InputError(TEXT["diverged"])
        try:
            if do in PLAYERS:
                run.advance(steps if do == "run" else 1, PORTION_S, PLAYERS[do])
        except TrainingError as error:
            raise InputError(TEXT["diverged"]) from error
        return pack(run.frame()) | {"fresh": fresh}

    with memory.setdefault("lock", Lock()):
        return run_in_pool(_lab_pool, portion)


def pack(frame: dict) -> dict:
    """Encode tensors as base64, as Gradio inspects every number of a list: points as 16-bit integers, in thousandths of
    BOARD_REACH, y upwards; the gradient in thousandths of its largest length; the map as bytes."""
    gradient = frame["gradient"] / frame["gradient"].norm(dim=1).max().clamp(min=1e-12)
    points = {name: frame[name] / BOARD_REACH for name in ("real", "fake", "net")} | {"gradient": gradient}
    whole = {name: (1000 * value).clamp(-9999, 9999).short() for name, value in points.items()}
    whole["map"] = (frame["map"] * 255).byte()
    measures = {name: round(value, 4) for name, value in frame["measures"].items()}
    coded = {name: base64.b64encode(value.numpy().tobytes()).decode() for name, value in whole.items()}
    return frame | coded | {"measures": measures}


def exhibit(name: str, cured: bool = False) -> tuple:
    """Return a failure of MUSEUM by name, or its cure, as values of the controls: the preset, then the settings."""
    failing, cure = MUSEUM[check_choice(name, MUSEUM)]
    s = replace(failing, **cure) if cured else failing
    rates = (round(log10(rate), 2) for rate in (s.lr, s.d_lr))
    return PRESET, s.loss, *rates, s.ratio, s.r1, s.width, s.depth, s.latent, s.seed


class GanLab(gr.HTML):
    """Board, transport buttons, film and measurements. Its value is a frame; fires `input` with the command {do,
    steps}."""

    def __init__(self, **kwargs):
        texts = dict(TEXT) | {"csv": TEXTS["menu"]["csv"]}
        super().__init__({}, texts=texts, **template("files", "toy_gan"), **kwargs)

    def api_info(self) -> dict:
        return {"type": "object", "description": "{do: run, both, generator, discriminator or reset; steps}"}


def build() -> None:
    """Lay out the tab and connect its events."""
    pens, start = TEXTS["pad"], Settings()
    gr.Markdown(TEXT["museum"])
    shown = gr.State("collapse")
    with gr.Row():
        exhibits = [(gr.Button(TEXT[f"museum_{which}"], size="sm"), which) for which in MUSEUM]
        cure = gr.Button(TEXT["cure"], variant="primary", size="sm", interactive=False)  # until a failure is shown
    with gr.Row():
        with gr.Column(scale=3, min_width=320):
            lab = GanLab(elem_id="toy_gan-lab")
        with gr.Column(scale=1, min_width=280):
            presets = [(TEXT[name], name) for name in (*toy.PRESETS, "drawn")]
            name = gr.Dropdown(presets, value=PRESET, label=TEXT["distribution"], elem_id="toy_gan-distribution")
            pad = SketchPad(240, {pens["pen"]: 8, pens["thick"]: 20}, elem_id="toy_gan-pad")
            loss = gr.Dropdown(list(GAN_LOSSES), value=start.loss, label=TEXT["loss"])
            rates = [
                Slider(*LOG_LR_RANGE, -3, step=0.01, label=TEXT[which], elem_id=f"toy_gan-{which}")
                for which in ("lr", "d_lr")
            ]
            ratio = Slider(1, MAX_RATIO, start.ratio, step=1, label=TEXT["ratio"])
            r1 = Slider(0, 1, start.r1, step=0.01, label=TEXT["r1"], elem_id="toy_gan-r1")
            with gr.Accordion(TEXT["networks"], open=False):
                width = Slider(4, MAX_WIDTH, start.width, step=4, label=TEXT["width"])
                depth = Slider(1, MAX_DEPTH, start.depth, step=1, label=TEXT["depth"])
                latents = [(TEXT[f"latent_{kind}"], kind) for kind in LATENTS]
                latent = gr.Dropdown(latents, value=start.latent, label=TEXT["latent"])
                seed = Number(start.seed, label=TEXT["seed"], precision=0, minimum=0, maximum=inputs.MAX_SEED)
    how_it_works(TEXT["how"], TEXT["explanation"])

    memory = visitor_state({})
    controls = [name, loss, *rates, ratio, r1, width, depth, latent, seed]
    settings = [name, pad, *controls[1:]]
    # `at` makes repeated errors distinct values; the lab has a pool of its own
    trained = handler(train_gan, lambda text: {"error": text, "at": time.time()}, pool=None)
    lab.input(trained, [lab, memory, *settings], lab, api_name="train_gan", **LIVE | {"trigger_mode": "multiple"})
    look = "() => document.querySelector('#toy_gan-lab .look').click()"
    again = "() => document.querySelector('#toy_gan-lab .restart').click()"

    def show_exhibit(which: str) -> tuple:
        return which, gr.Button(interactive=True), *exhibit(which)

    for button, which in exhibits:
        chosen = button.click(partial(show_exhibit, which), None, [shown, cure, *controls], queue=False, **PRIVATE)
        chosen.success(None, js=again)
    cure.click(partial(exhibit, cured=True), shown, controls, queue=False, **PRIVATE).success(None, js=again)
    names = ("target", "loss", "lr", "d_lr", "ratio", "r1", "width", "depth", "latent", "seed")
    keep_in_address("toy_gan", dict(zip(names, controls, strict=True))).submit(None, js=look)
    for control in (name, loss, r1, width, depth, latent, seed):
        control.input(None, js=look)
    pad.input(None, None, name, js="() => 'drawn'").then(None, js=look)
