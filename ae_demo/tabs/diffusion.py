"""Diffusion: watch images emerge from noise, step through the frames, and fork a run at any of them."""

import inspect
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache, partial

import gradio as gr
import torch
from PIL import Image
from torch import Tensor

from ae_demo import checkpoints
from ae_demo.figures import curves, data_uri, film_uri, to_grid, to_pil
from ae_demo.models.ddpm import DDPM, Step, to_pixels
from ae_demo.models.samplers import SAMPLERS, ancestral
from ae_demo.report.tables import sampler_curves
from ae_demo.training.recipes import RECIPES
from ae_demo.ui.address import keep_in_address
from ae_demo.ui.defaults import DIFFUSION_NETWORKS, FILM_KINDS, FIRST_LABEL, MAX_GUIDANCE, class_labels, label_choices
from ae_demo.ui.glossary import explain_terms
from ae_demo.ui.gradio_compat import Number, Slider
from ae_demo.ui.handlers import PRIVATE, QUIET, handler, visitor_state
from ae_demo.ui.i18n import TEXTS, format_number
from ae_demo.ui.inputs import MAX_SEED, InputError, check_choice, check_range, check_seed
from ae_demo.ui.local_networks import exported_networks
from ae_demo.ui.networks import fast_network
from ae_demo.ui.widgets import Download, how_it_works, offer_script, template

TEXT = TEXTS["diffusion"]
STUDENT = "ddpm-fashion-fast"
FIRST_GUIDANCE = {"ddpm-fashion": 2, STUDENT: 1, "ddpm-mnist": 2, "ddpm-emoji": 3, "ddpm-faces": 1.5}
MAX_STEPS = 1000
FRAME_INTERVAL_S = 0.04  # minimum: faster frames would not be seen
SAMPLING_FRAMES = 50  # approximate frames of a film
FILM_SIDE = 224  # pixels of an image in a saved film, about
FRAMES_AT_END = 12  # repetitions of the last frame of a saved film
MAX_RUNS = 8  # per tree: the trunk and its branches
ALL_CLASSES = -1
SCHEDULE_POINTS = 100
MAX_CONCURRENT_RUNS = 8  # over all visitors; further ones wait
SCORE_DECIMALS = {"frechet": 1, "precision": 2, "recall": 2, "accuracy": 2}  # columns of the table


@dataclass
class SamplingRun:
    """Sampling run from noise to image: its settings, and x_t at the steps that are kept."""

    name: str
    label: int
    steps: int
    seed: int
    guidance: float
    sampler: str
    first: int = 0
    parent: int | None = None
    kept: dict[int, Tensor] = field(default_factory=dict, compare=False)
    done: bool = field(default=False, compare=False)
    cancelled: bool = field(default=False, compare=False)

    def __post_init__(self):
        labels = class_labels(check_choice(self.name, DIFFUSION_NETWORKS))
        check_choice(self.label, (ALL_CLASSES, *range(len(labels))))
        check_choice(self.sampler, SAMPLERS)
        self.steps, self.seed = int(check_range(self.steps, 1, MAX_STEPS)), check_seed(self.seed)
        # the student has guidance built in
        self.guidance = 1.0 if self.name == STUDENT else check_range(self.guidance, 0, MAX_GUIDANCE)

    @property
    def title(self) -> str:
        """Title shown beside the run."""
        label = TEXT["all"] if self.label == ALL_CLASSES else class_labels(self.name)[self.label]
        guidance = "" if self.name == STUDENT else TEXT["guided"].format(guidance=self.guidance)
        network = TEXT["student"] if self.name == STUDENT else ""
        return TEXT["run"].format(label=label, sampler=TEXT[self.sampler], seed=self.seed) + guidance + network

    @property
    def y(self) -> Tensor:
        """Classes (N,) of the run."""
        return torch.arange(len(class_labels(self.name))) if self.label == ALL_CLASSES else torch.tensor([self.label])


@dataclass
class Tree:
    """Runs of one visitor, the first of them the trunk, and the time at which the tree was begun."""

    id: float = 0.0
    runs: list[SamplingRun] = field(default_factory=list)


def noise_facts(model: DDPM, t: int) -> dict[str, float]:
    """Return β, ᾱ and SNR (in dB) at a time t."""
    alpha_bar, before = (model.alpha_sigma_at(time)[0] ** 2 for time in (t, t - 1))
    snr = 10 * math.log10(alpha_bar / (1 - alpha_bar))
    return {"beta": round(1 - alpha_bar / before, 5), "alpha_bar": round(alpha_bar, 5), "snr": round(snr, 2)}


@cache
def schedule(name: str) -> list[dict[str, float]]:
    """Return `noise_facts` at SCHEDULE_POINTS evenly spaced times t of a network."""
    model = fast_network(name).model
    times = torch.linspace(0, model.num_train_timesteps - 1, SCHEDULE_POINTS).round().long().tolist()
    return [{"t": t} | noise_facts(model, t) for t in times]


def tile_samples(x: Tensor, scale: int = 1) -> Image.Image:
    """Tile images (N, C, H, W) in [-1, 1], up to five per row, as a picture enlarged by `scale`."""
    columns = next(n for n in (5, 4, 1) if len(x) % n == 0)
    tiled = to_pil(to_grid(to_pixels(x).unflatten(0, (-1, columns))))
    return tiled.resize((scale * tiled.width, scale * tiled.height), Image.Resampling.NEAREST)


def fit_batch(x: Tensor, n: int, label: int) -> Tensor:
    """Adapt x_t of one image, or of all classes, to a batch of n."""
    if len(x) == n:
        return x
    return x[label : label + 1] if n == 1 else x[:1].expand(n, -1, -1, -1).contiguous()


def first_noise(run: SamplingRun) -> Tensor:
    """Return the noise of a run's seed, the same for all of its classes."""
    return fit_batch(fast_network(run.name).model.noise(1, run.seed), len(run.y), 0)


def denoise(run: SamplingRun, x: Tensor) -> Iterator[Step]:
    """Yield the steps of a run from x_t on."""
    net = fast_network(run.name)
    return net.model.denoise(x, run.y, run.steps, run.first, run.guidance, run.sampler, run.seed, net)


def play(run: SamplingRun, tree: Tree, x: Tensor) -> Iterator[dict]:
    """Denoise x_t as a new run of a tree, until it is done or stopped, or another tree is begun. Yields {tree, run,
    parent, at, title, steps, network, pictures, schedule, frames, done}, `pictures` their number, with the frames since
    the last yield, all of them when done; each is {step, t, beta, alpha_bar, snr, x_t, noise, x0, note}."""
    begun = tree.id
    about = {"tree": begun, "run": len(tree.runs), "parent": run.parent, "at": run.first, "title": run.title}
    about |= {"steps": run.steps, "network": run.name, "pictures": len(run.y), "schedule": schedule(run.name)}
    tree.runs.append(run)
    yield about | {"frames": [], "done": False}
    stride, film, told, shown_at, busy = math.ceil(run.steps / SAMPLING_FRAMES), list[dict](), 0, 0.0, 0.0
    mark = time.perf_counter()
    for step, now in enumerate(denoise(run, x), start=run.first):
        busy += time.perf_counter() - mark
        if tree.id != begun or run.cancelled:
            return
        run.done = now.t < 0
        if step % stride == 0 or step == run.first or run.done:
            run.kept[step] = now.x_t
            film.append(frame_of(run, step, now, busy))
        if time.perf_counter() - shown_at > FRAME_INTERVAL_S or run.done:
            shown_at = time.perf_counter()
            yield about | {"frames": film if run.done else film[told:], "done": run.done}
            told = len(film)
        mark = time.perf_counter()


def frame_of(run: SamplingRun, step: int, now: Step, seconds: float) -> dict:
    """Make the frame of a step, reached after `seconds`."""
    t, made = max(now.t, 0), min(step + 1, run.steps) - run.first
    facts = {"step": step, "steps": run.steps, "made": made, "t": t, "ms": 1000 * seconds / made, "seconds": seconds}
    frame = {"step": step, "t": t, "note": TEXT["done" if run.done else "progress"].format(**facts)}
    frame |= {
        "x_t": data_uri(tile_samples(now.x_t)),
        "noise": data_uri(tile_samples(now.noise / 3)),
        "x0": data_uri(tile_samples(now.x0)),
    }
    return frame | noise_facts(fast_network(run.name).model, t)


def sample(
    name: str = "ddpm-fashion",
    label: int = 7,
    steps: int = 50,
    seed: int = 0,
    guidance: float = 2.0,
    sampler: str = "ddim",
    tree: Tree | None = None,
) -> Iterator[dict]:
    """Sample an image from a diffusion network: class (0 …, or −1 for all from the same noise), steps (1 … 1000), seed,
    guidance (0 … 10), sampler (ddim, ddpm, dpm++ or unipc). Starts a new tree of runs; yields a growing film, see
    `play`: x_t, the noise and x₀ expected by the network at every step, of which the last x_t is the image."""
    run = SamplingRun(name, label, steps, seed, guidance, sampler)
    x = first_noise(run)
    tree = Tree() if tree is None else tree
    tree.id, tree.runs = time.time(), []
    yield from play(run, tree, x)


def download_film(
    name: str = "ddpm-fashion",
    label: int = 7,
    steps: int = 50,
    seed: int = 0,
    guidance: float = 2.0,
    sampler: str = "ddim",
    kind: str = "gif",
) -> dict:
    """Export a sampling run as an animated image {name, src} of x_t at its steps: class label (0 …, or −1 for all),
    steps (1 … 1000), seed, guidance (0 … 10), sampler (ddim, ddpm, dpm++ or unipc), kind "gif" or "webp"."""
    kind, run = check_choice(kind, FILM_KINDS), SamplingRun(name, label, steps, seed, guidance, sampler)
    x = first_noise(run)
    stride = math.ceil(run.steps / SAMPLING_FRAMES)
    images = [
        tile_samples(now.x_t, FILM_SIDE // now.x_t.shape[-1])
        for step, now in enumerate(denoise(run, x))
        if step % stride == 0 or step == run.steps
    ]
    src = film_uri(images + images[-1:] * FRAMES_AT_END, kind, duration=80)
    return {"name": f"{name}-{run.seed}.{kind}", "src": src, "at": time.time()}


def fork(
    where: dict, name: str, label: int, seed: int, guidance: float, sampler: str, tree: Tree | None = None
) -> Iterator[dict]:
    """Continue from a step, {tree, run, step} of the last `sample` or its forks, with other settings: yields another
    film, a branch. The network may be another one for the same classes.

    Another seed means other noise: from there on for DDPM; for deterministic samplers at that step, around the
    predicted x₀."""
    where, tree = where if isinstance(where, dict) else {}, tree or Tree()
    index, step = where.get("run"), where.get("step")
    if type(index) is not int or type(step) is not int or where.get("tree") != tree.id:
        raise InputError(TEXT["no_step"])
    if not 0 <= index < len(tree.runs) or step not in tree.runs[index].kept:
        raise InputError(TEXT["no_step"])
    parent = tree.runs[index]
    if step >= parent.steps:
        raise InputError(TEXT["at_end"])
    if len(tree.runs) >= MAX_RUNS:
        raise InputError(TEXT["full"].format(n=MAX_RUNS - 1))
    if class_labels(check_choice(name, DIFFUSION_NETWORKS)) != class_labels(parent.name):
        raise InputError(TEXT["other_classes"].format(name=TEXT[parent.name]))
    run, x = SamplingRun(name, label, parent.steps, seed, guidance, sampler, step, index), parent.kept[step]
    if any(run == other and not other.cancelled for other in tree.runs):  # a cancelled run may be repeated
        raise InputError(TEXT["same"])
    if run.seed != parent.seed and sampler != "ddpm":
        model, now = fast_network(name).model, next(denoise(replace(parent, first=step), x))
        a, s = model.alpha_sigma_at(now.t)
        x = a * now.x0 + s * model.noise(1, run.seed)
    yield from play(run, tree, fit_batch(x, len(run.y), label))


def stop(tree: Tree | None = None) -> dict:
    """Stop all runs of the visitor's tree, see `sample`, at their next step; their frames so far stay."""
    for run in tree.runs if tree else ():
        run.cancelled = not run.done
    return {"stopped": time.time()}


def stop_quietly(tree: Tree | None = None) -> None:
    """Stop all runs of the visitor's tree, which the page does not show any more."""
    stop(tree)


def sampler_quality(name: str = "ddpm-fashion") -> str:
    """Return the scores of a network's samplers by number of steps, and its student's, as measured after training:
    curves and a table as HTML, or a sentence if there are none."""
    names = (name, STUDENT) if name == "ddpm-fashion" else (name,)
    scores = {one: checkpoints.metadata(check_choice(one, DIFFUSION_NETWORKS)).get("scores", {}) for one in names}
    found = sampler_curves(scores)
    if not found:
        return TEXT["no_curves"].format(name=name)
    head = "".join(f"<th>{TEXT[column]}</th>" for column in ("sampler", "steps", *SCORE_DECIMALS))
    rows = "".join(
        f"<tr><td>{one}, {TEXT[sampler]}</td><td>{format_number(int(steps))}</td>"
        + "".join(f"<td>{format_number(row[column], f'.{digits}f')}</td>" for column, digits in SCORE_DECIMALS.items())
        + "</tr>"
        for one in names
        for sampler, table in scores[one].get("held_out", {}).get("samplers", {}).items()
        for steps, row in table.items()
    )
    return f"{curves(*found)}<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def page_samplers() -> dict[str, dict]:
    """Return {labels, dims, guided} of each network that the page can sample from by itself."""
    found = {}
    for name in (name for name in DIFFUSION_NETWORKS if name in exported_networks()):
        dims = list(RECIPES[name].dataset(split="sample")[:1]["image"].shape[1:])  # no network is loaded for that
        found[name] = {"labels": list(class_labels(name)), "dims": dims, "guided": name != STUDENT}
    return found


class Film(gr.HTML):
    """Three images, a slider over all steps of a run, curves of the schedule, and the tree of runs. Python hears the
    `submit` of a run that the page does not sample by itself, the `select` of a branch, with {tree, run, step}, and
    `clear` to stop; the page fires `input` to be given the settings of a branch."""

    def __init__(self, **kwargs):
        limits = {"max_seed": MAX_SEED, "max_steps": MAX_STEPS, "max_runs": MAX_RUNS}
        super().__init__(
            None, texts=dict(TEXT), here=page_samplers(), **limits, **template("local_runs", "film"), **kwargs
        )

    def preprocess(self, payload: dict | None) -> dict:
        return payload.get("fork", payload) if isinstance(payload, dict) else {}

    def api_info(self) -> dict:
        return {"type": "object", "description": "{tree, run, title, steps, network, frames, done}, see `play`"}


def source_lines(function, first: str, last: str) -> str:
    """Return the lines of a function from the one that starts with `first` to the one that starts with `last`."""
    lines = inspect.getsource(function).splitlines()
    begin, end = (next(i for i, line in enumerate(lines) if line.strip().startswith(s)) for s in (first, last))
    return inspect.cleandoc("\n" + "\n".join(lines[begin : end + 1]))


def build() -> None:
    """Lay out the tab and connect its events."""
    tree = visitor_state(Tree())
    with gr.Row():
        with gr.Column(scale=1, min_width=280, elem_classes="settings"):
            names = [(TEXT[name], name) for name in DIFFUSION_NETWORKS]
            name = gr.Dropdown(names, value="ddpm-fashion", label=TEXT["network"], elem_id="diffusion-network")
            label = gr.Dropdown(
                label_choices("ddpm-fashion", (TEXT["all"], ALL_CLASSES)),
                value=7,
                label=TEXT["label"],
                elem_id="diffusion-label",
            )
            samplers = [(TEXT[sampler], sampler) for sampler in SAMPLERS]
            sampler = gr.Dropdown(samplers, value="ddim", label=TEXT["sampler"], elem_id="diffusion-sampler")
            steps = Slider(1, MAX_STEPS, 50, step=1, label=TEXT["steps"], elem_id="diffusion-steps")
            guidance = Slider(0, 6, 2, step=0.5, label=TEXT["guidance"], elem_id="diffusion-guidance")
            seed = Number(0, label=TEXT["seed"], precision=0, minimum=0, maximum=MAX_SEED, elem_id="diffusion-seed")
            with gr.Row():
                go = gr.Button(TEXT["go"], variant="primary")
                cancel = gr.Button(TEXT["cancel"])
            with gr.Column(elem_classes="aside"):
                gr.Markdown(TEXT["loop"])
                python = {"language": "python", "interactive": False, "lines": 1, "wrap_lines": True}
                gr.Code(source_lines(DDPM.denoise, "v = ", "x = advance"), **python)
                with gr.Accordion(TEXT["advance"], open=False):
                    gr.Code(source_lines(ancestral, "fresh = ", "return x"), **python)
        with gr.Column(scale=2):
            film = Film(elem_id="diffusion-film")
            with gr.Row():
                films = [
                    (gr.Button(TEXTS["menu"][kind], size="sm", scale=0, min_width=160), kind) for kind in FILM_KINDS
                ]
            file = Download()
    with gr.Accordion(TEXT["quality"], open=False):
        gr.Markdown(explain_terms(TEXT["quality_note"]))
        measured = gr.HTML(sampler_quality(), elem_id="diffusion-quality")
    offer_script(sample, "sample", [name, label, steps, seed, guidance, sampler])
    how_it_works(TEXT["how"], TEXT["explanation"])

    def tell_film(event: str) -> str:
        told = f"new CustomEvent('{event}', {{detail: values, bubbles: true}})"
        return f"(...values) => {{ document.querySelector('#{film.elem_id} .film')?.dispatchEvent({told}); }}"

    def name_classes(name: str, label: int) -> gr.Dropdown:
        return gr.Dropdown(label_choices(name, (TEXT["all"], ALL_CLASSES)), value=label)

    def choose_network(name: str) -> tuple:
        student = check_choice(name, DIFFUSION_NETWORKS) == STUDENT
        steps, sampler = (4, "unipc") if student else (50, "ddim")
        guidance = gr.Slider(value=FIRST_GUIDANCE[name], interactive=not student)
        return (
            gr.Dropdown(label_choices(name, (TEXT["all"], ALL_CLASSES)), value=FIRST_LABEL[name]),
            steps,
            guidance,
            sampler,
        )

    # a new run supersedes the previous one, which then stops
    streaming = {"show_progress": "hidden", "trigger_mode": "multiple", "concurrency_limit": MAX_CONCURRENT_RUNS}
    streaming |= {"concurrency_id": "diffusion"}
    whole = [name, label, steps, seed, guidance, sampler]
    for button, kind in films:
        saved = handler(partial(download_film, kind=kind))
        button.click(saved, whole, file, concurrency_id="diffusion", show_progress="hidden", **PRIVATE)
    gr.api(handler(download_film), api_name="download_film", concurrency_id="diffusion")
    settings = {"network": name, "class": label, "sampler": sampler, "steps": steps, "guidance": guidance, "seed": seed}
    address = keep_in_address("diffusion", settings, DIFFUSION_NETWORKS, eager=True)
    gr.on([go.click, address.submit], None, whole, js=tell_film("sample"), **PRIVATE)
    name.change(None, name, js=tell_film("network"), **PRIVATE)
    branch = [name, label, seed, guidance, sampler]
    film.input(None, branch, js=tell_film("branch"), **PRIVATE)
    film.submit(handler(sample), [*whole, tree], film, api_name="sample", **streaming)
    film.select(handler(fork), [film, *branch, tree], film, api_name="fork", **streaming)
    cancel.click(stop, tree, film, api_name="stop", queue=False, show_progress="hidden")
    cancel.click(None, js=tell_film("cancel"), **PRIVATE)
    film.clear(stop_quietly, tree, None, queue=False, show_progress="hidden", **PRIVATE)
    chosen = [label, steps, guidance, sampler]
    name.input(handler(choose_network), name, chosen, queue=False, show_progress="hidden", **PRIVATE)
    address.submit(handler(name_classes), [name, label], label, **QUIET, **PRIVATE)
    gr.on(
        [address.submit, name.input], handler(sampler_quality), name, measured, api_name="sampler_quality", queue=False
    )
