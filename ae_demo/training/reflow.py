"""What a trained diffusion network makes of which noise, kept, for a student that is to get there in few steps: Liu et
al., "Flow Straight and Fast", 2023 (https://arxiv.org/abs/2209.03003)."""

from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from tqdm import tqdm

from ae_demo import checkpoints, runtime
from ae_demo.data.datasets import Images, aside, fashion_mnist
from ae_demo.models.ddpm import DDPM, to_pixels

TEACHER = "ddpm-fashion"
GUIDANCE = 1.5  # of the teacher; the student has it built in


def fashion_couplings(data_dir: str = "data", split: str = "train", n: int = 60_000, batch_size: int = 200) -> Images:
    """n pictures that the teacher makes, of all classes alike: image (1, 28, 28), label, and the noise (1, 28, 28)
    that each came from; made once for each state of the teacher. Other splits are those of `fashion_mnist`."""
    if split != "train":
        return fashion_mnist(data_dir, split)
    teacher = checkpoints.load(DDPM, TEACHER)
    digest = checkpoints.training(TEACHER)["model"]["sha256"][:12]
    cached = Path(data_dir) / "reflow" / f"{TEACHER}-{digest}-{n}.safetensors"
    if not cached.exists():
        net, made = runtime.fast(teacher), []
        for seed in tqdm(range(0, n, batch_size), desc="the teacher's pictures", unit="batch"):
            y = (seed + torch.arange(batch_size)) % teacher.num_classes
            *_, last = teacher.sample(y, 20, seed=seed, guidance=GUIDANCE, sampler="dpm++", net=net)
            made.append((255 * to_pixels(last.x_t)).round().byte())
        with aside(cached) as part:
            save_file({"image": torch.cat(made)}, part)
    image = load_file(cached)["image"]
    noise = [teacher.noise(batch_size, seed) for seed in range(0, n, batch_size)]
    return Images(image=image, label=torch.arange(n) % 10, noise=torch.cat(noise).half())
