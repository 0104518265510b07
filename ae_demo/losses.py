"""Training objectives with one signature: loss(model, batch) -> {"loss": …, parts …}."""

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional as F

from ae_demo.data.images import Batch

Loss = dict[str, Tensor]


def reconstruction(model, batch: Batch, corrupt=None) -> Loss:
    """‖x − x̂(x̃)‖² per pixel, with x̃ = corrupt(x) for a denoising autoencoder (Vincent et al., 2008), else x̃ = x."""
    x = batch["image"]
    recon = model(corrupt(x) if corrupt else x)
    return {"loss": F.mse_loss(recon.float(), x)}


def layer_reconstruction(model, batch: Batch, layer: int) -> Loss:
    """‖h − ĥ(h)‖² per unit of one encoder layer and its decoder counterpart, with h the output of the preceding layers
    (greedy layer-wise training: Bengio et al., 2007)."""
    with torch.no_grad():
        h = batch["image"].flatten(1)
        for before in range(layer):
            h = model.encode_layer(h, before)
    return {"loss": F.mse_loss(model.decode_layer(model.encode_layer(h, layer), layer).float(), h)}


def sparse(model, batch: Batch, penalty: str, weight: float, rate: float = 0.05) -> Loss:
    """‖x − x̂‖² per pixel + weight · penalty on the code z (N, K) of a one-layer model. Penalty "l1": mean |z_k| ‖d_k‖
    with d_k the decoder weights of unit k, as small codes with large weights would otherwise pass for sparse; "kl": Σ_k
    KL(rate ‖ mean activity of unit k) / K, for codes in [0, 1] (Ng, 2011, section 3)."""
    x = batch["image"]
    z = model.encode(x).float()
    if penalty == "l1":
        extra = (z.abs() * model.up[0].weight.norm(dim=0)).mean()
    else:
        activity = z.mean(0).clamp(1e-4, 1 - 1e-4)
        extra = (rate * (rate / activity).log() + (1 - rate) * ((1 - rate) / (1 - activity)).log()).mean()
    recon = F.mse_loss(model.decode(z).float(), x)
    return {"loss": recon + weight * extra, "recon": recon, "penalty": extra}


def nested(model, batch: Batch) -> Loss:
    """‖x − x̂(first k entries of z)‖² per pixel times √k; k is drawn per image, about ∝ 1 / k for two in three, else
    uniformly (nested dropout: Rippel et al., 2014). Errors fall about like 1 / √k, so √k weights all k alike."""
    x = batch["image"]
    most = model.latent_dim
    draw = torch.rand(len(x), device=x.device)
    k = torch.where(torch.rand_like(draw) < 1 / 3, 1 + most * draw, (most + 1) ** draw).long()
    error = (model(x, k).float() - x).square().flatten(1).mean(1)
    return {"loss": (k.sqrt() * error).mean(), "mse": error.mean()}


def random_betas(n: int, device) -> Tensor:
    """Draw KL weights for n images, (n,): log-uniform in [0.001, 100], 0 for one in eight."""
    exponent = torch.rand(n, device=device) * 5 - 3
    return torch.where(torch.rand(n, device=device) < 1 / 8, 0.0, 10**exponent)


def elbo_terms(x: Tensor, logits: Tensor, mu: Tensor, logvar: Tensor) -> tuple[Tensor, Tensor]:
    """−log p(x | z) of each image, (N,), and KL(q(z | x) ‖ N(0, I)) of each posterior, (N,); see `elbo`."""
    recon = F.binary_cross_entropy_with_logits(logits, x, reduction="none").flatten(1).sum(1)
    return recon, 0.5 * (mu.square() + logvar.exp() - logvar - 1).sum(1)


def elbo(model, batch: Batch, beta: float | Callable[[int, torch.device], Tensor] = 1.0) -> Loss:
    """−ELBO = −E_q log p(x | z) + β KL(q(z | x) ‖ N(0, I)), in nats per image (Kingma & Welling, 2014; Higgins et al.,
    2017). log p is Bernoulli: Σ x log x̂ + (1 − x) log(1 − x̂); KL = ½ Σ (μ² + σ² − log σ² − 1).

    beta is a number or, for a multi-rate VAE, a function beta(n, device) that draws one per image."""
    x = batch["image"]
    weight = beta(len(x), x.device) if callable(beta) else beta
    given = ({"y": batch["label"]} if model.num_classes else {}) | ({"beta": weight} if model.rates else {})
    recon, kl = elbo_terms(x, *(part.float() for part in model(x, **given)))
    return {"loss": (recon + weight * kl).mean(), "recon": recon.mean(), "kl": kl.mean()}


def melody_elbo_terms(x: Tensor, valid: Tensor, logits: Tensor, mu: Tensor, logvar: Tensor) -> tuple[Tensor, Tensor]:
    """−log p(x | z) of melodies x (N, bars, steps), a categorical distribution for each of the `valid` steps (N, steps)
    of a bar, (N,), and KL(q(z | x) ‖ N(0, I)), (N,)."""
    nats = F.cross_entropy(logits.flatten(0, 2), x.long().flatten(), reduction="none").view(x.shape)
    return (nats * valid[:, None]).sum((1, 2)), 0.5 * (mu.square() + logvar.exp() - logvar - 1).sum(1)


def melody_elbo(model, batch: Batch, beta: float = 1.0, free_nats: float = 0.0, vary=None) -> Loss:
    """−E_q log p(x | z) + β max(KL(q(z | x) ‖ N(0, I)) − free_nats, 0), in nats per melody. The first `free_nats` of
    information cost nothing (Roberts et al., 2018): a decoder that reads the tokens before would otherwise learn to do
    without z. vary(x, metre) makes other melodies of them. A model of fewer bars learns from pieces."""
    x, metre = batch["melody"], batch["metre"]
    x = vary(x, metre) if vary else x
    first = model.bars * int(torch.randint(x.shape[1] // model.bars, ()))
    x = x[:, first : first + model.bars]
    recon, kl = melody_elbo_terms(x, model.valid_steps(metre), *(part.float() for part in model(x, metre)))
    loss = (recon + beta * (kl - free_nats).clamp(min=0)).mean()
    return {"loss": loss, "recon": recon.mean(), "kl": kl.mean()}


def colorization_mse(model, batch: Batch, sketch) -> Loss:
    """‖y − ŷ‖² per value; (x, y, mask of the drawing) = sketch(batch)."""
    x, color, _ = sketch(batch)
    return {"loss": F.mse_loss(model(x).float(), color)}


def weighted_l1(answer: Tensor, color: Tensor, chroma_weight: float) -> tuple[Tensor, Tensor]:
    """w |y − ŷ| with w = 1 + chroma_weight · (max y − min y over the channels), and |y − ŷ|; means over pixels.

    |·| because its optimum, the median, is an actual colour and not a mean of several; w because most of an image is
    white or grey, and rare saturated colours would never be predicted (class rebalancing: Zhang et al., 2016)."""
    error = (answer.float() - color).abs().mean(1)
    weight = 1 + chroma_weight * (color.amax(1) - color.amin(1))
    return (weight * error).mean(), error.mean()


def colorization_l1(model, batch: Batch, sketch, hint, chroma_weight: float = 0.0) -> Loss:
    """`weighted_l1` of model(x, hints), with (x, y, within) = sketch(batch) and (hints, y) = hint(y, within)."""
    x, color, within = sketch(batch)
    hints, color = hint(color, within)
    loss, l1 = weighted_l1(model(x, hints), color, chroma_weight)
    return {"loss": loss, "l1": l1}


def colorization_concept(
    model,
    batch: Batch,
    sketch,
    hint,
    guess: Callable[[Tensor], Tensor],
    chroma_weight: float = 0.0,
    vote_weight: float = 0.02,
    guessed: float = 0.3,
    unknown: float = 0.1,
    any_style: float = 0.3,
) -> Loss:
    """`weighted_l1` + vote_weight · cross-entropy of the votes, for drawings of a "concept" in the style of an
    "artist", where these are known.

    The network is told the concept, but for a share `guessed` of the drawings it gets guess(x), probabilities (N, K),
    and for a share `unknown` nothing, so that it learns how far to trust a guess; for a share `any_style` it is not
    told the artist. The target of a vote is the nearest palette colour in CIELAB. Votes inside the drawing weigh about
    ten times as much as those outside, and rare colours more, by frequency^−0.3 (rebalancing: Zhang et al., 2016)."""
    x, color, within = sketch(batch)
    hints, color = hint(color, within)
    n, draw = len(x), torch.rand(len(x), 2, 1, device=x.device)
    concept, artist = (batch.get(name, x.new_full((n,), -1, dtype=torch.long)) for name in ("concept", "artist"))
    concepts = one_hot(concept, model.num_concepts)
    is_guessed = (draw[:, 0] < guessed) | (concepts.sum(1, keepdim=True) == 0)
    concepts = torch.where(is_guessed, guess(x), concepts) * (draw[:, 0] < 1 - unknown)
    styles = one_hot(artist, model.num_styles) * (draw[:, 1] >= any_style)
    answer, votes = model(x, hints, concepts, styles)
    l1, error = weighted_l1(answer, color, chroma_weight)
    target = nearest_in_palette(model.palette, color[..., 2::4, 2::4])
    votes = F.cross_entropy(votes.float(), target, reduction="none")
    rare = torch.bincount(target.flatten(), minlength=256).clamp(min=1).float().pow(-0.3)[target]
    weight = rare * (0.1 + within[:, 0, 2::4, 2::4])
    vote = (weight * votes).sum() / weight.sum()
    return {"loss": l1 + vote_weight * vote, "l1": error, "vote": vote}


def one_hot(index: Tensor, n: int) -> Tensor:
    """Return one-hot rows (N, n) of indices (N,), zeros for those outside 0 … n − 1."""
    return (index[:, None] == torch.arange(n, device=index.device)).float()


LogitLoss = Callable[[Tensor, Tensor], Tensor]
GAN_LOSSES: dict[str, tuple[LogitLoss, LogitLoss]] = {
    # name: losses of the discriminator and of the generator, from D's logits for real and fake, before averaging
    "minimax": (  # Goodfellow et al., 2014, eq. 1
        lambda real, fake: F.softplus(-real) + F.softplus(fake),
        lambda _, fake: -F.softplus(fake),
    ),
    "non-saturating": (
        lambda real, fake: F.softplus(-real) + F.softplus(fake),
        lambda _, fake: F.softplus(-fake),
    ),
    "least squares": (  # Mao et al., 2017
        lambda real, fake: ((real - 1) ** 2 + fake**2) / 2,
        lambda _, fake: (fake - 1) ** 2 / 2,
    ),
    "hinge": (  # Lim & Ye, 2017
        lambda real, fake: F.relu(1 - real) + F.relu(1 + fake),
        lambda _, fake: -fake,
    ),
    "wgan-gp": (  # Gulrajani et al., 2017; gradient penalty in `gan`
        lambda real, fake: fake - real,
        lambda _, fake: -fake,
    ),
    "relativistic": (  # pairs: Jolicoeur-Martineau, 2018; Huang et al., 2024; R2 in `zero_centred_penalty`
        lambda real, fake: F.softplus(fake - real),
        lambda real, fake: F.softplus(real - fake),
    ),
}


def grad_norm_sq(discriminator, x: Tensor) -> Tensor:
    """‖∇D(x)‖² for each x (N, …): (N,), itself differentiable."""
    x = x.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(discriminator(x).sum(), x, create_graph=True)
    return gradient.flatten(1).square().sum(1)


def zero_centred_penalty(discriminator, kind: str, both: Tensor) -> Tensor:
    """Mean ‖∇D(x)‖² over the real x, the first half of both (R1: Mescheder et al., 2018), and, for "relativistic",
    also over the fake ones (R2; Huang et al., 2024, https://arxiv.org/abs/2501.05441)."""
    parts = both.chunk(2)[: 2 if kind == "relativistic" else 1]
    return torch.stack([grad_norm_sq(discriminator, x).float().mean() for x in parts]).sum()


def gan(model, discriminator, batch: Batch, kind: str = "non-saturating", r1: float = 0.0, gp: float = 10.0) -> Loss:
    """One of GAN_LOSSES for both players, averaged over real x and fake G(z).

    "d_loss" also has r1 / 2 · `zero_centred_penalty` and, for "wgan-gp", gp · (‖∇D(x̃)‖ − 1)² at random x̃ between real
    and fake. "d_real" and "d_fake" are D's mean logits. Both losses share one graph, so each optimizer must take the
    gradients of its own player's weights only."""
    real = batch["image" if "image" in batch else "point"]
    fake = model(model.latent(len(real))).float()
    both = torch.cat([real, fake])
    judged = discriminator(both).float()
    d_real, d_fake = judged.chunk(2)
    d, g = GAN_LOSSES[kind]
    d_loss = d(d_real, d_fake).mean()
    if r1:
        d_loss = d_loss + r1 / 2 * zero_centred_penalty(discriminator, kind, both)
    if kind == "wgan-gp":
        t = torch.rand(len(real), *[1] * (real.dim() - 1), generator=getattr(model, "rng", None), device=real.device)
        between = torch.lerp(real, fake, t)
        d_loss = d_loss + gp * (grad_norm_sq(discriminator, between).add(1e-12).sqrt() - 1).square().mean()
    return {"loss": g(d_real, d_fake).mean(), "d_loss": d_loss, "d_real": d_real.mean(), "d_fake": d_fake.mean()}


def conditional_gan(
    model,
    discriminator,
    batch: Batch,
    targets: Callable[[Batch], Tensor],
    kind: str = "non-saturating",
    r1: float = 1.0,
    r1_every: int = 8,
    real_class_weight: float = 1.0,
    fake_class_weight: float = 1.0,
    paint_weight: float = 0.0,
    augment=None,
) -> Loss:
    """One of GAN_LOSSES with an auxiliary classifier (AC-GAN: Odena et al., 2017) for pictures of parts, which D sees
    through `augment`.

    discriminator.logits(x) also classifies the parts, by `model.parts.sizes`: "d_loss" has real_class_weight times
    their cross-entropy for real pictures, with targets(batch) (N, P), and "loss" fake_class_weight times that for
    fakes, with the parts that z has chosen. With `paint_weight` each fake has the parts of the real picture beside it,
    and "loss" that many times their mean absolute difference (pix2pix: Isola et al., 2017). r1 / 2 ·
    `zero_centred_penalty` is taken at random in one of `r1_every` steps, as many times as strong (Karras et al.,
    2020)."""
    real, wanted = batch["image"], targets(batch)
    z = model.latent(len(real))
    z = model.parts.choose(z, wanted, torch.rand(wanted.shape)) if paint_weight else z
    fake = model(z).float()
    both = augment(torch.cat([real, fake])) if augment else torch.cat([real, fake])
    judged, read = (part.float() for part in discriminator.logits(both))
    (d_real, d_fake), (read_real, read_fake) = judged.chunk(2), read.chunk(2)
    d, g = GAN_LOSSES[kind]
    class_loss_real = parts_cross_entropy(read_real, wanted, model.parts.sizes)
    class_loss_fake = parts_cross_entropy(read_fake, model.parts.chosen(z), model.parts.sizes)
    d_loss = d(d_real, d_fake).mean() + real_class_weight * class_loss_real
    if r1 and float(torch.rand(())) < 1 / r1_every:
        d_loss = d_loss + r1_every * r1 / 2 * zero_centred_penalty(discriminator, kind, both)
    parts = {"class_loss_real": class_loss_real, "class_loss_fake": class_loss_fake}
    parts |= {"d_real": d_real.mean(), "d_fake": d_fake.mean()}
    loss = g(d_real, d_fake).mean() + fake_class_weight * class_loss_fake
    if paint_weight:
        parts["l1"] = (fake - real).abs().mean()
        loss = loss + paint_weight * parts["l1"]
    return {"loss": loss, "d_loss": d_loss} | parts


def parts_cross_entropy(logits: Tensor, chosen: Tensor, sizes: list[int]) -> Tensor:
    """Return the cross-entropy in nats of parts: logits (N, sum(sizes)), chosen values (N, P); the mean over both."""
    parts = [F.cross_entropy(one, y) for one, y in zip(logits.split(sizes, dim=1), chosen.T, strict=True)]
    return torch.stack(parts).mean()


def classification(model, batch: Batch, corrupt=None) -> Loss:
    """Cross-entropy in nats of a label (N,), or summed over attributes (N, K), averaged over images; the input is
    corrupt(x) if given, so that features do not depend on single pixels."""
    x = corrupt(batch["image"]) if corrupt else batch["image"]
    logits = model(x).float().split(model.sizes, dim=1)
    parts = (F.cross_entropy(one, y) for one, y in zip(logits, class_targets(batch).T, strict=True))
    return {"loss": sum(parts, torch.zeros((), device=x.device))}


def recognition(model, batch: Batch, doodle, sketch, smoothing: float = 0.1) -> Loss:
    """Cross-entropy in nats of the concept of a drawing, with a share `smoothing` of the target spread over all classes
    (Szegedy et al., 2016). The drawings are doodle(points, stroke), then the first of sketch(batch), if there is line
    art among them."""
    drawn = doodle(batch["points"], batch["stroke"])
    if "line" in batch:
        drawn = torch.cat([drawn, F.interpolate(sketch(batch)[0], size=drawn.shape[-2:], mode="area")])
    logits = model(drawn).float()
    loss = F.cross_entropy(logits, batch["concept"], label_smoothing=smoothing)
    return {"loss": loss, "accuracy": (logits.argmax(1) == batch["concept"]).float().mean()}


def class_targets(batch: Batch) -> Tensor:
    """Return a classifier's targets: attributes (N, K), or the label as (N, 1)."""
    return batch["attributes"] if "attributes" in batch else batch["label"][:, None]


@cache
def _palette_table(palette: tuple) -> Tensor:
    """Index of the nearest palette colour in CIELAB, for 32³ colours: (32, 32, 32)."""
    from skimage.color import rgb2lab

    grid = torch.stack(torch.meshgrid(*[(torch.arange(32) + 0.5) / 32] * 3, indexing="ij"), dim=-1).view(1, -1, 3)
    every, known = (torch.from_numpy(rgb2lab(c.numpy())[0]).float() for c in (grid, torch.tensor([palette])))
    return torch.cdist(every, known).argmin(1).view(32, 32, 32)


def nearest_in_palette(palette: Tensor, color: Tensor) -> Tensor:
    """Map colours (N, 3, H, W) to the index (N, H, W) of the nearest in CIELAB of a palette (K, 3); both in [0, 1]."""
    table = _palette_table(tuple(map(tuple, palette.tolist()))).to(color.device)
    red, green, blue = (color * 32).long().clamp(0, 31).unbind(1)
    return table[red, green, blue]


def diffusion(model, batch: Batch, drop_label: float = 0.1, times: int | None = None) -> Loss:
    """‖v − v̂(x_t, t, y)‖² per pixel with x_t = α x₀ + σ ε, v = α ε − σ x₀, t uniform (Ho et al., 2020, eq. 14;
    Salimans & Ho, 2022). A share `drop_label` of the labels becomes "none", for guidance (Ho & Salimans, 2022).

    ε is drawn, or given as "noise": the noise from which a trained network generated the image (reflow: Liu et al.,
    2023, https://arxiv.org/abs/2209.03003). With `times`, three in four t are timesteps of sampling in `times`
    steps."""
    x0, y = batch["image"] * 2 - 1, batch["label"]
    t = torch.randint(0, model.num_train_timesteps, (len(x0),), device=x0.device)
    if times:
        known = torch.tensor(model.timesteps(times), device=x0.device)
        t = torch.where(torch.rand(len(t), device=x0.device) < 0.75, known[torch.randint_like(t, len(known))], t)
    a, s = model.alpha_sigma(t)
    noise = batch["noise"].float() if "noise" in batch else torch.randn_like(x0)
    y = torch.where(torch.rand(len(y), device=y.device) < drop_label, model.num_classes, y)
    v = model(a * x0 + s * noise, t, y)
    return {"loss": F.mse_loss(v.float(), a * noise - s * x0)}
