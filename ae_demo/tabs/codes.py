"""Latent map: where every encoder puts the same thousand held-out pictures, and one's own."""

from functools import cache

import gradio as gr
import torch
from torch import Tensor

from ae_demo import checkpoints
from ae_demo.checkpoints import CheckpointError
from ae_demo.data.datasets import DIGIT_LABELS, FASHION_LABELS, fashion_mnist, mnist
from ae_demo.figures import data_uri, to_grid, to_pil
from ae_demo.tabs import pictures
from ae_demo.tabs.controls import (
    LIVE,
    Pictures,
    film_strip,
    friendly,
    how_it_works,
    message,
    picture,
    picture_input,
    template,
)
from ae_demo.tabs.latent import COLORS, FRAMES
from ae_demo.tabs.networks import itself, known, network, sample
from ae_demo.tabs.pictures import InputError
from ae_demo.tabs.texts import TEXTS
from ae_demo.training import maps
from ae_demo.training.recipes import RECIPES

TEXT = TEXTS["codes"]
TITLE, ABOUT = TEXT["title"], TEXT["about"]
ENCODERS = tuple(name for name, recipe in RECIPES.items() if recipe.mapped is maps.code_map)
PROJECTIONS = ("tsne", "pca")
COLUMNS = 40  # thumbnails side by side in the sheet
NEAREST = 8


def encoder(name: str) -> torch.nn.Module:
    """One of ENCODERS; InputError if it is none."""
    return network(pictures.one_of(name, ENCODERS))


@cache
def directions(name: str) -> tuple[Tensor, Tensor]:
    """Mean and two main directions of the known codes."""
    return maps.principal(known(name))


def plane(name: str, z: Tensor) -> Tensor:
    """Codes (N, K) -> (N, 2): on the two main directions of the known codes; codes of two numbers as they are."""
    if z.shape[1] == 2:
        return z
    mean, axes = directions(name)
    return (z - mean) @ axes.T


@cache
def places(name: str, projection: str) -> Tensor:
    """Where the known codes lie on the map, (1000, 2), y upwards: on the `plane` ("pca"), or as t-SNE put them in
    training ("tsne")."""
    if projection == "pca":
        return plane(name, known(name))
    stored = checkpoints.code_map(name).get("tsne")
    if not stored:
        raise CheckpointError(TEXT["no_map"].format(name=name))
    return torch.tensor(stored, dtype=torch.float32)


def place(name: str, projection: str, z: Tensor) -> Tensor:
    """Where a new code (1, K) lies on the map, (1, 2): exactly on the `plane`; on t-SNE, which has no formula for new
    pictures, amid the three nearest codes, the nearer the more."""
    if projection == "pca":
        return plane(name, z)
    distance, nearest = torch.cdist(z, known(name))[0].topk(3, largest=False)
    weight = 1 / (distance + 1e-6)
    return ((places(name, projection)[nearest] * weight[:, None]).sum(0) / weight.sum())[None]


def on_screen(name: str, projection: str, at: Tensor) -> list[list[float]]:
    """Places on a map (N, 2) -> [[x, y], …]: the known codes in the middle of [0, 1], both axes to the same scale."""
    shown = places(name, projection)
    low, high = shown.amin(0), shown.amax(0)
    return [[round(v, 4) for v in row] for row in ((at - (low + high) / 2) / (high - low).max() + 0.5).tolist()]


def labels_of(name: str) -> tuple[str, ...]:
    """The names of the classes of the pictures that an encoder was trained on."""
    return DIGIT_LABELS if RECIPES[name].data is mnist else FASHION_LABELS


def near(name: str, z: Tensor, x: Tensor) -> list[dict]:
    """The held-out pictures whose codes are nearest to the code (1, K) of a picture, but not that picture."""
    held_out, distance = sample(name), torch.cdist(z, known(name))[0]
    distance[itself(name, x)] = torch.inf
    order = distance.argsort(stable=True)[:NEAREST].tolist()
    names = [labels_of(name)[held_out["label"][i]] for i in order]
    return [
        picture(TEXT["near"], to_pil(held_out["image"][i]), f"{label}, {distance[i]:.2f}")
        for i, label in zip(order, names, strict=True)
    ]


@cache
def thumbnails(name: str) -> str:
    """The held-out pictures as one sheet, a data URI."""
    x = sample(name)["image"]
    return data_uri(to_pil(to_grid(x.unflatten(0, (-1, COLUMNS)))), quality=80)


def map_codes(wanted: dict) -> dict:
    """{name, projection} -> points [x, y, label], colours, labels, thumbnails, for the page; {"error": sentence} where
    something is missing."""
    wanted = wanted if isinstance(wanted, dict) else {}
    try:
        name = pictures.one_of(wanted.get("name"), ENCODERS)
        projection = pictures.one_of(wanted.get("projection"), PROJECTIONS)
        at = on_screen(name, projection, places(name, projection))
        points = [[*xy, label] for xy, label in zip(at, sample(name)["label"].tolist(), strict=True)]
        sheet = {"thumbnails": thumbnails(name), "columns": COLUMNS}
        return {"points": points, "colors": COLORS, "labels": labels_of(name), "about": describe(name)} | sheet
    except (CheckpointError, InputError) as error:
        return {"error": str(error)}


def describe(name: str) -> str:
    """How good a place the codes are, from map.json."""
    measured = checkpoints.code_map(name)
    return TEXT["scores"].format(**measured) if measured else ""


def compare_encoders() -> str:
    """Markdown table of every encoder: numbers in its code, accuracy by nearest neighbours, trustworthiness."""
    lines = [TEXT["table"], "|---|---|---|---|"]
    for name in ENCODERS:
        if measured := checkpoints.code_map(name):
            which = f"`{name}`" + TEXT["digits"] * (labels_of(name) is DIGIT_LABELS)
            scores = f"{measured['knn_accuracy']:.3f} | {measured['trustworthiness']:.3f}"
            lines.append(f"| {which} | {measured['numbers']} | {scores} |")
    return "\n".join(lines)


@torch.inference_mode()
def inspect_code(name: str, first: int, second: int | None = None) -> list[dict]:
    """The index of a held-out picture -> it, what the decoder makes of its code, and the pictures with the nearest
    codes; with a second index also the film of what lies between the two codes."""
    model, z = encoder(name), known(name)
    if first not in range(len(z)):
        return message(TEXT["click"])
    first, held_out = int(first), sample(name)
    row = [
        picture(TEXT["picked"], to_pil(held_out["image"][first]), labels_of(name)[held_out["label"][first]]),
        picture(TEXT["decoded"], to_pil(model.decode(z[first : first + 1])[0])),
        *near(name, z[first : first + 1], held_out["image"][first]),
    ]
    if second in range(len(z)):
        between = torch.lerp(z[first], z[int(second)], torch.linspace(0, 1, FRAMES)[:, None])
        row.append(film_strip(TEXT["film"], model.decode(between)))
    return row


@torch.inference_mode()
def place_drawing(name: str, projection: str, drawing: str) -> tuple[list[float] | None, list[dict]]:
    """A picture (data URI, light on black) -> [x, y] in [0, 1], where it lies on a map, y upwards; what is decoded from
    its code, and the pictures with the nearest codes."""
    if not drawing:
        return None, message(TEXT["draw"])
    model, x, projection = encoder(name), pictures.grey(drawing), pictures.one_of(projection, PROJECTIONS)
    z = maps.codes(model, x)
    (at,) = on_screen(name, projection, place(name, projection, z))
    return at, [picture(TEXT["decoded"], to_pil(model.decode(z)[0])), *near(name, z, x)]


class CodeMap(gr.HTML):
    """A map of codes. Its value is {name, projection, first, second, at}: the map, up to two indices that were clicked,
    and where a drawing lies; `input` at every click."""

    def __init__(self, value: dict, **kwargs):
        super().__init__(value, texts=TEXT, server_functions=[map_codes], **template("map", "code_map"), **kwargs)

    def api_info(self) -> dict:
        return {"type": "object", "description": "name, projection: tsne or pca, first, second: indices"}


def examples() -> list:
    """Held-out clothing and digits, one of each class."""
    return [to_pil(x) for load in (fashion_mnist, mnist) for x in load(split="sample")[7:1000:100]["image"]]


def build() -> None:
    """Lays the tab out and wires it."""
    start = {"name": "residual-z32", "projection": "tsne", "first": None, "second": None, "at": None}
    with gr.Row():
        with gr.Column(scale=3, min_width=320):
            plot = CodeMap(start, elem_id="codes-map")
        with gr.Column(scale=2, min_width=300):
            name = gr.Dropdown(list(ENCODERS), value=start["name"], label=TEXT["encoder"], elem_id="codes-encoder")
            projection = gr.Radio([(TEXT[key], key) for key in PROJECTIONS], value="tsne", label=TEXT["projection"])
            picked = Pictures(message(TEXT["click"]), elem_id="codes-picked")
    gr.Markdown(TEXT["yours"])
    with gr.Row():
        with gr.Column(scale=1, min_width=280):
            pad = picture_input(TEXT["examples"], examples(), "codes")
        with gr.Column(scale=3, min_width=320):
            similar = Pictures(message(TEXT["draw"]), elem_id="codes-near")
    with gr.Accordion(TEXT["all"], open=False):
        gr.Markdown(compare_encoders())
    how_it_works(TEXT["how"], TEXT["explanation"])

    private = {"api_visibility": "private", "api_name": False}
    placed = gr.JSON(visible=False)

    def inspect(value: dict, name: str):
        return inspect_code(name, value["first"], value["second"])

    changed = [name.input, projection.input]
    to_map = "(name, projection, value) => ({...value, name, projection, at: null})"
    gr.on(changed, None, [name, projection, plot], plot, js=to_map)
    gr.on([plot.input, name.input], friendly(inspect, message), [plot, name], picked, **private, **LIVE)
    drawn = gr.on(
        [pad.input, *changed],
        friendly(place_drawing, lambda sentence: (None, message(sentence))),
        [name, projection, pad], [placed, similar], api_name="place_drawing", **LIVE,
    )  # fmt: skip
    drawn.success(None, [plot, placed], plot, js="(value, at) => ({...value, at})")  # the plot as it is by then
    gr.api(friendly(inspect_code), api_name="inspect_code")
