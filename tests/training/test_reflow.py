"""Pairs of noise and picture: what a student learns from."""

import torch

from ae_demo import checkpoints
from ae_demo.models.ddpm import DDPM, to_pixels
from ae_demo.training import reflow


def test_couplings_are_what_the_teacher_makes_of_that_noise_and_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(reflow, "COUPLINGS_PER_FILE", 4)
    pairs = [reflow.fashion_couplings(str(tmp_path), limit=n)[:] for n in (4, 8)]
    assert torch.equal(pairs[0]["image"], pairs[1]["image"][:4]), "goes on where it was left"
    (kept,) = (tmp_path / "reflow").iterdir()
    assert checkpoints.metadata(reflow.TEACHER)["model"]["sha256"][:12] in kept.name, "a new teacher begins anew"
    teacher = checkpoints.load(DDPM, reflow.TEACHER)
    noise, y = pairs[1]["noise"][4:].float(), pairs[1]["label"][4:]
    assert y.tolist() == [4, 5, 6, 7]
    *_, last = teacher.denoise(noise, y, reflow.TEACHER_STEPS, guidance=reflow.GUIDANCE, sampler="unipc")
    assert (to_pixels(last.x_t) - pairs[1]["image"][4:]).abs().mean() < 0.02, "up to the rounding of the fast path"


def test_what_is_held_out_are_true_pictures():
    assert len(reflow.fashion_couplings(split="sample")) == 1000
