"""RECIPES: the table of everything that is trained."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from ae_demo.data.corruptions import add_random_noise
from ae_demo.data.datasets import emoji_pairs, emoji_pictures, fashion_mnist, mnist
from ae_demo.data.emoji import PALETTE
from ae_demo.data.hints import random_hints
from ae_demo.data.sketches import random_sketch
from ae_demo.models.autoencoder import Autoencoder
from ae_demo.models.colorization import Colorization, ColorizationBaseline
from ae_demo.models.colorization_gan import PaletteColorization, PatchDiscriminator
from ae_demo.models.ddpm import DDPM
from ae_demo.models.features import Features
from ae_demo.models.vae import VAE
from ae_demo.training import losses, metrics, strips
from ae_demo.training.loops import fit, fit_gan, warm_cosine


@dataclass(frozen=True)
class Recipe:
    """How one checkpoint comes about.

    data(data_dir, split) -> Images; model() -> module; train(model, data, steps=…, batch_size=…, …) -> metrics of each
    step; evaluate(model, data) -> scores; strip(model, data) -> rows of pictures. `splits` are the held-out data that
    are scored, `others` those that evaluate_others(model, data) scores, `headline` what the results table shows."""

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
SHOWN = {"sketch": random_sketch, "hint": random_hints, "chroma_weight": 0.3}  # to the U-Nets, and what counts
STEADY = {"schedule": warm_cosine, "clip": 1.0, "ema_decay": 0.999, "bf16": True}
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
    "autoencoder": Recipe(
        title="Autoencoder, code of 1024 numbers",
        data=fashion_mnist,
        model=partial(Autoencoder, width=16, depth=3),
        train=partial(fit, loss=losses.reconstruction, lr=3e-3, schedule=warm_cosine),
        steps=9_380,  # 20 passes over the data
        batch_size=128,
        evaluate=metrics.reconstruction_scores,
        strip=strips.reconstructions,
        headline=("mse", "psnr", "ssim"),
    ),
    "autoencoder-z128": Recipe(
        title="Autoencoder, code of 128 numbers",
        data=fashion_mnist,
        model=partial(Autoencoder, width=16, depth=4),
        train=partial(fit, loss=losses.reconstruction, lr=4e-3, schedule=warm_cosine),
        steps=18_760,  # 40 passes
        batch_size=128,
        evaluate=metrics.reconstruction_scores,
        strip=strips.reconstructions,
        headline=("mse", "psnr", "ssim"),
    ),
    "denoising": Recipe(
        title="Denoising autoencoder, every noise level up to 1",
        data=fashion_mnist,
        model=partial(Autoencoder, width=16, depth=3),
        train=partial(
            fit, loss=partial(losses.reconstruction, corrupt=add_random_noise), lr=2e-3, schedule=warm_cosine
        ),
        steps=18_760,  # 40 passes
        batch_size=128,
        evaluate=metrics.denoising_scores,
        strip=partial(strips.reconstructions, sigma=0.5),
        headline=("mse", "psnr", "ssim"),
    ),
    "vae-mnist": Recipe(
        title="VAE with two latent numbers, digits",
        data=mnist,
        model=VAE,
        train=partial(fit, loss=losses.elbo, lr=1e-3, **STEADY),
        steps=12_000,  # 51 passes
        batch_size=256,
        evaluate=metrics.elbo_scores,
        strip=strips.manifold,
        headline=("nats", "recon", "kl"),
    ),
    "vae-fashion": Recipe(
        title="VAE with two latent numbers, clothing",
        data=fashion_mnist,
        model=VAE,
        train=partial(fit, loss=losses.elbo, lr=1e-3, **STEADY),
        steps=12_000,
        batch_size=256,
        evaluate=metrics.elbo_scores,
        strip=strips.manifold,
        headline=("nats", "recon", "kl"),
    ),
    "ddpm-fashion": Recipe(
        title="Diffusion, clothing by class",
        data=fashion_mnist,
        model=DDPM,
        train=partial(fit, loss=losses.diffusion, lr=6e-4, **STEADY),
        steps=4_500,
        batch_size=64,
        evaluate=metrics.diffusion_scores,
        strip=strips.class_samples,
        headline=("mse", "recognised"),
    ),
}
