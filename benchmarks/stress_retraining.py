"""Whether training on found cases pays: ``python -m benchmarks.stress_retraining --data DATA --out FOLDER``.

A stress test of the bundle that ships, on sentences of a train split and half of the relations of words, finds cases.
The bundle is trained further with them, and as a control without them (``stress_retraining.yaml``). All three are then
tested with sentences of a test split, which neither has seen, on the half that was trained on and on the other half,
and measured on clean test sets. Prints Markdown. Killed at any point, the same command goes on.

Tested on words alone, since they cost a hundredth of a drawn meme: what it says of drawings is nothing.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from model.bundle import COMPACT_BUNDLE, MANIFEST_NAME, open_bundle
from training.commands.stress_run import chosen_seeds
from training.datasets import DatasetError, Sample, Source, load_source
from training.evaluation.metrics.bootstrap import bootstrap, paired_bootstrap
from training.evaluation.metrics.measures import AUROC, Floats, Ints
from training.evaluation.scoring import FULL, score_views
from training.run.config import TrainConfig
from training.run.config.file import load_train_config
from training.run.export import export_run
from training.run.folder import RunFolder
from training.run.train import RunContext, train
from training.stress.found import FoundCases
from training.stress.journal import opened_journal
from training.stress.rates import Rates, rates_of
from training.stress.relations.base import Relation, relations_named
from training.stress.relations.proof import ReadingProof
from training.stress.report.document import share_text
from training.stress.run import Plan, StressRun
from training.stress.seeds import load_seeds
from training.stress.targets.bundle import BundleTarget

#: Each half has a change of characters, of words and of sentences.
TRAINED = "homoglyph,leet,hashtag,benign_words,quotation_marks"
HELD_OUT = "zero_width,spacing,misspelling,emoji,reversed"
CONFIG = Path(__file__).with_suffix(".yaml")
SHIPPED, CONTROL, RETRAINED = "shipped", "control", "retrained"
_SEEDS = "hatemoji"
_TASK = "hateful"
#: Of ``CONFIG``; the first is what was found.
_N_SOURCES = 7


@dataclass(frozen=True)
class Bench:
    """Where everything lies, how many seeds of either label cases are sought in, and how many are tested with."""

    data: Path
    out: Path
    cache: Path
    n_sought: int
    n_tested: int

    @property
    def found(self) -> Path:
        """The folder of the found cases, which are sought unless they were."""
        self.test(COMPACT_BUNDLE, "found", "train", relations_named(TRAINED), self.n_sought)
        return self.out / "found" / "found"

    def bundle(self, name: str) -> Path:
        """A bundle by its name, trained and exported unless it was."""
        if name == SHIPPED:
            return COMPACT_BUNDLE
        run = RunFolder(self.out / "runs" / name)
        bundle = run.path / "bundle"
        if not (bundle / MANIFEST_NAME).is_file():
            config = run_config(self.found, self.data, has_found=name == RETRAINED)
            train(config, RunContext(run, self.cache, sys.argv, say))
            export_run(run, bundle, self.cache, say)
        return bundle

    def test(self, bundle: Path, name: str, split: str, relations: list[Relation], n_each: int) -> Rates:
        """The rates of a bundle, from the journal ``name`` where it has answers."""
        given = load_seeds(f"{self.data / 'text_hate'}:{split}", _SEEDS)
        seeds = chosen_seeds(given, n_each, 0)
        with closing(BundleTarget.of_folder(bundle)) as target:
            config = {"target": target.identity, "split": split, "seeds": n_each}
            config["relations"] = [relation.name for relation in relations]
            with (
                opened_journal(self.out / name, config) as journal,
                closing(FoundCases(self.out / name / "found")) as f,
            ):
                StressRun(target, Plan(seeds, relations, _blank(), ReadingProof(None)), journal, f).run(lambda _: None)
                return rates_of(journal.records.values(), relations)


def run_config(found: Path, data: Path, *, has_found: bool) -> TrainConfig:
    """What is trained: with the found cases, or without them as the control."""
    sources = list(range(0 if has_found else 1, _N_SOURCES))
    return load_train_config(CONFIG, [f"data.train.0.path={found.resolve()}", f"phases.0.sources={sources}"], data)


def _blank() -> Iterator[Image.Image]:
    """Words need no scene."""
    while True:
        yield Image.new("RGB", (8, 8))


def clean_sets(data: Path, n_items: int) -> dict[str, list[Sample]]:
    """Test splits that nothing here was chosen or trained on, by their titles."""
    pairs = Source.model_validate({"layout": "minimal_pairs", "split": "test", "limit": n_items})
    sources = {
        "HatemojiBuild, sentences": Source(path=data / "text_hate", split="test", layout="hatemoji", limit=n_items),
        "HateCheck, sentences": Source(path=data / "text_hate", split="test", layout="hatecheck", limit=n_items),
        "minimal pairs, sentences": pairs,
        "religious_memes, memes": Source(
            path=data / "religious_memes", split="test", layout="hateful_memes", limit=n_items // 5
        ),
    }
    return {title: load_source(source).samples for title, source in sources.items()}


def scores_of(bundle: Path, samples: Sequence[Sample], cache: Path) -> Floats:
    """Probabilities [N] of hate; raises ``DatasetError`` where one of ``samples`` cannot be judged."""
    opened = open_bundle(bundle)
    scored = score_views(opened, samples, {"full": FULL}, cache=cache)["full"]
    if scored.failures:  # rows would no longer be those of the labels
        reasons = ", ".join(sorted({failure.code for failure in scored.failures}))
        raise DatasetError(f"{len(scored.failures)} of {len(samples)} samples could not be judged ({reasons})")
    return np.asarray(scored.probabilities[_TASK])


def rates_table(rates: dict[str, dict[str, Rates]]) -> str:
    """Misses and false alarms of each bundle, over the halves of the relations and of each relation."""
    lines = ["| relations | rate | shipped | control | retrained |", "|---|---|---|---|---|"]
    for half, of_bundles in rates.items():
        rows = {name: (found.overall, *found.relations) for name, found in of_bundles.items()}
        plain = {name: found.plain[0] for name, found in of_bundles.items()}
        tables = [(f"seeds in plain form ({half})", plain)]
        for at, row in enumerate(rows[SHIPPED]):
            tables.append((half if at == 0 else row.name, {name: held[at] for name, held in rows.items()}))
        for title, held in tables:
            lines.append(f"| {title} | misses | " + " | ".join(share_text(row.misses) for row in held.values()) + " |")
            lines.append("| | false alarms | " + " | ".join(share_text(r.false_alarms) for r in held.values()) + " |")
    return "\n".join(lines)


def clean_row(title: str, labels: Ints, scores: dict[str, Floats]) -> str:
    """AUROC of each bundle, and what the found cases changed."""
    cells = []
    for of_bundle in scores.values():
        found = bootstrap(AUROC, labels, of_bundle)
        cells.append("n/a" if found.value is None else f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})")
    for before in (SHIPPED, CONTROL):
        pair = paired_bootstrap(AUROC, labels, scores[RETRAINED], scores[before])
        cells.append(f"{pair.difference:+.3f} ({pair.low:+.3f} to {pair.high:+.3f})")
    return f"| {title} | {' | '.join(cells)} |"


def say(line: str) -> None:
    """Progress, beside the tables."""
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    """Command line: see the module's docstring."""
    parser = argparse.ArgumentParser(description="Whether training on what a stress test found pays.")
    parser.add_argument("--data", type=Path, required=True, help="holds the sets of data_cards/")
    parser.add_argument("--out", type=Path, required=True, help="folder of the tests, runs and bundles")
    parser.add_argument("--cache", type=Path, default=Path(".cache"))
    parser.add_argument("--sought", type=int, default=250, help="seeds of either label that cases are sought in")
    parser.add_argument("--tested", type=int, default=60, help="seeds of either label that bundles are tested with")
    parser.add_argument("--clean", type=int, default=500, help="items of each clean set of sentences; a fifth of memes")
    given = parser.parse_args()
    bench = Bench(given.data, given.out, given.cache, given.sought, given.tested)
    bundles = {name: bench.bundle(name) for name in (SHIPPED, CONTROL, RETRAINED)}
    rates: dict[str, dict[str, Rates]] = {}
    for half, names in (("trained on", TRAINED), ("held out", HELD_OUT)):
        for name, bundle in bundles.items():
            journal = f"{name}, {half}"
            found = bench.test(bundle, journal, "test", relations_named(names), bench.n_tested)
            rates.setdefault(half, {})[name] = found
            say(f"tested {journal}")
    print(rates_table(rates))
    print("\n| clean test set | shipped | control | retrained | retrained - shipped | retrained - control |")
    print("|---|---|---|---|---|---|")
    for title, samples in clean_sets(given.data, given.clean).items():
        labels = np.array([sample.labels[_TASK] for sample in samples], dtype=np.int64)
        print(clean_row(title, labels, {n: scores_of(bundle, samples, given.cache) for n, bundle in bundles.items()}))


if __name__ == "__main__":
    main()
