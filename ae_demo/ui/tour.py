"""Tour of a tab: cards that point at its controls, and a question that the tab then answers."""

from dataclasses import dataclass

import gradio as gr

from ae_demo.ui.i18n import TEXTS
from ae_demo.ui.widgets import template


@dataclass(frozen=True)
class Stops:
    """Stops of a tab's tour: selectors of what the first two cards and the question point at, the letter of the right
    answer, and the settings, as in an address, that show it."""

    first: str
    second: str
    asked: str
    right: str
    shown: str = ""


STOPS = {
    "colorize": Stops("#colorize-pad", "#colorize-guesses", "#colorize-guesses", "b"),
    "latent": Stops("#latent-map", "#latent-beta", "#latent-beta", "b", "beta=2"),
    "restoration": Stops("#restoration-pad", "#restoration-level", "#restoration-answers", "c", "level=1"),
    "compression": Stops("#compression-size", "#compression-curve", "#compression-answers", "c", "bytes=8"),
    "latent_map": Stops("#latent_map-map", "#latent_map-encoder", "#latent_map-pad", "b"),
    "toy_gan": Stops("#toy_gan-lab .play", "#toy_gan-lab .verdict", "#toy_gan-lab .flow", "b"),
    "dcgan": Stops("#dcgan-seed", "#dcgan-facial_hair", "#dcgan-face", "a", "facial_hair=4"),
    "diffusion": Stops("#diffusion-film", "#diffusion-steps", "#diffusion-film", "a"),
    "diffusion_edit": Stops("#diffusion_edit-pad", "#diffusion_edit-t", "#diffusion_edit-answers", "b", "class=9&t=99"),
    "melody": Stops("#melody-a", "#melody-blend", "#melody-blend", "c"),
    "models": Stops("#models-name", "#models-table", "#models-table", "a"),
}
SINGLE_TABS = {
    "draw": "colorize",
    "music": "melody",
    "models": "models",
}  # groups of one tab, whose addresses name the group


class Tour(gr.HTML):
    """Cards at the edge of the page: an invitation at the first visit of a tab, and the tour once it is asked for."""

    def __init__(self, **kwargs):
        text = TEXTS["tour"]
        tours = {}
        for tab, stops in STOPS.items():
            cards = [
                [text[f"{tab}_1"], stops.first],
                [text[f"{tab}_2"], stops.second],
                [text[f"{tab}_ask"], stops.asked],
            ]
            answers = [[letter, text[f"{tab}_{letter}"]] for letter in "abc"]
            told = {"right": stops.right, "told": text[f"{tab}_told"], "shown": stops.shown}
            tours[tab] = {"cards": cards, "answers": answers} | told
        shown = {"tours": tours, "single": SINGLE_TABS, "texts": dict(text)}
        super().__init__(None, **shown, **template("tour"), **kwargs)
