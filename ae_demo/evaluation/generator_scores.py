"""Held-out scores of generative networks, and of the classifiers used to judge them."""

from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import Tensor
from tqdm import tqdm

from ae_demo import runtime
from ae_demo.data.faces import EYES, ONE_SIDED_EYES, READABLE_PARTS
from ae_demo.data.images import Images
from ae_demo.evaluation.image_metrics import predict_batches
from ae_demo.evaluation.set_metrics import (
    attribute_logits,
    conditional_scores,
    feature_net,
    first_attribute,
    read_attributes,
    set_scores,
)
from ae_demo.losses import class_targets, diffusion
from ae_demo.models.ddpm import to_pixels
from ae_demo.models.samplers import SAMPLERS

READABLE = {"readable": 0.5, "clear": 0.9}  # minimum probability of an attribute's most likely value
GUIDANCE = 1.5  # guidance scale of the scored samples
STEPS = (1, 2, 4, 10, 20, 50)
SAMPLER_STEPS = dict.fromkeys(SAMPLERS, STEPS)
LONG_SAMPLER_STEPS = dict.fromkeys(SAMPLERS, (*STEPS, 200, 1000))  # fifteen times the cost
FACES = "classifier-faces"
EYE_ROWS, EYE_COLUMNS = slice(22, 31), slice(21, 42)  # the eyes in a face of 64 × 64 pixels; the middle is between them
Quality = Callable[[Tensor, Tensor], dict[str, float]]  # scores of fake images, given real ones
SAMPLES_PER_STEP = 4  # fewer samples could not resolve so many steps


def classification_scores(model, data: Images, names: tuple[str, ...] = ("accuracy",)) -> dict[str, float]:
    """Return the accuracy of each attribute under its name."""
    batch = data[:]
    predicted = read_attributes(batch["image"], model)
    return dict(zip(names, (predicted == class_targets(batch)).float().mean(0).tolist(), strict=True))


def readability(x: Tensor, classifier: str, attributes: tuple[int, ...] = (0,)) -> dict[str, float]:
    """Return the shares of images whose attributes with these indices all reach each probability in READABLE."""
    logits = attribute_logits(x, feature_net(classifier))
    likeliest = torch.stack([logits[i].softmax(1).amax(1) for i in attributes]).amin(0)
    return {name: float((likeliest > least).float().mean()) for name, least in READABLE.items()}


@torch.inference_mode()
def sample_scores(
    model,
    data: Images,
    classifier: str,
    quality: Quality | None = None,
    n: int = 1000,
    positions: Callable[[Tensor], Tensor] | None = None,
) -> dict[str, float]:
    """Return `set_scores` of n seeded samples against n held-out images, and quality(samples, images), by default the
    `readability` of the samples. The same scores of n other held-out images, as frechet_real and so on, serve as a
    reference.

    For a generator whose code chooses parts, label_accuracy is the share of parts that the classifier reads as chosen,
    after positions(attributes) (N, P), which puts them in the order of the code."""
    x = data[:]["image"]
    n = min(n, len(x) // 2)
    z = torch.randn(n, model.latent_dim, generator=torch.Generator().manual_seed(0))
    fake = predict_batches(model, z)
    scores = against_real(fake, x[:n], x[n : 2 * n], partial(set_scores, classifier=classifier))
    scores |= against_real(fake, x[:n], x[n : 2 * n], quality or (lambda x, _: readability(x, classifier)))
    if positions:
        read = positions(read_attributes(fake, feature_net(classifier)))
        scores["label_accuracy"] = float((read == model.generator.parts.chosen(z)).float().mean())
    return scores


def against_real(fake: Tensor, real: Tensor, other: Tensor, score: Quality) -> dict[str, float]:
    """Return score(fake, real), and that of other real images as name_real."""
    return score(fake, real) | {f"{name}_real": value for name, value in score(other, real).items()}


def face_quality(x: Tensor, real: Tensor) -> dict[str, float]:
    """Return the `readability` of faces (N, 3, 64, 64) in [0, 1]; specks, the share with a pixel that is not white
    where no real face has one; and like_eyes, see `like_eyes_share`."""
    return readability(x, FACES, READABLE_PARTS) | {"specks": speck_share(x, real), "like_eyes": like_eyes_share(x)}


def speck_share(fake: Tensor, real: Tensor) -> float:
    """Return the share of images (N, 3, H, W) in [0, 1] with a pixel below 3/4 where all real ones (M, 3, H, W) are
    above 0.9."""
    white = real.amin(dim=(0, 1)) > 0.9
    return float((fake.amin(1) < 0.75)[:, white].any(1).float().mean())


def like_eyes_share(x: Tensor) -> float:
    """Return the share of faces (N, 3, 64, 64) in [0, 1] whose eyes the classifier reads as of one kind, each from the
    face with this eye mirrored over the other; of those it reads as a kind whose eyes are alike. 0 if there is none."""
    x = x[~torch.isin(read_eyes(x), torch.tensor(ONE_SIDED_EYES))]
    if not len(x):
        return 0.0
    both, middle = x[:, :, EYE_ROWS, EYE_COLUMNS], torch.arange(EYE_COLUMNS.stop - EYE_COLUMNS.start)
    kinds = []
    for is_kept in (middle <= len(middle) // 2, middle >= len(middle) // 2):
        mirrored = x.clone()
        mirrored[:, :, EYE_ROWS, EYE_COLUMNS] = torch.where(is_kept, both, both.flip(3))
        kinds.append(read_eyes(mirrored))
    return float((kinds[0] == kinds[1]).float().mean())


def read_eyes(x: Tensor) -> Tensor:
    """Return the kinds (N,) of eyes that the classifier reads in faces, indices into PARTS."""
    return read_attributes(x, feature_net(FACES))[:, EYES]


def sample_classes(model, y: Tensor, steps: int, batch_size: int = 100, seed: int = 0, **options) -> Tensor:
    """Sample images (N, C, H, W) in [0, 1] of classes y (N,), in batches, the i-th with seed + i."""
    parts = []
    for i, part in enumerate(y.split(batch_size)):
        *_, last = model.sample(part, steps, seed=seed + i, **options)
        parts.append(to_pixels(last.x_t))
    return torch.cat(parts)


@torch.inference_mode()
def diffusion_scores(
    model,
    data: Images,
    classifier: str,
    steps: int = 20,
    guidance: float = GUIDANCE,
    sampler: str = "dpm++",
    n: int = 500,
    label_of: Callable[[Tensor], Tensor] = first_attribute,
    quality: Quality | None = None,
) -> dict[str, float]:
    """Return mse of the predicted v over seeded noise and times, `conditional_scores` of n seeded samples against n
    held-out images with the same classes, and those of n other held-out images as frechet_real and so on; with
    `quality` also those of quality(samples, images)."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        mse = [float(diffusion(model, data[i : i + 250], drop_label=0.0)["loss"]) for i in range(0, len(data), 250)]
    real, other, y = split_halves(model, data, n)
    fake = sample_classes(model, y, steps, guidance=guidance, sampler=sampler)
    floor = conditional_scores(other["image"], other["label"], real, classifier, label_of)
    return {
        "mse": sum(mse) / len(mse),
        **conditional_scores(fake, y, real, classifier, label_of),
        **{f"{name}_real": value for name, value in floor.items()},
        **(against_real(fake, real, other["image"], quality) if quality else {}),
    }


def split_halves(model, data: Images, n: int) -> tuple[Tensor, dict[str, Tensor], Tensor]:
    """Return n images, n others with their labels, and the labels of the first, all of classes known to the model."""
    known = (data[:]["label"] < model.num_classes).nonzero().flatten()
    known = known[torch.randperm(len(known), generator=torch.Generator().manual_seed(0))]
    n = min(n, len(known) // 2)
    first = data[known[:n]]
    return first["image"], data[known[n : 2 * n]], first["label"]


@torch.inference_mode()
def sampler_scores(
    model,
    data: Images,
    classifier: str,
    guidance: float = GUIDANCE,
    n: int = 500,
    sampler_steps: Mapping[str, tuple[int, ...]] = SAMPLER_STEPS,
    seed: int = 0,
    label_of: Callable[[Tensor], Tensor] = first_attribute,
) -> dict:
    """Return {"samplers": {sampler: {steps: `conditional_scores`}}} for `sampler_steps`, as `diffusion_scores`, but on
    the fast path, as in the app, and "samplers_real", the scores of other held-out images. With fewer than n samples at
    most samples / SAMPLES_PER_STEP steps are tried."""
    real, other, y = split_halves(model, data, n)
    most = len(y) // SAMPLES_PER_STEP if len(y) < n else max(map(max, sampler_steps.values()))
    cases = [(sampler, steps) for sampler, counts in sampler_steps.items() for steps in counts if steps <= max(1, most)]
    net, table = runtime.fast(model), dict[str, dict]()
    for sampler, steps in tqdm(cases, desc="samplers", unit="case", disable=None):
        fake = sample_classes(model, y, steps, guidance=guidance, sampler=sampler, net=net, seed=seed)
        row = conditional_scores(fake, y, real, classifier, label_of)
        table.setdefault(sampler, {})[str(steps)] = {name: round(value, 4) for name, value in row.items()}
    floor = conditional_scores(other["image"], other["label"], real, classifier, label_of)
    return {"samplers": table, "samplers_real": {name: round(value, 4) for name, value in floor.items()}}
