"""Models: every checkpoint with its scores, source, speed on this machine, and loading code."""

import html
import re
import statistics
import time
from collections.abc import Iterator

import gradio as gr
import pandas as pd
import torch

from ae_demo import checkpoints, hub
from ae_demo.checkpoints import CheckpointError
from ae_demo.figures import loss_curve
from ae_demo.report import cards
from ae_demo.training.recipes import RECIPES
from ae_demo.ui.address import keep_in_address
from ae_demo.ui.handlers import LIVE, PRIVATE, QUIET, handler
from ae_demo.ui.i18n import TEXTS, format_number, translate_name
from ae_demo.ui.inputs import check_choice, read
from ae_demo.ui.networks import model_classes
from ae_demo.ui.pictures import picture
from ae_demo.ui.widgets import Pictures, how_it_works, offer_csv

TEXT = TEXTS["models"]
FIRST_MODEL = "vae-mnist"  # shown when the tab is opened
MAX_CALLS, MAX_SECONDS = 15, 0.3  # limits on timing one model
_pulls: list[hub.Pull] = []  # at most one, started with the app


def follow_hub(wait: float) -> None:
    """Look for newer checkpoints on the Hub, if the app is set up to, and wait for at most `wait` seconds."""
    if pull := hub.pull_in_background(model_classes(), wait):
        _pulls.append(pull)


def origin() -> str:
    """Return the source of the checkpoints, in one sentence."""
    return _pulls[-1].summary if _pulls else TEXT["embedded_all"]


def inventory() -> list[list[str]]:
    """Return one row of texts per checkpoint: name, title, parameters, size, held-out scores, source."""
    rows = []
    for name, recipe in RECIPES.items():
        about = checkpoints.metadata(name)
        weights = checkpoints.home(name) / name / checkpoints.WEIGHTS_FILE
        size = f"{format_number(weights.stat().st_size / 1000, ',.0f')} kB" if weights.exists() else TEXT["missing"]
        parameters = format_number(about["model"]["parameters"]) if about else ""
        scores, source = cards.headline(name, about, _localised), checkpoints.source_of(name) or TEXT["embedded"]
        rows.append([name, translate_name(recipe.title), parameters, size, scores, source])
    return rows


def _localised(score: str, value: float) -> str:
    number, space, unit = cards.format_score(score, value).partition(" ")
    if "e" in number:
        return format_number(float(number), ".3e") + space + unit
    return format_number(float(number), f".{len(number.partition('.')[2])}f") + space + unit


def table(times: dict[str, str] | None = None) -> str:
    """Return the `inventory` as HTML, with a column of milliseconds once some are known."""
    columns = ("checkpoint", "title_column", "parameters", "size", "scores", "source", *(["ms"] if times else []))
    head = "".join(f"<th scope='col'>{TEXT[column]}</th>" for column in columns)
    rows = (
        "".join(f"<td>{html.escape(cell)}</td>" for cell in [*row, *([times.get(row[0], "")] if times else [])])
        for row in inventory()
    )
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    whole = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f"<div class='models' tabindex='0' role='group' aria-label='{html.escape(TEXT['title'])}'>{whole}</div>"


def inspect_model(name: str = FIRST_MODEL) -> tuple[str, str, list[dict], object]:
    """Describe one checkpoint: facts (Markdown), the Python code that loads it, its samples, and its loss curve as a
    plotly figure. Raises InputError for an unknown name."""
    recipe, about = RECIPES[check_choice(name, RECIPES)], checkpoints.metadata(name)
    if not about:
        raise CheckpointError(TEXT["no_training"].format(name=name))
    last, model, data = about["stages"][-1], about["model"], about["data"]
    rows = "\n".join(
        f"| {cards.score_name(score)} | {_localised(score, value)} |"
        for score, value in about["scores"]["held_out"].items()
        if not isinstance(value, dict)
    )
    facts = TEXT["facts"].format(
        title=translate_name(recipe.title),
        parameters=model["parameters"],
        data=f"{data['title']} ({data['licence']})",
        images=data["images"],
        steps=cards.stage_steps(about, format_number),
        batch_size=last["batch_size"],
        minutes=checkpoints.sum_stages(about, "seconds") / 60,
        device=re.sub(r"(\d+) CPU cores", lambda found: TEXT["cores"].format(n=found[1]), last["device"]),
        seed=last["seed"],
        commit=last.get("commit") or "?",
        torch=last["torch"],
        digest=model["sha256"],
        source=checkpoints.source_of(name) or TEXT["embedded"],
        note=_note(name),
        scores=rows,
    )
    folder = checkpoints.home(name) / name
    samples = read(str(folder / checkpoints.SAMPLES_FILE)).convert("RGB")
    shown = picture(TEXT["samples"], samples, translate_name(recipe.caption), quality=90, size="wide")
    return facts, cards.loading_code(name, about), [shown], loss_curve(about["curve"], TEXT["steps"], TEXT["loss"])


def tabulate_losses(name: str) -> pd.DataFrame:
    """Tabulate the training loss of a checkpoint: step and loss."""
    return pd.DataFrame(checkpoints.metadata(check_choice(name, RECIPES)).get("curve", []), columns=["step", "loss"])


def _note(name: str) -> str:
    return f"\n\n{_pulls[-1].notes[name]}" if _pulls and name in _pulls[-1].notes else ""


@torch.inference_mode()
def milliseconds(name: str) -> float:
    """Time one call of a checkpoint for one image: the median of several, in eager PyTorch with the app's threads."""
    model = checkpoints.load(model_classes()[name], name)
    inputs, times, until = model.example(), [], time.perf_counter() + MAX_SECONDS
    while len(times) < MAX_CALLS and (len(times) < 3 or time.perf_counter() < until):
        begun = time.perf_counter()
        model(*inputs)
        times.append(1000 * (time.perf_counter() - begun))
    return statistics.median(times[1:])


def measure_models() -> Iterator[str]:
    """Load and time every checkpoint in turn; yields the table after each."""
    times = {}
    for name in RECIPES:
        try:
            times[name] = format_number(milliseconds(name), ".3g")
        except CheckpointError as error:
            times[name] = str(error)
        yield table(times)


def build() -> None:
    """Lay out the tab and connect its events."""
    where = gr.Markdown(elem_id="models-origin")
    with gr.Row():
        with gr.Column(scale=2):
            name = gr.Dropdown(list(RECIPES), value=FIRST_MODEL, label=TEXT["checkpoint"], elem_id="models-name")
            facts = gr.Markdown(elem_id="models-facts")
            code = gr.Code(label=TEXT["load"], language="python", interactive=False, lines=3, wrap_lines=True)
        with gr.Column(scale=3):
            curve = gr.Plot(label=TEXT["curve"], elem_id="models-curve")
            offer_csv(tabulate_losses, [name], "loss")
            samples = Pictures([], elem_id="models-samples")
    with gr.Row():
        measure = gr.Button(TEXT["measure"])
        cancel = gr.Button(TEXT["cancel"])
    rows = gr.HTML(elem_id="models-table", css_template=TABLE_CSS)
    how_it_works(TEXT["how"], TEXT["explanation"])

    address = keep_in_address("models", {"model": name}, eager=True)
    shown = [facts, code, samples, curve]
    name.input(handler(inspect_model), name, shown, api_name="inspect_model", **LIVE)
    address.submit(origin, None, where, **QUIET, **PRIVATE)
    address.submit(handler(inspect_model), name, shown, **QUIET, **PRIVATE)
    address.submit(table, None, rows, **QUIET, **PRIVATE)
    measuring = measure.click(
        handler(measure_models), None, rows, api_name="measure_models", show_progress="hidden", concurrency_limit=1
    )
    cancel.click(None, cancels=measuring)


TABLE_CSS = """.models { overflow-x: auto } table { border-collapse: collapse; width: 100%; font-size: 0.85rem }
th, td { padding: 0.25rem 0.5rem; border-bottom: 1px solid var(--border-color-primary); text-align: left }
td:nth-child(3), td:nth-child(4), td:nth-child(7) { text-align: right; white-space: nowrap }"""
