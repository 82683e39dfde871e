"""What explanations are worth: ``python -m benchmarks.explanations BUNDLE --data DATA [--split train] [--page PAGE]``.

On memes of religious_memes and MultiOFF that the bundle scores .5 and more, with their words as the files give them:

- how true each way to explain is of the network: the score while words or regions of the picture are hidden, those of
  the largest effects first (deletion), and while they are shown in that order (insertion); regions are hidden in the
  pixels, with the picture encoded anew each time, whatever the explanation was computed from;
- effects of regions from cached features against those of re-encoded pictures: ranks, and the time that they take;
- effects under small noise: the picture as JPEG of quality 90, and 1 % brighter;
- pairwise interactions from few calls against all coalitions.

On hateful sentences of HateCheck: how often the word of the largest effect is one that fills its template's place for a
group or a slur. What is chosen is chosen on ``--split train``, which leaves HateCheck, a test, alone.
``--records FILE`` keeps what was measured of each meme, and a run that is started again goes on from there; with
``--memes 0`` it measures no other and writes tables and drawing of those.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from itertools import islice
from pathlib import Path

from benchmarks import explanation_records as records
from benchmarks.explanation_attention import AttentionReader
from benchmarks.explanation_causes import measure_causes
from benchmarks.explanation_subjects import Measured, Tools, measure, subjects
from benchmarks.explanations_report import draw, render, summary
from benchmarks.pages import write_section
from model.atomic import write_atomically
from model.bundle import COMPACT_BUNDLE, open_bundle
from model.runtime import Runtime
from training.datasets import Source

#: Folder, layout and task of each set.
SETS = {
    "religious_memes": ("religious_memes", "hateful_memes", "hateful"),
    "MultiOFF": ("multioff", "multioff", "offensive"),
}
#: Of so many memes of a set one is measured with noise, and has its pairs held to all coalitions.
_THOROUGH_EVERY = 4


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line: see the module's docstring."""
    asked = _arguments(arguments)
    bundle = open_bundle(asked.bundle)
    tools = Tools(
        bundle, Runtime(bundle, threads=asked.threads), AttentionReader(bundle, asked.threads), asked.min_score
    )
    memes = measure_memes(tools, asked.data, asked.split, asked.memes, asked.records)
    causes = measure_causes(tools, asked.data, asked.sentences) if asked.split == "test" else None
    if not memes:
        raise SystemExit(f"no meme of {asked.split} in {asked.data} scores {asked.min_score:g} and more")
    found = summary(asked.split, memes, causes)
    if asked.out is not None:
        plain = {"bundle": {"name": bundle.manifest.name, "version": bundle.manifest.version}} | asdict(found)
        write_atomically(asked.out, (json.dumps(plain, indent=1, allow_nan=False) + "\n").encode())
    if asked.plot is not None:
        draw(found, asked.plot)
    if asked.page is not None:
        write_section(asked.page, "explanations", render(found))
    print(render(found))


def measure_memes(tools: Tools, data: Path, split: str, n: int, kept: Path | None = None) -> list[Measured]:
    """What is kept already, then of each set that is there memes up to ``n``, the sets in turn."""
    found = records.read(kept)
    n_of = {name: sum(one.set_name == name for one in found) for name in SETS}
    turns = {}
    for name, (folder, layout, task) in SETS.items():
        if (data / folder).is_dir() and task in {one.name for one in tools.bundle.tasks}:
            known = {one.id for one in found if one.set_name == name}
            source = Source(path=data / folder, split=split, layout=layout)
            turns[name] = islice(subjects(tools, source, name, task, known), max(0, n - n_of[name]))
    while turns:
        for name, turn in list(turns.items()):
            if (subject := next(turn, None)) is None:
                del turns[name]
                continue
            found.append(measure(tools, subject, thoroughly=n_of[name] % _THOROUGH_EVERY == 0))
            n_of[name] += 1
            records.add(kept, found[-1])
    return found


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="What explanations are worth, on real memes.")
    parser.add_argument("bundle", type=Path, nargs="?", default=COMPACT_BUNDLE)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--split", choices=("train", "dev", "test"), default="test")
    parser.add_argument("--memes", type=int, default=24, help="of each set")
    parser.add_argument("--sentences", type=int, default=60, help="of HateCheck")
    parser.add_argument("--min-score", type=float, default=0.5, help="of what is explained")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--records", type=Path, help="keeps what was measured, a JSON line for each meme")
    parser.add_argument("--out", type=Path, help="numbers as JSON")
    parser.add_argument("--plot", type=Path, help="an SVG file")
    parser.add_argument("--page", type=Path, help="a page whose section `explanations` the tables are written into")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
