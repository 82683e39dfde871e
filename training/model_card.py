"""A bundle's model card, generated from its manifest: ``python -m training.model_card BUNDLE``.

Prose that no manifest holds (intended use, limits) stands in ``data_cards/<bundle>.prose.md`` and is put in whole.
"""

import argparse
from pathlib import Path

from model.bundle import COMPACT_BUNDLE, Interval, Manifest, MetricRow, open_bundle

CARDS = Path(__file__).parent.parent / "data_cards"
_METRICS = ("auroc", "accuracy", "macro_f1")


def card_path(manifest: Manifest) -> Path:
    """Where the card of a bundle lies."""
    return CARDS / f"model_{manifest.name}.md"


def render_model_card(manifest: Manifest) -> str:
    """The card as Markdown with the metadata head that model hubs read."""
    prose = (CARDS / f"model_{manifest.name}.prose.md").read_text(encoding="utf-8")
    return "\n".join([_head(manifest), _facts(manifest), prose.strip(), "", _tables(manifest), _provenance(manifest)])


def write_model_card(manifest: Manifest) -> Path:
    """Write the card beside the data cards."""
    path = card_path(manifest)
    path.write_text(render_model_card(manifest), encoding="utf-8")
    return path


def _head(manifest: Manifest) -> str:
    datasets = "\n".join(f"- {name}" for name in manifest.data_cards)
    return (
        f"---\nlanguage: en\nlicense: {manifest.licence}\npipeline_tag: image-text-classification\n"
        f"tags:\n- hate-speech\n- memes\n- onnx\ndatasets:\n{datasets}\n---\n"
    )


def _facts(manifest: Manifest) -> str:
    tower, head = manifest.image_tower, manifest.head
    tasks = "; ".join(f"`{task.name}` ({', '.join(task.classes)})" for task in manifest.tasks)
    thresholds = "; ".join(
        f"`{task}`: review from {limits.review:.3f}, "
        + (f"block from {limits.block:.3f}" if limits.blocks else "never blocks by itself")
        for task, limits in manifest.thresholds.items()
    )
    return (
        f"# Model card: {manifest.name} {manifest.version}\n\n"
        "Generated from the manifest by `python -m training.model_card`; edit the prose file, not this one.\n\n"
        f"{manifest.description}\n\n"
        f"- Image tower: {tower.backbone}, {tower.precision} ({tower.licence}).\n"
        f"- Text tower and fusion: {head.text_backbone}, MemeFier fusion, {head.precision} weights ({head.licence}).\n"
        f"- Tasks: {tasks}.\n- Default policy: {thresholds}.\n"
    )


def _tables(manifest: Manifest) -> str:
    sections = []
    for data, task in dict.fromkeys((row.data, row.task) for row in manifest.metrics):
        rows = [row for row in manifest.metrics if (row.data, row.task) == (data, task)]
        sections.append(
            f"### {data}, test split, task `{task}` ({rows[0].n} items)\n\n"
            "| model | AUROC | accuracy | macro-F1 |\n|---|---|---|---|\n" + "\n".join(map(_row, rows)) + "\n"
        )
    return "\n".join(sections)


def _row(row: MetricRow) -> str:
    return f"| {row.model} | " + " | ".join(_cell(row.metrics[name]) for name in _METRICS) + " |"


def _cell(interval: Interval) -> str:
    return f"{interval.value:.3f} ({interval.low:.3f} to {interval.high:.3f})"


def _provenance(manifest: Manifest) -> str:
    training = manifest.training
    return (
        "## Provenance\n\n"
        f"Made by `{training['command']}` with seeds {training['config']['seeds']}; seed {training['shipped_seed']} "
        "ships (best dev AUROC). The config, the digests of the data, the dev AUROC of every run and the package "
        "versions are in `manifest.json`. The largest difference of a logit between the torch network and the exported "
        f"head is {manifest.parity['max_abs_logit_diff']:.1e} (limit {manifest.parity['limit']:.0e}).\n"
    )


def main() -> None:
    """Command line: see the module's docstring."""
    parser = argparse.ArgumentParser(description="Write a bundle's model card from its manifest.")
    parser.add_argument("bundle", type=Path, nargs="?", default=COMPACT_BUNDLE)
    write_model_card(open_bundle(parser.parse_args().bundle).manifest)


if __name__ == "__main__":
    main()
