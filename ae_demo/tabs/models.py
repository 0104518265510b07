"""Models: every checkpoint, how good it is, where it came from, how fast it is here, and how to load it."""

import html
import statistics
import time
from collections.abc import Iterator

import gradio as gr
import torch

from ae_demo import checkpoints, hub
from ae_demo.checkpoints import CheckpointError
from ae_demo.figures import loss_curve
from ae_demo.tabs.controls import LIVE, Opened, Pictures, friendly, how_it_works, picture
from ae_demo.tabs.networks import classes
from ae_demo.tabs.pictures import one_of, read
from ae_demo.tabs.texts import TEXTS
from ae_demo.training import report
from ae_demo.training.recipes import RECIPES

TEXT = TEXTS["models"]
TITLE, ABOUT = TEXT["title"], TEXT["about"]
FIRST = "vae-mnist"  # shown when the tab is opened
CALLS, SECONDS = 15, 0.3  # of a model that is measured, at most
_pulls: list[hub.Pull] = []  # the one that the app was started with


def follow_hub(wait: float) -> None:
    """Begins to look for newer checkpoints on the Hub, if the app was told to, and waits at most so many seconds."""
    if pull := hub.pull_in_background(classes(), wait):
        _pulls.append(pull)


def origin() -> str:
    """Where the checkpoints come from, in one sentence."""
    return _pulls[-1].told if _pulls else TEXT["embedded_all"]


def inventory() -> list[list[str]]:
    """A row of texts per checkpoint: name, what it is, parameters, size, held-out scores, source."""
    rows = []
    for name, recipe in RECIPES.items():
        about = checkpoints.training(name)
        weights = checkpoints.home(name) / name / checkpoints.WEIGHTS
        size = f"{weights.stat().st_size / 1000:,.0f} kB" if weights.exists() else TEXT["missing"]
        parameters = f"{about['model']['parameters']:,}" if about else ""
        known, source = report.headline(name, about), checkpoints.source(name) or TEXT["embedded"]
        rows.append([name, recipe.title, parameters, size, known, source])
    return rows


def table(times: dict[str, str] | None = None) -> str:
    """`inventory` as HTML, with milliseconds where they are known."""
    columns = ("checkpoint", "what", "parameters", "size", "scores", "source", "ms")
    head = "".join(f"<th scope='col'>{TEXT[column]}</th>" for column in columns)
    rows = (
        "".join(f"<td>{html.escape(cell)}</td>" for cell in [*row, (times or {}).get(row[0], "")])
        for row in inventory()
    )
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f"<div class='models'><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def inspect_model(name: str = FIRST) -> tuple[str, str, list[dict], object]:
    """One checkpoint: what is known of it (Markdown), the lines of Python that load it, its sample pictures, and its
    loss curve as a plotly figure. InputError if there is none of that name."""
    recipe, about = RECIPES[one_of(name, RECIPES)], checkpoints.training(name)
    if not about:
        raise CheckpointError(TEXT["no_training"].format(name=name))
    run, model = about["run"], about["model"]
    rows = "\n".join(
        f"| {score} | {report.number(score, value)} |"
        for score, value in about["scores"]["held_out"].items()
        if not isinstance(value, dict)
    )
    facts = TEXT["facts"].format(
        title=recipe.title,
        parameters=f"{model['parameters']:,}",
        data=report.DATA_LICENCES[about["data"]["loader"]],
        images=f"{about['data']['images']:,}",
        steps=f"{report.total(run, 'steps'):,}",
        batch_size=run["batch_size"],
        minutes=f"{report.total(run, 'seconds') / 60:.0f}",
        device=run["device"],
        seed=run["seed"],
        commit=run.get("commit") or "?",
        torch=run["torch"],
        digest=model["sha256"],
        source=checkpoints.source(name) or TEXT["embedded"],
        note=_note(name),
        scores=rows,
    )
    folder = checkpoints.home(name) / name
    strip = recipe.strip.func if hasattr(recipe.strip, "func") else recipe.strip
    samples = read(str(folder / checkpoints.SAMPLES)).convert("RGB")
    shown = picture(TEXT["samples"], samples, " ".join(strip.__doc__.split()), quality=90, size="wide")
    return facts, report.loading(name, about), [shown], loss_curve(about["curve"], TEXT["steps"], TEXT["loss"])


def _note(name: str) -> str:
    return f"\n\n{_pulls[-1].notes[name]}" if _pulls and name in _pulls[-1].notes else ""


@torch.inference_mode()
def milliseconds(name: str) -> float:
    """Of one answer of a checkpoint for one picture: the median of a few, in eager PyTorch with the threads of the
    app."""
    model = checkpoints.load(classes()[name], name)
    inputs, times, until = model.example(), [], time.perf_counter() + SECONDS
    while len(times) < CALLS and (len(times) < 3 or time.perf_counter() < until):
        begun = time.perf_counter()
        model(*inputs)
        times.append(1000 * (time.perf_counter() - begun))
    return statistics.median(times[1:])


def measure_models() -> Iterator[str]:
    """The table, while every checkpoint in turn is loaded and timed."""
    times = {}
    for name in RECIPES:
        try:
            times[name] = f"{milliseconds(name):.3g}"
        except CheckpointError as error:
            times[name] = str(error)
        yield table(times)


def build() -> None:
    """The tab."""
    where = gr.Markdown(elem_id="models-origin")
    with gr.Row():
        with gr.Column(scale=2):
            name = gr.Dropdown(list(RECIPES), value=FIRST, label=TEXT["checkpoint"], elem_id="models-name")
            facts = gr.Markdown(elem_id="models-facts")
            code = gr.Code(label=TEXT["load"], language="python", interactive=False, lines=3, wrap_lines=True)
        with gr.Column(scale=3):
            curve = gr.Plot(label=TEXT["curve"], elem_id="models-curve")
            samples = Pictures([], elem_id="models-samples")
    with gr.Row():
        measure = gr.Button(TEXT["measure"])
        cancel = gr.Button(TEXT["cancel"])
    rows = gr.HTML(elem_id="models-table", css_template=CSS)
    how_it_works(TEXT["how"], TEXT["explanation"])

    opened = Opened(elem_id="models-opened")
    shown = [facts, code, samples, curve]
    name.input(friendly(inspect_model), name, shown, api_name="inspect_model", **LIVE)
    hidden = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    opened.input(origin, None, where, **hidden)
    opened.input(friendly(inspect_model), name, shown, **hidden)
    opened.input(table, None, rows, **hidden)
    measuring = measure.click(
        friendly(measure_models), None, rows, api_name="measure_models", show_progress="hidden", concurrency_limit=1
    )
    cancel.click(None, cancels=measuring)


CSS = """.models { overflow-x: auto } table { border-collapse: collapse; width: 100%; font-size: 0.85rem }
th, td { padding: 0.25rem 0.5rem; border-bottom: 1px solid var(--border-color-primary); text-align: left }
td:nth-child(3), td:nth-child(4), td:nth-child(7) { text-align: right; white-space: nowrap }"""
