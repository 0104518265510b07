"""RECIPES: the table of everything that is trained."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from ae_demo.data.cartoon import PARTS
from ae_demo.data.corruptions import augment_pictures, downsample, jitter, random_corruption
from ae_demo.data.datasets import (
    cartoon_faces,
    emoji_groups,
    emoji_icons,
    emoji_pairs,
    emoji_pictures,
    fashion_mnist,
    mnist,
)
from ae_demo.data.emoji import GROUPS, PALETTE
from ae_demo.data.hints import random_hints
from ae_demo.data.sketches import random_sketch
from ae_demo.models.autoencoder import Autoencoder
from ae_demo.models.classifier import Classifier
from ae_demo.models.colorization import Colorization, ColorizationBaseline
from ae_demo.models.colorization_gan import PaletteColorization, PatchDiscriminator
from ae_demo.models.dcgan import DCGAN, GAN
from ae_demo.models.ddpm import DDPM
from ae_demo.models.features import Features
from ae_demo.models.pca import PCA
from ae_demo.models.residual import ResidualAutoencoder
from ae_demo.models.restoration import Restoration
from ae_demo.models.stacked import Stacked
from ae_demo.models.vae import VAE
from ae_demo.training import losses, maps, metrics, strips
from ae_demo.training.loops import fit, fit_gan, fit_layerwise, fit_pair, fit_pca, warm_cosine
from ae_demo.training.reflow import TEACHER, fashion_couplings


@dataclass(frozen=True)
class Recipe:
    """How one checkpoint comes about.

    data(data_dir, split) -> Images; model() -> module; train(model, data, steps=…, batch_size=…, …) -> metrics of each
    step; evaluate(model, data) -> scores; strip(model, data) -> rows of pictures. `splits` are the held-out data that
    are scored, `others` those that evaluate_others(model, data) scores, `headline` what the results table shows;
    mapped(model, sample) -> what is found in its codes (`ae_demo.training.maps`). `filmed`: whether it is kept what
    strip(model, data) shows while the model learns. `teacher`: the checkpoint whose weights it begins with."""

    title: str
    data: Callable
    model: Callable
    train: Callable
    steps: int
    batch_size: int
    evaluate: Callable
    strip: Callable
    headline: tuple[str, ...]
    splits: tuple[str, ...] = ("held_out", "sample")
    others: tuple[str, ...] = ()
    evaluate_others: Callable | None = None
    mapped: Callable | None = None
    filmed: bool = False
    teacher: str | None = None


OTHERS = ("held_out_artist", "held_out_canny", "held_out_crayon")
line_art = partial(  # what the networks that colour line art share
    Recipe,
    data=emoji_pairs,
    batch_size=32,
    evaluate=metrics.colorization_scores,
    others=OTHERS,
    evaluate_others=partial(metrics.colorization_scores, hints=(0,)),
    headline=("psnr", "ssim", "delta_e", "colorfulness"),
)
reconstructing = partial(  # what the networks that give back the picture they see share
    Recipe,
    data=fashion_mnist,
    steps=9_400,  # 20 passes
    batch_size=128,
    evaluate=metrics.reconstruction_scores,
    strip=strips.reconstructions,
    headline=("mse", "psnr", "ssim"),
    mapped=maps.code_map,
)
restoring = partial(reconstructing, batch_size=64, headline=("psnr", "ssim"), mapped=None)
ENLARGED = ("psnr", "psnr_bicubic", "ssim", "ssim_bicubic")
variational = partial(Recipe, batch_size=256, evaluate=metrics.elbo_scores, strip=strips.manifold)
SETS = (("mnist", mnist, "digits"), ("fashion", fashion_mnist, "clothing"))
ENLARGING = {n: partial(losses.reconstruction, corrupt=partial(downsample, scale=n)) for n in (2, 4)}
classifying = partial(  # what shows how like two sets of pictures are
    Recipe,
    train=partial(
        fit,
        loss=partial(losses.classification, corrupt=jitter),
        lr=2e-3,
        weight_decay=0.02,
        schedule=warm_cosine,
        bf16=True,
    ),
    batch_size=64,
    evaluate=metrics.classification_scores,
    strip=strips.pictures,
    headline=("accuracy",),
)
STEADY = {"schedule": warm_cosine, "clip": 1.0, "ema_decay": 0.999, "bf16": True}
FAST = {"steps": 4, "guidance": 1.0, "sampler": "unipc"}  # how the student is asked
diffusing = partial(  # what the diffusion networks share
    Recipe,
    train=partial(fit, loss=losses.diffusion, lr=6e-4, **STEADY),
    steps=5_000,
    batch_size=64,
    others=("held_out",),
    strip=partial(strips.class_samples, guidance=metrics.GUIDANCE, sampler="dpm++"),
    headline=("mse", "frechet", "precision", "recall", "accuracy"),
)
SAMPLES = ("frechet", "precision", "recall", "readable")
FACE = tuple(list(PARTS).index(name) for name in ("hair_color", "skin_color", "clothing"))  # what must be readable
CODES = ("mse", "mse_2", "mse_32", "mse_128")
LAYERS = [256, 128, 32]  # of the stacked autoencoders
SHOWN = {"sketch": random_sketch, "hint": random_hints, "chroma_weight": 0.3}  # to the U-Nets, and what counts
RECIPES = {
    "colorization-baseline": line_art(
        title="Line art to colour, the course notes' network",
        model=ColorizationBaseline,
        train=partial(fit, loss=partial(losses.colorization_mse, sketch=random_sketch), lr=1e-3, bf16=True),
        steps=1_500,
        strip=strips.colorizations,
    ),
    "colorization": line_art(
        title="Line art to colour, U-Net",
        model=partial(Colorization, width=48),
        train=partial(fit, loss=partial(losses.colorization_l1, **SHOWN), lr=1e-3, weight_decay=0.02, **STEADY),
        steps=15_000,
        strip=strips.colorizations,
    ),
    "colorization-gan": line_art(
        title="Line art to colour, U-Net against a discriminator",
        model=partial(PaletteColorization, list(PALETTE), width=48),
        train=partial(
            fit_gan,
            loss=partial(losses.colorization_gan, **SHOWN),
            discriminator=PatchDiscriminator,
            lr=4e-4,
            d_lr=4e-4,
            **STEADY,
        ),
        steps=20_000,
        strip=strips.variants,
    ),
    "features-emoji": Recipe(
        title="Autoencoder whose code measures Fréchet distances",
        data=emoji_pictures,
        model=Features,
        train=partial(fit, loss=losses.reconstruction, lr=2e-3, schedule=warm_cosine, clip=1.0, bf16=True),
        steps=3_000,
        batch_size=64,
        evaluate=metrics.reconstruction_scores,
        strip=strips.reconstructions,
        headline=("mse",),
    ),
    "autoencoder": reconstructing(
        title="Autoencoder, code of 1024 numbers",
        model=partial(Autoencoder, width=16, depth=3),
        train=partial(fit, loss=losses.reconstruction, lr=3e-3, schedule=warm_cosine),
        steps=9_380,  # 20 passes
    ),
    "autoencoder-z128": reconstructing(
        title="Autoencoder, code of 128 numbers",
        model=partial(Autoencoder, width=16, depth=4),
        train=partial(fit, loss=losses.reconstruction, lr=4e-3, schedule=warm_cosine),
        steps=18_760,  # 40 passes
    ),
    **{
        f"residual-z{k}": reconstructing(
            title=f"Residual autoencoder, code of {k} numbers",
            model=partial(ResidualAutoencoder, k, channels=1 if k > 784 else 32, tied=k > 784),
            train=partial(fit, loss=losses.reconstruction, lr=3e-3, **STEADY),
            steps=10_000 if k < 784 else 1_900,  # 11 or 2 passes
            batch_size=64,
        )
        for k in (2, 32, 128, 1024)
    },
    "nested": reconstructing(
        title="Residual autoencoder, code of 1 to 256 numbers",
        model=partial(ResidualAutoencoder, 256, nested=True, channels=16),
        train=partial(fit, loss=losses.nested, lr=3e-3, **STEADY),
        steps=56_000,  # 60 passes
        batch_size=64,
        evaluate=metrics.nested_scores,
        strip=strips.code_sizes,
        headline=CODES,
    ),
    "pca": reconstructing(
        title="Principal components, 256",
        model=PCA,
        train=fit_pca,
        steps=1,
        evaluate=metrics.nested_scores,
        strip=strips.code_sizes,
        headline=CODES,
    ),
    "linear": reconstructing(
        title="Linear autoencoder, code of 32 numbers",
        model=partial(Stacked, [32], activation="linear"),
        train=partial(fit, loss=losses.reconstruction, lr=2e-3, schedule=warm_cosine),
    ),
    "stacked": reconstructing(
        title="Stacked autoencoder, code of 32 numbers",
        model=partial(Stacked, LAYERS),
        train=partial(fit, loss=losses.reconstruction, lr=1e-3, **STEADY),
    ),
    "stacked-tied": reconstructing(
        title="Stacked autoencoder, tied weights",
        model=partial(Stacked, LAYERS, tied=True),
        train=partial(fit, loss=losses.reconstruction, lr=1e-3, **STEADY),
    ),
    "stacked-layerwise": reconstructing(
        title="Stacked autoencoder, one layer at a time",
        model=partial(Stacked, LAYERS),
        train=partial(fit_layerwise, loss=losses.layer_reconstruction, lr=1e-3, **STEADY),
    ),
    "sparse-l1": reconstructing(
        title="Sparse autoencoder, L1",
        model=partial(Stacked, [256], code="relu"),
        train=partial(fit, loss=partial(losses.sparse, penalty="l1", weight=3e-2), lr=1e-3, **STEADY),
        evaluate=metrics.sparse_scores,
    ),
    "sparse-kl": reconstructing(
        title="Sparse autoencoder, KL",
        model=partial(Stacked, [256], code="sigmoid"),
        train=partial(fit, loss=partial(losses.sparse, penalty="kl", weight=0.1), lr=1e-3, **STEADY),
        evaluate=metrics.sparse_scores,
    ),
    "binary": reconstructing(
        title="Semantic hash of 16 bits",
        model=partial(Stacked, [*LAYERS[:-1], 16], code="binary"),
        train=partial(fit, loss=losses.reconstruction, lr=1e-3, **STEADY),
    ),
    "denoising": restoring(
        title="Denoising autoencoder: noise, holes and blur at every level",
        model=Restoration,
        train=partial(fit, loss=partial(losses.reconstruction, corrupt=random_corruption), lr=2e-3, **STEADY),
        steps=9_400,  # 10 passes
        evaluate=metrics.denoising_scores,
        strip=strips.corruptions,
    ),
    "super_resolution-grey": restoring(
        title="Super-resolution, 14 to 28 pixels",
        model=partial(Restoration, scale=2),
        train=partial(fit, loss=ENLARGING[2], lr=2e-3, **STEADY),
        steps=5_000,
        headline=ENLARGED,
        evaluate=partial(metrics.enlarging_scores, scale=2),
        strip=partial(strips.enlargements, scale=2),
    ),
    "super_resolution-emoji": restoring(
        title="Super-resolution, 32 to 128 pixels",
        data=emoji_pictures,
        model=partial(Restoration, channels=3, scale=4, patch=4),
        train=partial(fit, loss=ENLARGING[4], lr=2e-3, **STEADY),
        steps=4_000,
        batch_size=32,
        headline=ENLARGED,
        evaluate=partial(metrics.enlarging_scores, scale=4),
        strip=partial(strips.enlargements, scale=4),
    ),
    **{
        f"vae-{name}": variational(
            title=f"VAE with two latent numbers for every β, {what}",
            data=data,
            model=partial(VAE, rates=True, width=288),
            train=partial(fit, loss=partial(losses.elbo, beta=losses.random_rates), lr=1e-3, **STEADY),
            steps=14_000,  # 60 passes
            headline=("nats", "exact", "recon", "kl"),
            mapped=maps.code_map,
        )
        for name, data, what in SETS
    },
    **{
        f"cvae-{name}": variational(
            title=f"VAE that is told the class, {what}",
            data=data,
            model=partial(VAE, num_classes=10, width=256),
            train=partial(fit, loss=losses.elbo, lr=1e-3, **STEADY),
            steps=6_600,  # 28 passes
            headline=("nats", "recon", "kl"),
        )
        for name, data, what in SETS
    },
    "classifier-faces": classifying(
        title="Classifier of cartoon faces",
        data=cartoon_faces,
        model=partial(Classifier, [len(values) for values in PARTS.values()]),
        steps=4_200,  # 15 passes
        evaluate=partial(metrics.classification_scores, names=tuple(PARTS)),
        headline=("hair_color", "skin_color", "clothing"),
    ),
    **{
        f"classifier-{name}": classifying(
            title=f"Classifier of {what}",
            data=data,
            model=partial(Classifier, [10], channels=1, side=28, width=16),
            steps=5_600,  # 6 passes
        )
        for name, data, what in SETS
    },
    "classifier-emoji": classifying(
        title="Classifier of small emoji by group",
        data=emoji_groups,
        model=partial(Classifier, [len(GROUPS)], side=32, width=16),
        steps=2_000,  # 30 passes
    ),
    "gan-digits": Recipe(
        title="Dense GAN, digits",
        data=mnist,
        model=partial(GAN, width=64),
        train=partial(fit_pair, loss=losses.gan, lr=2e-4, d_lr=2e-4, betas=(0.5, 0.999)),
        steps=23_400,  # 50 passes
        batch_size=128,
        evaluate=partial(metrics.sample_scores, classifier="classifier-mnist"),
        strip=strips.samples,
        headline=SAMPLES,
        filmed=True,
    ),
    "dcgan-faces": Recipe(
        title="DCGAN, cartoon faces",
        data=cartoon_faces,
        model=DCGAN,
        train=partial(
            fit_pair,
            loss=partial(losses.gan, augment=augment_pictures),
            lr=2e-4,
            d_lr=4e-4,
            schedule=warm_cosine,
            ema_decay=0.999,
            bf16=True,
        ),
        steps=24_000,
        batch_size=64,
        evaluate=partial(metrics.sample_scores, classifier="classifier-faces", readable=FACE),
        strip=strips.samples,
        headline=SAMPLES,
        mapped=maps.directions,
        filmed=True,
    ),
    "ddpm-fashion": diffusing(
        title="Diffusion, clothing by class",
        data=fashion_mnist,
        model=partial(DDPM, width=40),
        evaluate=partial(metrics.diffusion_scores, classifier="classifier-fashion"),
        evaluate_others=partial(metrics.sampler_scores, classifier="classifier-fashion", ways=metrics.ALL_WAYS),
    ),
    "ddpm-mnist": diffusing(
        title="Diffusion, digits",
        data=mnist,
        model=partial(DDPM, width=24),
        steps=4_500,
        evaluate=partial(metrics.diffusion_scores, classifier="classifier-mnist"),
        evaluate_others=partial(metrics.sampler_scores, classifier="classifier-mnist"),
    ),
    "ddpm-emoji": diffusing(
        title="Diffusion, small emoji by group",
        data=emoji_icons,
        model=partial(DDPM, width=48, num_classes=len(GROUPS), channels=3, side=32, attention_head_dim=32),
        steps=20_000,  # 276 passes
        evaluate=partial(metrics.diffusion_scores, classifier="classifier-emoji"),
        evaluate_others=partial(metrics.sampler_scores, classifier="classifier-emoji"),
        strip=partial(strips.class_samples, guidance=3.0, sampler="dpm++"),
    ),
    "ddpm-fashion-fast": diffusing(
        title="Diffusion in one to four steps, clothing by class",
        data=fashion_couplings,
        model=partial(DDPM, width=40),
        train=partial(fit, loss=partial(losses.diffusion, drop_label=0.0, times=FAST["steps"]), lr=6e-4, **STEADY),
        steps=6_000,  # 10 passes
        teacher=TEACHER,
        evaluate=partial(metrics.diffusion_scores, classifier="classifier-fashion", **FAST),
        evaluate_others=partial(
            metrics.sampler_scores,
            classifier="classifier-fashion",
            guidance=1.0,
            ways=dict.fromkeys(("ddim", "unipc"), (1, 2, 4)),
        ),
        strip=partial(strips.class_samples, **FAST),
    ),
}
