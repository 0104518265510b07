"""GAN lab: two networks learn a distribution on the plane, a preset or one's own drawing, while one watches."""

import base64
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import lru_cache
from math import log10
from threading import Lock

import gradio as gr
from torchvision.transforms.functional import pil_to_tensor

from ae_demo.data import toy
from ae_demo.models.toy_gan import LATENTS
from ae_demo.tabs import pictures
from ae_demo.tabs.controls import LIVE, Number, SketchPad, Slider, friendly, how_it_works, template, visitors_own
from ae_demo.tabs.pictures import InputError
from ae_demo.tabs.texts import TEXTS
from ae_demo.training.loops import TrainingError
from ae_demo.training.losses import GAN_LOSSES
from ae_demo.training.toy_gan import REACH, Run, Settings

TEXT = TEXTS["toy_gan"]
TITLE, ABOUT = TEXT["title"], TEXT["about"]
PORTION = 0.03  # seconds of training between two frames
PLAYERS = {"run": None, "both": (True, True), "generator": (True, False), "discriminator": (False, True)}
RATES = (-5.0, -1.0)  # log₁₀ of learning rates
MUSEUM = {  # settings that fail, and what cures them
    "collapse": (Settings(lr=3e-4, d_lr=1e-2, ratio=5, r1=0.0), {"r1": 0.1}),
    "oscillation": (Settings(lr=3e-3, d_lr=3e-4, r1=0.0), {"d_lr": 3e-3}),
    "strong": (Settings(loss="minimax", lr=1e-4, d_lr=1e-2, ratio=5, r1=0.0), {"r1": 0.1}),
    "rate": (Settings(lr=5e-2, d_lr=5e-2, r1=0.0), {"lr": 1e-3, "d_lr": 1e-3}),
}
_cores = ThreadPoolExecutor(2, "gan-lab")  # portions of all visitors, first come, first served


@lru_cache(64)
def distribution(name: str, drawing: str = "") -> toy.Distribution:
    """One of the presets, or "drawn": what is drawn on a canvas (data URI)."""
    if name != "drawn":
        return toy.preset(pictures.one_of(name, toy.PRESETS))
    ink = 255 - pil_to_tensor(pictures.read(pictures.decoded(drawing)).convert("L").resize((96, 96)))[0].float()
    if ink.max() < 64:
        raise InputError(TEXT["draw"])
    return toy.drawn(ink.clamp(min=32) - 32)


def train_gan(
    command: dict, memory: dict, name: str, drawing: str = "", loss: str = "non-saturating", log_lr: float = -3,
    log_d_lr: float = -3, ratio: int = 1, r1: float = 0.01, width: int = 32, depth: int = 2, latent: str = "normal",
    seed: int = 0,
) -> dict:  # fmt: skip
    """One portion of a training -> a `packed` frame of `Run.frame`; fresh: whether it starts.

    command: {do: "run", as many steps as fit into 30 ms but at most `steps`; "both", "generator", "discriminator", one
    step of these players; "reset"; else only a look}. memory: a dict that is kept for one visitor.
    The distribution is one of the presets or "drawn", and may change on the way, as all settings may; another width,
    depth, latent or seed starts anew. log_lr, log_d_lr: log₁₀ of the learning rates, −5 … −1."""
    settings = Settings(
        pictures.one_of(loss, GAN_LOSSES), 10 ** pictures.between(log_lr, *RATES),
        10 ** pictures.between(log_d_lr, *RATES), int(pictures.between(ratio, 1, 10)), pictures.between(r1, 0, 10),
        int(pictures.between(width, 4, 128)), int(pictures.between(depth, 1, 4)), pictures.one_of(latent, LATENTS),
        int(pictures.between(seed, 0, 2**31)),
    )  # fmt: skip
    command = command if isinstance(command, dict) else {}
    do, steps = str(command.get("do")), int(pictures.between(command.get("steps", 1000), 1, 1000))
    name = pictures.one_of(name, (*toy.PRESETS, "drawn"))
    if name == "drawn" and not (drawing and isinstance(drawing, str)):
        raise InputError(TEXT["draw"])
    target = distribution(name, drawing if name == "drawn" else "")

    def portion() -> dict:
        run = memory.get("run")
        fresh = run is None or do == "reset" or run.settings.networks != settings.networks
        if fresh:
            run = memory["run"] = Run(target, settings)
        run.settings = settings
        if run.distribution is not target:
            run.follow(target)
        if run.broken:
            raise InputError(TEXT["diverged"])
        try:
            if do in PLAYERS:
                run.advance(steps if do == "run" else 1, PORTION, PLAYERS[do])
        except TrainingError as error:
            raise InputError(TEXT["diverged"]) from error
        return packed(run.frame()) | {"fresh": fresh}

    with memory.setdefault("lock", Lock()):
        return _cores.submit(portion).result()


def packed(frame: dict) -> dict:
    """Tensors as base64, as Gradio looks at every number of a list: places as 16-bit integers, thousandths of REACH, y
    upwards; the pull in thousandths of the longest; the map as bytes."""
    pull = frame["pull"] / frame["pull"].norm(dim=1).max().clamp(min=1e-12)
    places = {name: frame[name] / REACH for name in ("real", "fake", "net")} | {"pull": pull}
    whole = {name: (1000 * value).clamp(-9999, 9999).short() for name, value in places.items()}
    whole["map"] = (frame["map"] * 255).byte()
    measures = {name: round(value, 4) for name, value in frame["measures"].items()}
    coded = {name: base64.b64encode(value.numpy().tobytes()).decode() for name, value in whole.items()}
    return frame | coded | {"measures": measures}


def exhibit(name: str, cured: bool = False) -> tuple:
    """A failure of MUSEUM by name, or its cure -> the settings as the controls show them, after the preset's name."""
    failing, cure = MUSEUM[pictures.one_of(name, MUSEUM)]
    s = replace(failing, **cure) if cured else failing
    rates = (round(log10(rate), 2) for rate in (s.lr, s.d_lr))
    return "ring", s.loss, *rates, s.ratio, s.r1, s.width, s.depth, s.latent, s.seed


class GanLab(gr.HTML):
    """The board, the transport buttons, the film and the measurements. Its value is a frame; what it asks for is
    {do, steps}, with `input`."""

    def __init__(self, **kwargs):
        super().__init__({}, texts=TEXT, **template("toy_gan"), **kwargs)

    def api_info(self) -> dict:
        return {"type": "object", "description": "{do: run, both, generator, discriminator or reset; steps}"}


def build() -> None:
    """Lays the tab out and wires it."""
    pens, start = TEXTS["pad"], Settings()
    gr.Markdown(TEXT["museum"])
    shown = gr.State("collapse")
    with gr.Row():
        exhibits = [(gr.Button(TEXT[f"museum_{which}"], size="sm"), which) for which in MUSEUM]
        cure = gr.Button(TEXT["cure"], variant="primary", size="sm", interactive=False)  # until there is a failure
    with gr.Row():
        with gr.Column(scale=3, min_width=320):
            lab = GanLab(elem_id="toy_gan-lab")
        with gr.Column(scale=1, min_width=280):
            presets = [(TEXT[name], name) for name in (*toy.PRESETS, "drawn")]
            name = gr.Dropdown(presets, value="ring", label=TEXT["distribution"], elem_id="toy_gan-distribution")
            pad = SketchPad(240, {pens["pen"]: 8, pens["thick"]: 20}, elem_id="toy_gan-pad")
            loss = gr.Dropdown(list(GAN_LOSSES), value=start.loss, label=TEXT["loss"])
            rates = [
                Slider(*RATES, -3, step=0.01, label=TEXT[which], elem_id=f"toy_gan-{which}") for which in ("lr", "d_lr")
            ]
            ratio = Slider(1, 10, start.ratio, step=1, label=TEXT["ratio"])
            r1 = Slider(0, 1, start.r1, step=0.01, label=TEXT["r1"], elem_id="toy_gan-r1")
            with gr.Accordion(TEXT["networks"], open=False):
                width = Slider(4, 128, start.width, step=4, label=TEXT["width"])
                depth = Slider(1, 4, start.depth, step=1, label=TEXT["depth"])
                latents = [(TEXT[f"latent_{kind}"], kind) for kind in LATENTS]
                latent = gr.Dropdown(latents, value=start.latent, label=TEXT["latent"])
                seed = Number(start.seed, label=TEXT["seed"], precision=0, minimum=0, maximum=2**31)
    how_it_works(TEXT["how"], TEXT["explanation"])

    memory = visitors_own({})
    controls = [name, loss, *rates, ratio, r1, width, depth, latent, seed]
    settings = [name, pad, *controls[1:]]
    told = friendly(train_gan, lambda text: {"error": text, "at": time.time()})  # the page sees no value twice
    lab.input(told, [lab, memory, *settings], lab, api_name="train_gan", **LIVE | {"trigger_mode": "multiple"})
    private = {"api_visibility": "private"}
    look = "() => document.querySelector('#toy_gan-lab .look').click()"
    again = "() => document.querySelector('#toy_gan-lab .restart').click()"
    for button, which in exhibits:
        chosen = button.click(
            lambda which=which: (which, gr.Button(interactive=True), *exhibit(which)),
            None,
            [shown, cure, *controls],
            queue=False,
            **private,
        )
        chosen.success(None, js=again)
    cure.click(lambda which: exhibit(which, True), shown, controls, queue=False, **private).success(None, js=again)
    for control in (name, loss, r1, width, depth, latent, seed):
        control.input(None, js=look)
    pad.input(None, None, name, js="() => 'drawn'").then(None, js=look)
