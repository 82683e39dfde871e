"""A bundle's model card, generated from its manifest: ``python -m training.run.export.model_card BUNDLE [--out FILE]``.

Prose that no manifest holds (intended use, limits) is taken from ``data_cards/model_<bundle>.prose.md``. A bundle
without such a file gets prose that is true of every bundle, and says that nobody has written its own yet.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from model.bundle import COMPACT_BUNDLE, Bundle, Interval, Manifest, MetricRow, Thresholds, open_bundle
from model.modality import Modality, modality_title

CARDS = Path(__file__).parents[3] / "data_cards"
#: Metrics in the order of the table, as people write them; others follow under their own names.
_TITLES = {
    "auroc": "AUROC",
    "average_precision": "average precision",
    "accuracy": "accuracy",
    "macro_f1": "macro-F1",
    "micro_f1": "micro-F1",
    "calibration_error": "calibration error",
}
_GENERIC_PROSE = """## What it is for

An aid to human moderators: it orders a queue, it asks for a look, it explains with the words that it read. A person
decides.

## What it cannot do

Nobody has written this bundle's own limits down yet. What holds for every bundle:

- **It knows the data it was trained on** ({data}). On other targets, languages, years and formats its scores may mean
  nothing: evaluate it on labelled items of your own (`memeguard evaluate`) before its scores decide anything.
- **Its probabilities and thresholds were fitted on a dev set**, whose share of hateful memes is not that of your
  stream: calibrate anew on your own items.
- **Irony, benign confounders and hidden meanings** (same words, other picture, other label) are the field's open
  problem. {measured}
- **Identity terms drive false alarms** in models of this kind, on memes by and about the groups that hate speech is
  aimed at. Look at the rates by group in the evaluation report.
- **Words it does not get are words it does not judge.** Without readable text, a verdict is at least "review".
- It infers no race, gender or age from faces.

## Unsafe uses

Blocking without a person in the loop; judging people rather than posts; use as evidence against an author.

## How the tables were made

Brackets hold 95% bootstrap intervals. Thresholds and epochs are chosen on dev: a row of a split that was chosen on
flatters the model, and says how it compares with the rows beside it rather than how good it is.
"""


def card_path(manifest: Manifest) -> Path:
    """Where the card of a bundle of this repository lies."""
    return CARDS / f"model_{manifest.name}.md"


def render_model_card(manifest: Manifest) -> str:
    """The card as Markdown with the metadata head that model hubs read."""
    parts = [_head(manifest), _facts(manifest), _prose(manifest).strip(), "", _tables(manifest), _provenance(manifest)]
    return "\n".join(parts)


def write_model_card(manifest: Manifest, path: Path | None = None) -> Path:
    """Write the card to ``path``, or beside the data cards."""
    path = path or card_path(manifest)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render_model_card(manifest), encoding="utf-8")
    return path


def default_path(bundle: Bundle) -> Path:
    """Beside the data cards for the bundle that ships with this code, else in the bundle's folder as README.md."""
    ships = bundle.path.resolve() == COMPACT_BUNDLE.resolve()
    return card_path(bundle.manifest) if ships else bundle.path / "README.md"


def _head(manifest: Manifest) -> str:
    fields = {
        "language": "en",
        "license": manifest.licence,
        "pipeline_tag": "image-text-classification",
        "tags": ["hate-speech", "memes", "onnx"],
        "datasets": manifest.data_cards,
    }
    return f"---\n{yaml.safe_dump(fields, sort_keys=False, allow_unicode=True, width=10_000)}---\n"


def _facts(manifest: Manifest) -> str:
    tower, head = manifest.image_tower, manifest.head
    tasks = "; ".join(f"`{task.name}` ({', '.join(task.classes)})" for task in manifest.tasks)
    return (
        f"# Model card: {manifest.name} {manifest.version}\n\n"
        "Generated from the manifest by `python -m training.run.export.model_card`; "
        "edit the prose file, not this one.\n\n"
        f"{manifest.description}\n\n"
        f"- Image tower: {tower.backbone}, {tower.precision} ({tower.licence}).\n"
        f"- Text tower and fusion: {head.text_backbone}, MemeFier fusion, {head.precision} weights ({head.licence}).\n"
        f"{_memory(manifest)}- Tasks: {tasks}.\n- Default policy: {_policy(manifest)}\n"
    )


def _memory(manifest: Manifest) -> str:
    """A line in the card of a bundle that holds something of the memes that it was trained on."""
    config = manifest.training.get("config")
    if not isinstance(config, dict) or config.get("memory") is None:
        return ""
    return (
        "- Memory: labelled memes of the training data vote beside the network. `head.onnx` holds what the frozen "
        "towers saw of each, no pictures and no words; whoever has a meme can find out whether it was among them.\n"
    )


def _policy(manifest: Manifest) -> str:
    if not manifest.thresholds:
        return "no thresholds: every meme whose words could be read is allowed."
    if all(found.shared is not None for found in manifest.thresholds.values()):
        return "; ".join(f"`{task}`: {_limits(found.both)}" for task, found in manifest.thresholds.items()) + "."
    lines = [
        f"  - `{task}`, {modality_title(modality)}: {_limits(limits)}{_expected(manifest, task, modality)}."
        for task, found in manifest.thresholds.items()
        for modality, limits in found.items()
    ]
    return "by what there is of a meme:\n" + "\n".join(lines)


def _limits(limits: Thresholds) -> str:
    block = f"block from {limits.block:.3f}" if limits.block is not None else "never blocks by itself"
    return f"review from {limits.review:.3f}, {block}"


def _expected(manifest: Manifest, task: str, modality: Modality) -> str:
    """How much of a stream goes to review, where the export measured it."""
    told = manifest.training.get("thresholds", {}).get(task, {}).get(modality)
    if told is None:
        return ""
    streams = {"an ordinary stream": told["ordinary"], "a flagged one (the calibration set)": told["flagged"]}
    shares = [f"{share['n_of'] / share['n']:.1%} of {name}" for name, share in streams.items() if share["n"]]
    return f"; expected in review: {', '.join(shares)}"


def _prose(manifest: Manifest) -> str:
    """The bundle's own prose, or what is true of every bundle."""
    own = CARDS / f"model_{manifest.name}.prose.md"
    if Path(manifest.name).name == manifest.name and own.is_file():
        return own.read_text(encoding="utf-8")
    measured = "The tables say how far it is from text and pictures alone, where that was measured."
    return _GENERIC_PROSE.format(
        data=", ".join(manifest.data_cards) or "the manifest names none",
        measured=measured if manifest.metrics else "It was not measured: there are no tables below.",
    )


def _tables(manifest: Manifest) -> str:
    sections = []
    for measured in dict.fromkeys((row.data, row.split, row.task) for row in manifest.metrics):
        rows = [row for row in manifest.metrics if (row.data, row.split, row.task) == measured]
        sections.append(_table(rows))
    return "\n".join(sections)


def _table(rows: Sequence[MetricRow]) -> str:
    """One set and task: a line a model, a column for each metric that any of them has."""
    found = dict.fromkeys(name for row in rows for name in row.metrics)
    names = [name for name in _TITLES if name in found] + [name for name in found if name not in _TITLES]
    titles = " | ".join(_TITLES.get(name, name.replace("_", " ")) for name in names)
    counts = sorted({row.n for row in rows})
    items = f"{counts[0]} items" if len(counts) == 1 else f"{counts[0]} to {counts[-1]} items"
    lines = [f"| {row.model} | " + " | ".join(_cell(row.metrics.get(name)) for name in names) + " |" for row in rows]
    return (
        f"### {rows[0].data}, {rows[0].split} split, task `{rows[0].task}` ({items})\n\n"
        f"| model | {titles} |\n|{'---|' * (len(names) + 1)}\n" + "\n".join(lines) + "\n"
    )


def _cell(interval: Interval | None) -> str:
    return "not measured" if interval is None else str(interval)


def _provenance(manifest: Manifest) -> str:
    training, parity = manifest.training, manifest.parity
    made = f"Made by `{training['command']}`" if "command" in training else "The manifest does not say what made it"
    sentences = [f"{made}{_seeds(training)}."]
    if training:
        sentences.append(
            "The config, the digests of the data, the dev AUROC of every run and the package versions are in "
            "`manifest.json`."
            if "dev_auroc" in training
            else "What the run recorded (config, digests of the data, versions) is in `manifest.json`."
        )
    if {"max_abs_logit_diff", "limit"} <= parity.keys():
        sentences.append(
            "The largest difference of a logit between the torch network and the exported head is "
            f"{parity['max_abs_logit_diff']:.1e} (limit {parity['limit']:.0e})."
        )
    return "## Provenance\n\n" + " ".join(sentences) + "\n"


def _seeds(training: dict[str, Any]) -> str:
    config = training.get("config")
    seeds = config.get("seeds") if isinstance(config, dict) else None
    if seeds and "shipped_seed" in training:
        if training["shipped_seed"] == "average":
            return f" with seeds {seeds}; the average of their logits ships"
        return f" with seeds {seeds}; seed {training['shipped_seed']} ships (best dev AUROC)"
    seed = training.get("seed", config.get("seed") if isinstance(config, dict) else None)
    return "" if seed is None else f" with seed {seed}"


def main() -> None:
    """Command line: see the module's docstring."""
    parser = argparse.ArgumentParser(description="Write a bundle's model card from its manifest.")
    parser.add_argument("bundle", type=Path, nargs="?", default=COMPACT_BUNDLE)
    parser.add_argument("--out", type=Path, help="default: data_cards/ for the bundle that ships, else its README.md")
    arguments = parser.parse_args()
    bundle = open_bundle(arguments.bundle)
    write_model_card(bundle.manifest, arguments.out or default_path(bundle))


if __name__ == "__main__":
    main()
