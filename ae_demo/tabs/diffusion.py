"""Diffusion: watch pictures come out of noise, step by step, slide back and forth over the steps, and fork them."""

import inspect
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from threading import Lock

import gradio as gr
import torch
from torch import Tensor

from ae_demo import checkpoints, runtime
from ae_demo.data.datasets import DIGIT_LABELS, FASHION_LABELS
from ae_demo.data.emoji import GROUPS
from ae_demo.figures import curves, data_uri, to_grid, to_pil
from ae_demo.models.ddpm import DDPM, Step, to_pixels
from ae_demo.models.samplers import SAMPLERS, ancestral
from ae_demo.tabs.controls import Number, Slider, friendly, how_it_works, template, visitors_own
from ae_demo.tabs.pictures import InputError, between, one_of
from ae_demo.tabs.texts import TEXTS
from ae_demo.training import report

TEXT = TEXTS["diffusion"]
TITLE, ABOUT = TEXT["title"], TEXT["about"]
FAST = "ddpm-fashion-fast"
NETWORKS = {
    "ddpm-fashion": FASHION_LABELS, FAST: FASHION_LABELS, "ddpm-mnist": DIGIT_LABELS, "ddpm-emoji": GROUPS,
}  # fmt: skip
START = {"ddpm-fashion": 7, FAST: 7, "ddpm-mnist": 3, "ddpm-emoji": 1}  # the class chosen at first
GUIDANCE = {"ddpm-fashion": 2, FAST: 1, "ddpm-mnist": 2, "ddpm-emoji": 3}  # at first
PACE = 0.04  # seconds at least between two frames: faster ones would never be seen
FRAMES = 50  # of a film, about
RUNS = 8  # the trunk of a tree and its branches
ALL = -1
POINTS = 100  # of a curve
LAST = 2**31  # seed
VISITORS = 8  # whose runs go on at the same time; the next ones wait
COLUMNS = {"frechet": 1, "precision": 2, "recall": 2, "accuracy": 2}  # of the table, and their decimals


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
    kept: dict[int, Tensor] = field(default_factory=dict, compare=False)

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
        network = TEXT["student"] if self.name == FAST else ""
        return TEXT["run"].format(label=label, sampler=TEXT[self.sampler], seed=self.seed) + guidance + network

    @property
    def y(self) -> Tensor:
        """Its classes (N,)."""
        return torch.arange(len(NETWORKS[self.name])) if self.label == ALL else torch.tensor([self.label])


@dataclass
class Tree:
    """A visitor's runs, the first of them the trunk; when the tree was begun, and when its runs were last stopped."""

    begun: float = 0.0
    stopped: float = 0.0
    runs: list[Run] = field(default_factory=list)


@cache
def network(name: str = "ddpm-fashion") -> tuple[DDPM, runtime.Fast]:
    """The model and its fast path, loaded on first use."""
    with _loading:
        return _load(one_of(name, NETWORKS))


_loading = Lock()  # two handlers may be the first at once, and importing diffusers does not bear that


@cache
def _load(name: str) -> tuple[DDPM, runtime.Fast]:
    model = checkpoints.load(DDPM, name)
    return model, runtime.fast(model)


def levels(model: DDPM, t: int) -> dict[str, float]:
    """β, ᾱ and SNR (in dB) of a time."""
    alpha_bar, before = (model.level(time)[0] ** 2 for time in (t, t - 1))
    snr = 10 * math.log10(alpha_bar / (1 - alpha_bar))
    return {"beta": round(1 - alpha_bar / before, 5), "alpha_bar": round(alpha_bar, 5), "snr": round(snr, 2)}


@cache
def schedule(name: str) -> list[dict[str, float]]:
    """`levels` at POINTS times t of a network, from 0 to the last one, for the curves."""
    model, _ = network(name)
    times = torch.linspace(0, model.num_train_timesteps - 1, POINTS).round().long().tolist()
    return [{"t": t} | levels(model, t) for t in times]


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


def play(run: Run, tree: Tree, x: Tensor) -> Iterator[dict]:
    """Goes down from x_t as a run of a tree, until it is done, or stopped, or another tree is begun. Yields {tree, run,
    parent, at, title, steps, schedule, frames, done} with the frames since the last time, when done with all of them,
    each {step, t, beta, alpha_bar, snr, x_t, noise, x0, note}."""
    begun, started = tree.begun, time.time()
    about = {"tree": begun, "run": len(tree.runs), "parent": run.parent, "at": run.first, "title": run.title}
    about |= {"steps": run.steps, "schedule": schedule(run.name)}
    tree.runs.append(run)
    yield about | {"frames": [], "done": False}
    stride, film, told, shown_at, busy = math.ceil(run.steps / FRAMES), [], 0, 0.0, 0.0
    model, mark = network(run.name)[0], time.perf_counter()
    for step, now in enumerate(descend(run, x), start=run.first):
        busy += time.perf_counter() - mark
        if tree.begun != begun or tree.stopped > started:
            return
        done, t = now.t < 0, max(now.t, 0)
        if step % stride == 0 or step == run.first or done:
            run.kept[step] = now.x_t
            made = min(step + 1, run.steps) - run.first
            facts = {"step": step, "steps": run.steps, "made": made, "t": t, "ms": 1000 * busy / made, "seconds": busy}
            frame = {"step": step, "t": t, "note": TEXT["done" if done else "progress"].format(**facts)}
            frame |= {"x_t": shown(now.x_t), "noise": shown(now.noise / 3), "x0": shown(now.x0)}
            film.append(frame | levels(model, t))
        if time.perf_counter() - shown_at > PACE or done:
            shown_at = time.perf_counter()
            yield about | {"frames": film if done else film[told:], "done": done}
            told = len(film)
        mark = time.perf_counter()


def sample(
    name: str = "ddpm-fashion",
    label: int = 7,
    steps: int = 50,
    seed: int = 0,
    guidance: float = 2.0,
    sampler: str = "ddim",
    tree: Tree | None = None,
) -> Iterator[dict]:
    """One of NETWORKS, class (0 …, −1 for all of them from the same noise), number of steps, seed, guidance (0 … 10),
    one of SAMPLERS -> a film that grows, see `play`; the trunk of a new tree."""
    run = Run(name, label, steps, seed, guidance, sampler)
    x = seen(network(name)[0].noise(1, run.seed), len(run.y), 0)
    tree = Tree() if tree is None else tree
    tree.begun, tree.runs = time.time(), []
    yield from play(run, tree, x)


def fork(
    where: dict, name: str, label: int, seed: int, guidance: float, sampler: str, tree: Tree | None = None
) -> Iterator[dict]:
    """{tree, run, step} of what the last `sample` and its forks told, and how to go on from there -> another film: a
    branch. The network may be another one for the same classes.

    Another seed means other noise: from there on for DDPM; at that step, around what the network expects, for the
    samplers that draw none."""
    where, tree = where if isinstance(where, dict) else {}, tree or Tree()
    index, step = where.get("run"), where.get("step")
    if type(index) is not int or type(step) is not int or where.get("tree") != tree.begun:
        raise InputError(TEXT["no_step"])
    if not 0 <= index < len(tree.runs) or step not in tree.runs[index].kept:
        raise InputError(TEXT["no_step"])
    parent = tree.runs[index]
    if step >= parent.steps:
        raise InputError(TEXT["at_end"])
    if len(tree.runs) >= RUNS:
        raise InputError(TEXT["full"].format(n=RUNS - 1))
    if NETWORKS[one_of(name, NETWORKS)] != NETWORKS[parent.name]:
        raise InputError(TEXT["other_classes"].format(name=TEXT[parent.name]))
    run, x = Run(name, label, parent.steps, seed, guidance, sampler, step, index), parent.kept[step]
    if run in tree.runs and not tree.stopped:  # one that was cancelled may begin again
        raise InputError(TEXT["same"])
    if run.seed != parent.seed and sampler != "ddpm":
        model, now = network(name)[0], next(descend(replace(parent, first=step), x))
        a, s = model.level(now.t)
        x = a * now.x0 + s * model.noise(1, run.seed)
    yield from play(run, tree, seen(x, len(run.y), label))


def stop(tree: Tree | None = None) -> dict:
    """Stops all runs of the tree at their next step; what they have shown stays."""
    if tree:
        tree.stopped = time.time()
    return {"stopped": time.time()}


def sampler_quality(name: str = "ddpm-fashion") -> str:
    """What a network's samplers reach in how many steps, and its student's, as measured after training: curves and a
    table as HTML, or a sentence."""
    names = (name, FAST) if name == "ddpm-fashion" else (name,)
    scores = {one: checkpoints.training(one_of(one, NETWORKS)).get("scores", {}) for one in names}
    found = report.sampler_curves(scores)
    if not found:
        return TEXT["no_curves"].format(name=name)
    head = "".join(f"<th>{TEXT[column]}</th>" for column in ("sampler", "steps", *COLUMNS))
    rows = "".join(
        f"<tr><td>{one}, {TEXT[sampler]}</td><td>{int(steps):,}</td>"
        + "".join(f"<td>{row[column]:.{digits}f}</td>" for column, digits in COLUMNS.items())
        + "</tr>"
        for one in names
        for sampler, table in scores[one].get("held_out", {}).get("samplers", {}).items()
        for steps, row in table.items()
    )
    return f"{curves(*found)}<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


class Film(gr.HTML):
    """Three pictures, a slider over all steps of a run, curves of the schedule, and the tree of all runs; `input` with
    {tree, run, step} where the visitor wants a fork."""

    def __init__(self, **kwargs):
        super().__init__(None, texts=TEXT, **template("film"), **kwargs)

    def preprocess(self, payload: dict | None) -> dict:
        return payload.get("fork", payload) if isinstance(payload, dict) else {}

    def api_info(self) -> dict:
        return {"type": "object", "description": "{tree, run, title, steps, frames, done}, see `play`"}


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
    tree = visitors_own(Tree())
    with gr.Row():
        with gr.Column(scale=1, min_width=280, elem_classes="settings"):
            names = [(TEXT[name], name) for name in NETWORKS]
            name = gr.Dropdown(names, value="ddpm-fashion", label=TEXT["network"], elem_id="diffusion-network")
            label = gr.Dropdown(choices("ddpm-fashion"), value=7, label=TEXT["label"], elem_id="diffusion-label")
            samplers = [(TEXT[sampler], sampler) for sampler in SAMPLERS]
            sampler = gr.Dropdown(samplers, value="ddim", label=TEXT["sampler"], elem_id="diffusion-sampler")
            steps = Slider(1, 1000, 50, step=1, label=TEXT["steps"], elem_id="diffusion-steps")
            guidance = Slider(0, 6, 2, step=0.5, label=TEXT["guidance"], elem_id="diffusion-guidance")
            seed = Number(0, label=TEXT["seed"], precision=0, minimum=0, maximum=LAST, elem_id="diffusion-seed")
            with gr.Row():
                go = gr.Button(TEXT["go"], variant="primary")
                cancel = gr.Button(TEXT["cancel"])
            with gr.Column(elem_classes="aside"):
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
        steps, sampler = (4, "unipc") if fast else (50, "ddim")
        guidance = gr.Slider(value=GUIDANCE[name], interactive=not fast)
        return gr.Dropdown(choices(name), value=START[name]), steps, guidance, sampler

    # a new run supersedes the one before, which stops by itself
    streaming = {"show_progress": "hidden", "trigger_mode": "multiple", "concurrency_limit": VISITORS}
    streaming |= {"concurrency_id": "diffusion"}
    go.click(
        friendly(sample), [name, label, steps, seed, guidance, sampler, tree], film, api_name="sample", **streaming
    )
    film.input(friendly(fork), [film, name, label, seed, guidance, sampler, tree], film, api_name="fork", **streaming)
    cancel.click(stop, tree, film, api_name="stop", queue=False, show_progress="hidden")
    private = {"api_visibility": "private", "queue": False}
    name.input(friendly(choose_network), name, [label, steps, guidance, sampler], **private)
    name.input(friendly(sampler_quality), name, measured, api_name="sampler_quality", queue=False)
