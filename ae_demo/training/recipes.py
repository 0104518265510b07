"""RECIPES, the complete training configuration: one recipe per checkpoint."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from torch import nn

from ae_demo import losses
from ae_demo.data.artists import ARTISTS
from ae_demo.data.concepts import CONCEPTS
from ae_demo.data.corruptions import downsample, jitter, random_corruption, shift_pictures
from ae_demo.data.doodles import random_doodles
from ae_demo.data.drawings import Mixture, colored_drawings, drawings
from ae_demo.data.emoji import PALETTE, emoji_groups, emoji_icons, emoji_pairs, emoji_pictures
from ae_demo.data.faces import (
    PARTS,
    axis_positions,
    axis_shares,
    cartoon_faces,
    chosen_parts,
    faces_by_hair,
    hair_colors,
)
from ae_demo.data.hints import random_hints
from ae_demo.data.images import Dataset, Images
from ae_demo.data.melodies import melodies, vary_melodies
from ae_demo.data.mnist import fashion_mnist, mnist
from ae_demo.data.sketches import random_sketch, varied_sketch
from ae_demo.data.vocabulary import GROUPS
from ae_demo.evaluation import (
    autoencoder_scores,
    colorization_scores,
    generator_scores,
    guessing,
    latent_analysis,
    meaning,
    melody_analysis,
    melody_scores,
    recognition_scores,
    sample_grids,
)
from ae_demo.models import page_networks
from ae_demo.models.autoencoder import Autoencoder
from ae_demo.models.classifier import Classifier
from ae_demo.models.colorization import Colorization, ColorizationBaseline
from ae_demo.models.colorization_concept import ConceptColorization
from ae_demo.models.dcgan import DCGAN, GAN
from ae_demo.models.ddpm import DDPM
from ae_demo.models.features import Features
from ae_demo.models.melody_vae import MelodyVAE
from ae_demo.models.pca import PCA
from ae_demo.models.recognition import Recognition
from ae_demo.models.residual import ResidualAutoencoder
from ae_demo.models.restoration import Restoration
from ae_demo.models.stacked import Stacked
from ae_demo.models.vae import VAE
from ae_demo.training.calibration import fit_calibrated
from ae_demo.training.coloring import fit_from_palettes
from ae_demo.training.loops import Optim, fit, fit_layerwise, fit_on_paper, fit_pair, fit_pca, warm_cosine
from ae_demo.training.reflow import TEACHER, fashion_couplings


@dataclass(frozen=True)
class Stage:
    """Training stage, which continues from the weights of the previous one, or `starts_from` those of another
    checkpoint, with a new optimizer. Fields that are None default to the recipe's."""

    steps: int
    starts_from: str | None = None
    dataset: Dataset | None = None
    batch_size: int | None = None
    train: Callable | None = None


@dataclass(frozen=True)
class Recipe:
    """Training and evaluation of one checkpoint, stage by stage.

    `model_class` with `model_options` is the network. train(model, data, run=Run(…)) yields the metrics of each step;
    evaluate(model, data) -> scores on each of `splits`; evaluate_others(model, data) -> scores on each of
    `other_splits`; sample_grid(model, data) -> rows of images, described by `caption`; analyse(model, sample) -> the
    stored analysis of its codes (`ae_demo.evaluation.latent_analysis`). `headline` names the scores of the results
    table, `task` is one of the Hugging Face Hub; a `filmed` recipe stores its sample grid during training, and
    page(model) is what of it runs in the visitor's browser, exported to ONNX."""

    title: str
    dataset: Dataset
    model_class: type[nn.Module]
    train: Callable
    stages: tuple[Stage, ...]
    batch_size: int
    evaluate: Callable
    sample_grid: Callable
    caption: str
    headline: tuple[str, ...]
    task: str
    model_options: dict[str, Any] = field(default_factory=dict)
    splits: tuple[str, ...] = ("held_out", "sample")
    other_splits: tuple[str, ...] = ()
    evaluate_others: Callable | None = None
    analyse: Callable | None = None
    filmed: bool = False
    page: Callable[[Any], page_networks.PageNetwork] | None = None

    def build(self, **options) -> nn.Module:
        """Build the network with new weights; `options` override those of the recipe."""
        return self.model_class(**self.model_options | options)


def stages(*steps: int, starts_from: str | None = None) -> tuple[Stage, ...]:
    """Return one stage per step count; the first may start from another checkpoint."""
    return tuple(Stage(n, starts_from if i == 0 else None) for i, n in enumerate(steps))


EMA_COSINE: dict[str, Any] = {"schedule": warm_cosine, "clip": 1.0, "ema_decay": 0.999, "bf16": True}  # for most Optims
# shared by the U-Nets' losses
HINTED_SKETCH: dict[str, Any] = {"sketch": random_sketch, "hint": random_hints, "chroma_weight": 0.3}
RARELY_HINTED = HINTED_SKETCH | {"hint": partial(random_hints, none=0.65)}  # a name must say something
LAYER_SIZES = [256, 128, 32]  # layers of the stacked autoencoders
STUDENT_SAMPLING: dict[str, Any] = {"steps": 4, "guidance": 1.0, "sampler": "unipc"}
GREY_SETS = (("mnist", mnist, "digits"), ("fashion", fashion_mnist, "clothing"))  # recipe stem, dataset, description
UPSCALED_SCORES = ("psnr", "psnr_bicubic", "ssim", "ssim_bicubic")
SAMPLE_SCORES = ("frechet", "precision", "recall", "readable")
LABELED_SCORES = ("frechet", "precision", "recall", "label_accuracy")
CODE_SCORES = ("mse", "mse_2", "mse_32", "mse_128")
COLORINGS_CAPTION = "Rows: clean line art, output, output with three hints, the same roughly drawn, output, {}truth."
upscaling = {n: partial(losses.reconstruction, corrupt=partial(downsample, scale=n)) for n in (2, 4)}


def score_colorings(model, data: Images) -> dict[str, float]:
    """Return the scores of a colorization network on doodles, or on other line styles without hints."""
    if isinstance(data, Mixture):
        return meaning.meaning_scores(model, data)
    return colorization_scores.colorization_scores(model, data, hints=(0,))


colorizing = partial(
    Recipe,
    dataset=colored_drawings,
    batch_size=32,
    evaluate=colorization_scores.colorization_scores,
    other_splits=("held_out_canny", "held_out_crayon", "held_out_doodles"),
    evaluate_others=score_colorings,
    sample_grid=sample_grids.colorizations,
    caption=COLORINGS_CAPTION.format(""),
    headline=("psnr", "ssim", "delta_e", "colorfulness"),
    task="image-to-image",
)
reconstructing = partial(
    Recipe,
    dataset=fashion_mnist,
    stages=stages(9_400),  # 20 epochs
    batch_size=128,
    evaluate=autoencoder_scores.reconstruction_scores,
    sample_grid=sample_grids.reconstructions,
    caption="Rows: input, output.",
    headline=("mse", "psnr", "ssim"),
    analyse=latent_analysis.code_map,
    task="image-feature-extraction",
)
restoring = partial(
    reconstructing,
    model_class=Restoration,
    batch_size=64,
    headline=("psnr", "ssim"),
    analyse=None,
    task="image-to-image",
)
enlarging = partial(
    restoring,
    headline=UPSCALED_SCORES,
    caption="Rows: bicubic interpolation of the small picture, output, truth.",
)
variational = partial(
    Recipe,
    model_class=VAE,
    batch_size=256,
    evaluate=autoencoder_scores.elbo_scores,
    sample_grid=sample_grids.manifold,
    task="unconditional-image-generation",
)
classifying = partial(
    Recipe,
    model_class=Classifier,
    train=partial(
        fit,
        loss=partial(losses.classification, corrupt=jitter),
        optim=Optim(lr=2e-3, weight_decay=0.02, schedule=warm_cosine, bf16=True),
    ),
    batch_size=64,
    evaluate=generator_scores.classification_scores,
    sample_grid=sample_grids.input_rows,
    caption="Pictures of the held-out data; the network paints none itself.",
    headline=("accuracy",),
    task="image-classification",
)


def writing_melodies(lr: float, **options) -> Callable:
    """Return the training of a network that writes melodies."""
    optim = Optim(lr=lr, weight_decay=0.02, **EMA_COSINE)
    return partial(fit, loss=partial(losses.melody_elbo, **options), optim=optim)


def recognising(sketch: Callable, lr: float) -> Callable:
    """Return the training of a recogniser on doodles, and line art redrawn by `sketch`."""
    return partial(
        fit_calibrated,
        loss=partial(losses.recognition, doodle=partial(random_doodles, size=64), sketch=sketch),
        optim=Optim(lr=lr, weight_decay=0.05, **EMA_COSINE),
    )


def coloring(lr: float, fit: Callable = fit) -> Callable:
    """Return the training of a network that is told what it colours."""
    return partial(
        fit,
        loss=partial(losses.colorization_concept, guess=guessing.guess_concepts, **RARELY_HINTED),
        optim=Optim(lr=lr, weight_decay=0.02, **EMA_COSINE),
    )


PAINTING: dict[str, Any] = {"lr": 1e-3, "betas": (0.5, 0.99), "schedule": warm_cosine}  # both players of faces
diffusing = partial(
    Recipe,
    model_class=DDPM,
    train=partial(fit, loss=losses.diffusion, optim=Optim(lr=6e-4, **EMA_COSINE)),
    stages=stages(5_000),
    batch_size=64,
    other_splits=("held_out",),
    sample_grid=partial(sample_grids.class_samples, guidance=generator_scores.GUIDANCE, sampler="dpm++"),
    caption="One row of samples per class, unpicked.",
    headline=("mse", "frechet", "precision", "recall", "accuracy"),
    task="unconditional-image-generation",
    page=page_networks.noise_predictor,
)
melodic = partial(
    Recipe,
    dataset=melodies,
    model_class=MelodyVAE,
    batch_size=64,
    evaluate=melody_scores.melody_scores,
    sample_grid=sample_grids.melody_rolls,
    task="other",
)
RECIPES: dict[str, Recipe] = {
    "recognition": Recipe(
        title="Recogniser of drawings",
        dataset=drawings,
        model_class=Recognition,
        model_options={"concepts": list(CONCEPTS), "width": 30},
        train=recognising(varied_sketch, lr=5e-4),
        stages=(Stage(5_088, train=recognising(random_sketch, lr=3e-3)), Stage(2_000, batch_size=160)),
        batch_size=1_024,
        evaluate=recognition_scores.recognition_scores,
        other_splits=("held_out_artist",),
        evaluate_others=recognition_scores.recognition_scores,
        sample_grid=sample_grids.sketch_rows,
        caption="Held-out doodles; the network paints none itself.",
        headline=("top1_doodle", "top5_doodle", "top1_doodle_half"),
        task="image-classification",
    ),
    "colorization-baseline": colorizing(
        title="Line art to colour, the course notes' network",
        model_class=ColorizationBaseline,
        train=partial(
            fit, loss=partial(losses.colorization_mse, sketch=random_sketch), optim=Optim(lr=1e-3, bf16=True)
        ),
        stages=(Stage(1_500, dataset=emoji_pairs),),
    ),
    "colorization": colorizing(
        title="Line art to colour, U-Net",
        model_class=Colorization,
        model_options={"width": 48},
        train=partial(
            fit,
            loss=partial(losses.colorization_l1, **HINTED_SKETCH),
            optim=Optim(lr=1e-3, weight_decay=0.02, **EMA_COSINE),
        ),
        stages=tuple(Stage(steps, dataset=emoji_pairs) for steps in (6_500, 3_250, 3_600)),
    ),
    "colorization-concept": colorizing(
        title="Line art to colour, U-Net that is told what it sees",
        model_class=ConceptColorization,
        model_options={
            "palette": list(PALETTE),
            "num_concepts": len(CONCEPTS),
            "num_styles": len(ARTISTS),
            "width": 48,
        },
        train=coloring(lr=5e-4),
        stages=(
            Stage(2_200, starts_from="colorization", train=coloring(lr=1.5e-3, fit=fit_from_palettes)),
            Stage(1_100),
        ),
        batch_size=128,
        sample_grid=sample_grids.colorization_variants,
        caption=COLORINGS_CAPTION.format("likeliest colours, four variants, "),
    ),
    "features-emoji": reconstructing(
        title="Autoencoder whose code measures Fréchet distances",
        dataset=emoji_pictures,
        model_class=Features,
        train=partial(fit, loss=losses.reconstruction, optim=Optim(lr=2e-3, schedule=warm_cosine, clip=1.0, bf16=True)),
        stages=stages(3_000),
        batch_size=64,
        headline=("mse",),
        analyse=None,
    ),
    "autoencoder": reconstructing(
        title="Autoencoder, code of 1024 numbers",
        model_class=Autoencoder,
        model_options={"width": 16, "depth": 3},
        train=partial(fit, loss=losses.reconstruction, optim=Optim(lr=3e-3, schedule=warm_cosine)),
        stages=stages(9_380),  # 20 epochs
        page=page_networks.whole_autoencoder,
    ),
    "autoencoder-z128": reconstructing(
        title="Autoencoder, code of 128 numbers",
        model_class=Autoencoder,
        model_options={"width": 16, "depth": 4},
        train=partial(fit, loss=losses.reconstruction, optim=Optim(lr=4e-3, schedule=warm_cosine)),
        stages=stages(18_760),  # 40 epochs
    ),
    **{
        f"residual-z{k}": reconstructing(
            title=f"Residual autoencoder, code of {k} numbers",
            model_class=ResidualAutoencoder,
            model_options={"latent_dim": k, "channels": 1 if k > 784 else 32, "tied": k > 784},
            train=partial(fit, loss=losses.reconstruction, optim=Optim(lr=3e-3, **EMA_COSINE)),
            stages=stages(10_000 if k < 784 else 1_900),  # 11 or 2 epochs
            batch_size=64,
        )
        for k in (2, 32, 128, 1024)
    },
    "nested": reconstructing(
        title="Residual autoencoder, code of 1 to 256 numbers",
        model_class=ResidualAutoencoder,
        model_options={"latent_dim": 256, "nested": True, "channels": 16},
        train=partial(fit, loss=losses.nested, optim=Optim(lr=3e-3, **EMA_COSINE)),
        stages=stages(56_000),  # 60 epochs
        batch_size=64,
        evaluate=autoencoder_scores.nested_scores,
        sample_grid=sample_grids.code_sizes,
        caption="Rows: input, output from the first 1, 2, 4, 8 … numbers of the code.",
        headline=CODE_SCORES,
    ),
    "pca": reconstructing(
        title="Principal components, 256",
        model_class=PCA,
        train=fit_pca,
        stages=stages(1),
        evaluate=autoencoder_scores.nested_scores,
        sample_grid=sample_grids.code_sizes,
        caption="Rows: input, output from the first 1, 2, 4, 8 … numbers of the code.",
        headline=CODE_SCORES,
    ),
    "linear": reconstructing(
        title="Linear autoencoder, code of 32 numbers",
        model_class=Stacked,
        model_options={"sizes": [32], "activation": "linear"},
        train=partial(fit, loss=losses.reconstruction, optim=Optim(lr=2e-3, schedule=warm_cosine)),
    ),
    "stacked": reconstructing(
        title="Stacked autoencoder, code of 32 numbers",
        model_class=Stacked,
        model_options={"sizes": LAYER_SIZES},
        train=partial(fit, loss=losses.reconstruction, optim=Optim(lr=1e-3, **EMA_COSINE)),
    ),
    "stacked-tied": reconstructing(
        title="Stacked autoencoder, tied weights",
        model_class=Stacked,
        model_options={"sizes": LAYER_SIZES, "tied": True},
        train=partial(fit, loss=losses.reconstruction, optim=Optim(lr=1e-3, **EMA_COSINE)),
    ),
    "stacked-layerwise": reconstructing(
        title="Stacked autoencoder, one layer at a time",
        model_class=Stacked,
        model_options={"sizes": LAYER_SIZES},
        train=partial(fit_layerwise, loss=losses.layer_reconstruction, optim=Optim(lr=1e-3, **EMA_COSINE)),
    ),
    "sparse-l1": reconstructing(
        title="Sparse autoencoder, L1",
        model_class=Stacked,
        model_options={"sizes": [256], "code": "relu"},
        train=partial(fit, loss=partial(losses.sparse, penalty="l1", weight=3e-2), optim=Optim(lr=1e-3, **EMA_COSINE)),
        evaluate=autoencoder_scores.sparse_scores,
    ),
    "sparse-kl": reconstructing(
        title="Sparse autoencoder, KL",
        model_class=Stacked,
        model_options={"sizes": [256], "code": "sigmoid"},
        train=partial(fit, loss=partial(losses.sparse, penalty="kl", weight=0.1), optim=Optim(lr=1e-3, **EMA_COSINE)),
        evaluate=autoencoder_scores.sparse_scores,
    ),
    "binary": reconstructing(
        title="Semantic hash of 16 bits",
        model_class=Stacked,
        model_options={"sizes": [*LAYER_SIZES[:-1], 16], "code": "binary"},
        train=partial(fit, loss=losses.reconstruction, optim=Optim(lr=1e-3, **EMA_COSINE)),
    ),
    "denoising": restoring(
        title="Denoising autoencoder: noise, holes and blur at every level",
        train=partial(
            fit,
            loss=partial(losses.reconstruction, corrupt=random_corruption),
            optim=Optim(lr=2e-3, **EMA_COSINE),
        ),
        stages=stages(9_400),  # 10 epochs
        evaluate=autoencoder_scores.denoising_scores,
        sample_grid=sample_grids.corruptions,
        caption="Rows: truth; input, output for Gaussian noise, salt and pepper, masked blocks and blur at level 0.5.",
        page=page_networks.restorer,
    ),
    "super_resolution-grey": enlarging(
        title="Super-resolution, 14 to 28 pixels",
        model_options={"scale": 2},
        train=partial(fit, loss=upscaling[2], optim=Optim(lr=2e-3, **EMA_COSINE)),
        stages=stages(5_000),
        evaluate=partial(autoencoder_scores.upscaling_scores, scale=2),
        sample_grid=partial(sample_grids.enlargements, scale=2),
        page=page_networks.restorer,
    ),
    "super_resolution-emoji": enlarging(
        title="Super-resolution, 32 to 128 pixels",
        dataset=emoji_pictures,
        model_options={"channels": 3, "scale": 4, "patch": 4},
        train=partial(fit, loss=upscaling[4], optim=Optim(lr=2e-3, **EMA_COSINE)),
        stages=stages(4_000),
        batch_size=32,
        evaluate=partial(autoencoder_scores.upscaling_scores, scale=4),
        sample_grid=partial(sample_grids.enlargements, scale=4),
    ),
    **{
        f"vae-{name}": variational(
            title=f"VAE with two latent numbers for every β, {words}",
            dataset=dataset,
            model_options={"rates": True, "width": 288},
            train=partial(fit, loss=partial(losses.elbo, beta=losses.random_betas), optim=Optim(lr=1e-3, **EMA_COSINE)),
            stages=stages(14_000),  # 60 epochs
            caption="Decoded pictures over the latent plane, from −2.5 to 2.5, z₂ upwards.",
            headline=("nats", "exact", "recon", "kl"),
            page=page_networks.multi_rate_decoder,
            analyse=latent_analysis.code_map,
        )
        for name, dataset, words in GREY_SETS
    },
    **{
        f"cvae-{name}": variational(
            title=f"VAE that is told the class, {words}",
            dataset=dataset,
            model_options={"num_classes": 10, "width": 256},
            train=partial(fit, loss=losses.elbo, optim=Optim(lr=1e-3, **EMA_COSINE)),
            stages=stages(6_600),  # 28 epochs
            caption="A row for each label, decoded from points on a circle.",
            headline=("nats", "recon", "kl"),
            page=page_networks.conditional_decoder,
        )
        for name, dataset, words in GREY_SETS
    },
    "classifier-faces": classifying(
        title="Classifier of cartoon faces",
        dataset=cartoon_faces,
        model_options={"sizes": [len(values) for values in PARTS.values()]},
        stages=stages(4_200),  # 15 epochs
        evaluate=partial(generator_scores.classification_scores, names=tuple(PARTS)),
        headline=("hair_color", "skin_color", "clothing"),
    ),
    **{
        f"classifier-{name}": classifying(
            title=f"Classifier of {words}",
            dataset=dataset,
            model_options={"sizes": [10], "channels": 1, "side": 28, "width": 16},
            stages=stages(5_600),  # 6 epochs
        )
        for name, dataset, words in GREY_SETS
    },
    "classifier-emoji": classifying(
        title="Classifier of small emoji by group",
        dataset=emoji_groups,
        model_options={"sizes": [len(GROUPS)], "side": 32, "width": 16},
        stages=stages(2_000),  # 30 epochs
    ),
    "gan-digits": Recipe(
        title="Dense GAN, digits",
        dataset=mnist,
        model_class=GAN,
        model_options={"width": 64},
        train=partial(
            fit_pair,
            loss=losses.gan,
            optim=Optim(lr=2e-4, betas=(0.5, 0.999)),
            d_optim=Optim(lr=2e-4, betas=(0.5, 0.999)),
        ),
        stages=stages(23_400),  # 50 epochs
        batch_size=128,
        evaluate=partial(generator_scores.sample_scores, classifier="classifier-mnist"),
        sample_grid=sample_grids.samples,
        caption="Pictures from z ~ N(0, I), unpicked.",
        headline=SAMPLE_SCORES,
        task="unconditional-image-generation",
        filmed=True,
    ),
    **{
        f"cgan-{name}": Recipe(
            title=f"Conditional GAN, {words} by class",
            dataset=dataset,
            model_class=GAN,
            model_options={"width": 64, "num_classes": 10},
            train=partial(
                fit_pair,
                loss=partial(losses.conditional_gan, targets=losses.class_targets, r1=0.0),
                optim=Optim(lr=4e-4, betas=(0.5, 0.99), schedule=warm_cosine, ema_decay=0.999),
                d_optim=Optim(lr=4e-4, betas=(0.5, 0.99), schedule=warm_cosine),
            ),
            stages=stages(14_000),  # 30 epochs
            batch_size=128,
            evaluate=partial(
                generator_scores.sample_scores, classifier=f"classifier-{name}", positions=lambda read: read
            ),
            sample_grid=sample_grids.samples_by_class,
            caption="Rows: one class each; columns: the same other numbers of z. Unpicked.",
            headline=LABELED_SCORES,
            task="unconditional-image-generation",
        )
        for name, dataset, words in GREY_SETS
    },
    "dcgan-faces": Recipe(
        title="DCGAN, cartoon faces by parts",
        dataset=cartoon_faces,
        model_class=DCGAN,
        model_options={"shares": axis_shares()},
        train=partial(
            fit_on_paper,
            loss=partial(
                losses.conditional_gan,
                targets=chosen_parts,
                real_class_weight=2.0,
                fake_class_weight=3.0,
                paint_weight=100.0,
                augment=shift_pictures,
            ),
            optim=Optim(**PAINTING, ema_decay=0.999, bf16=True),
            d_optim=Optim(**PAINTING),
        ),
        stages=stages(10_000),  # 36 epochs
        batch_size=64,
        evaluate=partial(
            generator_scores.sample_scores,
            classifier=generator_scores.FACES,
            quality=generator_scores.face_quality,
            positions=axis_positions,
        ),
        sample_grid=sample_grids.samples,
        caption="Pictures from z ~ N(0, I), unpicked.",
        headline=(*SAMPLE_SCORES, "label_accuracy"),
        task="unconditional-image-generation",
        analyse=latent_analysis.purity,
        filmed=True,
        page=page_networks.judged_generator,
    ),
    "ddpm-fashion": diffusing(
        title="Diffusion, clothing by class",
        dataset=fashion_mnist,
        model_options={"width": 40},
        evaluate=partial(generator_scores.diffusion_scores, classifier="classifier-fashion"),
        evaluate_others=partial(
            generator_scores.sampler_scores,
            classifier="classifier-fashion",
            sampler_steps=generator_scores.LONG_SAMPLER_STEPS,
        ),
    ),
    "ddpm-mnist": diffusing(
        title="Diffusion, digits",
        dataset=mnist,
        model_options={"width": 24},
        stages=stages(4_500),
        evaluate=partial(generator_scores.diffusion_scores, classifier="classifier-mnist"),
        evaluate_others=partial(generator_scores.sampler_scores, classifier="classifier-mnist"),
    ),
    "ddpm-emoji": diffusing(
        title="Diffusion, small emoji by group",
        dataset=emoji_icons,
        model_options={
            "width": 48,
            "num_classes": len(GROUPS),
            "channels": 3,
            "side": 32,
            "attention_head_dim": 32,
        },
        stages=stages(20_000),  # 276 epochs
        evaluate=partial(generator_scores.diffusion_scores, classifier="classifier-emoji"),
        evaluate_others=partial(generator_scores.sampler_scores, classifier="classifier-emoji"),
        sample_grid=partial(sample_grids.class_samples, guidance=3.0, sampler="dpm++"),
    ),
    "ddpm-faces": diffusing(
        title="Diffusion, cartoon faces by colour of hair",
        dataset=faces_by_hair,
        model_options={
            "width": 48,
            "channels": 3,
            "side": 64,
            "attention_head_dim": 32,
            "patch": 4,
            "predict_x0": True,
        },
        stages=stages(6_000),  # 21 epochs; as many seconds as dcgan-faces
        evaluate=partial(
            generator_scores.diffusion_scores,
            classifier=generator_scores.FACES,
            label_of=hair_colors,
            quality=generator_scores.face_quality,
            n=1000,  # as many as of the GAN
        ),
        evaluate_others=partial(
            generator_scores.sampler_scores, classifier=generator_scores.FACES, label_of=hair_colors
        ),
    ),
    "ddpm-fashion-fast": diffusing(
        title="Diffusion in one to four steps, clothing by class",
        dataset=fashion_couplings,
        model_options={"width": 40},
        train=partial(
            fit,
            loss=partial(losses.diffusion, drop_label=0.0, times=STUDENT_SAMPLING["steps"]),
            optim=Optim(lr=6e-4, **EMA_COSINE),
        ),
        stages=stages(6_000, starts_from=TEACHER),  # 10 epochs
        evaluate=partial(generator_scores.diffusion_scores, classifier="classifier-fashion", **STUDENT_SAMPLING),
        evaluate_others=partial(
            generator_scores.sampler_scores,
            classifier="classifier-fashion",
            guidance=1.0,
            sampler_steps=dict.fromkeys(("ddim", "unipc"), (1, 2, 4)),
        ),
        sample_grid=partial(sample_grids.class_samples, **STUDENT_SAMPLING),
    ),
    **{
        name: melodic(
            title=f"Melody VAE, {bars} bars",
            model_options=options,
            train=writing_melodies(lr=2e-3, beta=0.1, free_nats=free, vary=vary_melodies),
            stages=(Stage(6_000), Stage(2_000, train=writing_melodies(lr=1e-3, beta=0.2, free_nats=free))),
            caption="Rows: held-out melodies, reconstructions, twice; then samples, unpicked.",
            headline=("nats", "accuracy", "in_key", "on_beat", "repeated"),
            analyse=melody_analysis.find_directions,
        )
        for name, bars, free, options in (
            ("melody-vae", "eight", 20.0, {}),
            ("melody-vae-2bar", "two", 5.0, {"latent_dim": 64, "width": 256, "bars": 2, "flat": True}),
        )
    },
    "melody-lm": melodic(
        title="Language model of melodies",
        model_options={"latent_dim": 0, "width": 512, "flat": True, "token_dropout": 0.1},
        train=writing_melodies(lr=2e-3),
        stages=stages(1_500),
        caption="Samples, unpicked.",
        headline=("nats", "accuracy_forced", "in_key", "on_beat", "repeated"),
    ),
}
