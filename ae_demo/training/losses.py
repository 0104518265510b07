"""Every objective on one page, with one signature: loss(model, batch) -> {"loss": …, its parts …}."""

import torch
from torch import Tensor
from torch.nn import functional as F

Batch = dict[str, Tensor]
Loss = dict[str, Tensor]


def reconstruction(model, batch: Batch, corrupt=None) -> Loss:
    """‖x − x̂(x̃)‖² per pixel, with x̃ = corrupt(x) for a denoising autoencoder (Vincent et al., 2008), else x̃ = x."""
    x = batch["image"]
    recon = model(corrupt(x) if corrupt else x)
    return {"loss": F.mse_loss(recon.float(), x)}


def elbo(model, batch: Batch, beta: float = 1.0) -> Loss:
    """−ELBO = −E_q log p(x | z) + β KL(q(z | x) ‖ N(0, I)), in nats per image (Kingma & Welling, 2014; Higgins et al.,
    2017). log p is Bernoulli: Σ x log x̂ + (1 − x) log(1 − x̂); KL = ½ Σ (μ² + σ² − log σ² − 1)."""
    x = batch["image"]
    logits, mu, logvar = (part.float() for part in model(x))
    recon = F.binary_cross_entropy_with_logits(logits, x, reduction="none").flatten(1).sum(1).mean()
    kl = 0.5 * (mu.square() + logvar.exp() - logvar - 1).sum(1).mean()
    return {"loss": recon + beta * kl, "recon": recon, "kl": kl}


def colorization_mse(model, batch: Batch, sketch) -> Loss:
    """‖y − ŷ‖² per value; (sketch, y) = sketch(batch)."""
    x, color = sketch(batch)
    return {"loss": F.mse_loss(model(x).float(), color)}


def colorization_l1(model, batch: Batch, sketch, chroma_weight: float = 0.0) -> Loss:
    """w |y − ŷ| with w = 1 + chroma_weight · (max y − min y over the channels); (sketch, y) = sketch(batch).

    |·| because its optimum, the median, is one of the colours and not their mean; w because most of every picture is
    white or grey, and the rare strong colours would never be dared (class rebalancing: Zhang et al., 2016)."""
    x, color = sketch(batch)
    error = (model(x).float() - color).abs().mean(1)
    weight = 1 + chroma_weight * (color.amax(1) - color.amin(1))
    return {"loss": (weight * error).mean(), "l1": error.mean()}


def diffusion(model, batch: Batch, drop_label: float = 0.1) -> Loss:
    """‖v − v̂(x_t, t, y)‖² per pixel with x_t = α x₀ + σ ε, v = α ε − σ x₀, t uniform (Ho et al., 2020, eq. 14;
    Salimans & Ho, 2022). A share `drop_label` of the labels becomes "none" for guidance (Ho & Salimans, 2022)."""
    x0, y = batch["image"] * 2 - 1, batch["label"]
    net = getattr(model, "module", model)  # the model itself where several processes wrap it
    t = torch.randint(0, net.num_train_timesteps, (len(x0),), device=x0.device)
    a, s = net.levels(t)
    noise = torch.randn_like(x0)
    y = torch.where(torch.rand(len(y), device=y.device) < drop_label, net.num_classes, y)
    v = model(a * x0 + s * noise, t, y)
    return {"loss": F.mse_loss(v.float(), a * noise - s * x0)}
