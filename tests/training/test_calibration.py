"""One temperature that makes a recogniser as sure as it is right."""

import pytest
import torch
from accelerate import Accelerator

from ae_demo.data.drawings import drawings
from ae_demo.evaluation.recognition_scores import calibration_error
from ae_demo.models.recognition import Recognition
from ae_demo.training import calibration
from ae_demo.training.loops import Optim, Run


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_temperature_by_which_logits_are_off_is_found(temperature):
    torch.manual_seed(0)
    logits = 2 * torch.randn(20_000, 10)
    target = torch.distributions.Categorical(logits=logits).sample()
    assert calibration.best_temperature(logits * temperature, target) == pytest.approx(temperature, rel=0.05)
    assert calibration_error(logits.softmax(1), target) < 0.02


def test_a_recogniser_is_calibrated_at_the_end_of_its_training(monkeypatch):
    asked = []
    monkeypatch.setattr(calibration, "best_temperature", lambda logits, target: asked.append((logits, target)) or 2.0)
    data, accelerator = drawings(split="sample").take(torch.arange(0, 1035, 40)), Accelerator()
    model = Recognition(["a"] * 1546, width=8)
    before = model.head.weight.clone()

    def loss(model, batch):
        return {"loss": 0 * model.head.weight.sum()}

    steps = list(calibration.fit_calibrated(model, data, loss, Run(1, 4, accelerator), Optim(lr=0.0)))
    accelerator.free_memory()
    assert len(steps) == 1 and torch.allclose(model.head.weight, before / 2)
    logits, target = asked[0]
    assert len(logits) == len(target) == 2 * len(data), "whole and half drawn"
    assert torch.equal(target[: len(data)], data.tensors["concept"])
