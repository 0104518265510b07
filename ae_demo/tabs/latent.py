"""Latent space: a plane of pictures to walk through."""

import time
from functools import cache

import gradio as gr
import torch

from ae_demo import checkpoints
from ae_demo.checkpoints import CheckpointError
from ae_demo.data.datasets import DIGIT_LABELS, FASHION_LABELS, fashion_mnist, mnist
from ae_demo.figures import data_uri, to_grid, to_pil
from ae_demo.models.vae import VAE
from ae_demo.tabs.controls import LIVE, Pictures, friendly, how_it_works, message, picture, template
from ae_demo.tabs.texts import TEXTS

TEXT = TEXTS["latent"]
TITLE, ABOUT = TEXT["title"], TEXT["about"]
DATASETS = {"mnist": (mnist, DIGIT_LABELS), "fashion": (fashion_mnist, FASHION_LABELS)}
REACH = 3.5  # the map shows −REACH … REACH; a standard normal leaves 5 in 10,000 points outside on each axis
CELLS = 24  # decoded pictures along each side of the map
# ten colours that also colour-blind eyes tell apart: Petroff, 2021, https://arxiv.org/abs/2107.02270
COLORS = ("#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6", "#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd")


@cache
def network(dataset: str) -> VAE:
    """The VAE of a dataset, loaded on first use."""
    return checkpoints.load(VAE, f"vae-{dataset}")


@torch.inference_mode()
def decode_point(dataset: str, z1: float, z2: float) -> list[dict]:
    """A point of the latent plane -> the picture that the decoder paints there. Dataset: mnist or fashion."""
    model, begun = network(dataset), time.perf_counter()
    x = model.decode(torch.tensor([[z1, z2]], dtype=torch.float32))[0]
    ms = 1000 * (time.perf_counter() - begun)
    return [picture(TEXT["decoded"], to_pil(x), TEXT["note"].format(z1=z1, z2=z2, ms=ms))]


@cache
@torch.inference_mode()
def draw_map(dataset: str) -> dict:
    """The decoded plane as a data URI, the held-out sample on it as [z1, z2, label], colours, labels, a description."""
    model, (load, labels) = network(dataset), DATASETS[dataset]
    line = (torch.arange(CELLS) + 0.5) / CELLS * 2 * REACH - REACH  # centres of the cells
    z2, z1 = torch.meshgrid(line.flip(0), line, indexing="ij")
    cells = model.decode(torch.stack([z1, z2], dim=-1).view(-1, 2)).unflatten(0, (CELLS, CELLS))
    held_out = load(split="sample")[:]
    mu, _ = model.encode(held_out["image"])
    points = [[round(a, 3), round(b, 3), y] for (a, b), y in zip(mu.tolist(), held_out["label"].tolist(), strict=True)]
    manifold = data_uri(to_pil(to_grid(cells)), quality=85)
    return {"manifold": manifold, "points": points, "colors": COLORS, "labels": labels, "about": describe(dataset)}


def latent_map(dataset: str) -> dict:
    """`draw_map` for the page, where an exception would be lost: {"error": sentence} instead."""
    try:
        return draw_map(dataset)
    except (CheckpointError, KeyError) as error:
        return {"error": str(error)}


def describe(dataset: str) -> str:
    """Size and held-out score of a dataset's VAE."""
    about = checkpoints.training(f"vae-{dataset}")
    return TEXT["scores"].format(parameters=f"{about['model']['parameters']:,}", **about["scores"]["held_out"])


class MapPad(gr.HTML):
    """The latent plane with a dot to drag. Its value is {"dataset": …, "z": [z1, z2]}; `input` while dragging."""

    def __init__(self, value: dict, **kwargs):
        super().__init__(value, reach=REACH, texts=TEXT, server_functions=[latent_map], **template("map_pad"), **kwargs)

    def api_info(self) -> dict:
        return {"type": "object", "description": '{"dataset": "mnist" or "fashion", "z": [z1, z2]}'}


def build() -> None:
    """Lays the tab out and wires it."""
    with gr.Row():
        with gr.Column(scale=3):
            pad = MapPad({"dataset": "mnist", "z": [0.0, 0.0]}, elem_id="latent-map")
        with gr.Column(scale=2):
            dataset = gr.Radio([(TEXT[key], key) for key in DATASETS], value="mnist", label=TEXT["dataset"])
            z1 = gr.Slider(-REACH, REACH, 0.0, step=0.01, label=TEXT["z1"], elem_id="latent-z1")
            z2 = gr.Slider(-REACH, REACH, 0.0, step=0.01, label=TEXT["z2"], elem_id="latent-z2")
            decoded = Pictures([], elem_id="latent-decoded")
    how_it_works(TEXT["how"], TEXT["explanation"])

    def decode_pad(value: dict):
        return decode_point(value["dataset"], *value["z"])

    to_pad = "(dataset, z1, z2) => ({dataset, z: [z1, z2]})"
    point = [dataset, z1, z2]
    for slider in (z1, z2):
        slider.input(None, point, pad, js=to_pad)
        slider.input(
            friendly(decode_point, message), point, decoded, api_name="decode_point" if slider is z1 else False, **LIVE
        )
    pad.input(None, pad, [z1, z2], js="(value) => value.z")
    pad.input(friendly(decode_pad, message), pad, decoded, api_visibility="private", **LIVE)
    dataset.input(None, point, pad, js=to_pad)
    dataset.input(friendly(decode_point, message), point, decoded, api_visibility="private", **LIVE)
