"""Faces: what a GAN paints, what its latent space knows, what its discriminator thinks."""

import base64
import copy
import io
import random
import time
from collections.abc import Iterator
from functools import cache

import gradio as gr
import torch
from PIL import Image, ImageChops
from torch import Tensor

from ae_demo import checkpoints
from ae_demo.data.cartoon import SIZE, TRAITS
from ae_demo.data.datasets import cartoon_faces
from ae_demo.figures import data_uri, to_pil
from ae_demo.models.dcgan import DCGAN
from ae_demo.runtime import gpu
from ae_demo.tabs import pictures
from ae_demo.tabs.controls import (
    LIVE,
    Choices,
    ColoringPad,
    Download,
    Number,
    Opened,
    Pictures,
    PictureUpload,
    Slider,
    film_strip,
    friendly,
    how_it_works,
    message,
    picture,
)
from ae_demo.tabs.networks import network, slerp
from ae_demo.tabs.texts import TEXTS

TEXT = TEXTS["dcgan"]
TITLE, ABOUT = TEXT["title"], TEXT["about"]
GRID = 12  # faces to choose from
LARGE = 256  # pixels of a face on the page
LAST = 2**31 - GRID  # seed
FRAMES = 12  # of a film strip, and of half a loop
ROUNDS = 10  # of the game
STARTS, TURNS = 8, 120  # of the search for a face: how many begin, how many steps they take
PALETTE = (
    "#ffdbb4", "#edb98a", "#d08b5b", "#ae5d29", "#614335", "#2c1b18", "#a55728", "#d6b370", "#f59797", "#65c9ff",
    "#262e33", "#ffffff",
)  # fmt: skip


def gan() -> DCGAN:
    """The model."""
    return network("dcgan-faces")


@cache
def directions() -> Tensor:
    """Where TRAITS lie in the latent space, unit vectors (K, latent_dim), as training found them."""
    found = checkpoints.code_map("dcgan-faces").get("directions")
    if not found:
        raise checkpoints.CheckpointError(TEXT["no_map"])
    return torch.tensor([found[name] for name in TRAITS])


def latent(seed: int, truncation: float = 1.0) -> Tensor:
    """z (1, latent_dim) ~ N(0, truncation² I) of a seed."""
    seed = int(pictures.between(seed, 0, 2**31))
    z = torch.randn(1, gan().latent_dim, generator=torch.Generator().manual_seed(seed))
    return z * pictures.between(truncation, 0, 1.5)


def changed(seed: int, truncation: float, *amounts: float) -> Tensor:
    """The same, moved along TRAITS by these amounts, −4 … 4."""
    if len(amounts) > len(TRAITS):
        raise pictures.InputError(TEXT["too_many"].format(n=len(TRAITS)))
    steps = torch.tensor([pictures.between(amount, -4, 4) for amount in amounts], dtype=torch.float32)
    return latent(seed, truncation) + steps @ directions()[: len(steps)]


@torch.no_grad()
def realness(x: Tensor) -> list[float]:
    """Pictures (N, 3, 64, 64) in [0, 1] -> how probably real the discriminator finds each."""
    return gan().discriminator(x).sigmoid().tolist()


@cache
def held_out() -> Tensor:
    """Faces that training never saw, (64, 3, 64, 64)."""
    return cartoon_faces(split="sample")[:]["image"]


def large(x: Tensor) -> Image.Image:
    """One face (3, 64, 64), enlarged for the page."""
    return to_pil(x).resize((LARGE, LARGE), Image.Resampling.LANCZOS)


@torch.no_grad()
def paint_face(seed: int, truncation: float = 0.8, *amounts: float) -> list[dict]:
    """A seed, how far from the mean (0 … 1.5), and by how much to move along each of TRAITS (−4 … 4) -> the face."""
    x = gan()(changed(seed, truncation, *amounts))
    note = TEXT["realness"].format(p=100 * realness(x)[0])
    return [picture(TEXT["face"], large(x[0]), note, quality=92, size="large")]


@torch.no_grad()
def paint_faces(seed: int, truncation: float = 0.8) -> list[dict]:
    """The faces of a seed and of those after it, to choose from."""
    first = int(pictures.between(seed, 0, LAST))
    x = gan()(torch.cat([latent(first + i, truncation) for i in range(GRID)]))
    return [picture(TEXT["seed_of"].format(seed=first + i), to_pil(one, 96)) for i, one in enumerate(x)]


def choose_face(index: int | None, seed: int) -> int:
    """The index of one of `paint_faces` -> its seed."""
    return int(pictures.between(seed, 0, LAST)) + int(pictures.one_of(index, range(GRID)))


@torch.no_grad()
def between_faces(seed: int, other: int, truncation: float = 0.8) -> list[dict]:
    """Two seeds -> the film from the one face to the other."""
    z = slerp(latent(seed, truncation), latent(other, truncation), torch.linspace(0, 1, FRAMES))
    return [film_strip(TEXT["film"], gan()(z))]


@torch.no_grad()
def download_loop(seed: int, other: int, truncation: float = 0.8, kind: str = "gif") -> dict:
    """The same film, there and back, as {name, src} of an animated GIF or WebP ("gif", "webp")."""
    kind = pictures.one_of(kind, ("gif", "webp"))
    t = (1 - torch.cos(torch.linspace(0, torch.pi, 2 * FRAMES))) / 2
    there = [large(x) for x in gan()(slerp(latent(seed, truncation), latent(other, truncation), t))]
    buffer = io.BytesIO()
    there[0].save(buffer, kind, save_all=True, append_images=[*there[1:], *there[-2:0:-1]], duration=60, loop=0)
    src = f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"
    return {"name": f"{TEXT['file']}-{int(seed)}-{int(other)}.{kind}", "src": src, "at": time.time()}


def drawn(pad: dict) -> Tensor:
    """What is on the canvas -> (1, 3, 64, 64): colours under lines."""
    pad = pad if isinstance(pad, dict) else {}
    if not pad.get("lines") and not pad.get("hints"):
        raise pictures.InputError(TEXT["draw"])
    face = Image.new("RGB", (LARGE, LARGE), "white")
    if pad.get("hints"):
        hints = pictures.read_layer(pad["hints"]).resize(face.size)
        face.paste(hints, mask=hints.getchannel("A"))
    if pad.get("lines"):
        lines = pictures.fitted(pictures.read(pictures.decoded(pad["lines"])), LARGE, "white")
        face = ImageChops.multiply(face, lines)
    return pictures.color(face, SIZE)


def find_face(pad: dict) -> Iterator[list[dict]]:
    """What is on the canvas -> the face of the latent space most like it, while it is searched: several codes go down
    the slope of the squared error, of the pixels and of what the classifier of faces sees; the best is shown."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model, classifier = (copy.deepcopy(each).to(device) for each in (gan(), network("classifier-faces")))
    target, look = drawn(pad).to(device), classifier.encode
    scale = look(held_out().to(device)).std(0)
    goal, score = look(target) / scale, realness(target.cpu())[0]
    z = torch.randn(STARTS, model.latent_dim, generator=torch.Generator().manual_seed(0)).mul(0.5)
    z = z.to(device).requires_grad_()
    optimizer = torch.optim.Adam([z], lr=0.1)
    for turn in range(TURNS + 1):
        x = model(z)
        pixels = (x - target).square().flatten(1).mean(1)
        error = pixels + 0.02 * (look(x) / scale - goal).square().mean(1) + 1e-3 * z.square().mean(1)
        best = int(error.argmin())
        if turn % 5 == 0:
            note = TEXT["searching"] if turn < TURNS else TEXT["found"]
            note = note.format(turn=turn, turns=TURNS, psnr=-10 * float(pixels[best].detach().log10()))
            yield [
                picture(TEXT["yours"], large(target[0].cpu()), TEXT["realness"].format(p=100 * score)),
                picture(TEXT["nearest"], large(x[best].detach().cpu()), note),
            ]
        optimizer.zero_grad()
        error.sum().backward()
        optimizer.step()


def load_face(path: str) -> dict:
    """An uploaded picture -> the canvas."""
    return {"lines": data_uri(pictures.fitted(pictures.read(path), LARGE, "white")), "hints": ""}


def new_game() -> dict:
    """What is kept of a game: which of ROUNDS faces are real, and what was answered so far."""
    return {"rounds": [[random.random() < 0.5, random.randrange(10**6)] for _ in range(ROUNDS)], "answers": []}


@torch.no_grad()
def shown(real: bool, number: int) -> Tensor:
    """The face of a round (1, 3, 64, 64): a held-out one, or a generated one."""
    return held_out()[number % len(held_out())][None] if real else gan()(latent(number, 0.9))


@torch.no_grad()
def play_game(game: dict, answer: str = "") -> tuple[dict, list[dict]]:
    """A game and an answer to its open round ("real", "fake"; else the next game begins) -> the game, and what to show:
    the next face, the last one with the truth and what the discriminator said, the score. A game that is over stays."""
    if not (isinstance(game, dict) and game) or answer not in ("real", "fake"):
        game = new_game()
    elif len(game["answers"]) < ROUNDS:
        game = {**game, "answers": [*game["answers"], answer == "real"]}
    done, row = len(game["answers"]), []
    if done < ROUNDS:
        row.append(picture(TEXT["which"].format(n=done + 1, of=ROUNDS), large(shown(*game["rounds"][done])[0])))
    if done:
        truths = [real for real, _ in game["rounds"][:done]]
        faces = torch.cat([shown(*one) for one in game["rounds"][:done]])
        said = realness(faces)
        mine = sum(a == b for a, b in zip(game["answers"], truths, strict=True))
        its = sum((p > 0.5) == real for p, real in zip(said, truths, strict=True))
        verdict = TEXT["was_real"] if truths[-1] else TEXT["was_fake"]
        title = TEXT["right" if game["answers"][-1] == truths[-1] else "wrong"] + verdict
        row.append(picture(title, large(faces[-1]), TEXT["realness"].format(p=100 * said[-1])))
        row += message(TEXT["score" if done < ROUNDS else "over"].format(mine=mine, its=its, done=done))
    return game, row


@cache
def learned(name: str) -> list:
    """`checkpoints.film`, read once."""
    return checkpoints.film(name)


def watch_learning(position: float) -> list[dict]:
    """A place in the film of training, 0 … 1 -> what both GANs painted from the same codes at that time."""
    row = []
    for name in ("dcgan-faces", "gan-digits"):
        film = learned(name)
        if film:
            step, src = film[round(pictures.between(position, 0, 1) * (len(film) - 1))]
            row.append({"title": TEXT[name], "src": src, "note": TEXT["step"].format(step=step), "size": "large"})
    return row or message(TEXT["no_film"])


def build() -> None:
    """Lays the tab out and wires it."""
    pens = TEXTS["pad"]
    with gr.Row():
        with gr.Column(scale=2, min_width=300):
            face = Pictures([], elem_id="dcgan-face")
            with gr.Row():
                seed = Number(7, label=TEXT["seed"], precision=0, minimum=0, maximum=LAST, elem_id="dcgan-seed")
                truncation = Slider(0, 1.5, 0.8, step=0.05, label=TEXT["truncation"], info=TEXT["truncation_note"])
        with gr.Column(scale=3, min_width=320):
            with gr.Row():
                amounts = [
                    Slider(-4, 4, 0, step=0.1, label=TEXT[name], elem_id=f"dcgan-{name}", min_width=180)
                    for name in TRAITS
                ]
            back = gr.Button(TEXT["back"], size="sm")
    faces = Choices(TEXT["faces"], TEXT["faces_note"], small=True, elem_id="dcgan-faces")
    gr.Markdown(TEXT["film_title"])
    with gr.Row():
        other = Number(11, label=TEXT["other"], precision=0, minimum=0, maximum=2**31, scale=0, min_width=160)
        loops = [(gr.Button(TEXT[kind], size="sm", scale=0, min_width=160), kind) for kind in ("gif", "webp")]
    film, loop = Pictures([], elem_id="dcgan-film"), Download()
    gr.Markdown(TEXT["yours_title"])
    with gr.Row():
        with gr.Column(scale=2, min_width=300):
            widths = {pens["pen"]: 3, pens["medium"]: 6, pens["thick"]: 12}
            pad = ColoringPad(LARGE, widths, PALETTE, elem_id="dcgan-pad")
            with gr.Row():
                upload = PictureUpload(TEXT["upload"], file_types=["image"], size="sm")
                search = gr.Button(TEXT["search"], variant="primary", size="sm")
        with gr.Column(scale=3, min_width=320):
            mine = Pictures(message(TEXT["draw"]), elem_id="dcgan-mine")
    gr.Markdown(TEXT["game_title"])
    game = gr.State({})
    with gr.Row():
        guesses = [(gr.Button(TEXT[guess], size="sm"), guess) for guess in ("real", "fake", "again")]
    arena = Pictures(message(TEXT["game_note"]), elem_id="dcgan-game")
    gr.Markdown(TEXT["learning_title"])
    position = Slider(0, 1, 1, step=0.01, label=TEXT["position"], elem_id="dcgan-position")
    learning = Pictures([], elem_id="dcgan-learning")
    how_it_works(TEXT["how"], TEXT["explanation"])

    private, opened = {"api_visibility": "private"}, Opened()
    whole = [seed, truncation, *amounts]
    told = friendly(paint_face, message)
    gr.on([truncation.input, *(one.input for one in amounts)], told, whole, face, api_name="paint_face", **LIVE)
    gr.on([opened.input, seed.change], told, whole, face, **private, **LIVE)
    shared = [opened.input, seed.change, truncation.change]
    gr.on(shared, friendly(paint_faces, message), [seed, truncation], faces, api_name="paint_faces", **LIVE)
    back.click(lambda: [0] * len(amounts), None, amounts, queue=False, **private).success(
        told, whole, face, show_progress="hidden", **private
    )
    faces.input(friendly(choose_face), [faces, seed], seed, queue=False, show_progress="hidden", **private)
    ends = [seed, other, truncation]
    gr.on([*shared, other.change], friendly(between_faces, message), ends, film, api_name="between_faces", **LIVE)
    for button, kind in loops:
        named = {"api_name": "download_loop"} if kind == "gif" else private
        button.click(
            friendly(download_loop), [*ends, gr.Textbox(kind, visible=False)], loop, show_progress="hidden", **named
        )
    upload.upload(friendly(load_face), upload, pad, api_name="load_face", show_progress="hidden")
    search.click(
        friendly(gpu(find_face)), pad, mine, api_name="find_face", show_progress="hidden", concurrency_id="search",
        concurrency_limit=2,
    )  # fmt: skip
    for button, guess in guesses:
        named = {"api_name": "play_game"} if guess == "real" else private
        said = [game, gr.Textbox(guess, visible=False)]
        button.click(friendly(play_game), said, [game, arena], show_progress="hidden", **named)
    at = [position.input, opened.input]
    gr.on(at, friendly(watch_learning, message), position, learning, api_name="watch_learning", **LIVE)
