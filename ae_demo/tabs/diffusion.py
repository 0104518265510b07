"""Diffusion: watch clothing come out of noise, step by step, and slide back and forth over the steps."""

import time
from collections.abc import Iterator
from functools import cache

import gradio as gr
import torch

from ae_demo import checkpoints, runtime
from ae_demo.data.datasets import FASHION_LABELS
from ae_demo.figures import data_uri, to_grid, to_pil
from ae_demo.models.ddpm import DDPM
from ae_demo.tabs.controls import friendly, how_it_works, template
from ae_demo.tabs.texts import TEXTS

TEXT = TEXTS["diffusion"]
TITLE, ABOUT = TEXT["title"], TEXT["about"]
PACE = 0.04  # seconds at least between two frames: faster ones would never be seen
ALL = -1


@cache
def network() -> tuple[DDPM, runtime.Fast]:
    """The model and its fast path, loaded on first use."""
    model = checkpoints.load(DDPM, "ddpm-fashion")
    return model, runtime.fast(model)


def sample(label: int = 7, steps: int = 50, seed: int = 0, guidance: float = 2.0, eta: float = 0.0) -> Iterator[dict]:
    """Class (0 … 9, −1 for all ten), number of steps, seed, guidance, eta (0 DDIM, 1 DDPM) -> a film that grows.

    Yields {step, steps, note, x_t, x0} (data URIs) for every step shown, at last {…, film: [[x_t, x0, note], …]}."""
    model, net = network()
    y = torch.arange(model.num_classes) if label == ALL else torch.tensor([label])
    begun, shown, film = time.perf_counter(), 0.0, []
    for step, (t, x_t, x0) in enumerate(model.sample(y, steps, guidance, eta, seed, net)):
        x_t, x0 = (data_uri(to_pil(to_grid(x.unflatten(0, (-1, min(5, len(y))))))) for x in (x_t, x0))
        spent = time.perf_counter() - begun
        note = TEXT["progress"].format(step=step, steps=steps, t=max(t, 0), ms=1000 * spent / (step + 1))
        film.append([x_t, x0, note])
        if time.perf_counter() - shown > PACE:
            shown = time.perf_counter()
            yield {"step": step, "steps": steps, "note": note, "x_t": x_t, "x0": x0}
    film[-1][2] = TEXT["done"].format(steps=steps, seconds=spent)
    yield {"step": steps, "steps": steps, "note": film[-1][2], "x_t": x_t, "x0": x0, "film": film}


class Film(gr.HTML):
    """Two pictures, a caption, and a slider over all steps of a run."""

    def __init__(self, **kwargs):
        super().__init__(None, texts=TEXT, **template("film"), **kwargs)

    def api_info(self) -> dict:
        return {"type": "object", "description": "{step, steps, note, x_t, x0}; film: [[x_t, x0, note], …] at the end"}


def build() -> None:
    """Lays the tab out and wires it."""
    with gr.Row():
        with gr.Column(scale=1, min_width=280):
            labels = [(name, index) for index, name in enumerate(FASHION_LABELS)]
            label = gr.Dropdown([*labels, (TEXT["all"], ALL)], value=7, label=TEXT["label"])
            steps = gr.Slider(1, 200, 50, step=1, label=TEXT["steps"], elem_id="diffusion-steps")
            guidance = gr.Slider(1, 6, 2, step=0.5, label=TEXT["guidance"])
            eta = gr.Radio([(TEXT["ddim"], 0.0), (TEXT["ddpm"], 1.0)], value=0.0, label=TEXT["sampler"])
            seed = gr.Number(0, label=TEXT["seed"], precision=0, minimum=0, maximum=2**31)
            with gr.Row():
                go = gr.Button(TEXT["go"], variant="primary")
                cancel = gr.Button(TEXT["cancel"])
        with gr.Column(scale=2):
            film = Film(elem_id="diffusion-film")
    how_it_works(TEXT["how"], TEXT["explanation"])
    run = go.click(
        friendly(sample), [label, steps, seed, guidance, eta], film, api_name="sample", show_progress="hidden",
        concurrency_id="sampling", concurrency_limit=2,
    )  # fmt: skip
    cancel.click(None, cancels=run, queue=False)
