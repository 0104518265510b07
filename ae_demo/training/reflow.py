"""What a trained diffusion network makes of which noise, kept, for a student that is to get there in few steps: Liu et
al., "Flow Straight and Fast", 2023 (https://arxiv.org/abs/2209.03003)."""

from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from tqdm import tqdm

from ae_demo import checkpoints, runtime
from ae_demo.data.datasets import Images, aside, fashion_mnist
from ae_demo.models.ddpm import DDPM, to_pixels
from ae_demo.training.metrics import GUIDANCE

TEACHER = "ddpm-fashion"
STEPS = 12  # of the teacher; the student has its guidance built in
PORTION = 200  # pictures made at once


def fashion_couplings(data_dir: str = "data", split: str = "train", n: int = 40_000) -> Images:
    """n pictures that the teacher makes, of all classes alike: image (1, 28, 28), label, and the noise (1, 28, 28)
    that each came from; made once for each state of the teacher, and where it was left if it was interrupted. Other
    splits are those of `fashion_mnist`."""
    if split != "train":
        return fashion_mnist(data_dir, split)
    teacher = checkpoints.load(DDPM, TEACHER)
    digest = checkpoints.training(TEACHER)["model"]["sha256"][:12]
    folder = Path(data_dir) / "reflow" / f"{TEACHER}-{digest}-{GUIDANCE:g}-{STEPS}"
    net, parts = runtime.fast(teacher), []
    for seed in tqdm(range(0, n, PORTION), desc="the teacher's pictures", unit="portion", disable=None):
        cached = folder / f"{seed}.safetensors"
        y = (seed + torch.arange(min(PORTION, n - seed))) % teacher.num_classes
        if not cached.exists():
            *_, last = teacher.sample(y, STEPS, seed=seed, guidance=GUIDANCE, sampler="unipc", net=net)
            with aside(cached) as part:
                save_file({"image": (255 * to_pixels(last.x_t)).round().byte(), "label": y}, part)
        parts.append(load_file(cached) | {"noise": teacher.noise(len(y), seed).half()})
    return Images(**{name: torch.cat([part[name] for part in parts]) for name in ("image", "label", "noise")})
