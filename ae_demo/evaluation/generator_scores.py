"""Held-out scores of generative networks, and of the classifiers used to judge them."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from tqdm import tqdm

from ae_demo import runtime
from ae_demo.data.faces import AXES
from ae_demo.data.images import Images
from ae_demo.evaluation.image_metrics import predict_batches
from ae_demo.evaluation.set_metrics import conditional_scores, feature_net, set_scores
from ae_demo.losses import class_targets, diffusion
from ae_demo.models.ddpm import to_pixels
from ae_demo.models.samplers import SAMPLERS

READABLE = {"readable": 0.5, "clear": 0.9}  # minimum probability of an attribute's most likely value
GUIDANCE = 1.5  # guidance scale of the scored samples
STEPS = (1, 2, 4, 10, 20, 50)
SAMPLER_STEPS = dict.fromkeys(SAMPLERS, STEPS)
LONG_SAMPLER_STEPS = dict.fromkeys(SAMPLERS, (*STEPS, 200, 1000))  # fifteen times the cost
EYES = list(AXES).index("eyes")
EYE_ROWS, EYE_COLUMNS = slice(22, 31), slice(21, 42)  # the eyes in a face of 64 × 64 pixels; the middle is between them
SAMPLES_PER_STEP = 4  # fewer samples could not resolve so many steps


def classification_scores(model, data: Images, names: tuple[str, ...] = ("accuracy",)) -> dict[str, float]:
    """Return the accuracy of each attribute under its name."""
    batch = data[:]
    logits = predict_batches(model, batch["image"]).split(model.sizes, dim=1)
    predicted = torch.stack([part.argmax(1) for part in logits], dim=1)
    return dict(zip(names, (predicted == class_targets(batch)).float().mean(0).tolist(), strict=True))


@torch.inference_mode()
def sample_scores(
    model,
    data: Images,
    classifier: str,
    readable: tuple[int, ...] = (0,),
    n: int = 1000,
    positions: Callable[[Tensor], Tensor] | None = None,
) -> dict[str, float]:
    """Return `set_scores` of n seeded samples against n held-out images, and the shares of samples whose attributes
    with indices `readable` all reach each probability in READABLE. The same scores of n other held-out images, as
    frechet_real and so on, serve as a reference.

    For a generator whose code chooses parts, label_accuracy is the share of parts that the classifier reads as chosen,
    after positions(attributes) (N, P), which puts them in the order of the code."""
    x = data[:]["image"]
    n = min(n, len(x) // 2)
    z = torch.randn(n, model.latent_dim, generator=torch.Generator().manual_seed(0))
    net, scores = feature_net(classifier), dict[str, float]()
    for suffix, fake in (("", predict_batches(model, z)), ("_real", x[n : 2 * n])):
        logits = predict_batches(net, fake).split(net.sizes, dim=1)
        likeliest = torch.stack([logits[i].softmax(1).amax(1) for i in readable]).amin(0)
        values = set_scores(fake, x[:n], classifier)
        values |= {name: float((likeliest > least).float().mean()) for name, least in READABLE.items()}
        scores |= {name + suffix: value for name, value in values.items()}
        if positions and not suffix:
            read = positions(torch.stack([part.argmax(1) for part in logits], dim=1))
            scores["label_accuracy"] = float((read == model.generator.parts.chosen(z)).float().mean())
    return scores


def face_scores(model, data: Images, positions: Callable[[Tensor], Tensor], **options) -> dict[str, float]:
    """Return `sample_scores` of faces, and of as many samples specks: the share with a pixel that is not white where no
    held-out face has one; and like_eyes: the share whose eyes differ no more than those of true faces with the chosen
    kind of eyes. specks_real and like_eyes_real are those of half of the held-out faces against the others."""
    batch = data[:]
    x, eyes = batch["image"], positions(batch["attributes"])[:, EYES]
    half = len(x) // 2
    z = torch.randn(min(1000, half), model.latent_dim, generator=torch.Generator().manual_seed(0))
    fake, true = predict_batches(model, z), (x[:half], eyes[:half])
    own = {
        "specks": speck_share(fake, x),
        "specks_real": speck_share(x[half:], x[:half]),
        "like_eyes": like_eyes_share(fake, model.generator.parts.chosen(z)[:, EYES], *true),
        "like_eyes_real": like_eyes_share(x[half:], eyes[half:], *true),
    }
    return sample_scores(model, data, "classifier-faces", positions=positions, **options) | own


def speck_share(fake: Tensor, real: Tensor) -> float:
    """Return the share of images (N, 3, H, W) in [0, 1] with a pixel below 3/4 where all real ones (M, 3, H, W) are
    above 0.9."""
    white = real.amin(dim=(0, 1)) > 0.9
    return float((fake.amin(1) < 0.75)[:, white].any(1).float().mean())


def like_eyes_share(fake: Tensor, kinds: Tensor, real: Tensor, real_kinds: Tensor) -> float:
    """Return the share of faces (N, 3, 64, 64) in [0, 1] with kinds (N,) of eyes whose left eye differs from the
    mirrored right one no more than in all but a twentieth of the real faces with eyes of that kind."""

    def differences(x: Tensor) -> Tensor:
        both = x[:, :, EYE_ROWS, EYE_COLUMNS]
        return (both - both.flip(3)).abs().mean(dim=(1, 2, 3))

    true = differences(real)
    known = [true[real_kinds == kind] for kind in range(int(kinds.max()) + 1)]
    limits = torch.stack([(one if len(one) else true).quantile(0.95) for one in known])
    return float((differences(fake) <= limits[kinds]).float().mean())


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
) -> dict[str, float]:
    """Return mse of the predicted v over seeded noise and times, `conditional_scores` of n seeded samples against n
    held-out images with the same classes, and those of n other held-out images as frechet_real and so on."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        mse = [float(diffusion(model, data[i : i + 250], drop_label=0.0)["loss"]) for i in range(0, len(data), 250)]
    real, other, y = split_halves(model, data, n)
    fake = sample_classes(model, y, steps, guidance=guidance, sampler=sampler)
    floor = conditional_scores(other["image"], other["label"], real, classifier)
    return {
        "mse": sum(mse) / len(mse),
        **conditional_scores(fake, y, real, classifier),
        **{f"{name}_real": value for name, value in floor.items()},
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
) -> dict:
    """Return {"samplers": {sampler: {steps: `conditional_scores`}}} for `sampler_steps`, as `diffusion_scores`, but on
    the fast path, as in the app. With fewer than n samples at most samples / SAMPLES_PER_STEP steps are tried."""
    real, _, y = split_halves(model, data, n)
    most = len(y) // SAMPLES_PER_STEP if len(y) < n else max(map(max, sampler_steps.values()))
    cases = [(sampler, steps) for sampler, counts in sampler_steps.items() for steps in counts if steps <= max(1, most)]
    net, table = runtime.fast(model), dict[str, dict]()
    for sampler, steps in tqdm(cases, desc="samplers", unit="case", disable=None):
        fake = sample_classes(model, y, steps, guidance=guidance, sampler=sampler, net=net, seed=seed)
        row = conditional_scores(fake, y, real, classifier)
        table.setdefault(sampler, {})[str(steps)] = {name: round(value, 4) for name, value in row.items()}
    return {"samplers": table}
