"""What a bundle's judgement is worth: ``python -m benchmarks.judgement BUNDLE --data DATA [--out FOLDER]``.

On test splits that nothing was chosen on: AUROC, and what the bundle's own policy sends to review or blocks, of all
items, of the harmless ones by group, and at the threshold that catches .80 of a set's positives; HateCheck by function
too. DATA has the folders of ``data_cards/``: ``text_hate/``, ``imgflip/``, ``religious_memes/``, ``multioff/``; a set
that is not there is left out and named. Words are taken as the files give them, and ``--cache`` keeps what the image
tower says of pictures. Prints Markdown and writes it as ``judgement.md``, with all numbers in ``judgement.json``.
"""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks.judgement_report import (
    FULL_ITEMS,
    PICTURE_ALONE,
    WORDS_ALONE,
    Judged,
    Judgement,
    Row,
    render,
    targets,
)
from model.atomic import write_atomically
from model.bundle import COMPACT_BUNDLE, Bundle, open_bundle
from model.policy.policy import default_policy
from model.runtime import engines_for
from training.datasets import LAYOUTS, Sample, Source, load_source
from training.evaluation.breakdown import GroupTable, class_table
from training.evaluation.decisions import decide_all
from training.evaluation.evaluate import bundle_ref
from training.evaluation.false_alarms import Stops, at_recall, stop_rates, stops
from training.evaluation.groups import Grouping, by_function, by_whom_they_name
from training.evaluation.labels import labelled, questions
from training.evaluation.metrics.bootstrap import bootstrap
from training.evaluation.metrics.measures import AUROC, Ints, Mask
from training.evaluation.scoring import FULL, Scored, View, score_views

_PARTS_OF_MEMES = {WORDS_ALONE: View(image=False), PICTURE_ALONE: View(text=False)}


@dataclass(frozen=True)
class Part:
    """A set that is judged: where it lies below DATA (or with the code), its layout, task, and how many are enough."""

    name: str
    folder: str
    layout: str
    task: str = "hateful"
    limit: int | None = None

    def source(self, data: Path, limit: int | None) -> Source | None:
        """Its test split, or dev where it has no other; None where it is not there."""
        layout = LAYOUTS[self.layout]
        root = layout.shipped or data / self.folder
        splits = layout.splits(root) if root.is_dir() else ()
        split = next((name for kind in ("test", "dev") for name in splits if name.startswith(kind)), None)
        if split is None:
            return None
        return Source(path=root, split=split, layout=self.layout, limit=limit or self.limit)


PARTS = (
    Part("HateCheck", "text_hate", "hatecheck"),
    Part("HatemojiBuild", "text_hate", "hatemoji"),
    Part("ordinary captions", "imgflip", "imgflip", limit=2000),
    Part("RedditBias", "text_hate", "redditbias"),
    Part("ToxiGen", "text_hate", "toxigen"),
    Part("madlibs", "text_hate", "madlibs"),
    Part("minimal pairs", "minimal_pairs", "minimal_pairs", limit=2000),
    Part("religious_memes", "religious_memes", "hateful_memes"),
    Part("MultiOFF", "multioff", "multioff", task="offensive"),
)


@dataclass(frozen=True)
class Options:
    """How sets are scored, and how intervals are drawn."""

    n_resamples: int = 1000
    limit: int | None = None
    threads: int | None = None
    cache: Path | None = None


def judge_all(bundle: Bundle, data: Path, options: Options, parts: Sequence[Part] = PARTS) -> Judgement:
    """Every set that is there and that the bundle answers for."""
    started, sets, left_out = time.monotonic(), [], []
    for part in parts:
        source = part.source(data, options.limit)
        if source is None or part.task not in {task.name for task in bundle.tasks}:
            reason = f"not in {part.folder}/" if source is None else f"the bundle has no task {part.task}"
            left_out.append(f"{part.name} ({reason})")
            continue
        sets.append(judge(bundle, part, source, options))
    measured = bundle_ref(bundle, engines_for(bundle).engines)
    return Judgement(measured, sets, left_out, targets(sets), round(time.monotonic() - started, 1))


def judge(bundle: Bundle, part: Part, source: Source, options: Options) -> Judged:
    """One set, with the code that serves the bundle."""
    samples = load_source(source).samples
    columns = _scored(bundle, samples, options)
    full = columns[FULL_ITEMS]
    (question,) = questions(part.name, full.samples, bundle.tasks, {}, [part.task])
    rows, labels = labelled(question, full.samples)
    scores = {name: column.probabilities[part.task][rows] for name, column in columns.items()}
    picked, decided = [full.samples[row] for row in rows], decide_all(bundle, full)
    chosen = [decided[row] for row in rows]
    held = stops(default_policy(bundle.manifest), question, picked, labels, scores[FULL_ITEMS], chosen)
    return Judged(
        name=part.name,
        split=source.split,
        task=part.task,
        auroc={
            name: bootstrap(AUROC, labels, values, n_resamples=options.n_resamples) for name, values in scores.items()
        },
        whole=_row("all", np.ones(len(rows), dtype=bool), labels, held),
        at_recall=at_recall(labels, scores[FULL_ITEMS], held.harmless),
        groups=_rows(by_whom_they_name(picked), labels, held),
        functions=_rows(by_function(picked), labels, held),
        classes=_classes(bundle, full, options),
    )


def _classes(bundle: Bundle, full: Scored, options: Options) -> dict[str, GroupTable]:
    found = {}
    for question in questions("", full.samples, bundle.tasks, {}):
        if (task := question.task).kind == "multilabel":
            rows, labels = labelled(question, full.samples)
            scores = full.probabilities[task.name][rows]
            found[task.name] = class_table(task.classes, labels, scores, n_resamples=options.n_resamples)
    return found


def _scored(bundle: Bundle, samples: Sequence[Sample], options: Options) -> dict[str, Scored]:
    parts_of_memes = _PARTS_OF_MEMES if any(sample.image for sample in samples) else {}
    views = {FULL_ITEMS: FULL, **parts_of_memes}
    return score_views(bundle, samples, views, threads=options.threads, cache=options.cache, progress=True)


def _rows(grouping: Grouping, labels: Ints, held: Stops) -> list[Row]:
    return [_row(name, mask, labels, held) for name, mask in grouping.masks.items()]


def _row(name: str, mask: Mask, labels: Ints, held: Stops) -> Row:
    return Row(name, int(mask.sum()), int((mask & held.harmless).sum()), stop_rates(mask, labels, held))


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line: see the module's docstring."""
    parser = argparse.ArgumentParser(description="What a bundle's judgement is worth, on test splits.")
    parser.add_argument("bundle", type=Path, nargs="?", default=COMPACT_BUNDLE)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, help="folder of the report; default: judgement-NAME-VERSION")
    parser.add_argument("--cache", type=Path, help="keeps image features; training's own fits")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--limit", type=int, help="that many items of each set, spread evenly")
    parser.add_argument("--resamples", type=int, default=1000)
    asked = parser.parse_args(arguments)
    bundle = open_bundle(asked.bundle)
    found = judge_all(bundle, asked.data, Options(asked.resamples, asked.limit, asked.threads, asked.cache))
    out = asked.out or Path(f"judgement-{bundle.manifest.name}-{bundle.manifest.version}")
    out.mkdir(parents=True, exist_ok=True)
    plain = asdict(found) | {"targets": [asdict(target) | {"met": target.met} for target in found.targets]}
    write_atomically(out / "judgement.json", (json.dumps(plain, indent=1, allow_nan=False) + "\n").encode())
    write_atomically(out / "judgement.md", render(found).encode())
    print(render(found))


if __name__ == "__main__":
    main()
