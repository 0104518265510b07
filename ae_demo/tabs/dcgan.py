"""Faces: samples of a GAN, sliders along the axes of its code, judgements of its discriminator."""

import copy
import random
import time
from collections.abc import Iterator
from functools import cache, partial

import gradio as gr
import torch
from PIL import Image, ImageChops
from torch import Tensor
from torch.nn import functional as F

from ae_demo import checkpoints
from ae_demo.data.faces import AXES, FACE_SIZE, NOTHING, cartoon_faces
from ae_demo.figures import data_uri, film_uri, heat, to_pil
from ae_demo.models.dcgan import DCGAN
from ae_demo.models.interpolation import slerp
from ae_demo.runtime import gpu
from ae_demo.training import inversion
from ae_demo.ui import inputs
from ae_demo.ui.address import keep_in_address
from ae_demo.ui.defaults import FILM_KINDS, INTERPOLATION_FRAMES, class_labels
from ae_demo.ui.gradio_compat import Number, PictureUpload, Slider
from ae_demo.ui.handlers import PRIVATE, QUIET, handler
from ae_demo.ui.i18n import TEXTS
from ae_demo.ui.inputs import MAX_SEED
from ae_demo.ui.live import Live, connect
from ae_demo.ui.local_networks import LocalAnswer
from ae_demo.ui.networks import network
from ae_demo.ui.pictures import film_strip, message, picture
from ae_demo.ui.widgets import Choices, ColoringPad, Download, Pictures, how_it_works, offer_script

TEXT = TEXTS["dcgan"]
FACES_SHOWN = 12  # faces to choose from
SHOWN_SIZE = 256  # side of a face on the page in pixels
FIRST_FACE, SECOND_FACE = 339, 11  # seeds; the first face smiles
MAX_FIRST_SEED = MAX_SEED - FACES_SHOWN
MAX_TRUNCATION, MAX_AMOUNT = 1.2, 4.0
AXIS_LIMIT = 2.3  # sliders move a number of the code no further; 98 % of all lie within
ROUNDS = 10  # rounds per game
FACE_NETWORKS = ("dcgan-faces", "cgan-mnist", "cgan-fashion")
PALER = 4  # how much fainter a face is under the map of a gaze
CLASSES_OF = ("mnist", "fashion")  # datasets of the conditional GANs
FACE_COLORS = (
    "#ffdbb4", "#edb98a", "#d08b5b", "#ae5d29", "#614335", "#2c1b18", "#a55728", "#d6b370", "#f59797", "#65c9ff",
    "#262e33", "#ffffff",
)  # fmt: skip


def faces_gan() -> DCGAN:
    """Return the GAN of faces."""
    return network("dcgan-faces")


@cache
def typical_latent() -> Tensor:
    """Return the z (1, latent_dim) that chooses the middle value of every part, of NOTHING none, and is otherwise 0."""
    codes = faces_gan().generator.parts
    middle = torch.tensor(
        [[size // 2 if part not in NOTHING else 0 for part, size in zip(AXES, codes.sizes, strict=True)]]
    )
    return codes.choose(torch.zeros(1, faces_gan().latent_dim), middle)


def paint_here(function: str) -> LocalAnswer | None:
    """Return how the page itself paints faces, by a function of `local_answers.js`; None without what it needs."""
    try:
        typical = typical_latent()[0].tolist()
    except checkpoints.CheckpointError:
        return None
    facts = {"typical": typical, "limit": AXIS_LIMIT, "first": FIRST_FACE, "second": SECOND_FACE}
    counts = {"shown": FACES_SHOWN, "frames": INTERPOLATION_FRAMES}
    texts = {"face": TEXT["face"], "realness": TEXT["realness_here"], "seed": TEXT["seed_of"], "film": TEXT["film"]}
    return LocalAnswer(function, ("dcgan-faces",), facts | counts | {"texts": texts})


def latent(seed: int, truncation: float = 1.0) -> Tensor:
    """Draw z (1, latent_dim) ~ N(0, I) with a seed, and multiply its distance from `typical_latent` by `truncation`."""
    z = torch.randn(1, faces_gan().latent_dim, generator=torch.Generator().manual_seed(inputs.check_seed(seed)))
    return torch.lerp(typical_latent(), z, inputs.check_range(truncation, 0, MAX_TRUNCATION))


def edited_latent(seed: int, truncation: float, *amounts: float) -> Tensor:
    """Draw z with a seed, and move it along AXES by `amounts` in −4 … 4, up to AXIS_LIMIT; raises InputError if there
    are too many."""
    if len(amounts) > len(AXES):
        raise inputs.InputError(TEXT["too_many"].format(n=len(AXES)))
    z = latent(seed, truncation)
    for axis, amount in enumerate(amounts):
        step = inputs.check_range(amount, -MAX_AMOUNT, MAX_AMOUNT)
        if step:
            z[:, axis] = (z[:, axis] + step).clamp(-AXIS_LIMIT, AXIS_LIMIT)
    return z


@torch.no_grad()
def realness(x: Tensor) -> list[float]:
    """Return the discriminator's probability that each image (N, 3, 64, 64) in [0, 1] is real."""
    return faces_gan().discriminator(x).sigmoid().tolist()


@cache
def held_out_faces() -> Tensor:
    """Return faces not used in training, (64, 3, 64, 64)."""
    return cartoon_faces(split="sample")[:]["image"]


def enlarge_face(x: Tensor) -> Image.Image:
    """Enlarge a face (3, 64, 64) for the page."""
    return to_pil(x).resize((SHOWN_SIZE, SHOWN_SIZE), Image.Resampling.LANCZOS)


@torch.no_grad()
def paint_face(seed: int, truncation: float = 0.8, *amounts: float) -> list[dict]:
    """Generate the cartoon face of a seed: truncation 0 … 1.2, from a typical face to unusual ones, and a shift of
    −4 … 4 along each of AXES."""
    x = faces_gan()(edited_latent(seed, truncation, *amounts))
    note = TEXT["realness"].format(p=100 * realness(x)[0])
    return [picture(TEXT["face"], enlarge_face(x[0]), note, quality=92, size="large")]


@torch.no_grad()
def paint_faces(seed: int, truncation: float = 0.8) -> list[dict]:
    """Generate the cartoon faces of twelve seeds from `seed` on, the `picked` one, to choose from: truncation
    0 … 1.2."""
    first = inputs.check_seed(seed, MAX_FIRST_SEED)
    x = faces_gan()(torch.cat([latent(first + i, truncation) for i in range(FACES_SHOWN)]))
    return [
        picture(TEXT["seed_of"].format(seed=first + i), to_pil(one, 96)) | {"picked": i == 0} for i, one in enumerate(x)
    ]


def choose_face(index: int | None, seed: int) -> int:
    """Return the seed of one of `paint_faces`, by its index."""
    return inputs.check_seed(seed, MAX_FIRST_SEED) + int(inputs.check_choice(index, range(FACES_SHOWN)))


@torch.no_grad()
def interpolate_faces(seed: int, other: int, truncation: float = 0.8) -> list[dict]:
    """Interpolate from the cartoon face of one seed to that of another, as a film strip: truncation 0 … 1.2."""
    z = slerp(latent(seed, truncation), latent(other, truncation), torch.linspace(0, 1, INTERPOLATION_FRAMES))
    return [film_strip(TEXT["film"], faces_gan()(z))]


@torch.no_grad()
def download_loop(seed: int, other: int, truncation: float = 0.8, kind: str = "gif") -> dict:
    """Export the interpolation from the cartoon face of one seed to that of the `other`, and back, as {name, src} of an
    animated image, kind "gif" or "webp": truncation 0 … 1.2."""
    kind = inputs.check_choice(kind, FILM_KINDS)
    t = (1 - torch.cos(torch.linspace(0, torch.pi, 2 * INTERPOLATION_FRAMES))) / 2
    there = [enlarge_face(x) for x in faces_gan()(slerp(latent(seed, truncation), latent(other, truncation), t))]
    src = film_uri([*there, *there[-2:0:-1]], kind, duration=60)
    return {"name": f"{TEXT['file']}-{int(seed)}-{int(other)}.{kind}", "src": src, "at": time.time()}


def read_face(pad: dict) -> Tensor:
    """Read the canvas -> (1, 3, 64, 64) in [0, 1], colours under lines; raises InputError if it is empty."""
    pad = pad if isinstance(pad, dict) else {}
    if not pad.get("lines") and not pad.get("hints"):
        raise inputs.InputError(TEXT["draw"])
    face = Image.new("RGB", (SHOWN_SIZE, SHOWN_SIZE), "white")
    if pad.get("hints"):
        hints = inputs.read_layer(pad["hints"]).resize(face.size)
        face.paste(hints, mask=hints.getchannel("A"))
    if pad.get("lines"):
        lines = inputs.fit_into_square(inputs.read(inputs.decode_data_uri(pad["lines"])), SHOWN_SIZE, "white")
        face = ImageChops.multiply(face, lines)
    return inputs.to_color(face, FACE_SIZE)


def find_face(pad: dict) -> Iterator[list[dict]]:
    """Search the latent space for the cartoon face most similar to a canvas {lines, hints}, colours under lines
    (`ae_demo.training.inversion`); yields the canvas and the best face so far."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    generator, classifier = (copy.deepcopy(network(name)).to(device) for name in ("dcgan-faces", "classifier-faces"))
    target = read_face(pad)
    score = TEXT["realness"].format(p=100 * realness(target)[0])
    guesses = inversion.invert(generator.generator, classifier, target.to(device), held_out_faces().to(device))
    for guess in guesses:
        note = TEXT["searching"] if guess.step < inversion.INVERSION_STEPS else TEXT["found"]
        note = note.format(turn=guess.step, turns=inversion.INVERSION_STEPS, psnr=guess.psnr)
        yield [
            picture(TEXT["yours"], enlarge_face(target[0]), score),
            picture(TEXT["nearest"], enlarge_face(guess.picture), note),
        ]


def load_face(path: str) -> dict:
    """Convert an uploaded picture (file) of a face to the canvas, {lines, hints}, that `find_face` takes."""
    return {"lines": data_uri(inputs.fit_into_square(inputs.read(path), SHOWN_SIZE, "white")), "hints": ""}


def gaze(x: Tensor) -> Image.Image:
    """Draw where the discriminator looks in a face (1, 3, 64, 64), shown pale: how much its logit changes with each
    pixel."""
    x = x.detach().requires_grad_()
    with torch.enable_grad():
        (slope,) = torch.autograd.grad(faces_gan().discriminator(x).sum(), x)
    blurred = F.avg_pool2d(slope.abs().sum(1, keepdim=True), 5, stride=1, padding=2)[0, 0]
    pale = enlarge_face(x[0].detach()).convert("L").point(lambda value: 255 - (255 - value) // PALER)
    return heat(blurred.numpy() / float(blurred.max()), pale)


def paint_classes(dataset: str = "mnist", seed: int = 0) -> list[dict]:
    """Paint one picture of each class by the conditional GAN of a dataset, mnist or fashion, from the same noise, drawn
    with a seed."""
    name = f"cgan-{inputs.check_choice(dataset, CLASSES_OF)}"
    generator = network(name).generator
    z = torch.randn(1, generator.latent_dim, generator=inputs.seeded_generator(seed))
    with torch.no_grad():
        painted = generator(generator.parts.choose(z, torch.arange(generator.parts.sizes[0])[:, None]))
    return [picture(label, to_pil(x)) for label, x in zip(class_labels(name), painted, strict=True)]


def new_game() -> dict:
    """Start a game: rounds of [is the face real, its number], and no answers yet."""
    return {"rounds": [[random.random() < 0.5, random.randrange(10**6)] for _ in range(ROUNDS)], "answers": []}


def is_game(game) -> bool:
    """Tell whether a value is a game as `new_game` begins it."""
    if not isinstance(game, dict) or not all(isinstance(game.get(key), list) for key in ("rounds", "answers")):
        return False
    rounds, answers = game["rounds"], game["answers"]
    whole = all(isinstance(one, list) and [type(part) for part in one] == [bool, int] for one in rounds)
    return whole and len(rounds) == ROUNDS >= len(answers) and all(type(answer) is bool for answer in answers)


@torch.no_grad()
def game_face(real: bool, number: int) -> Tensor:
    """Return the face of a round (1, 3, 64, 64), held out or generated."""
    return (
        held_out_faces()[number % len(held_out_faces())][None] if real else faces_gan()(latent(number % MAX_SEED, 0.9))
    )


def answer_dots(right: list[bool]) -> str:
    """Return a dot for each answer, full if it was right."""
    return "".join("●" if one else "○" for one in right)


@torch.no_grad()
def play_game(game: dict, answer: str = "") -> tuple[dict, list[dict]]:
    """Play ten rounds of “real or generated?”: answer the current one ("real", "fake"; else a new game starts) -> the
    game, for the next call, and the next face, the last one with the truth and the discriminator's judgement, and the
    score. A finished game stays unchanged; {} is none."""
    if not is_game(game) or answer not in ("real", "fake"):
        game = new_game()
    elif len(game["answers"]) < ROUNDS:
        game = {**game, "answers": [*game["answers"], answer == "real"]}
    done, row = len(game["answers"]), []
    if done < ROUNDS:
        row.append(
            picture(TEXT["which"].format(n=done + 1, of=ROUNDS), enlarge_face(game_face(*game["rounds"][done])[0]))
        )
    if done:
        truths = [real for real, _ in game["rounds"][:done]]
        faces = torch.cat([game_face(*one) for one in game["rounds"][:done]])
        verdicts = realness(faces)
        mine = [a == b for a, b in zip(game["answers"], truths, strict=True)]
        its = [(p > 0.5) == real for p, real in zip(verdicts, truths, strict=True)]
        verdict = TEXT["was_real"] if truths[-1] else TEXT["was_fake"]
        title = TEXT["right" if game["answers"][-1] == truths[-1] else "wrong"] + verdict
        row.append(picture(title, enlarge_face(faces[-1]), TEXT["realness"].format(p=100 * verdicts[-1])))
        row.append(picture(TEXT["looked"], gaze(faces[-1:]), TEXT["looked_note"]))
        so_far = {
            "mine": sum(mine),
            "its": sum(its),
            "done": done,
            "my_dots": answer_dots(mine),
            "its_dots": answer_dots(its),
        }
        row += message(TEXT["score" if done < ROUNDS else "over"].format(**so_far))
    return game, row


@cache
def training_film(name: str) -> list:
    """Load `checkpoints.film`, cached."""
    return checkpoints.film(name)


def watch_learning(position: float) -> list[dict]:
    """Show samples of both GANs from fixed codes at a point of their training, 0 … 1."""
    row = []
    for name in ("dcgan-faces", "gan-digits"):
        film = training_film(name)
        if film:
            step, src = film[round(inputs.check_range(position, 0, 1) * (len(film) - 1))]
            row.append({"title": TEXT[name], "src": src, "note": TEXT["step"].format(step=step), "size": "large"})
    return row or message(TEXT["no_film"])


def build() -> None:
    """Lay out the tab and connect its events."""
    pens = TEXTS["pad"]
    with gr.Row():
        with gr.Column(scale=2, min_width=300):
            face = Pictures([], spoken=True, elem_id="dcgan-face")
            with gr.Row():
                seed = Number(
                    FIRST_FACE, label=TEXT["seed"], precision=0, minimum=0, maximum=MAX_FIRST_SEED, elem_id="dcgan-seed"
                )
                truncation = Slider(
                    0, MAX_TRUNCATION, 0.8, step=0.05, label=TEXT["truncation"], info=TEXT["truncation_note"]
                )
        with gr.Column(scale=3, min_width=320):
            with gr.Row():
                amounts = [
                    Slider(
                        -MAX_AMOUNT, MAX_AMOUNT, 0, step=0.1, label=TEXT[name], elem_id=f"dcgan-{name}", min_width=300
                    )
                    for name in AXES
                ]
            back = gr.Button(TEXT["back"], size="sm", scale=0)
    faces = Choices(TEXT["faces"], TEXT["faces_note"], small=True, elem_id="dcgan-faces")
    gr.Markdown(TEXT["film_title"])
    with gr.Row():
        other = Number(
            SECOND_FACE, label=TEXT["other"], precision=0, minimum=0, maximum=MAX_SEED, scale=0, min_width=160
        )
        loops = [(gr.Button(TEXTS["menu"][kind], size="sm", scale=0, min_width=160), kind) for kind in FILM_KINDS]
    film, loop = Pictures([], elem_id="dcgan-film"), Download()
    gr.Markdown(TEXT["yours_title"])
    with gr.Row():
        with gr.Column(scale=2, min_width=300):
            widths = {pens["pen"]: 3, pens["medium"]: 6, pens["thick"]: 12}
            pad = ColoringPad(SHOWN_SIZE, widths, FACE_COLORS, elem_id="dcgan-pad")
            with gr.Row():
                upload = PictureUpload(TEXT["upload"], file_types=["image"], size="sm", elem_id="dcgan-upload")
                search = gr.Button(TEXT["search"], variant="primary", size="sm")
        with gr.Column(scale=3, min_width=320):
            mine = Pictures(message(TEXT["draw"]), spoken=True, elem_id="dcgan-mine")
    gr.Markdown(TEXT["game_title"])
    game = gr.State({})
    with gr.Row():
        guesses = [(gr.Button(TEXT[guess], size="sm"), guess) for guess in ("real", "fake", "again")]
    arena = Pictures(message(TEXT["game_note"]), spoken=True, elem_id="dcgan-game")
    gr.Markdown(TEXT["classes_title"])
    with gr.Row():
        data = gr.Radio(
            [(TEXT[key], key) for key in CLASSES_OF], value="mnist", label=TEXT["data"], scale=0, min_width=280
        )
        noise = Number(0, label=TEXT["noise"], precision=0, minimum=0, maximum=MAX_SEED, scale=0, min_width=160)
    by_class = Pictures([], elem_id="dcgan-classes")
    gr.Markdown(TEXT["learning_title"])
    position = Slider(0, 1, 1, step=0.01, label=TEXT["position"], elem_id="dcgan-position")
    learning = Pictures([], elem_id="dcgan-learning")
    offer_script(paint_face, "paint_face", [seed, truncation, *amounts])
    how_it_works(TEXT["how"], TEXT["explanation"])

    kept = {"seed": seed, "truncation": truncation, **dict(zip(AXES, amounts, strict=True)), "other": other}
    kept |= {"data": data, "noise": noise}
    address = keep_in_address("dcgan", kept | {"learned": position}, FACE_NETWORKS, eager=True)
    whole = [seed, truncation, *amounts]
    painted, moved = handler(paint_face, message), [truncation.input, *(one.input for one in amounts)]
    shared = [address.submit, seed.change, truncation.change]
    gr.on(shared, None, js=faces.outdate)
    ends = [seed, other, truncation]
    filmed, watched = handler(interpolate_faces, message), handler(watch_learning, message)
    classes_painted, chosen = handler(paint_classes, message), handler(paint_faces, message)
    connect(
        Live([address.submit, seed.change], painted, whole, [face], "paint_face", paint_here("paintFace")),
        Live(moved, painted, whole, [face], local=paint_here("paintFace")),
        Live(shared, chosen, [seed, truncation], [faces], "paint_faces", paint_here("paintFaces")),
        Live([*shared, other.change], filmed, ends, [film], "between_faces", paint_here("interpolateFaces")),
        Live([address.submit, position.input], watched, [position], [learning], "watch_learning"),
        Live([address.submit, data.input, noise.change], classes_painted, [data, noise], [by_class], "paint_classes"),
    )
    back.click(lambda: [0] * len(amounts), None, amounts, queue=False, **PRIVATE).success(
        painted, whole, face, show_progress="hidden", **PRIVATE
    )
    faces.input(handler(choose_face), [faces, seed], seed, **QUIET, **PRIVATE)
    for button, kind in loops:
        button.click(handler(partial(download_loop, kind=kind)), ends, loop, show_progress="hidden", **PRIVATE)
    gr.api(handler(download_loop), api_name="download_loop")
    upload.upload(handler(load_face), upload, pad, api_name="load_face", show_progress="hidden")
    search.click(
        handler(gpu(find_face)), pad, mine, api_name="find_face", show_progress="hidden", concurrency_id="search",
        concurrency_limit=2,
    )  # fmt: skip
    for button, guess in guesses:
        answer = handler(partial(play_game, answer=guess))
        button.click(answer, game, [game, arena], show_progress="hidden", **PRIVATE)
    gr.api(handler(play_game), api_name="play_game")
