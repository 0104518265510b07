"""The loop: same seed, same run; taken up again, same run; not a number, no step."""

import itertools
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from accelerate import Accelerator

from ae_demo import losses
from ae_demo.data.images import Images
from ae_demo.data.mnist import fashion_mnist
from ae_demo.models.autoencoder import Autoencoder
from ae_demo.models.pca import PCA
from ae_demo.models.stacked import Stacked
from ae_demo.models.toy_gan import ToyDiscriminator
from ae_demo.training.loops import (
    DivergedError,
    Optim,
    Run,
    TrainingError,
    batches,
    fit,
    fit_gan,
    fit_layerwise,
    fit_pca,
    seeded,
    warm_cosine,
)


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


def test_a_batch_that_the_data_cannot_fill_is_left_out():
    stream = seen(batches(numbers(11), 4, seed=0), 6)
    assert [len(batch) for batch in stream] == [4] * 6
    assert all(len({*first, *second}) == 8 for first, second in zip(stream[::2], stream[1::2], strict=True))


def test_no_two_passes_of_any_seeds_have_the_same_order():
    passes = [tuple(batch) for seed in range(4) for batch in seen(batches(numbers(20), 20, seed=seed), 4)]
    assert len(set(passes)) == 16


def test_a_batch_larger_than_the_data_is_the_data():
    assert sorted(seen(batches(numbers(3), 8, seed=0), 1)[0]) == [0, 1, 2]


def test_the_learning_rate_rises_then_falls_to_nothing():
    rates = [warm_cosine(step, 1000) for step in range(1000)]
    assert rates[0] == pytest.approx(1 / 20)
    assert max(rates) > 0.98 and rates.index(max(rates)) in range(18, 24)
    assert rates[-1] < 1e-4
    assert rates[250] == pytest.approx((2 + 2**0.5) / 4) and rates[500] == pytest.approx(0.5), "a cosine of all steps"
    assert warm_cosine(0, 10) == 1, "too short to warm up"


def run(steps, stop=None, start=0, state=None, save=None, **options):
    torch.manual_seed(0)
    model, accelerator = Autoencoder(width=8), Accelerator()
    data = fashion_mnist(split="sample")
    optim = Optim(lr=3e-3, schedule=warm_cosine, **options)
    loop = fit(model, data, losses.reconstruction, Run(steps, 32, accelerator, start=start, state=state), optim)
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


class Constant(torch.nn.Module):
    """A network whose weight has the gradient that the batch says, so that every step is known."""

    def __init__(self, weight=0.0):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.full((4,), float(weight)))


def linear(model, batch):
    """A loss with the gradient `slope` for every weight."""
    return {"loss": (model.weight * batch["slope"].mean()).sum()}


def weights_after(steps, optim, slope=1.0, weight=0.0):
    model = Constant(weight)
    loop = fit(model, Images(slope=torch.full((8,), slope)), linear, Run(steps, 4, Accelerator()), optim)
    seen = [model.weight.detach().clone() for _ in loop]
    return seen, model.weight.detach()


def test_averaged_weights_are_the_running_average_of_all_steps():
    seen, last = weights_after(9, Optim(lr=0.1, ema_decay=0.7))
    average = seen[0] * 0
    for step, weight in enumerate(seen):
        decay = min(0.7, max(0.0, 1 - (1 + step) ** -0.75)) if step else 0.0  # warm-up, as diffusers documents it
        average = decay * average + (1 - decay) * weight
    assert torch.allclose(last, average, atol=1e-6)
    assert not torch.allclose(last, seen[-1], atol=1e-2)


@pytest.mark.parametrize(("clip", "first", "second"), [(1.0, 0.5, 0.5), (4.0, 2.0, 1.0), (None, 100.0, 1.0)])
def test_gradients_are_clipped_to_their_norm(clip, first, second):
    """Adam forgets a constant scale, but not that a gradient of norm 2 came after one of 200 (4 equal weights)."""
    slopes, model = iter([100.0, 1.0]), Constant()

    def steep_then_flat(model, batch):
        return {"loss": (model.weight * next(slopes)).sum()}

    loop = fit(
        model, Images(slope=torch.ones(8)), steep_then_flat, Run(2, 4, Accelerator()), Optim(lr=0.1, clip=clip)
    )  # fmt: skip
    before, after = [model.weight.detach().clone() for _ in loop]
    momentum = (0.9 * 0.1 * first + 0.1 * second) / (1 - 0.9**2)
    square = (0.999 * 0.001 * first**2 + 0.001 * second**2) / (1 - 0.999**2)
    assert float((before - after).mean()) == pytest.approx(0.1 * momentum / square**0.5, rel=1e-3)


def test_the_loss_is_computed_in_bfloat16_where_that_is_wanted(monkeypatch):
    monkeypatch.setattr("ae_demo.training.loops.computes_bf16", lambda device: True)  # old processors emulate it

    def note(model, batch):
        answer = torch.nn.functional.linear(torch.ones(1, 4), model.weight[None])
        seen.append(answer.dtype)
        return {"loss": answer.float().sum()}

    seen = []
    for bf16 in (True, False):
        list(fit(Constant(), Images(slope=torch.ones(8)), note, Run(1, 4, Accelerator()), Optim(bf16=bf16)))
    assert seen == [torch.bfloat16, torch.float32]


def test_weights_decay_as_adamw_says():
    _, decayed = weights_after(1, Optim(lr=0.1, weight_decay=0.5), slope=0.0, weight=2.0)
    assert torch.allclose(decayed, torch.full((4,), 2.0 * (1 - 0.1 * 0.5)))
    _, kept = weights_after(1, Optim(lr=0.1), slope=0.0, weight=2.0)
    assert torch.allclose(kept, torch.full((4,), 2.0))


@pytest.mark.parametrize("which", ["optim", "d_optim"])
def test_each_player_has_the_momentum_of_its_own_betas(which):
    """After a gradient of 1 and one of 0 Adam goes on by its momentum: m₂ / √v₂ with both bias-corrected."""
    slopes = itertools.cycle([1.0, 0.0])

    def loss(model, rival, batch):
        slope = next(slopes)
        return {"loss": model.value * slope, "d_loss": rival.value * slope}

    made, model = [], Number(0.0)
    betas = {"optim": (0.5, 0.99), "d_optim": (0.8, 0.95)}
    options = {name: Optim(lr=0.1, betas=pair) for name, pair in betas.items()}
    loop = fit_gan(
        model, numbers(8), loss, Run(2, 4, Accelerator()), discriminator=lambda: made.append(Number(0.0)) or made[0],
        **options,
    )  # fmt: skip
    next(loop)
    player = model if which == "optim" else made[0]
    assert float(player.value.detach()) == pytest.approx(-0.1, rel=1e-3)
    next(loop)
    b1, b2 = betas[which]
    momentum, square = b1 * (1 - b1) / (1 - b1**2), b2 * (1 - b2) / (1 - b2**2)
    assert float(player.value.detach()) == pytest.approx(-0.1 - 0.1 * momentum / square**0.5, rel=1e-3)


def test_the_learning_rate_follows_the_schedule():
    seen, _ = weights_after(4, Optim(lr=0.1, schedule=lambda step, steps: (step + 1) / steps))
    moves = [float((b - a).abs().mean()) for a, b in itertools.pairwise([torch.zeros(4), *seen])]
    assert moves == pytest.approx([0.025, 0.05, 0.075, 0.1], rel=1e-3)


def test_a_batch_of_one_picture_and_batch_normalisation_is_one_sentence():
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.BatchNorm1d(1))
    loop = fit(model, numbers(1), losses.reconstruction, Run(3, 8, Accelerator()))
    with pytest.raises(
        TrainingError, match="at least 2 pictures in a batch of every process, and there is 1: train on"
    ):
        next(loop)


def test_nothing_of_a_run_is_left_in_the_accelerator():
    accelerator = Accelerator()
    for _ in range(2):
        model = Constant()
        loop = fit(model, Images(slope=torch.ones(8)), linear, Run(3, 4, accelerator), Optim(ema_decay=0.9))
        next(loop)
        loop.close()
        accelerator.free_memory()
    assert not accelerator._save_model_state_pre_hook and not accelerator._load_model_state_pre_hook


def test_a_loss_that_is_not_finite_stops_before_the_weights_change():
    model = Autoencoder(width=8)
    before = [weight.clone() for weight in model.parameters()]

    def undefined(model, batch):
        return {"loss": model(batch["image"]).sum() * float("nan")}

    loop = fit(model, fashion_mnist(split="sample"), undefined, Run(3, 8, Accelerator()))
    with pytest.raises(DivergedError, match="became nan at step 1"):
        next(loop)
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


def layerwise(steps, stop=None, start=0, state=None, save=None):
    torch.manual_seed(0)
    model, accelerator, data = Stacked([24, 16, 8]), Accelerator(), fashion_mnist(split="sample")
    run = Run(steps, 16, accelerator, start=start, state=state)
    loop = fit_layerwise(model, data, losses.layer_reconstruction, run, Optim(ema_decay=0.9))
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


def test_the_last_layer_takes_the_steps_that_do_not_divide():
    history, weights = layerwise(11)
    moved = [
        [i for i, (old, new) in enumerate(zip(before, after, strict=True)) if not torch.equal(old, new)]
        for before, after in itertools.pairwise(weights[:-1])
    ]
    assert len(history) == 11
    assert [layers[-1] for layers in moved] == [0] * 2 + [1] * 3 + [2] * 5, "three, three and five steps"


def test_principal_components_are_found_again_when_a_run_is_taken_up():
    data, model = fashion_mnist(split="sample"), PCA(latent_dim=8)
    assert len(list(fit_pca(model, data, Run(3, 1, Accelerator(), start=1)))) == 2
    assert list(fit_pca(model, data, Run(3, 1, Accelerator(), start=3))) == []
    x = data[:]["image"]
    assert float((model.eval()(x) - x).square().mean()) < 0.04


def test_principal_components_are_those_of_the_singular_value_decomposition():
    data, model = fashion_mnist(split="sample"), PCA(latent_dim=8)
    (metrics,) = fit_pca(model, data, Run(1, 1, Accelerator()))
    x = data[:]["image"].flatten(1)
    _, s, v = torch.linalg.svd(x - x.mean(0), full_matrices=False)
    assert torch.allclose((model.components @ v[:8].T).abs(), torch.eye(8), atol=1e-2)
    assert metrics["loss"] == pytest.approx(float(s[8:].square().sum() / x.numel()), rel=1e-3)


def test_principal_components_of_many_pictures_are_those_of_all_of_them():
    from sklearn.decomposition import PCA as Reference

    x = torch.randn(12_000, 1, 2, 3) * torch.tensor([[1.0, 5, 2], [3, 1, 1]])
    x[10_000:] += torch.tensor([[9.0, 0, 0], [0, 0, 9]])  # one portion is 10,000
    model = SimpleNamespace(latent_dim=3, mean=torch.zeros(6), components=torch.zeros(3, 6))
    (metrics,) = fit_pca(model, Images(image=x), Run(1, 1, None))
    reference = Reference(6).fit(x.flatten(1).double().numpy())
    assert torch.allclose(model.mean.double(), torch.from_numpy(reference.mean_), atol=1e-4)
    products = model.components.double() @ torch.from_numpy(reference.components_[:3]).T
    assert torch.allclose(products.abs(), torch.eye(3, dtype=torch.double), atol=1e-3)
    assert metrics["loss"] == pytest.approx(reference.explained_variance_[3:].sum() / 6, rel=1e-3)


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
    run, adam = Run(steps, 4, accelerator, start=start, state=state), Optim(lr=0.1, betas=(0.5, 0.99))
    loop = fit_gan(
        model, numbers(8), loss, run, discriminator=Number, optim=replace(adam, ema_decay=0.5), d_optim=adam
    )  # fmt: skip
    seen = [metrics["d_loss"] for metrics in itertools.islice(loop, stop)]
    if save:
        accelerator.save_state(str(save))
    else:
        assert list(loop) == []
    accelerator.free_memory()
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
    with pytest.raises(DivergedError, match="d_loss became nan at step 1"):
        play(3, loss=lambda model, rival, batch: chase(model, rival, batch) | {"d_loss": rival.value * float("nan")})


def test_the_average_is_that_of_the_model_and_its_rival_keeps_its_last_weights():
    model, made, seen = Number(), [], []
    loop = fit_gan(
        model, numbers(8), chase, Run(9, 4, Accelerator()), discriminator=lambda: made.append(Number()) or made[0],
        optim=Optim(lr=0.1, ema_decay=0.5), d_optim=Optim(lr=0.3),
    )  # fmt: skip
    for _ in loop:
        seen.append((float(model.value.detach()), float(made[0].value.detach())))
    average = 0.0
    for step, (value, _) in enumerate(seen):
        decay = min(0.5, 1 - (1 + step) ** -0.75)
        average = decay * average + (1 - decay) * value
    assert float(model.value.detach()) == pytest.approx(average, rel=1e-5)
    assert float(made[0].value.detach()) == seen[-1][1] != pytest.approx(average, rel=0.05)


def test_a_rival_that_is_averaged_ends_with_its_own_average():
    made, seen = [], []
    loop = fit_gan(
        Number(), numbers(8), chase, Run(9, 4, Accelerator()), discriminator=lambda: made.append(Number()) or made[0],
        optim=Optim(lr=0.1), d_optim=Optim(lr=0.3, ema_decay=0.5),
    )  # fmt: skip
    for _ in loop:
        seen.append(float(made[0].value.detach()))
    average = 0.0
    for step, value in enumerate(seen):
        decay = min(0.5, 1 - (1 + step) ** -0.75)
        average = decay * average + (1 - decay) * value
    assert float(made[0].value.detach()) == pytest.approx(average, rel=1e-5)


def test_who_is_to_move_is_asked_for_the_steps_that_are_left():
    asked, model, made = [], Number(), []

    def turns(step):
        asked.append(step)
        return step != 5, step == 5

    loop = fit_gan(
        model, numbers(8), chase, Run(6, 4, Accelerator(), start=3), active_players=turns,
        discriminator=lambda: made.append(Number(2.0)) or made[0], optim=Optim(lr=0.1), d_optim=Optim(lr=0.1),
    )  # fmt: skip
    places = [(round(float(model.value.detach()), 2), round(float(made[0].value.detach()), 2)) for _ in loop]
    assert asked == [3, 4, 5]
    assert [rival for _, rival in places] == [2.0, 2.0, 2.1]
    assert places[0][0] == 1.1 and places[0][0] < places[1][0] == places[2][0]


def test_no_player_is_moved_by_the_loss_of_the_other():
    """Each loss alone would push both; the model wants to go down, its rival up."""

    def entangled(model, rival, batch):
        return {"loss": model.value + 5 * rival.value, "d_loss": -rival.value - 5 * model.value}

    model, made = Number(0.0), []
    loop = fit_gan(
        model, numbers(8), entangled, Run(3, 4, Accelerator()), optim=Optim(lr=0.1), d_optim=Optim(lr=0.1),
        discriminator=lambda: made.append(Number(0.0)) or made[0],
    )  # fmt: skip
    assert len(list(loop)) == 3
    assert float(model.value.detach()) == pytest.approx(-0.3, rel=1e-3)
    assert float(made[0].value.detach()) == pytest.approx(0.3, rel=1e-3)


def test_initial_weights_depend_on_the_seed_alone_and_leave_the_random_numbers_of_others_alone():
    def drawn(seed):
        return seeded(lambda: torch.nn.Linear(3, 2), seed).weight

    torch.manual_seed(1)
    expected, first = torch.rand(3), drawn(5)
    torch.manual_seed(1)
    again = drawn(5)
    assert torch.equal(torch.rand(3), expected) and torch.equal(first, again)
    assert not torch.equal(first, drawn(6))


def test_the_rival_starts_from_the_seed_and_not_from_the_weights_of_its_model():
    def rival(seed):
        made, model = [], seeded(ToyDiscriminator, seed)
        fit_gan(
            model, numbers(8), chase, Run(1, 4, Accelerator(), seed=seed),
            discriminator=lambda: made.append(ToyDiscriminator()) or made[0],
        )  # fmt: skip
        return [torch.nn.utils.parameters_to_vector(net.parameters()) for net in (made[0], model)]

    (first, model), (again, _), (other, _) = rival(0), rival(0), rival(1)
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert not torch.equal(first, model), "the same network, drawn anew"
