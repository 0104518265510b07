"""Model cards from checkpoint metadata, with front matter for the Hugging Face Hub."""

import re
from collections.abc import Callable

import yaml
from huggingface_hub import EvalResult, ModelCardData
from huggingface_hub.repocard_data import eval_results_to_model_index

from ae_demo import checkpoints
from ae_demo.training.recipes import RECIPES

SCORE_WORDS = {
    "psnr": "PSNR", "ssim": "SSIM", "mse": "MSE", "kl": "KL", "delta_e": "ΔE", "frechet": "Fréchet distance",
    "recon": "reconstruction", "exact": "−log p(x)", "nats": "−ELBO", "top1": "top-1", "top5": "top-5",
}  # fmt: skip
UNITS = {"psnr": "dB", "nats": "nats", "exact": "nats", "recon": "nats", "kl": "nats"}


def score_name(name: str) -> str:
    """Return the name of a score for readers: "Fréchet distance" for frechet, "PSNR rough" for psnr_rough."""
    for key, word in SCORE_WORDS.items():
        name = re.sub(rf"(?<![^_]){key}(?![^_])", word, name)
    return name.replace("_", " ")


def format_score(name: str, value: float) -> str:
    """Format a score with its unit: 0.00112, 14.3 dB, 141.0 nats."""
    text = f"{value:.4g}" if abs(value) < 10 else f"{value:.1f}"
    unit = UNITS.get(name.removeprefix("told_").removeprefix("unknown_").partition("_")[0])
    return f"{text} {unit}" if unit else text


def headline(name: str, about: dict, write: Callable[[str, float], str] | None = None) -> str:
    """Format the held-out headline scores of a checkpoint, each as `write` does, by default `format_score`."""
    scores, write = about.get("scores", {}).get("held_out", {}), write or format_score
    return ", ".join(f"{score_name(s)} {write(s, scores[s])}" for s in RECIPES[name].headline if s in scores)


def loading_code(name: str, about: dict) -> str:
    """Return the Python code that loads a checkpoint."""
    module, model = about["model"]["module"], about["model"]["class"]
    return f'from ae_demo import checkpoints\nfrom {module} import {model}\nmodel = checkpoints.load({model}, "{name}")'


def stage_steps(about: dict, write: Callable[[int], str] = "{:,}".format) -> str:
    """Format the steps of every stage, each as `write` does."""
    return " + ".join(write(stage["steps"]) for stage in about["stages"])


def evaluation_results(name: str, about: dict) -> list[EvalResult]:
    """Return the held-out headline scores of a checkpoint in the Hub's format."""
    data, scores = about["data"], about["scores"]["held_out"]
    return [
        EvalResult(
            task_type=RECIPES[name].task,
            dataset_type=data["hub_id"] or data["name"],
            dataset_name=data["title"],
            metric_type=score,
            metric_value=float(f"{scores[score]:.4g}"),
            dataset_split="test",
        )
        for score in RECIPES[name].headline
        if score in scores
    ]


def front_matter(known: dict[str, dict]) -> str:
    """Return the front matter of a card for checkpoints, metadata by name, with a model-index."""
    tasks = [RECIPES[name].task for name in known]
    data = ModelCardData(
        library_name="pytorch",
        license="apache-2.0",
        pipeline_tag=max(tasks, key=tasks.count),
        tags=["ae-demo", *dict.fromkeys(name.split("-")[0] for name in known)],
        datasets=sorted({about["data"]["hub_id"] for about in known.values() if about["data"]["hub_id"]}) or None,
    ).to_dict()
    index = [
        entry
        for name, about in known.items()
        for entry in eval_results_to_model_index(name, evaluation_results(name, about))
        if entry["results"]
    ]
    return f"---\n{yaml.safe_dump(data | {'model-index': index}, sort_keys=False, allow_unicode=True)}---\n"


def collection_card(repo_id: str, known: dict[str, dict]) -> str:
    """Return the card of a repository of checkpoints, from their metadata by name."""
    known = {name: known[name] for name in RECIPES if name in known}
    rows = ["| checkpoint | what | parameters | held-out scores |", "|---|---|---|---|"]
    for name, about in known.items():
        title, parameters = RECIPES[name].title, about["model"]["parameters"]
        rows.append(f"| [`{name}`]({name}) | {title} | {parameters:,} | {headline(name, about)} |")
    licences = sorted({f"{about['data']['title']} ({about['data']['licence']})" for about in known.values()})
    last, about = list(known.items())[-1]
    module, model, table = about["model"]["module"], about["model"]["class"], "\n".join(rows)
    return f"""{front_matter(known)}
# Autoencoder studio: checkpoints

Small autoencoders and generative models, one folder each. Code and weights: Apache-2.0. Data: {"; ".join(licences)}.

With the code installed or in a checkout of it:

```python
from huggingface_hub import snapshot_download
from ae_demo import checkpoints
from {module} import {model}
model = checkpoints.load({model}, "{last}", snapshot_download("{repo_id}"))
```

`AE_DEMO_HUB_REPO={repo_id} python app.py` starts the app with them.

{table}
"""


def export_lines(name: str) -> str:
    """Return what a card tells of model.onnx; nothing if the recipe has none."""
    page = RECIPES[name].page
    if not page:
        return ""
    signature = " ".join((page.__doc__ or "").split()).partition(": ")[2]
    load = 'onnxruntime.InferenceSession("model.onnx")'
    return f"\n`model.onnx`, weights in float16, runs in a browser or in any ONNX runtime (`{load}`): {signature}\n"


def card(name: str, about: dict) -> str:
    """Return the model card of a checkpoint from its metadata."""
    recipe, data = RECIPES[name], about["data"]
    scores = "\n".join(
        f"| {split} | {score} | {format_score(score, value)} |"
        for split, values in about["scores"].items()
        for score, value in values.items()
        if not isinstance(value, dict)
    )
    source = about["stages"][0].get("starts_from")
    start = f", starting from `{source['name']}`" if source else ""
    minutes = checkpoints.sum_stages(about, "seconds") / 60
    shortened = about.get("scored_pictures")
    note = (
        f"\nA shortened run: scores are of {shortened} pictures, picked evenly from each split.\n" if shortened else ""
    )
    return f"""{front_matter({name: about})}
# {recipe.title}

`{name}`: {about["model"]["parameters"]:,} parameters, trained on {data["title"]} ({data["licence"]}), \
{data["images"]:,} pictures,
{stage_steps(about)} steps of {about["stages"][-1]["batch_size"]}{start}, in {minutes:.0f} minutes on \
{about["stages"][-1]["device"]}.

![samples](samples.png)

{recipe.caption}

```python
{loading_code(name, about)}
```
{export_lines(name)}{note}
| data | score | value |
|---|---|---|
{scores}

`python train.py {name}` trains it, `python train.py --evaluate {name}` measures it again.
"""
