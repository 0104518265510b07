"""What every recipe must do: learn, stay finite, survive being stored, repeat with its seed, show something."""

from functools import partial

import pytest
import torch
import yaml
from accelerate import Accelerator

from ae_demo import checkpoints, figures
from ae_demo.report import cards, tables
from ae_demo.training.loops import Run, seeded
from ae_demo.training.recipes import RECIPES


def small(recipe):
    """The recipe's model at width 8."""
    return partial(recipe.build, width=8)


def data_of(recipe):
    data = recipe.dataset(split="sample")
    return data.take(torch.arange(0, len(data), len(data) // 20))


@pytest.fixture(params=RECIPES)
def name(request):
    return request.param


def test_three_steps_change_every_weight_and_stay_finite(name):
    recipe, accelerator = RECIPES[name], Accelerator()
    model = seeded(small(recipe), 0)
    before = {key: value.clone() for key, value in model.named_parameters()}
    # three steps, as some layers start at zero, and others only later
    for metrics in recipe.train(model, data_of(recipe), run=Run(3, 4, accelerator)):
        assert all(torch.isfinite(torch.tensor(value)) for value in metrics.values())
    same = [key for key, value in model.named_parameters() if torch.equal(before[key], value)]
    assert not same
    accelerator.free_memory()


def test_what_is_stored_comes_back_with_the_same_scores(name, tmp_path):
    recipe = RECIPES[name]
    model = seeded(small(recipe), 1).eval()
    for weight in model.parameters():  # large models are stored in half precision
        weight.data = weight.data.half().float()
    checkpoints.replace(checkpoints.save(model, name, tmp_path), tmp_path / name)
    loaded = checkpoints.load(type(model), name, tmp_path)
    data = data_of(recipe)
    scores = recipe.evaluate(model, data)
    assert scores == recipe.evaluate(loaded, data)
    assert set(recipe.headline) <= set(scores)


def test_its_example_is_what_it_takes(name):
    model = seeded(small(RECIPES[name]), 2).eval()
    answers = model(*model.example())
    assert all(answer.isfinite().all() for answer in (answers if isinstance(answers, tuple) else (answers,)))


def test_its_sample_grid_is_pictures_and_repeats(name):
    recipe = RECIPES[name]
    model = seeded(small(recipe), 2).eval()
    rows = recipe.sample_grid(model, data_of(recipe))
    assert rows.dim() == 5 and 0 <= rows.min() and rows.max() <= 1
    assert torch.equal(rows, recipe.sample_grid(model, data_of(recipe)))
    figures.to_pil(figures.to_grid(rows))


def test_initial_weights_depend_on_the_seed_alone(name):
    recipe = RECIPES[name]
    first, again, other = (next(seeded(small(recipe), s).parameters()) for s in (3, 3, 4))
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_its_card_names_the_data_the_class_and_every_score(name):
    about = checkpoints.metadata(name)
    card = cards.card(name, about)
    front = yaml.safe_load(card.split("---\n")[1])
    assert front["library_name"] == "pytorch" and front["license"] == "apache-2.0"
    metrics = front["model-index"][0]["results"][0]["metrics"]
    assert {metric["type"] for metric in metrics} == set(RECIPES[name].headline)
    assert f'checkpoints.load({about["model"]["class"]}, "{name}")' in card
    assert card == (checkpoints.ROOT / name / checkpoints.CARD_FILE).read_text(encoding="utf-8")
    for split, scores in about["scores"].items():
        for score, value in scores.items():
            assert (f"| {split} | {score} |" in card) == (not isinstance(value, dict)), score


@pytest.mark.parametrize("table", tables.TABLES)
def test_every_table_is_the_one_in_the_readme(table):
    readme = (checkpoints.ROOT.parent / "README.md").read_text(encoding="utf-8")
    assert tables.TABLES[table](checkpoints.ROOT) in readme
