"""Latent map: the codes of the same thousand held-out images by every encoder, and of the visitor's own."""

from functools import cache

import gradio as gr
import torch
from torch import Tensor

from ae_demo import checkpoints
from ae_demo.checkpoints import CheckpointError
from ae_demo.data.mnist import fashion_mnist, mnist
from ae_demo.evaluation import latent_analysis
from ae_demo.figures import data_uri, to_grid, to_pil
from ae_demo.training.recipes import RECIPES
from ae_demo.ui import inputs
from ae_demo.ui.address import keep_in_address
from ae_demo.ui.code_map import CodeMap, scale_to_map
from ae_demo.ui.defaults import CLASS_COLORS, INTERPOLATION_FRAMES, class_labels
from ae_demo.ui.glossary import explain_terms
from ae_demo.ui.handlers import handler
from ae_demo.ui.i18n import TEXTS, format_number
from ae_demo.ui.inputs import InputError
from ae_demo.ui.live import Live, connect
from ae_demo.ui.networks import held_out_sample, network, same_picture_mask, sample_codes
from ae_demo.ui.pictures import film_strip, message, picture
from ae_demo.ui.widgets import Pictures, how_it_works, offer_script, picture_input

TEXT = TEXTS["latent_map"]
ENCODERS = tuple(name for name, recipe in RECIPES.items() if recipe.analyse is latent_analysis.code_map)
PROJECTIONS = ("tsne", "pca")
SHEET_COLUMNS = 40  # thumbnails per row of the sheet
SHOWN_NEIGHBOURS = 8


def encoder(name: str) -> torch.nn.Module:
    """Return one of ENCODERS; raises InputError for any other name."""
    return network(inputs.check_choice(name, ENCODERS))


@cache
def sample_axes(name: str) -> tuple[Tensor, Tensor]:
    """Return the mean and the first two principal axes of the sample codes."""
    return latent_analysis.principal_axes(sample_codes(name))


def onto_axes(name: str, z: Tensor) -> Tensor:
    """Project codes (N, K) on the first two principal axes of the sample codes, (N, 2); unchanged if K is 2."""
    if z.shape[1] == 2:
        return z
    mean, axes = sample_axes(name)
    return (z - mean) @ axes.T


@cache
def projected_codes(name: str, projection: str) -> Tensor:
    """Project the sample codes to the map, (1000, 2), y upwards: on two principal axes ("pca"), or by the stored t-SNE
    ("tsne"); raises CheckpointError if that is missing."""
    if projection == "pca":
        return onto_axes(name, sample_codes(name))
    stored = checkpoints.analysis(name).get("tsne")
    if not stored:
        raise CheckpointError(TEXT["no_map"].format(name=name))
    return torch.tensor(stored, dtype=torch.float32)


def project(name: str, projection: str, z: Tensor) -> Tensor:
    """Project a new code (1, K) to the map, (1, 2): exactly for PCA; for t-SNE, which has no formula for new codes, to
    the mean of the three nearest codes, weighted by inverse distance."""
    if projection == "pca":
        return onto_axes(name, z)
    distance, nearest = torch.cdist(z, sample_codes(name))[0].topk(3, largest=False)
    weight = 1 / (distance + 1e-6)
    return ((projected_codes(name, projection)[nearest] * weight[:, None]).sum(0) / weight.sum())[None]


def on_screen(name: str, projection: str, xy: Tensor) -> list[list[float]]:
    """Scale points of a map (N, 2) to [[x, y], …], the sample in [0, 1]."""
    return scale_to_map(projected_codes(name, projection), xy)


def nearest_pictures(name: str, z: Tensor, x: Tensor) -> list[dict]:
    """Return the held-out images with the codes nearest to the code z (1, K) of image x, without x itself."""
    held_out, distance = held_out_sample(name), torch.cdist(z, sample_codes(name))[0]
    distance[same_picture_mask(name, x)] = torch.inf
    order = distance.argsort(stable=True)[:SHOWN_NEIGHBOURS].tolist()
    names = [class_labels(name)[held_out["label"][i]] for i in order]
    return [
        picture(TEXT["near"], to_pil(held_out["image"][i]), f"{label}, {format_number(float(distance[i]), '.2f')}")
        for i, label in zip(order, names, strict=True)
    ]


@cache
def thumbnails(name: str) -> str:
    """Return the held-out images as one sheet, a data URI."""
    x = held_out_sample(name)["image"]
    return data_uri(to_pil(to_grid(x.unflatten(0, (-1, SHEET_COLUMNS)))), quality=80)


def map_codes(wanted: dict) -> dict:
    """Return the map {name, projection} for the page: points [x, y, label], colours, labels and thumbnails, or
    {"error": sentence} if something is missing."""
    wanted = wanted if isinstance(wanted, dict) else {}
    try:
        name = inputs.check_choice(wanted.get("name"), ENCODERS)
        projection = inputs.check_choice(wanted.get("projection"), PROJECTIONS)
        at = on_screen(name, projection, projected_codes(name, projection))
        points = [[*xy, label] for xy, label in zip(at, held_out_sample(name)["label"].tolist(), strict=True)]
        sheet = {"thumbnails": thumbnails(name), "columns": SHEET_COLUMNS}
        about = {"labels": class_labels(name), "about": describe_encoder(name)}
        return {"points": points, "colors": CLASS_COLORS} | about | sheet
    except (CheckpointError, InputError) as error:
        return {"error": str(error)}


def describe_encoder(name: str) -> str:
    """Format the quality of the codes, from map.json."""
    measured = checkpoints.analysis(name)
    return explain_terms(TEXT["scores"].format(**measured)) if measured else ""


def compare_encoders() -> str:
    """Tabulate every encoder in Markdown: code length, nearest-neighbour accuracy, trustworthiness."""
    lines = [TEXT["table"], "|---|---|---|---|"]
    for name in ENCODERS:
        if measured := checkpoints.analysis(name):
            which = f"`{name}`" + TEXT["digits"] * (RECIPES[name].dataset is mnist)
            scores = " | ".join(format_number(measured[score], ".3f") for score in ("knn_accuracy", "trustworthiness"))
            lines.append(f"| {which} | {measured['numbers']} | {scores} |")
    return explain_terms("\n".join(lines))


@torch.inference_mode()
def inspect_code(name: str, first: int, second: int | None = None) -> list[dict]:
    """Show the held-out image of an index, `first` (0 … 999), its decoded code, and the images with the nearest codes,
    by an encoder's `name` as of `place_drawing`; with a `second` index also the interpolation between the two codes, as
    a film strip."""
    model, z = encoder(name), sample_codes(name)
    if first not in range(len(z)):
        return message(TEXT["click"])
    first, held_out = int(first), held_out_sample(name)
    row = [
        picture(TEXT["picked"], to_pil(held_out["image"][first]), class_labels(name)[held_out["label"][first]]),
        picture(TEXT["decoded"], to_pil(model.decode(z[first : first + 1])[0])),
        *nearest_pictures(name, z[first : first + 1], held_out["image"][first]),
    ]
    if second in range(len(z)):
        between = torch.lerp(z[first], z[int(second)], torch.linspace(0, 1, INTERPOLATION_FRAMES)[:, None])
        row.append(film_strip(TEXT["film"], model.decode(between)))
    return row


@torch.inference_mode()
def place_drawing(name: str, projection: str, drawing: str) -> tuple[list[float] | None, list[dict]]:
    """Encode an image (data URI, light on black) -> its point [x, y] in [0, 1] on a map (tsne or pca), y upwards; its
    decoded code, and the images with the nearest codes."""
    if not drawing:
        return None, message(TEXT["draw"])
    model, x, projection = encoder(name), inputs.to_grey(drawing), inputs.check_choice(projection, PROJECTIONS)
    z = latent_analysis.encode_pictures(model, x)
    (at,) = on_screen(name, projection, project(name, projection, z))
    return at, [picture(TEXT["decoded"], to_pil(model.decode(z)[0])), *nearest_pictures(name, z, x)]


def map_examples() -> list:
    """Return held-out clothing and digits, one per class."""
    return [to_pil(x) for dataset in (fashion_mnist, mnist) for x in dataset(split="sample")[7:1000:100]["image"]]


def build() -> None:
    """Lay out the tab and connect its events."""
    start = {"name": "residual-z32", "projection": "tsne", "first": None, "second": None, "at": None}
    with gr.Row():
        with gr.Column(scale=3, min_width=320):
            plot = CodeMap(start, map_codes, TEXT["map"], elem_id="latent_map-map")
        with gr.Column(scale=2, min_width=300):
            name = gr.Dropdown(list(ENCODERS), value=start["name"], label=TEXT["encoder"], elem_id="latent_map-encoder")
            projection = gr.Radio([(TEXT[key], key) for key in PROJECTIONS], value="tsne", label=TEXT["projection"])
            picked = Pictures(message(TEXT["click"]), elem_id="latent_map-picked")
    gr.Markdown(TEXT["yours"])
    with gr.Row():
        with gr.Column(scale=1, min_width=280):
            pad = picture_input(TEXT["examples"], map_examples(), "latent_map")
        with gr.Column(scale=3, min_width=320):
            similar = Pictures(message(TEXT["draw"]), elem_id="latent_map-near")
    with gr.Accordion(TEXT["all"], open=False):
        gr.Markdown(compare_encoders())
    offer_script(place_drawing, "place_drawing", [name, projection, pad])
    how_it_works(TEXT["how"], TEXT["explanation"])

    placed = gr.JSON(visible=False)

    def inspect(value: dict, name: str):
        return inspect_code(name, value["first"], value["second"])

    address = keep_in_address("latent_map", {"encoder": name, "projection": projection}, ENCODERS)
    changed = [address.submit, name.input, projection.input]
    to_map = "(name, projection, value) => ({...value, name, projection, at: null})"
    gr.on(changed, None, [name, projection, plot], plot, js=to_map)
    place = handler(place_drawing, lambda sentence: (None, message(sentence)))
    connect(
        Live([address.submit, plot.input, name.input], handler(inspect, message), [plot, name], [picked]),
        Live([pad.input, *changed], place, [name, projection, pad], [placed, similar], "place_drawing"),
    )
    placed.change(None, [plot, placed], plot, js="(value, at) => ({...value, at})")  # the plot's latest value
    gr.api(handler(inspect_code), api_name="inspect_code")
