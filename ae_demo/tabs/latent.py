"""Latent space: a plane of pictures to walk through, for every weight β of the KL term, with pictures of one's own."""

import time
from functools import lru_cache

import gradio as gr
import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from skimage.graph import route_through_array
from torch import Tensor

from ae_demo import checkpoints
from ae_demo.checkpoints import CheckpointError
from ae_demo.data.datasets import DIGIT_LABELS, FASHION_LABELS, fashion_mnist, mnist
from ae_demo.figures import data_uri, to_grid, to_pil
from ae_demo.models.vae import REACH, VAE
from ae_demo.tabs import pictures
from ae_demo.tabs.controls import (
    LIVE,
    Number,
    Pictures,
    Slider,
    film_strip,
    friendly,
    how_it_works,
    message,
    picture,
    picture_input,
    template,
)
from ae_demo.tabs.networks import network
from ae_demo.tabs.pictures import InputError
from ae_demo.tabs.texts import TEXTS
from ae_demo.training.losses import elbo_terms
from ae_demo.training.strips import plane

TEXT = TEXTS["latent"]
TITLE, ABOUT = TEXT["title"], TEXT["about"]
DATASETS = {"mnist": (mnist, DIGIT_LABELS), "fashion": (fashion_mnist, FASHION_LABELS)}
CELLS = 24  # decoded pictures along each side of the map
FRAMES = 12  # of a film between two pictures
DRAWN = 6  # samples of the posterior
LOG_BETA = (-3.0, 2.0)  # the slider's ends; the left one is β = 0
# ten colours that also colour-blind eyes tell apart: Petroff, 2021, https://arxiv.org/abs/2107.02270
COLORS = ("#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6", "#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd")


def vae(dataset: str) -> VAE:
    """The VAE of a dataset."""
    return network(f"vae-{pictures.one_of(dataset, DATASETS)}")


def place(z1: float, z2: float) -> Tensor:
    """A point of the plane as z (1, 2)."""
    return torch.tensor([[pictures.between(z1, -9, 9), pictures.between(z2, -9, 9)]], dtype=torch.float32)


def weight(log_beta: float) -> float:
    """Position of the slider, log₁₀ β, -> β; its left end is 0."""
    return 0.0 if pictures.between(log_beta, *LOG_BETA) == LOG_BETA[0] else 10 ** float(log_beta)


@torch.inference_mode()
def decode_point(dataset: str, log_beta: float, z1: float, z2: float) -> list[dict]:
    """A point of the latent plane -> the picture that the decoder paints there. Dataset: mnist or fashion; log₁₀ β from
    −3, where it counts as β = 0, to 2."""
    model, z, begun = vae(dataset), place(z1, z2), time.perf_counter()
    x = model.decode(z, beta=weight(log_beta))[0]
    ms = 1000 * (time.perf_counter() - begun)
    return [picture(TEXT["decoded"], to_pil(x), TEXT["note"].format(z1=z1, z2=z2, ms=ms))]


@torch.inference_mode()
def decode_labels(dataset: str, z1: float, z2: float) -> list[dict]:
    """The same point for a VAE that is told the class: ten pictures, one for each label."""
    model = network(f"cvae-{pictures.one_of(dataset, DATASETS)}")
    x = model.decode(place(z1, z2).repeat(10, 1), torch.arange(10))
    return [picture(label, to_pil(one)) for label, one in zip(DATASETS[dataset][1], x, strict=True)]


@lru_cache(64)
@torch.inference_mode()
def draw_map(dataset: str, beta: float) -> dict:
    """The decoded plane as a data URI, the held-out sample on it as [z1, z2, label], colours, labels, a description."""
    model, labels = vae(dataset), DATASETS[dataset][1]
    centres = plane(CELLS, REACH - REACH / CELLS)
    cells = model.decode(centres, beta=beta).unflatten(0, (CELLS, CELLS))
    mu, y = codes(dataset, beta)
    points = [[round(a, 3), round(b, 3), label] for (a, b), label in zip(mu.tolist(), y.tolist(), strict=True)]
    manifold = data_uri(to_pil(to_grid(cells)), quality=85)
    return {"manifold": manifold, "points": points, "colors": COLORS, "labels": labels, "about": describe(dataset)}


def latent_map(wanted: dict) -> dict:
    """`draw_map` of {dataset, log_beta} for the page, where an exception would be lost: {"error": sentence} instead."""
    wanted = wanted if isinstance(wanted, dict) else {}
    try:
        return draw_map(pictures.one_of(wanted.get("dataset"), DATASETS), weight(wanted.get("log_beta")))
    except (CheckpointError, InputError) as error:
        return {"error": str(error)}


@lru_cache(64)
@torch.inference_mode()
def codes(dataset: str, beta: float) -> tuple[Tensor, Tensor]:
    """Posterior means of the held-out sample (1000, 2) and its labels (1000,)."""
    held_out = DATASETS[dataset][0](split="sample")[:]
    return vae(dataset).encode(held_out["image"], beta=beta)[0], held_out["label"]


def describe(dataset: str) -> str:
    """Size and held-out score of a dataset's VAE."""
    about = checkpoints.training(f"vae-{dataset}")
    return TEXT["scores"].format(parameters=f"{about['model']['parameters']:,}", **about["scores"]["held_out"])


@torch.inference_mode()
def encode_picture(dataset: str, log_beta: float, drawing: str, seed: int = 0) -> list[dict]:
    """A picture (data URI, light on black) -> itself, what its posterior mean decodes to with the terms of its −ELBO,
    and what DRAWN seeded samples of the posterior decode to."""
    if not drawing:
        return message(TEXT["draw"])
    model, beta, x = vae(dataset), weight(log_beta), pictures.grey(drawing)
    mu, logvar = model.encode(x, beta=beta)
    noise = torch.randn(DRAWN, 2, generator=pictures.generator(seed))
    logits = model.logits(mu + noise * (0.5 * logvar).exp(), beta=beta)
    recon, kl = (float(part.mean()) for part in elbo_terms(x.expand(DRAWN, -1, -1, -1), logits, mu, logvar))
    sd = (0.5 * logvar[0]).exp()
    note = TEXT["posterior"].format(z1=mu[0, 0], z2=mu[0, 1], sd1=sd[0], sd2=sd[1])
    split = TEXT["split"].format(total=recon + beta * kl, recon=recon, beta=beta, kl=kl)
    row = [
        picture(TEXT["mine"], to_pil(x[0]), note),
        picture(TEXT["mean"], to_pil(model.decode(mu, beta=beta)[0]), split),
    ]
    return row + [picture(f"{TEXT['drawn']} {i + 1}", to_pil(one)) for i, one in enumerate(logits.sigmoid())]


@torch.inference_mode()
def way(dataset: str, log_beta: float, first: str, second: str, dense: bool) -> Tensor | None:
    """Two pictures (data URIs) -> FRAMES places (FRAMES, 2) from one posterior mean to the other, straight or, if
    `dense`, where the codes of held-out pictures lie densely; None while a picture is missing."""
    if not (first and second):
        return None
    beta = weight(log_beta)
    x = torch.cat([pictures.grey(first), pictures.grey(second)])
    ends = vae(dataset).encode(x, beta=beta)[0]
    if not dense:
        return torch.lerp(ends[0], ends[1], torch.linspace(0, 1, FRAMES)[:, None])
    n = 96  # cells of the grid on which the way is sought
    mu, _ = codes(dataset, beta)
    known, _, _ = np.histogram2d(*mu.T.numpy(), bins=n, range=[[-REACH, REACH]] * 2)
    density = gaussian_filter(known, 1.5)
    cell = ((ends + REACH) / (2 * REACH) * n).long().clamp(0, n - 1).tolist()
    route, _ = route_through_array(1 / (density + 0.02 * density.max()), cell[0], cell[1], geometric=True)
    middle = (torch.tensor(route[1:-1], dtype=torch.float32).view(-1, 2) + 0.5) / n * 2 * REACH - REACH
    whole = torch.cat([ends[:1], middle, ends[1:]])
    length = torch.cat([torch.zeros(1), whole.diff(dim=0).norm(dim=1).cumsum(0)])
    at = np.linspace(0, float(length[-1]), FRAMES)
    return torch.tensor(np.stack([np.interp(at, length, axis) for axis in whole.T], axis=1), dtype=torch.float32)


@torch.inference_mode()
def draw_path(dataset: str, log_beta: float, first: str, second: str, dense: bool = False) -> list[dict]:
    """Two pictures (data URIs) -> a film strip from one to the other: `way`, decoded."""
    places = way(dataset, log_beta, first, second, dense)
    if places is None:
        return message(TEXT["two"])
    return [film_strip(TEXT["path"], vae(dataset).decode(places, beta=weight(log_beta)))]


@torch.inference_mode()
def marks(dataset: str, log_beta: float, first: str, second: str, dense: bool = False) -> dict:
    """What the map shows of the visitor's pictures: ellipses [z1, z2, σ1, σ2, name] of the posteriors, and the path."""
    ellipses = []
    for name, drawing in (("A", first), ("B", second)):
        if drawing:
            mu, logvar = vae(dataset).encode(pictures.grey(drawing), beta=weight(log_beta))
            ellipses.append([*mu[0].tolist(), *(0.5 * logvar[0]).exp().tolist(), name])
    places = way(dataset, log_beta, first, second, dense)
    return {"ellipses": ellipses, "path": [] if places is None else places.tolist()}


class MapPad(gr.HTML):
    """The latent plane with a dot to drag. Its value is {dataset, log_beta, z, marks}; `input` while dragging."""

    def __init__(self, value: dict, **kwargs):
        super().__init__(
            value, reach=REACH, texts=TEXT, server_functions=[latent_map], **template("map", "map_pad"), **kwargs
        )

    def api_info(self) -> dict:
        return {"type": "object", "description": "dataset: mnist or fashion, log_beta, z: [z1, z2], marks"}


def examples() -> list:
    """Held-out pictures, one of each class of digits and one of clothing."""
    return [to_pil(x) for load, _ in DATASETS.values() for x in load(split="sample")[5:1000:100]["image"]]


def build() -> None:
    """Lays the tab out and wires it."""
    start = {"dataset": "mnist", "log_beta": 0.0, "z": [0.0, 0.0], "marks": {"ellipses": [], "path": []}}
    with gr.Row():
        with gr.Column(scale=3, min_width=320):
            pad = MapPad(start, elem_id="latent-map")
        with gr.Column(scale=2, min_width=300):
            dataset = gr.Radio([(TEXT[key], key) for key in DATASETS], value="mnist", label=TEXT["dataset"])
            beta = Slider(*LOG_BETA, 0.0, step=0.05, label=TEXT["beta"], info=TEXT["beta_info"], elem_id="latent-beta")
            z1 = Slider(-REACH, REACH, 0.0, step=0.01, label=TEXT["z1"], elem_id="latent-z1")
            z2 = Slider(-REACH, REACH, 0.0, step=0.01, label=TEXT["z2"], elem_id="latent-z2")
            decoded = Pictures([], elem_id="latent-decoded")
    gr.Markdown(TEXT["labels"])
    labels = Pictures([], elem_id="latent-labels")
    gr.Markdown(TEXT["yours"])
    images = examples()
    with gr.Row():
        with gr.Column(scale=1, min_width=260):
            first = picture_input(TEXT["a"], images, "latent-a", start=6)
        with gr.Column(scale=1, min_width=260):
            second = picture_input(TEXT["b"], images, "latent-b", start=2)
        with gr.Column(scale=3, min_width=320):
            mine = Pictures(message(TEXT["draw"]), elem_id="latent-mine")
            with gr.Row():
                seed = Number(0, label=TEXT["seed"], precision=0, minimum=0, maximum=2**31, min_width=120)
                again = gr.Button(TEXT["again"], min_width=120)
            film = Pictures(message(TEXT["two"]), elem_id="latent-film")
            dense = gr.Checkbox(False, label=TEXT["dense"], container=False)
    how_it_works(TEXT["how"], TEXT["explanation"])

    private = {"api_visibility": "private", "api_name": False}
    place_on_map = gr.JSON(visible=False)

    def at(value: dict):
        return decode_point(value["dataset"], value["log_beta"], *value["z"])

    def labels_at(value: dict):
        return decode_labels(value["dataset"], *value["z"])

    point, moved = [dataset, beta, z1, z2], [control.input for control in (dataset, beta, z1, z2)]
    to_pad = "(dataset, log_beta, z1, z2, pad) => ({...pad, dataset, log_beta, z: [z1, z2]})"
    gr.on(moved, None, [*point, pad], pad, js=to_pad)
    gr.on(moved, friendly(decode_point, message), point, decoded, api_name="decode_point", **LIVE)
    gr.on(moved, friendly(decode_labels, message), [dataset, z1, z2], labels, api_name="decode_labels", **LIVE)
    pad.input(None, pad, [z1, z2], js="(value) => value.z")
    pad.input(friendly(at, message), pad, decoded, **private, **LIVE)
    pad.input(friendly(labels_at, message), pad, labels, **private, **LIVE)

    again.click(lambda seed: (seed or 0) + 1, seed, seed, queue=False, show_progress="hidden", **private)
    seen = [first.input, dataset.input, beta.input, seed.change]
    given = [dataset, beta, first, seed]
    gr.on(seen, friendly(encode_picture, message), given, mine, api_name="encode_picture", **LIVE)
    drawn = [control.input for control in (first, second, dataset, beta, dense)]
    given = [dataset, beta, first, second, dense]
    gr.on(drawn, friendly(draw_path, message), given, film, api_name="draw_path", **LIVE)
    marked = gr.on(drawn, friendly(marks), given, place_on_map, **private, **LIVE)
    marked.success(None, [pad, place_on_map], pad, js="(pad, marks) => ({...pad, marks})")  # the pad as it is by then
