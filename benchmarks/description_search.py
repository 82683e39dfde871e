"""Search by description without a shared space of the towers: ``python -m benchmarks.description_search --data DATA``.

Trains a projection from features of words into the space of pictures (one linear layer, contrastive, both towers
frozen), on MultiOFF's pictures with their machine captions and on imgflip's blank templates with their names and with
``template_descriptions.csv``, written for this by people who looked at the templates. Measures how often a description
finds its picture among the first 1, 5 and 10, with 95% intervals over queries: half of the templates, split by name, is
left out of training, over three seeds, and so is MultiOFF's test split.

``--write`` trains on all of it and puts the projection where a bundle of these towers looks for it
(``model/projections``); after the towers of the bundle that ships were trained anew, that is to be done again.
Features of pictures are kept below ``--cache``, where training keeps them. Prints a Markdown table.
"""

import argparse
import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from model.bundle import COMPACT_BUNDLE, Bundle, open_bundle
from model.network.text_tower import BertTextTower
from model.projections.description import Projection, projection_path
from model.runtime import Question, Runtime
from training.data.feature_cache import FrozenTower
from training.datasets import Sample, Source, load_source
from training.datasets.readers.imgflip import template_path
from training.run.pretrained import MINILM_L6, fetch

SEEDS, CUTS = (0, 1, 2), (1, 5, 10)
DESCRIPTIONS = Path(__file__).with_name("template_descriptions.csv")
_EPOCHS, _BATCH, _RATE, _DECAY, _NOISE, _TEMPERATURE = 60, 256, 3e-3, 0.1, 1.0, 0.07
_TEXTS_AT_ONCE, _PICTURES_AT_ONCE, _RESAMPLES = 16, 64, 2000

Vectors = NDArray[np.float32]
ReadTexts = Callable[[Sequence[str]], Vectors]


@dataclass(frozen=True)
class Pairs:
    """Features of words [N, Dt] with those of their pictures [N, Di]; ``picture`` [N] says which have the same one."""

    words: Vectors
    pictures: Vectors
    picture: NDArray[np.int64]

    def __add__(self, other: "Pairs") -> "Pairs":
        both = zip(vars(self).values(), vars(other).values(), strict=True)
        return Pairs(*(np.concatenate(two) for two in both))

    def at(self, rows: NDArray[np.int64]) -> "Pairs":
        """Some of them."""
        return Pairs(*(values[rows] for values in vars(self).values()))


def fit(pairs: Pairs, seed: int) -> Projection:
    """A projection after which words are nearer to their own picture than to others, and pictures to their words.

    Noise on the words keeps it from learning few captions by heart.
    """
    torch.manual_seed(seed)
    words, pictures = (F.normalize(torch.from_numpy(each), dim=1) for each in (pairs.words, pairs.pictures))
    picture = torch.from_numpy(pairs.picture)
    layer = nn.Linear(words.shape[1], pictures.shape[1])
    scale = nn.Parameter(torch.tensor(1 / _TEMPERATURE).log())
    groups = [{"params": layer.parameters(), "weight_decay": _DECAY}, {"params": [scale], "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=_RATE)
    for _ in range(_EPOCHS):
        for rows in torch.randperm(len(words)).split(_BATCH):
            noise = _NOISE * torch.randn(len(rows), words.shape[1]) / words.shape[1] ** 0.5
            asked = F.normalize(layer(F.normalize(words[rows] + noise, dim=1)), dim=1)
            loss = contrastive_loss(asked @ pictures[rows].T * scale.exp(), picture[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return Projection(layer.weight.detach().numpy().T.copy(), layer.bias.detach().numpy().copy())


def contrastive_loss(logits: Tensor, picture: Tensor) -> Tensor:
    """Cross-entropy of words [B] against pictures [B] and back; every pair with the same picture is right."""
    right = (picture[:, None] == picture[None]).float()
    right /= right.sum(dim=1, keepdim=True)
    there, back = (right * logits.log_softmax(dim=dim) for dim in (1, 0))
    return -(there.sum() + back.sum()) / (2 * len(logits))


def found_at(projection: Projection, asked: Pairs, others: Vectors | None = None) -> NDArray[np.int64]:
    """How many pictures, of those asked for and of ``others``, are as near to each description as its own [N]."""
    units = [
        each / np.linalg.norm(each, axis=1, keepdims=True) for each in (asked.pictures, others) if each is not None
    ]
    near = projection(asked.words) @ np.concatenate(units).T
    own = near[np.arange(len(near)), np.arange(len(near))]
    return np.asarray((near >= own[:, None]).sum(axis=1), dtype=np.int64)


class Bench:
    """The data as the towers of a bundle see it."""

    def __init__(self, data: Path, bundle: Bundle, cache: Path, read_texts: ReadTexts) -> None:
        spec = bundle.manifest.image_tower
        self._tower = FrozenTower(bundle.file(spec.file), spec, bundle.preprocessor, cache / "features")
        with DESCRIPTIONS.open(encoding="utf-8", newline="") as rows:
            described = {row["template"]: row["description"] for row in csv.DictReader(rows)}
        templates = self._embeds([template_path(data / "imgflip", name) for name in described])
        names = [name.replace("-", " ") for name in described]
        self.templates, self.names = (
            Pairs(read_texts(texts), templates, np.arange(len(templates)))
            for texts in (list(described.values()), names)
        )
        self.multioff, self.multioff_test = (
            self._captioned([sample for split in splits for sample in _captioned(data, split)], read_texts, start)
            for splits, start in ((("train", "dev"), 10_000), (("test",), 20_000))
        )

    def train(self, templates: NDArray[np.int64]) -> Pairs:
        """MultiOFF without its test split, and some of the templates."""
        return self.multioff + self.templates.at(templates) + self.names.at(templates)

    def everything(self) -> Pairs:
        """What the projection that ships is trained on."""
        return self.train(np.arange(len(self.templates.words))) + self.multioff_test

    def _captioned(self, samples: Sequence[Sample], read_texts: ReadTexts, start: int) -> Pairs:
        pictures = self._embeds([sample.image for sample in samples if sample.image is not None])
        texts = [sample.caption or "" for sample in samples]
        return Pairs(read_texts(texts), pictures, np.arange(start, start + len(samples)))

    def _embeds(self, paths: Sequence[Path]) -> Vectors:
        parts = [paths[at : at + _PICTURES_AT_ONCE] for at in range(0, len(paths), _PICTURES_AT_ONCE)]
        return np.concatenate([self._tower.features(part).embeds for part in parts])


def _captioned(data: Path, split: str) -> list[Sample]:
    loaded = load_source(Source(path=data / "multioff", split=split, layout="multioff")).samples
    return [sample for sample in loaded if sample.caption and sample.image is not None]


def texts_of_bundle(bundle: Bundle) -> ReadTexts:
    """What the text tower of a bundle says, as the product has it."""
    runtime = Runtime(bundle)

    def read(texts: Sequence[str]) -> Vectors:
        return np.concatenate([one(texts[at : at + _TEXTS_AT_ONCE]) for at in range(0, len(texts), _TEXTS_AT_ONCE)])

    def one(texts: Sequence[str]) -> Vectors:
        asked = [Question(text, (), row) for row, text in enumerate(texts)]
        blank, mask = runtime.no_features(len(texts)), np.zeros(len(texts), dtype=np.int64)
        _, words = runtime.ask_with_text(blank, mask, asked, _TEXTS_AT_ONCE)
        if words is None:
            raise SystemExit(f"{bundle.path}: its head gives no vectors of texts; export it again with this version")
        return words

    return read


def texts_of_minilm(bundle: Bundle, cache: Path) -> ReadTexts:
    """What MiniLM says before anything was tuned."""
    tower = BertTextTower.from_folder(fetch(MINILM_L6, cache)[0].parent).eval()

    @torch.inference_mode()
    def read(texts: Sequence[str]) -> Vectors:
        parts = [texts[at : at + _TEXTS_AT_ONCE] for at in range(0, len(texts), _TEXTS_AT_ONCE)]
        tokens = [bundle.preprocessor.text_inputs(part, [()] * len(part)) for part in parts]
        pooled = (tower(torch.from_numpy(t.input_ids), torch.from_numpy(t.attention_mask))[0] for t in tokens)
        return np.asarray(torch.cat(list(pooled)).numpy(), dtype=np.float32)

    return read


def measure(bench: Bench) -> list[str]:
    """Cells of the table: what is asked for, of how many, and recall."""
    ranks: dict[str, list[NDArray[np.float64]]] = {}
    n_templates, n_test = len(bench.templates.words), len(bench.multioff_test.words)
    for seed in SEEDS:
        known, new = np.array_split(np.random.default_rng(seed).permutation(n_templates), 2)
        projection = fit(bench.train(known), seed)
        asked, named, others = bench.templates.at(new), bench.names.at(new), bench.multioff_test.pictures
        for title, found, queries, size in (
            ("template, by its description", found_at(projection, asked), new, len(new)),
            ("template, by its name", found_at(projection, named), new, len(new)),
            ("template among MultiOFF's test", found_at(projection, asked, others), new, len(new) + n_test),
            ("MultiOFF's test, by its captions", found_at(projection, bench.multioff_test), np.arange(n_test), n_test),
        ):
            row = np.full(n_templates + n_test, np.nan)
            row[queries] = found
            ranks.setdefault(f"{title} | {size}", []).append(row)
    return [f"{title} | {' | '.join(_recall(rows, int(title.split(' | ')[1])))}" for title, rows in ranks.items()]


def _recall(ranks: Sequence[NDArray[np.float64]], size: int) -> list[str]:
    """Recall at each cut with its interval over queries, each the mean of its seeds, and chance."""
    table = np.stack(ranks)
    table = table[:, ~np.isnan(table).all(axis=0)]
    rng = np.random.default_rng(0)
    draws = rng.integers(table.shape[1], size=(_RESAMPLES, table.shape[1]))
    cells = []
    for cut in CUTS:
        hits = np.nanmean(np.where(np.isnan(table), np.nan, table <= cut), axis=0)
        low, high = np.percentile(hits[draws].mean(axis=1), [2.5, 97.5])
        cells.append(f"{hits.mean():.2f} ({low:.2f} to {high:.2f}), chance {cut / size:.2f}")
    return cells


def main() -> None:
    """Command line: see the module's docstring."""
    parser = argparse.ArgumentParser(description="Recall of search by description, with a projection that is trained.")
    parser.add_argument("--data", type=Path, required=True, help="holds imgflip/ and multioff/")
    parser.add_argument("--bundle", type=Path, default=COMPACT_BUNDLE)
    parser.add_argument("--cache", type=Path, default=Path(".cache"))
    parser.add_argument("--write", action="store_true", help="train on all of it, for the bundle, and measure nothing")
    given = parser.parse_args()
    bundle = open_bundle(given.bundle)
    shipped = texts_of_bundle(bundle)
    if given.write:
        path = projection_path(bundle)
        path.parent.mkdir(exist_ok=True)
        fit(Bench(given.data, bundle, given.cache, shipped).everything(), 0).write(path)
        print(path)
        return
    print(f"| words read by | looked for | pictures | {' | '.join(f'recall at {cut}' for cut in CUTS)} |")
    print("|---" * (3 + len(CUTS)) + "|")
    for title, read in (("the bundle", shipped), ("MiniLM untuned", texts_of_minilm(bundle, given.cache))):
        for row in measure(Bench(given.data, bundle, given.cache, read)):
            print(f"| {title} | {row} |", flush=True)


if __name__ == "__main__":
    main()
