"""The loop: same seed, same run; taken up again, same run; not a number, no step."""

import itertools

import pytest
import torch
from accelerate import Accelerator

from ae_demo.data.datasets import Images, fashion_mnist
from ae_demo.models.autoencoder import Autoencoder
from ae_demo.models.pca import PCA
from ae_demo.models.stacked import Stacked
from ae_demo.training import losses
from ae_demo.training.loops import TrainingError, batches, fit, fit_gan, fit_layerwise, fit_pca, warm_cosine


def numbers(n):
    return Images(image=torch.arange(n).view(n, 1, 1, 1))


def seen(stream, n):
    return [batch["image"].flatten().tolist() for batch in itertools.islice(stream, n)]


def test_every_pass_over_the_data_is_another_permutation():
    passes = seen(batches(numbers(12), 4, seed=1), 6)
    first, second = (list(itertools.chain(*half)) for half in (passes[:3], passes[3:]))
    assert sorted(first) == sorted(second) == list(range(12))
    assert first != second


def test_batches_go_on_where_they_were_left_and_depend_on_the_seed():
    data = numbers(20)
    whole = seen(batches(data, 6, seed=5), 10)
    assert seen(batches(data, 6, seed=5, start=7), 3) == whole[7:]
    assert seen(batches(data, 6, seed=6), 10) != whole


def test_processes_share_each_batch():
    data = numbers(20)
    whole = seen(batches(data, 6, seed=5), 4)
    shares = [seen(batches(data, 6, seed=5, rank=rank, world=2), 4) for rank in (0, 1)]
    assert [sorted(a + b) for a, b in zip(*shares, strict=True)] == [sorted(batch) for batch in whole]


def test_a_batch_larger_than_the_data_is_the_data():
    assert sorted(seen(batches(numbers(3), 8, seed=0), 1)[0]) == [0, 1, 2]


def test_the_learning_rate_rises_then_falls_to_nothing():
    rates = [warm_cosine(step, 1000) for step in range(1000)]
    assert rates[0] == pytest.approx(1 / 20)
    assert max(rates) > 0.98 and rates.index(max(rates)) in range(18, 24)
    assert rates[-1] < 1e-4


def run(steps, stop=None, start=0, state=None, save=None, **options):
    torch.manual_seed(0)
    model, accelerator = Autoencoder(width=8), Accelerator()
    data = fashion_mnist(split="sample")
    loop = fit(
        model, data, losses.reconstruction, steps=steps, batch_size=32, accelerator=accelerator, lr=3e-3,
        schedule=warm_cosine, start=start, state=state, **options,
    )  # fmt: skip
    history = [metrics["loss"] for metrics in itertools.islice(loop, stop)]
    if save:
        accelerator.save_state(str(save))
    accelerator.free_memory()
    return model, history


@pytest.mark.parametrize("options", [{}, {"ema_decay": 0.9, "weight_decay": 0.1}, {"bf16": True}], ids=str)
def test_a_run_taken_up_again_is_the_run_that_was_never_interrupted(tmp_path, options):
    model, whole = run(12, **options)
    _, first = run(12, stop=7, save=tmp_path / "state", **options)
    resumed, second = run(12, start=7, state=tmp_path / "state", **options)
    assert first + second == pytest.approx(whole, rel=1e-4)
    for a, b in zip(model.parameters(), resumed.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-5)


def test_it_learns():
    _, history = run(60)
    assert sum(history[-5:]) < 0.6 * sum(history[:5])


def test_averaged_weights_are_what_the_model_ends_up_with():
    plain, _ = run(12)
    averaged, _ = run(12, ema_decay=0.99)
    assert not torch.equal(next(plain.parameters()), next(averaged.parameters()))


def test_a_loss_that_is_not_finite_stops_before_the_weights_change():
    model = Autoencoder(width=8)
    before = [weight.clone() for weight in model.parameters()]
    loop = fit(
        model, fashion_mnist(split="sample"), lambda model, batch: {"loss": model(batch["image"]).sum() * float("nan")},
        steps=3, batch_size=8, accelerator=Accelerator(),
    )  # fmt: skip
    with pytest.raises(TrainingError, match="became nan at step 1"):
        next(loop)
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


def layerwise(steps, stop=None, start=0, state=None, save=None):
    torch.manual_seed(0)
    model, accelerator, data = Stacked([24, 16, 8]), Accelerator(), fashion_mnist(split="sample")
    loop = fit_layerwise(
        model, data, losses.layer_reconstruction, steps=steps, batch_size=16, accelerator=accelerator, start=start,
        state=state, ema_decay=0.9,
    )  # fmt: skip
    weights, history = [], []
    for metrics in itertools.islice(loop, stop):
        history.append(metrics["loss"])
        weights.append([layer.weight.detach().clone() for layer in model.down])
    if save:
        accelerator.save_state(str(save))
    else:
        assert list(loop) == []
    weights.append([layer.weight.detach().clone() for layer in model.down])
    accelerator.free_memory()
    accelerator._custom_objects.clear()
    return history, weights


def test_one_layer_learns_after_the_other():
    _, weights = layerwise(9)
    for layer in range(3):
        moves = [not torch.equal(a[layer], b[layer]) for a, b in itertools.pairwise(weights)]
        assert moves == [3 * layer <= step <= 3 * layer + 3 for step in range(1, 10)], "and takes its average"


@pytest.mark.parametrize("stop", [2, 3, 4, 8])
def test_a_layerwise_run_is_taken_up_again_in_any_layer(tmp_path, stop):
    whole, weights = layerwise(9)
    first, _ = layerwise(9, stop=stop, save=tmp_path / "state")
    second, resumed = layerwise(9, start=stop, state=tmp_path / "state")
    assert first + second == pytest.approx(whole, rel=1e-4)
    assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(weights[-1], resumed[-1], strict=True))


def test_principal_components_are_those_of_the_singular_value_decomposition():
    data, model = fashion_mnist(split="sample"), PCA(latent_dim=8)
    (metrics,) = fit_pca(model, data, steps=1, batch_size=1, accelerator=Accelerator())
    x = data[:]["image"].flatten(1)
    _, s, v = torch.linalg.svd(x - x.mean(0), full_matrices=False)
    assert torch.allclose((model.components @ v[:8].T).abs(), torch.eye(8), atol=1e-2)
    assert metrics["loss"] == pytest.approx(float(s[8:].square().sum() / x.numel()), rel=1e-3)


class Number(torch.nn.Module):
    """A model that is one number."""

    def __init__(self, value=1.0):
        super().__init__()
        self.value = torch.nn.Parameter(torch.tensor(value))


def chase(model, rival, batch):
    """The model wants to be where its rival is, the rival one above the model."""
    return {
        "loss": (model.value - rival.value.detach()) ** 2,
        "d_loss": (rival.value - model.value.detach() - 1) ** 2,
    }


def play(steps, stop=None, start=0, state=None, save=None, loss=chase):
    model, accelerator = Number(), Accelerator()
    loop = fit_gan(
        model, numbers(8), loss, discriminator=Number, steps=steps, batch_size=4, accelerator=accelerator,
        lr=0.1, d_lr=0.1, ema_decay=0.5, start=start, state=state,
    )  # fmt: skip
    seen = [metrics["d_loss"] for metrics in itertools.islice(loop, stop)]
    if save:
        accelerator.save_state(str(save))
    else:
        assert list(loop) == []
    accelerator.free_memory()
    accelerator._custom_objects.clear()
    return seen, float(model.value.detach())


def test_both_players_move_at_once_from_the_same_point():
    seen, _ = play(1)
    assert seen == [1.0], "the rival starts one short of its goal"
    seen, value = play(30)
    assert value > 1.5, "who chases is led upwards"
    assert seen[1] == pytest.approx((1.1 - 1 - 1) ** 2, rel=1e-3), (
        "Adam moved the rival by its rate, the model not at all"
    )


def test_a_game_that_is_taken_up_again_is_the_same_game(tmp_path):
    whole, value = play(12)
    first, _ = play(12, stop=5, save=tmp_path / "state")
    rest, again = play(12, start=5, state=tmp_path / "state")
    assert first + rest == whole and again == value


def test_a_player_that_is_not_finite_ends_the_game_with_its_name():
    with pytest.raises(TrainingError, match="d_loss became nan at step 1"):
        play(3, loss=lambda model, rival, batch: chase(model, rival, batch) | {"d_loss": rival.value * float("nan")})
