"""Diffusion: watch pictures come out of noise, step by step, slide back and forth over the steps, and fork them."""

import inspect
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache

import gradio as gr
import torch
from torch import Tensor

from ae_demo import checkpoints, runtime
from ae_demo.data.datasets import DIGIT_LABELS, FASHION_LABELS
from ae_demo.data.emoji import GROUPS
from ae_demo.figures import curves, data_uri, to_grid, to_pil
from ae_demo.models.ddpm import DDPM, Step, to_pixels
from ae_demo.models.samplers import SAMPLERS, ancestral
from ae_demo.tabs.controls import friendly, how_it_works, template
from ae_demo.tabs.pictures import InputError, between, one_of
from ae_demo.tabs.texts import TEXTS
from ae_demo.training import report

TEXT = TEXTS["diffusion"]
TITLE, ABOUT = TEXT["title"], TEXT["about"]
FAST = "ddpm-fashion-fast"
NETWORKS = {
    "ddpm-fashion": FASHION_LABELS, FAST: FASHION_LABELS, "ddpm-mnist": DIGIT_LABELS, "ddpm-emoji": GROUPS,
}  # fmt: skip
START = {"ddpm-fashion": 7, FAST: 7, "ddpm-mnist": 3, "ddpm-emoji": 0}  # the class chosen at first
PACE = 0.04  # seconds at least between two frames: faster ones would never be seen
FRAMES = 50  # of a film, about
RUNS = 8  # the trunk of a tree and its branches
HOUR = 3600  # seconds that a tree is kept
ALL = -1
POINTS = 100  # of a curve
LAST = 2**31  # seed


@dataclass
class Run:
    """One way down from noise: how, and x_t at the steps that are kept."""

    name: str
    label: int
    steps: int
    seed: int
    guidance: float
    sampler: str
    first: int = 0
    parent: int | None = None
    kept: dict[int, Tensor] = field(default_factory=dict)

    def __post_init__(self):
        labels = NETWORKS[one_of(self.name, NETWORKS)]
        one_of(self.label, (ALL, *range(len(labels))))
        one_of(self.sampler, SAMPLERS)
        self.steps, self.seed = int(between(self.steps, 1, 1000)), int(between(self.seed, 0, LAST))
        self.guidance = 1.0 if self.name == FAST else between(self.guidance, 0, 10)  # the student has it built in

    @property
    def title(self) -> str:
        """What one reads beside it."""
        label = TEXT["all"] if self.label == ALL else NETWORKS[self.name][self.label]
        guidance = "" if self.name == FAST else TEXT["guided"].format(guidance=self.guidance)
        return TEXT["run"].format(label=label, sampler=TEXT[self.sampler], seed=self.seed) + guidance

    @property
    def y(self) -> Tensor:
        """Its classes (N,)."""
        return torch.arange(len(NETWORKS[self.name])) if self.label == ALL else torch.tensor([self.label])


@cache
def network(name: str = "ddpm-fashion") -> tuple[DDPM, runtime.Fast]:
    """The model and its fast path, loaded on first use."""
    model = checkpoints.load(DDPM, one_of(name, NETWORKS))
    return model, runtime.fast(model)


@cache
def schedule() -> dict[str, list]:
    """β, ᾱ and SNR (in dB) at POINTS times from 0 to the last one, for the curves."""
    model, _ = network()
    alpha_bar = model.alphas_cumprod.double()
    beta = 1 - alpha_bar / torch.cat([torch.ones(1), alpha_bar[:-1]])
    snr = 10 * torch.log10(alpha_bar / (1 - alpha_bar))
    times = torch.linspace(0, model.num_train_timesteps - 1, POINTS).round().long()
    curves = {"beta": beta, "alpha_bar": alpha_bar, "snr": snr}
    return {"t": times.tolist()} | {name: [round(v, 5) for v in c[times].tolist()] for name, c in curves.items()}


def shown(x: Tensor) -> str:
    """Pictures (N, C, H, W) in [-1, 1], in rows of five -> data URI."""
    columns = next(n for n in (5, 4, 1) if len(x) % n == 0)
    return data_uri(to_pil(to_grid(to_pixels(x).unflatten(0, (-1, columns)))))


def seen(x: Tensor, n: int, label: int) -> Tensor:
    """x_t of one picture, or of all classes, as the beginning of n pictures."""
    if len(x) == n:
        return x
    return x[label : label + 1] if n == 1 else x[:1].expand(n, -1, -1, -1).contiguous()


def descend(run: Run, x: Tensor) -> Iterator[Step]:
    """The steps of a run from x_t on."""
    model, net = network(run.name)
    return model.denoise(x, run.y, run.steps, run.first, run.guidance, run.sampler, run.seed, net)


def play(run: Run, tree: dict, x: Tensor) -> Iterator[dict]:
    """Goes down from x_t, adds the run to a tree, and yields {tree, run, parent, at, title, steps, schedule, frame}, at
    last with the whole `film`; a frame is {step, t, x_t, noise, x0, note}."""
    about = {"tree": tree["begun"], "run": len(tree["runs"])}
    about |= {"parent": run.parent, "at": run.first, "title": run.title, "steps": run.steps, "schedule": schedule()}
    tree["runs"].append(run)
    stride, film, shown_at, busy = math.ceil(run.steps / FRAMES), [], 0.0, 0.0
    mark = time.perf_counter()
    for step, now in enumerate(descend(run, x), start=run.first):
        busy += time.perf_counter() - mark
        done = now.t < 0
        if step % stride == 0 or step == run.first or done:
            run.kept[step] = now.x_t
            ms = 1000 * busy / (step - run.first + 1)
            text = TEXT["done" if done else "progress"]
            note = text.format(step=step, steps=run.steps, t=max(now.t, 0), ms=ms, seconds=busy)
            frame = {"step": step, "t": max(now.t, 0), "note": note}
            frame |= {"x_t": shown(now.x_t), "noise": shown(now.noise / 3), "x0": shown(now.x0)}
            film.append(frame)
            if time.perf_counter() - shown_at > PACE or done:
                shown_at = time.perf_counter()
                yield about | {"frame": frame} | ({"film": film} if done else {})
        mark = time.perf_counter()


def sample(
    name: str = "ddpm-fashion",
    label: int = 7,
    steps: int = 50,
    seed: int = 0,
    guidance: float = 2.0,
    sampler: str = "ddim",
    tree: dict | None = None,
) -> Iterator[dict]:
    """One of NETWORKS, class (0 …, −1 for all of them from the same noise), number of steps, seed, guidance (0 … 10),
    one of SAMPLERS -> a film that grows, see `play`; the trunk of a new tree."""
    run = Run(name, label, steps, seed, guidance, sampler)
    tree = {} if tree is None else tree
    tree |= {"begun": time.time(), "runs": []}
    yield from play(run, tree, seen(network(name)[0].noise(1, run.seed), len(run.y), 0))


def fork(where: dict, label: int, seed: int, guidance: float, sampler: str, tree: dict | None = None) -> Iterator[dict]:
    """{run, step} of the tree of the last `sample`, and with what to go on from there -> another film: a branch.

    Another seed means other noise: from there on for DDPM; at that step, around what the network expects, for the
    samplers that draw none."""
    runs, where = (tree or {}).get("runs", []), where if isinstance(where, dict) else {}
    if where.get("run") not in range(len(runs)) or where.get("step") not in runs[where["run"]].kept:
        raise InputError(TEXT["no_step"])
    if len(runs) >= RUNS:
        raise InputError(TEXT["full"].format(n=RUNS - 1))
    parent, step = runs[where["run"]], where["step"]
    if step >= parent.steps:
        raise InputError(TEXT["at_end"])
    run = Run(parent.name, label, parent.steps, seed, guidance, sampler, step, where["run"])
    x = parent.kept[step]
    if run.seed != parent.seed and sampler != "ddpm":
        model, now = network(run.name)[0], next(descend(replace(parent, first=step), x))
        a, s = model.level(now.t)
        x = a * now.x0 + s * model.noise(1, run.seed)
    yield from play(run, tree, seen(x, len(run.y), label))


@cache
def sampler_quality(name: str = "ddpm-fashion") -> str:
    """What a network's samplers reach in how many steps, and its student's, as measured after training: an SVG, or a
    sentence."""
    names = (name, FAST) if name == "ddpm-fashion" else (name,)
    scores = {one: checkpoints.training(one_of(one, NETWORKS)).get("scores", {}) for one in names}
    found = report.sampler_curves(scores)
    return curves(*found) if found else TEXT["no_curves"].format(name=name)


class Film(gr.HTML):
    """Three pictures, a slider over all steps of a run, curves of the schedule, and the tree of all runs; `input` with
    {run, step} where the visitor wants a fork."""

    def __init__(self, **kwargs):
        super().__init__(None, texts=TEXT, **template("film"), **kwargs)

    def preprocess(self, payload: dict | None) -> dict:
        return payload.get("fork") or {} if isinstance(payload, dict) else {}

    def api_info(self) -> dict:
        return {"type": "object", "description": "{run, title, steps, frame: {step, t, x_t, noise, x0, note}, film}"}


def source(function, first: str, last: str) -> str:
    """The lines of a function from the one that begins with `first` to the one that begins with `last`."""
    lines = inspect.getsource(function).splitlines()
    begin, end = (next(i for i, line in enumerate(lines) if line.strip().startswith(s)) for s in (first, last))
    return inspect.cleandoc("\n" + "\n".join(lines[begin : end + 1]))


def choices(name: str) -> list[tuple[str, int]]:
    """The classes of a network, and all of them."""
    return [*((label, i) for i, label in enumerate(NETWORKS[one_of(name, NETWORKS)])), (TEXT["all"], ALL)]


def build() -> None:
    """Lays the tab out and wires it."""
    tree = gr.State({}, time_to_live=HOUR)
    with gr.Row():
        with gr.Column(scale=1, min_width=280):
            names = [(TEXT[name], name) for name in NETWORKS]
            name = gr.Dropdown(names, value="ddpm-fashion", label=TEXT["network"], elem_id="diffusion-network")
            label = gr.Dropdown(choices("ddpm-fashion"), value=7, label=TEXT["label"], elem_id="diffusion-label")
            samplers = [(TEXT[sampler], sampler) for sampler in SAMPLERS]
            sampler = gr.Dropdown(samplers, value="ddim", label=TEXT["sampler"], elem_id="diffusion-sampler")
            steps = gr.Slider(1, 1000, 50, step=1, label=TEXT["steps"], elem_id="diffusion-steps")
            guidance = gr.Slider(0, 6, 2, step=0.5, label=TEXT["guidance"], elem_id="diffusion-guidance")
            seed = gr.Number(0, label=TEXT["seed"], precision=0, minimum=0, maximum=LAST, elem_id="diffusion-seed")
            with gr.Row():
                go = gr.Button(TEXT["go"], variant="primary")
                cancel = gr.Button(TEXT["cancel"])
            gr.Markdown(TEXT["loop"])
            python = {"language": "python", "interactive": False, "lines": 1, "wrap_lines": True}
            gr.Code(source(DDPM.denoise, "v = ", "x = advance"), **python)
            with gr.Accordion(TEXT["advance"], open=False):
                gr.Code(source(ancestral, "fresh = ", "return x"), **python)
        with gr.Column(scale=2):
            film = Film(elem_id="diffusion-film")
    with gr.Accordion(TEXT["quality"], open=False):
        gr.Markdown(TEXT["quality_note"])
        measured = gr.HTML(sampler_quality(), elem_id="diffusion-quality")
    how_it_works(TEXT["how"], TEXT["explanation"])

    def choose_network(name: str) -> tuple:
        fast = name == FAST
        return gr.Dropdown(choices(name), value=START[name]), 4 if fast else 50, gr.Slider(interactive=not fast), "ddim"

    together = {"show_progress": "hidden", "concurrency_id": "diffusion", "concurrency_limit": 8}
    run = go.click(
        friendly(sample), [name, label, steps, seed, guidance, sampler, tree], film, api_name="sample", **together
    )
    branch = film.input(
        friendly(fork), [film, label, seed, guidance, sampler, tree], film, api_name="fork", **together
    )  # fmt: skip
    cancel.click(None, cancels=[run, branch], queue=False)
    named = [label, steps, guidance, sampler]
    name.input(friendly(choose_network), name, named, api_visibility="private", queue=False)
    name.input(friendly(sampler_quality), name, measured, api_name="sampler_quality", queue=False)
