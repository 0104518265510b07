"""Latent space: a plane of decoded images to explore, for every KL weight β, with the visitor's own images."""

import math
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
from ae_demo.data.mnist import fashion_mnist, mnist
from ae_demo.evaluation.sample_grids import latent_grid
from ae_demo.figures import data_uri, to_grid, to_pil
from ae_demo.losses import elbo_terms
from ae_demo.models.vae import MAX_ABS_CODE, MIN_BETA, VAE
from ae_demo.ui import inputs
from ae_demo.ui.address import keep_in_address
from ae_demo.ui.defaults import CLASS_COLORS, INTERPOLATION_FRAMES, class_labels
from ae_demo.ui.glossary import explain_terms
from ae_demo.ui.gradio_compat import Number, Slider
from ae_demo.ui.handlers import PRIVATE, QUIET, handler
from ae_demo.ui.i18n import TEXTS, in_language
from ae_demo.ui.inputs import InputError
from ae_demo.ui.live import Draggable, Live, connect
from ae_demo.ui.local_networks import LocalAnswer
from ae_demo.ui.networks import network
from ae_demo.ui.pictures import film_strip, message, picture
from ae_demo.ui.widgets import Pictures, how_it_works, offer_script, picture_input, template

TEXT = TEXTS["latent"]
DATASETS = {"mnist": mnist, "fashion": fashion_mnist}
MAP_CELLS = 24  # decoded images along each side of the map
POSTERIOR_SAMPLES = 6
LABELS_PACE = 150  # ms between two rows of ten labels, while the dot is dragged
PATH_GRID = 96  # cells along each side of the grid to find a path on
COLLAPSED_KL = 0.5  # nats; with less a code says nothing
FARTHEST_Z = 9.0  # largest |z| to decode
LOG_BETA_RANGE = (-2.0, 2.0)  # slider range; its left end is β = 0, as the map hardly changes below 10⁻²


def vae(dataset: str) -> VAE:
    """Return the VAE of a dataset."""
    return network(f"vae-{inputs.check_choice(dataset, DATASETS)}")


def to_latent(z1: float, z2: float) -> Tensor:
    """Return a point of the latent plane as z (1, 2); raises InputError if it is out of range."""
    return torch.tensor([[inputs.check_range(z, -FARTHEST_Z, FARTHEST_Z) for z in (z1, z2)]], dtype=torch.float32)


def beta_of(log_beta: float) -> float:
    """Convert the slider position, log₁₀ β, to β; its left end is 0."""
    lowest = inputs.check_range(log_beta, *LOG_BETA_RANGE) == LOG_BETA_RANGE[0]
    return 0.0 if lowest else 10 ** float(log_beta)


@torch.inference_mode()
def decode_point(dataset: str, log_beta: float, z1: float, z2: float) -> list[dict]:
    """Decode the point (z1, z2), −9 … 9 each (sliders: −4 … 4), of a VAE's latent plane. dataset: mnist or fashion;
    log_beta: log₁₀ β, from −2, which counts as β = 0, to 2."""
    model, z, begun = vae(dataset), to_latent(z1, z2), time.perf_counter()
    x = model.decode(z, beta=beta_of(log_beta))[0]
    ms = 1000 * (time.perf_counter() - begun)
    return [picture(TEXT["decoded"], to_pil(x), TEXT["note"].format(z1=z1, z2=z2, ms=ms))]


@torch.inference_mode()
def decode_labels(dataset: str, z1: float, z2: float) -> list[dict]:
    """Decode the point (z1, z2), −9 … 9 each (sliders: −4 … 4), with a conditional VAE: ten images, one per label."""
    model = network(f"cvae-{inputs.check_choice(dataset, DATASETS)}")
    x = model.decode(to_latent(z1, z2).repeat(10, 1), torch.arange(10))
    return [picture(label, to_pil(one)) for label, one in zip(class_labels(f"cvae-{dataset}"), x, strict=True)]


@lru_cache(64)
@torch.inference_mode()
def draw_plane(dataset: str, beta: float) -> str:
    """Decode the plane, as a data URI."""
    centres = latent_grid(MAP_CELLS, MAX_ABS_CODE - MAX_ABS_CODE / MAP_CELLS)
    cells = vae(dataset).decode(centres, beta=beta).unflatten(0, (MAP_CELLS, MAP_CELLS))
    return data_uri(to_pil(to_grid(cells)), quality=85)


def latent_map(wanted: dict) -> dict:
    """Return the map of {dataset, log_beta} for the page: the held-out sample as [z1, z2, label], with colours, labels
    and a description of the VAE, and the decoded plane, unless `pictures` is false; or {"error": sentence}, as the page
    would lose an exception."""
    wanted = wanted if isinstance(wanted, dict) else {}
    try:
        dataset = inputs.check_choice(wanted.get("dataset"), DATASETS)
        beta = beta_of(wanted.get("log_beta"))
        mu, y = posterior_means(dataset, beta)
        points = [[round(a, 3), round(b, 3), label] for (a, b), label in zip(mu.tolist(), y.tolist(), strict=True)]
        about = {"labels": class_labels(f"vae-{dataset}"), "about": describe_vae(dataset, beta)}
        plane = {} if wanted.get("pictures") is False else {"manifold": draw_plane(dataset, beta)}
        return {"points": points, "colors": CLASS_COLORS} | about | plane
    except (CheckpointError, InputError) as error:
        return {"error": str(error)}


@lru_cache(64)
@torch.inference_mode()
def posterior_means(dataset: str, beta: float) -> tuple[Tensor, Tensor]:
    """Encode the held-out sample -> posterior means (1000, 2), labels (1000,)."""
    held_out = DATASETS[dataset](split="sample")[:]
    return vae(dataset).encode(held_out["image"], beta=beta)[0], held_out["label"]


def describe_vae(dataset: str, beta: float) -> str:
    """Format the size of a dataset's VAE and its held-out scores at the nearest β for which they are known, and tell
    whether it has collapsed there."""
    about = checkpoints.metadata(f"vae-{dataset}")
    rates = {float(key): terms for key, terms in about["scores"]["held_out"]["rates"].items()}
    nearest = min(rates, key=lambda known: abs(math.log(known + MIN_BETA) - math.log(beta + MIN_BETA)))
    terms = rates[nearest]
    said = TEXT["scores"].format(parameters=about["model"]["parameters"], beta=nearest, **terms)
    if nearest == 1:
        said += TEXT["exact"].format(exact=about["scores"]["held_out"]["exact"])
    return explain_terms(said + TEXT["collapsed"] * (terms["kl"] < COLLAPSED_KL))


@torch.inference_mode()
def encode_picture(dataset: str, log_beta: float, drawing: str, seed: int = 0) -> list[dict]:
    """Encode an image (data URI, light on black) with a VAE -> the image, its decoded posterior mean with the terms of
    its −ELBO, and six decoded samples of the posterior, seeded; arguments are as of `decode_point`."""
    if not drawing:
        return message(TEXT["draw"])
    model, beta, x = vae(dataset), beta_of(log_beta), inputs.to_grey(drawing)
    mu, logvar = model.encode(x, beta=beta)
    noise = torch.randn(POSTERIOR_SAMPLES, 2, generator=inputs.seeded_generator(seed))
    logits = model.logits(mu + noise * (0.5 * logvar).exp(), beta=beta)
    recon, kl = (float(part.mean()) for part in elbo_terms(x.expand(POSTERIOR_SAMPLES, -1, -1, -1), logits, mu, logvar))
    sd = (0.5 * logvar[0]).exp()
    note = TEXT["posterior"].format(z1=mu[0, 0], z2=mu[0, 1], sd1=sd[0], sd2=sd[1])
    split = TEXT["split"].format(total=recon + beta * kl, recon=recon, beta=beta, kl=kl)
    row = [
        picture(TEXT["mine"], to_pil(x[0]), note),
        picture(TEXT["mean"], to_pil(model.decode(mu, beta=beta)[0]), split),
    ]
    return row + [picture(f"{TEXT['drawn']} {i + 1}", to_pil(one)) for i, one in enumerate(logits.sigmoid())]


@torch.inference_mode()
def interpolation_path(dataset: str, log_beta: float, first: str, second: str, dense: bool) -> Tensor | None:
    """Find INTERPOLATION_FRAMES points (N, 2) between the posterior means of two images (data URIs), straight or, if
    `dense`, where held-out codes are dense; None if an image is missing."""
    if not (first and second):
        return None
    beta = beta_of(log_beta)
    x = torch.cat([inputs.to_grey(first), inputs.to_grey(second)])
    ends = vae(dataset).encode(x, beta=beta)[0]
    if not dense:
        return torch.lerp(ends[0], ends[1], torch.linspace(0, 1, INTERPOLATION_FRAMES)[:, None])
    return dense_path(ends, posterior_means(dataset, beta)[0])


def dense_path(ends: Tensor, mu: Tensor) -> Tensor:
    """Find INTERPOLATION_FRAMES points between the two `ends` (2, 2), evenly along the route on which codes mu (N, 2)
    are densest (minimum-cost path on a grid)."""
    n, reach = PATH_GRID, MAX_ABS_CODE
    counts, _, _ = np.histogram2d(*mu.T.numpy(), bins=n, range=[[-reach, reach]] * 2)
    density = gaussian_filter(counts, 1.5)
    cell = ((ends + reach) / (2 * reach) * n).long().clamp(0, n - 1).tolist()
    route, _ = route_through_array(1 / (density + 0.02 * density.max()), cell[0], cell[1], geometric=True)
    middle = (torch.tensor(route[1:-1], dtype=torch.float32).view(-1, 2) + 0.5) / n * 2 * reach - reach
    whole = torch.cat([ends[:1], middle, ends[1:]])
    length = torch.cat([torch.zeros(1), whole.diff(dim=0).norm(dim=1).cumsum(0)])
    at = np.linspace(0, float(length[-1]), INTERPOLATION_FRAMES)
    return torch.tensor(np.stack([np.interp(at, length, axis) for axis in whole.T], axis=1), dtype=torch.float32)


@torch.inference_mode()
def draw_path(dataset: str, log_beta: float, first: str, second: str, dense: bool = False) -> list[dict]:
    """Decode the path between two images (data URIs), straight or, if `dense`, through dense codes, as a film strip."""
    path = interpolation_path(dataset, log_beta, first, second, dense)
    if path is None:
        return message(TEXT["two"])
    return [film_strip(TEXT["path"], vae(dataset).decode(path, beta=beta_of(log_beta)))]


@torch.inference_mode()
def map_overlay(dataset: str, log_beta: float, first: str, second: str, dense: bool = False) -> dict:
    """Return the overlay of the map: ellipses [z1, z2, σ1, σ2, name] of the visitor's posteriors, and the path."""
    ellipses = []
    for name, drawing in (("A", first), ("B", second)):
        if drawing:
            mu, logvar = vae(dataset).encode(inputs.to_grey(drawing), beta=beta_of(log_beta))
            ellipses.append([*mu[0].tolist(), *(0.5 * logvar[0]).exp().tolist(), name])
    path = interpolation_path(dataset, log_beta, first, second, dense)
    return {"ellipses": ellipses, "path": [] if path is None else path.tolist()}


class MapPad(Draggable):
    """Latent plane with a draggable dot. Its value is {dataset, log_beta, z, overlay}; tells {dataset, log_beta, z}
    while dragged, and fires `submit` now and then."""

    def __init__(self, value: dict, **kwargs):
        super().__init__(
            value,
            reach=MAX_ABS_CODE,
            cells=MAP_CELLS,
            texts={key: TEXT[key] for key in ("map", "manifold")},  # Gradio copies each of them with every value
            server_functions=[in_language(latent_map)],
            **template("map", "map_pad"),
            **kwargs,
        )

    def api_info(self) -> dict:
        return {"type": "object", "description": "dataset: mnist or fashion, log_beta, z: [z1, z2], overlay"}


def latent_examples() -> list:
    """Return held-out images, one per class of digits and of clothing."""
    return [to_pil(x) for dataset in DATASETS.values() for x in dataset(split="sample")[5:1000:100]["image"]]


def build() -> None:
    """Lay out the tab and connect its events."""
    start = {"dataset": "mnist", "log_beta": 0.0, "z": [0.0, 0.0], "overlay": ""}
    with gr.Row(elem_classes="plane-lab"):
        with gr.Column():
            pad = MapPad(start, elem_id="latent-map")
        with gr.Column():
            decoded = Pictures([], elem_id="latent-decoded")
        with gr.Column():
            dataset = gr.Radio([(TEXT[key], key) for key in DATASETS], value="mnist", label=TEXT["dataset"])
            beta = Slider(
                *LOG_BETA_RANGE, 0.0, step=0.05, label=TEXT["beta"], info=TEXT["beta_info"], elem_id="latent-beta"
            )
            z1 = Slider(-MAX_ABS_CODE, MAX_ABS_CODE, 0.0, step=0.01, label=TEXT["z1"], elem_id="latent-z1")
            z2 = Slider(-MAX_ABS_CODE, MAX_ABS_CODE, 0.0, step=0.01, label=TEXT["z2"], elem_id="latent-z2")
    gr.Markdown(TEXT["labels"])
    labels = Pictures([], elem_id="latent-labels")
    gr.Markdown(TEXT["yours"])
    images = latent_examples()
    with gr.Row():
        with gr.Column(scale=1, min_width=260):
            first = picture_input(TEXT["a"], images, "latent-a", start=6)
        with gr.Column(scale=1, min_width=260):
            second = picture_input(TEXT["b"], images, "latent-b", start=2)
        with gr.Column(scale=3, min_width=320):
            mine = Pictures(message(TEXT["draw"]), elem_id="latent-mine")
            with gr.Row():
                seed = Number(0, label=TEXT["seed"], precision=0, minimum=0, maximum=inputs.MAX_SEED, min_width=120)
                again = gr.Button(TEXT["again"], min_width=120)
            film = Pictures(message(TEXT["two"]), elem_id="latent-film")
            dense = gr.Checkbox(False, label=TEXT["dense"], container=False)
    offer_script(decode_point, "decode_point", [dataset, beta, z1, z2])
    how_it_works(TEXT["how"], TEXT["explanation"])

    overlay = gr.JSON(visible=False)

    def at(value: dict):
        return decode_point(value["dataset"], value["log_beta"], *value["z"])

    def labels_at(value: dict):
        return decode_labels(value["dataset"], *value["z"])

    settings = {"data": dataset, "beta": beta, "z1": z1, "z2": z2, "seed": seed, "dense": dense}
    said = {"decoded": TEXT["decoded"], "note": TEXT["note_here"]}
    here = LocalAnswer("decodePoint", tuple(f"vae-{data}" for data in DATASETS), {"texts": said})
    names = {data: class_labels(f"cvae-{data}") for data in DATASETS}
    conditional = tuple(f"cvae-{data}" for data in DATASETS)
    labels_here = LocalAnswer("decodeLabels", conditional, {"labels": names}, LABELS_PACE)
    networks = [f"{kind}-{data}" for kind in ("vae", "cvae") for data in DATASETS]
    address = keep_in_address("latent", settings, networks, eager=True)
    position = [dataset, beta, z1, z2]
    moved = [address.submit, *(control.input for control in position)]
    to_pad = "(dataset, log_beta, z1, z2, pad) => ({...pad, dataset, log_beta, z: [z1, z2]})"
    gr.on(moved, None, [*position, pad], pad, js=to_pad)
    pad.submit(None, pad, [z1, z2], js="(value) => value.z")

    again.click(lambda seed: (seed or 0) + 1, seed, seed, **QUIET, **PRIVATE)
    seen = [address.submit, first.input, dataset.input, beta.input, seed.change]
    drawn = [address.submit, *(control.input for control in (first, second, dataset, beta, dense))]
    given = [dataset, beta, first, second, dense]
    connect(
        Live(moved, handler(decode_point, message), position, [decoded], "decode_point", here),
        Live(moved, handler(decode_labels, message), [dataset, z1, z2], [labels], "decode_labels", labels_here),
        Live([pad.input], handler(at, message), [pad], [decoded], local=here),
        Live([pad.input], handler(labels_at, message), [pad], [labels], local=labels_here),
        Live(seen, handler(encode_picture, message), [dataset, beta, first, seed], [mine], "encode_picture"),
        Live(drawn, handler(draw_path, message), given, [film], "draw_path"),
        Live(drawn, handler(map_overlay, lambda _: None), given, [overlay]),
    )
    lay_over = "(pad, overlay) => ({...pad, overlay: JSON.stringify(overlay ?? {})})"  # the pad's latest value
    overlay.change(None, [pad, overlay], pad, js=lay_over)
