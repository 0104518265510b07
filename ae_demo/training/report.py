"""What a run leaves behind in words: the model card, and its line in the README's results table."""

import re
from pathlib import Path

import yaml
from huggingface_hub import EvalResult, ModelCardData
from huggingface_hub.repocard_data import eval_results_to_model_index

from ae_demo import checkpoints
from ae_demo.training.metrics import BETAS, HINTS, LEVELS, READABLE
from ae_demo.training.recipes import OTHERS, RECIPES

EMOJI = "Noto (Apache-2.0), OpenMoji (CC BY-SA 4.0) and Twemoji (CC BY 4.0) emoji"
DATA_LICENCES = {
    "mnist": "MNIST (CC BY-SA 3.0)",
    "fashion_mnist": "Fashion-MNIST (MIT)",
    "emoji_pictures": EMOJI,
    "emoji_pairs": EMOJI,
    "emoji_groups": EMOJI,
    "emoji_icons": EMOJI,
    "fashion_couplings": "what `ddpm-fashion` makes of noise",
    "cartoon_faces": "faces drawn with python-avatars (MIT)",
    "pair_folder": "a folder of pairs",
}
HUB_DATA = {  # what of it has a name on the Hub
    "mnist": ("ylecun/mnist", "MNIST"),
    "fashion_mnist": ("zalando-datasets/fashion_mnist", "Fashion-MNIST"),
    "fashion_couplings": ("zalando-datasets/fashion_mnist", "Fashion-MNIST"),
}
TASKS = {"Classifier": "image-classification"} | dict.fromkeys(
    ("ColorizationBaseline", "Colorization", "PaletteColorization", "Restoration"), "image-to-image"
)  # of the Hub, by class; the others make pictures, or codes of them
TASKS |= dict.fromkeys(("VAE", "GAN", "DCGAN", "DDPM"), "unconditional-image-generation")
UNITS = {"psnr": "dB", "nats": "nats", "exact": "nats", "recon": "nats", "kl": "nats"}


def number(name: str, value: float) -> str:
    """A score as text, with its unit: 0.00112, 14.3 dB, 141 nats."""
    text = f"{value:.4g}" if abs(value) < 10 else f"{value:.1f}"
    unit = UNITS.get(name.removeprefix("likeliest_").partition("_")[0])
    return f"{text} {unit}" if unit else text


def total(run: dict, quantity: str) -> float:
    """Steps or seconds of a run and of those before it that it started from."""
    return run[quantity] + (total(run["init"], quantity) if run.get("init") else 0)


def headline(name: str, training: dict) -> str:
    """The held-out scores by which a checkpoint is known, as text."""
    scores = training.get("scores", {}).get("held_out", {})
    return ", ".join(f"{s} {number(s, scores[s])}" for s in RECIPES[name].headline if s in scores)


def loading(name: str, training: dict) -> str:
    """The lines of Python that load a checkpoint."""
    module, model = training["model"]["module"], training["model"]["class"]
    return f'from ae_demo import checkpoints\nfrom {module} import {model}\nmodel = checkpoints.load({model}, "{name}")'


def evaluations(name: str, training: dict) -> list[EvalResult]:
    """The held-out headline scores of a checkpoint as the Hub understands them."""
    loader, scores = training["data"]["loader"], training["scores"]["held_out"]
    kind, data = HUB_DATA.get(loader, (loader, DATA_LICENCES[loader]))
    task = TASKS.get(training["model"]["class"], "image-feature-extraction")
    return [
        EvalResult(task, kind, data, score, float(f"{scores[score]:.4g}"), dataset_split="test")
        for score in RECIPES[name].headline
        if score in scores
    ]


def metadata(known: dict[str, dict]) -> str:
    """Front matter of the card of checkpoints, from their training.json by name, as the Hub reads it: a model-index."""
    loaders = [about["data"]["loader"] for about in known.values()]
    tasks = [TASKS.get(about["model"]["class"], "image-feature-extraction") for about in known.values()]
    data = ModelCardData(
        library_name="pytorch",
        license="apache-2.0",
        pipeline_tag=max(tasks, key=tasks.count),
        tags=["ae-demo", *dict.fromkeys(name.split("-")[0] for name in known)],
        datasets=sorted({HUB_DATA[loader][0] for loader in loaders if loader in HUB_DATA}) or None,
    ).to_dict()
    index = [
        entry
        for name, about in known.items()
        for entry in eval_results_to_model_index(name, evaluations(name, about))
        if entry["results"]
    ]
    return f"---\n{yaml.safe_dump(data | {'model-index': index}, sort_keys=False, allow_unicode=True)}---\n"


def collection_card(repo_id: str, known: dict[str, dict]) -> str:
    """Markdown of a repository's card, from what training.json tells of the checkpoints in it, by name."""
    known = {name: known[name] for name in RECIPES if name in known}
    rows = ["| checkpoint | what | parameters | held-out scores |", "|---|---|---|---|"]
    for name, about in known.items():
        what, parameters = RECIPES[name].title, about["model"]["parameters"]
        rows.append(f"| [`{name}`]({name}) | {what} | {parameters:,} | {headline(name, about)} |")
    licences = sorted({DATA_LICENCES[about["data"]["loader"]] for about in known.values()})
    module, model, table = about["model"]["module"], about["model"]["class"], "\n".join(rows)
    return f"""{metadata(known)}
# Autoencoder studio: checkpoints

Small autoencoders and generative models, one folder each. Code and weights: Apache-2.0. Data: {"; ".join(licences)}.

In a checkout of the code:

```python
from huggingface_hub import snapshot_download
from ae_demo import checkpoints
from {module} import {model}
model = checkpoints.load({model}, "{name}", snapshot_download("{repo_id}"))
```

`AE_DEMO_HUB_REPO={repo_id} python app.py` starts the app with them.

{table}
"""


def card(name: str, training: dict) -> str:
    """Markdown of the model card, with the front matter that the Hub reads, from training.json."""
    recipe = RECIPES[name]
    data = DATA_LICENCES[training["data"]["loader"]]
    scores = "\n".join(
        f"| {split} | {score} | {number(score, value)} |"
        for split, values in training["scores"].items()
        for score, value in values.items()
        if not isinstance(value, dict)
    )
    run = training["run"]
    return f"""{metadata({name: training})}
# {recipe.title}

`{name}`: {training["model"]["parameters"]:,} parameters, trained on {data}, {training["data"]["images"]:,} pictures,
{total(run, "steps"):,} steps of {run["batch_size"]}, in {total(run, "seconds") / 60:.0f} minutes on {run["device"]}.

![samples](samples.png)

{(recipe.strip.func if hasattr(recipe.strip, "func") else recipe.strip).__doc__}

```python
{loading(name, training)}
```

| data | score | value |
|---|---|---|
{scores}

`python train.py {name}` trains it, `python train.py --evaluate {name}` measures it again.
"""


def results_table(root: Path) -> str:
    """Markdown table of every checkpoint under `root`, one line each, in the order of RECIPES."""
    lines = ["| checkpoint | what | parameters | held-out scores | trained |", "|---|---|---|---|---|"]
    for name, recipe in RECIPES.items():
        if training := checkpoints.training(name, root):
            run = training["run"]
            lines.append(
                f"| [`{name}`](checkpoints/{name}) | {recipe.title} | {training['model']['parameters']:,} | "
                f"{headline(name, training)} | {total(run, 'steps'):,} × {run['batch_size']}, "
                f"{total(run, 'seconds') / 60:.0f} min, {run['device']} |"
            )
    return "\n".join(lines)


def colorization_table(root: Path) -> str:
    """Markdown: every colorization checkpoint on held-out things, with and without hints, and on the other splits."""
    measures = {"psnr": "PSNR", "ssim": "SSIM", "delta_e": "ΔE", "colorfulness": "colourfulness", "frechet": "Fréchet"}
    head = f"{' | '.join(measures.values())} |\n|{'---|' * (2 + len(measures))}"
    known = {name: checkpoints.training(name, root).get("scores", {}) for name in RECIPES if name.startswith("color")}

    def rows(split: str, n: int, what: str) -> list[str]:
        lines = []
        for name, scores in known.items():
            for prefix, way in (("", ""), ("likeliest_", ", likeliest colours")):
                shown = [scores.get(split, {}).get(f"{prefix}{m}" + f"_{n}" * (n > 0)) for m in measures]
                if None not in shown:
                    texts = [f"{value:.{digits}f}" for value, digits in zip(shown, (1, 3, 1, 2, 1), strict=True)]
                    lines.append(f"| `{name}`{way} | {what} | {' | '.join(texts)} |")
        return lines

    first = [line for n in HINTS for line in rows("held_out", n, str(n))]
    others = [(split, split.removeprefix("held_out_")) for split in OTHERS]
    second = [line for split, what in others for line in rows(split, 0, what)]
    return "\n".join(
        [f"| held-out things | hints | {head}", *first, "", f"| without hints | held out | {head}", *second]
    )


def restoration_table(root: Path) -> str:
    """Markdown: PSNR and SSIM of the denoising network and of the best filter, for every kind and every other level."""
    levels = checkpoints.training("denoising", root).get("scores", {}).get("held_out", {}).get("levels", {})
    lines = [
        f"| network (best filter) | {' | '.join(f'level {level}' for level in LEVELS[::2])} |",
        f"|---|{'---|' * len(LEVELS[::2])}",
    ]
    for kind, table in levels.items():
        ours = table.pop("model")
        best = {
            score: [max(values) for values in zip(*(t[score] for t in table.values()), strict=True)] for score in ours
        }
        cells = [
            f"{ours['psnr'][i]:.1f} dB, {ours['ssim'][i]:.2f} ({best['psnr'][i]:.1f} dB, {best['ssim'][i]:.2f})"
            for i in range(0, len(LEVELS), 2)
        ]
        lines.append(f"| {kind.replace('_', ' ')} | {' | '.join(cells)} |")
    return "\n".join(lines)


def rates_table(root: Path) -> str:
    """Markdown: the two terms of the multi-rate VAEs at every weight β, in nats."""
    lines = [f"| nats at β = | {' | '.join(f'{beta:g}' for beta in BETAS)} |", f"|---|{'---|' * len(BETAS)}"]
    for name in ("vae-mnist", "vae-fashion"):
        rates = checkpoints.training(name, root).get("scores", {}).get("held_out", {}).get("rates", {})
        for term, what in (("recon", "reconstruction"), ("kl", "KL")):
            cells = [f"{rates[f'{beta:g}'][term]:.1f}" for beta in BETAS if f"{beta:g}" in rates]
            lines.append(f"| `{name}`, {what} | {' | '.join(cells)} |")
    return "\n".join(lines)


def samples_table(root: Path) -> str:
    """Markdown: the samples of every GAN and, as what cannot be bettered, other held-out pictures."""
    measures = ("frechet", "precision", "recall", *READABLE)
    lines = ["| samples of | Fréchet | precision | recall | readable | clear |", "|---|---|---|---|---|---|"]
    for name in RECIPES:
        scores = checkpoints.training(name, root).get("scores", {}).get("held_out", {})
        for suffix, what in (("", f"`{name}`"), ("_real", "other held-out pictures")):
            shown = [scores.get(measure + suffix) for measure in measures]
            if None not in shown:
                lines.append(f"| {what} | {shown[0]:.0f} | {' | '.join(f'{value:.2f}' for value in shown[1:])} |")
    return "\n".join(lines)


def samplers_table(root: Path) -> str:
    """Markdown: what every sampler reaches in how many steps, for every diffusion network."""
    known = {name: checkpoints.training(name, root).get("scores", {}).get("held_out", {}) for name in RECIPES}
    known = {name: scores for name, scores in known.items() if "samplers" in scores}
    counts = sorted({int(n) for scores in known.values() for rows in scores["samplers"].values() for n in rows})
    lines = [f"| steps | {' | '.join(f'{n:,}' for n in counts)} |", f"|---|{'---|' * len(counts)}"]

    def cell(row: dict | None) -> str:
        if not row:
            return ""
        return f"**{row['frechet']:.3g}** {row['precision']:.2f}/{row['recall']:.2f} {row['accuracy']:.2f}"

    for name, scores in known.items():
        for sampler, rows in scores["samplers"].items():
            lines.append(f"| `{name}`, {sampler} | {' | '.join(cell(rows.get(str(n))) for n in counts)} |")
    for name, scores in known.items():
        real = {key.removesuffix("_real"): value for key, value in scores.items() if key.endswith("_real")}
        if "ddpm" in scores["samplers"]:  # the floor of a student is that of its teacher
            lines.append(f"| other held-out pictures, as `{name}` | {cell(real)} |{' |' * (len(counts) - 1)}")
    return "\n".join(lines)


def sampler_curves(scores: dict[str, dict]) -> tuple | None:
    """Scores of diffusion networks by name -> arguments of `figures.curves`: the Fréchet distance of every sampler over
    its steps, and that of other held-out pictures; None if there are none."""
    known = {name: found["held_out"] for name, found in scores.items() if "samplers" in found.get("held_out", {})}
    if not known:
        return None
    lines = {
        f"{name}, {sampler}": [(int(n), row["frechet"]) for n, row in rows.items()]
        for name, found in known.items()
        for sampler, rows in found["samplers"].items()
    }
    floor = next(iter(known.values()))["frechet_real"]
    return lines, "steps", "Fréchet distance", ("other held-out pictures", floor)


TABLES = {
    "results": results_table,
    "colorization": colorization_table,
    "restoration": restoration_table,
    "rates": rates_table,
    "samples": samples_table,
    "samplers": samplers_table,
}


def update_readme(readme: Path, root: Path) -> None:
    """Puts each table between the two comments of its name in a README; leaves a file without them alone."""
    text = changed = readme.read_text(encoding="utf-8")
    for name, table in TABLES.items():
        marks = f"<!-- {name} -->", f"<!-- /{name} -->"
        filled = f"{marks[0]}\n{table(root)}\n{marks[1]}"
        changed = re.sub(f"{marks[0]}.*?{marks[1]}", lambda _, filled=filled: filled, changed, flags=re.DOTALL)
    if changed != text:
        readme.write_text(changed, encoding="utf-8")
