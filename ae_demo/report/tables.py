"""README tables from the metadata of all checkpoints."""

import re
from pathlib import Path

from ae_demo import checkpoints
from ae_demo.data.melodies import PHRASE_BARS
from ae_demo.evaluation.autoencoder_scores import BETAS, LEVELS
from ae_demo.evaluation.colorization_scores import HINT_COUNTS
from ae_demo.evaluation.generator_scores import READABLE
from ae_demo.report.cards import headline, stage_steps
from ae_demo.training.recipes import RECIPES


def results_table(root: Path) -> str:
    """Tabulate every checkpoint under `root`, one per line, in the order of RECIPES, as Markdown like all tables."""
    lines = ["| checkpoint | what | parameters | held-out scores | trained |", "|---|---|---|---|---|"]
    for name, recipe in RECIPES.items():
        if about := checkpoints.metadata(name, root):
            source = about["stages"][0].get("starts_from")
            start = f"from `{source['name']}`, " if source else ""
            lines.append(
                f"| [`{name}`](checkpoints/{name}) | {recipe.title} | {about['model']['parameters']:,} | "
                f"{headline(name, about)} | {start}{stage_steps(about)} × {about['stages'][-1]['batch_size']}, "
                f"{checkpoints.sum_stages(about, 'seconds') / 60:.0f} min, {about['stages'][-1]['device']} |"
            )
    return "\n".join(lines)


def colorization_table(root: Path) -> str:
    """Tabulate every colorization checkpoint on an unseen artist's drawings, with and without hints, and in the other
    line styles."""
    measures = {"psnr": "PSNR", "ssim": "SSIM", "delta_e": "ΔE", "colorfulness": "colourfulness", "frechet": "Fréchet",
                "unevenness": "unevenness"}  # fmt: skip
    head = f"{' | '.join(measures.values())} |\n|{'---|' * (2 + len(measures))}"
    known = {name: checkpoints.metadata(name, root).get("scores", {}) for name in RECIPES if name.startswith("color")}

    def rows(split: str, n: int, label: str) -> list[str]:
        lines = []
        for name, scores in known.items():
            for prefix, method in (("", ""), ("told_", ", told the name"), ("unknown_", ", without a guess")):
                shown = [scores.get(split, {}).get(f"{prefix}{m}" + f"_{n}" * (n > 0)) for m in measures]
                if None not in shown:
                    texts = [f"{value:.{digits}f}" for value, digits in zip(shown, (1, 3, 1, 2, 1, 1), strict=True)]
                    lines.append(f"| `{name}`{method} | {label} | {' | '.join(texts)} |")
        return lines

    first = [line for n in HINT_COUNTS for line in rows("held_out", n, str(n))]
    truth = {
        scores["held_out"]["unevenness_true"]
        for scores in known.values()
        if "unevenness_true" in scores.get("held_out", {})
    }
    first += [f"| the artist's own colours | | | | | 1.00 | 0.0 | {value:.1f} |" for value in truth]
    others = [(split, split.removeprefix("held_out_")) for split in ("held_out_canny", "held_out_crayon")]
    second = [line for split, label in others for line in rows(split, 0, label)]
    return "\n".join(
        [f"| an artist nobody saw | hints | {head}", *first, "", f"| without hints | lines | {head}", *second]
    )


def restoration_table(root: Path) -> str:
    """Tabulate PSNR and SSIM of the denoising network and of the best filter, for every kind and every other level."""
    levels = checkpoints.metadata("denoising", root).get("scores", {}).get("held_out", {}).get("levels", {})
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
    """Tabulate both terms of the multi-rate VAEs at every weight β, in nats."""
    lines = [f"| nats at β = | {' | '.join(f'{beta:g}' for beta in BETAS)} |", f"|---|{'---|' * len(BETAS)}"]
    for name in ("vae-mnist", "vae-fashion"):
        rates = checkpoints.metadata(name, root).get("scores", {}).get("held_out", {}).get("rates", {})
        for term, what in (("recon", "reconstruction"), ("kl", "KL")):
            cells = [f"{rates[f'{beta:g}'][term]:.1f}" for beta in BETAS if f"{beta:g}" in rates]
            lines.append(f"| `{name}`, {what} | {' | '.join(cells)} |")
    return "\n".join(lines)


def samples_table(root: Path) -> str:
    """Tabulate the sample scores of every GAN, and of the diffusion network of faces, with other held-out images as a
    reference."""
    measures = ("frechet", "precision", "recall", *READABLE)
    lines = [
        "| samples of | Fréchet | precision | recall | readable | clear | eyes alike | specks | of the chosen part |",
        f"|{'---|' * 9}",
    ]
    for name in RECIPES:
        scores = checkpoints.metadata(name, root).get("scores", {}).get("held_out", {})
        for suffix, what in (("", f"`{name}`"), ("_real", "other held-out pictures")):
            shown = [scores.get(measure + suffix) for measure in measures]
            if None not in shown:
                shown += [scores.get(measure + suffix) for measure in ("like_eyes", "specks", "label_accuracy")]
                cells = ["" if value is None else f"{value:.2f}" for value in shown[1:]]
                lines.append(f"| {what} | {shown[0]:.0f} | {' | '.join(cells)} |")
    return "\n".join(lines)


def purity_table(root: Path) -> str:
    """Tabulate what each slider of the generated faces changes, as read by the classifier."""
    found = checkpoints.analysis("dcgan-faces", root).get("changed", {})
    words = {part: part.replace("_", " ") for part in found}
    lines = [f"| moved | {' | '.join(words.values())} |", f"|---|{'---|' * len(found)}"]
    for moved, changed in found.items():
        cells = [f"**{share:.0%}**" if part == moved else f"{share:.0%}" for part, share in changed.items()]
        lines.append(f"| {words[moved]} | {' | '.join(cells)} |")
    return "\n".join(lines)


def samplers_table(root: Path) -> str:
    """Tabulate the scores of every diffusion network by sampler and number of steps."""
    known = {name: checkpoints.metadata(name, root).get("scores", {}).get("held_out", {}) for name in RECIPES}
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
        if "ddpm" in scores["samplers"]:  # a student shares its teacher's floor
            lines.append(
                f"| other held-out pictures, as `{name}` | {cell(sampler_floor(scores))} |{' |' * (len(counts) - 1)}"
            )
    return "\n".join(lines)


def sampler_floor(scores: dict) -> dict:
    """Return the scores of other held-out images, as many as the samples of `samplers_table`."""
    real = {key.removesuffix("_real"): value for key, value in scores.items() if key.endswith("_real")}
    return scores.get("samplers_real", real)


def sampler_curves(scores: dict[str, dict]) -> tuple | None:
    """Convert scores of diffusion networks, by name, to arguments of `figures.curves`: the Fréchet distance of every
    sampler over its steps, and that of other held-out images; None if there are none."""
    known = {name: found["held_out"] for name, found in scores.items() if "samplers" in found.get("held_out", {})}
    if not known:
        return None
    lines = {
        f"{name}, {sampler}": [(int(n), row["frechet"]) for n, row in rows.items()]
        for name, found in known.items()
        for sampler, rows in found["samplers"].items()
    }
    floor = sampler_floor(next(iter(known.values())))["frechet"]
    return lines, "steps", "Fréchet distance", ("other held-out pictures", floor)


def meaning_table(root: Path) -> str:
    """Tabulate how much the colours of doodles mean, for every colorization checkpoint."""
    lines = [
        "| held-out doodles | guessed | told the name | nothing known | half drawn | two hues |",
        "|---|---|---|---|---|---|",
    ]
    measures = ("meaning", "meaning_told", "meaning_unknown", "meaning_half", "two_hues")
    for name in (name for name in RECIPES if name.startswith("color")):
        scores = checkpoints.metadata(name, root).get("scores", {}).get("held_out_doodles", {})
        if scores:
            cells = [f"{scores[measure]:.2f}" if measure in scores else "" for measure in measures]
            lines.append(f"| `{name}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def recognition_table(root: Path) -> str:
    """Tabulate how often the recogniser is right, on doodles, half of them, and the unseen artist's line art."""
    scores = checkpoints.metadata("recognition", root).get("scores", {})
    rows = (
        ("doodles, of 345 categories", "held_out", "_doodle", ""),
        ("doodles, of all concepts", "held_out", "", ""),
        ("half of their strokes, of 345 categories", "held_out", "_doodle", "_half"),
        ("line art of an artist nobody saw, of all concepts", "held_out_artist", "", ""),
    )
    lines = ["| recognised | first | among the first five | calibration error |", "|---|---|---|---|"]
    for label, split, among, suffix in rows:
        if found := scores.get(split):
            error = found.get(f"calibration_error{suffix}") if not among else None
            cells = [f"{found[f'{name}{among}{suffix}']:.1%}" for name in ("top1", "top5")]
            lines.append(f"| {label} | {' | '.join(cells)} | {'' if error is None else f'{error:.3f}'} |")
    return "\n".join(lines)


def melodies_table(root: Path) -> str:
    """Tabulate the scores of the networks that write melodies beside held-out tunes, and those of paths between two."""
    known = {name: checkpoints.metadata(name, root).get("scores", {}).get("held_out", {}) for name in RECIPES}
    known = {name: scores for name, scores in known.items() if "true_in_key" in scores}
    shares = ("in_key", "on_beat", "repeated", "ending")
    lines = [
        "| | nats per sixteenth | right, teacher-forced | right, on its own | time in key | beats with a note | "
        "bars repeated | phrases that end |",
        f"|{'---|' * 8}",
    ]

    def cells(scores: dict, prefix: str = "") -> str:
        return " | ".join(f"{scores[prefix + share]:.1%}" for share in shares)

    for name, scores in known.items():
        right = " | ".join(f"{scores[key]:.1%}" if key in scores else "" for key in ("accuracy_forced", "accuracy"))
        lines.append(f"| `{name}` | {scores['nats']:.3f} | {right} | {cells(scores)} |")
    lengths = {name: RECIPES[name].model_options.get("bars", PHRASE_BARS) for name in known}
    truth = {lengths[name]: cells(scores, "true_") for name, scores in known.items()}
    lines += [f"| held-out tunes, {bars} bars | | | | {row} |" for bars, row in truth.items()]
    lines += ["", "| ten points between two tunes | change from one to the next | nats per sixteenth, language model |"]
    lines.append("|---|---|---|")
    for name, scores in known.items():
        for key, words in (("path", f"`{name}`"), ("crossfade", "notes of either, at random")):
            if f"{key}_change" in scores:
                lines.append(f"| {words} | {scores[f'{key}_change']:.3f} | {scores[f'{key}_lm_nats']:.3f} |")
    return "\n".join(lines)


def directions_table(root: Path) -> str:
    """Tabulate what each slider of a melody changes, in standard deviations."""
    found = checkpoints.analysis("melody-vae", root).get("changed", {})
    lines = [f"| moved by one | {' | '.join(found)} |", f"|---|{'---|' * len(found)}"]
    for moved, changed in found.items():
        cells = [f"**{value:+.2f}**" if name == moved else f"{value:+.2f}" for name, value in changed.items()]
        lines.append(f"| {moved} | {' | '.join(cells)} |")
    return "\n".join(lines)


TABLES = {
    "results": results_table,
    "recognition": recognition_table,
    "meaning": meaning_table,
    "colorization": colorization_table,
    "restoration": restoration_table,
    "rates": rates_table,
    "samples": samples_table,
    "purity": purity_table,
    "samplers": samplers_table,
    "melodies": melodies_table,
    "directions": directions_table,
}


def update_readme(readme: Path, root: Path) -> None:
    """Insert each table between the two comments of its name in a README; a file without them stays unchanged."""
    text = readme.read_text(encoding="utf-8")

    def filled(place: re.Match) -> str:
        return f"{place[1]}\n{TABLES[place[2]](root)}\n{place[3]}"

    changed = re.sub(rf"(<!-- ({'|'.join(TABLES)}) -->).*?(<!-- /\2 -->)", filled, text, flags=re.DOTALL)
    if changed != text:
        readme.write_text(changed, encoding="utf-8")
