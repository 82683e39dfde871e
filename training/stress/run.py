"""A stress test: every seed is asked plainly and, where it is judged rightly so, under every relation and strength."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from training.stress.found import FoundCases
from training.stress.journal import Journal, Record
from training.stress.relations.base import Prove, Relation, Seed, StressItem, Variant, baseline, vary
from training.stress.relations.lettering import is_drawable
from training.stress.targets.base import NotJudgedError, Target, TargetStoppedError

#: The plain seed as a relation: alone, or drawn on its scene.
PLAIN_WORDS, PLAIN_PICTURE = "plain words", "plain picture"
PLAIN = "plain"
_WORDS = "words"


def plain_of(relation: Relation) -> str:
    """What variants of a relation are compared with: words of words, drawings of drawings."""
    return PLAIN_WORDS if relation.family == _WORDS else PLAIN_PICTURE


def digest_of(item: StressItem) -> str:
    """sha256 of what an item holds, as hex: equal for what a moderator cannot tell apart."""
    held = hashlib.sha256()
    for part in (item.picture, None if item.text is None else item.text.encode()):
        held.update(b"-" if part is None else b"+" + hashlib.sha256(part).digest())
    return held.hexdigest()


@dataclass(frozen=True)
class Plan:
    """Which seeds, each with its scene (harmless, RGB), and relations; ``number`` decides what is left to chance."""

    seeds: Sequence[Seed]
    relations: Sequence[Relation]
    scenes: Iterable[Image.Image]
    prove: Prove
    number: int = 0

    @property
    def n_cases(self) -> int:
        """Variants that there may be."""
        return len(self.seeds) * sum(len(relation.strengths) for relation in self.relations)

    def rng(self, seed: Seed, relation: Relation, strength: str) -> np.random.Generator:
        """Chance of one variant: the same whatever was made before it."""
        name = f"{self.number}\0{seed.id}\0{relation.name}\0{strength}".encode()
        return np.random.default_rng(int.from_bytes(hashlib.sha256(name).digest()[:8], "big"))


class StressRun:
    """Asks ``target`` what the journal does not answer, and keeps what it finds."""

    def __init__(self, target: Target, plan: Plan, journal: Journal, found: FoundCases) -> None:
        self._target, self._plan, self._journal, self._found = target, plan, journal, found
        target.n_calls = journal.n_calls

    def run(self, on_done: Callable[[int], None]) -> str | None:
        """Go through the plan; ``on_done`` is told how many more cases are done.

        Gives why it is not whole, since it stopped before the end or items got no answer that may get one; else None.
        """
        try:
            for seed, scene in zip(self._plan.seeds, self._plan.scenes, strict=False):  # scenes have no end
                self._ask_seed(seed, scene, on_done)
        except TargetStoppedError as stopped:
            return str(stopped)
        finally:
            self._journal.count(self._target.n_calls)
        n_open = sum(not record.final for record in self._journal.records.values())
        return f"{n_open} items got no answer; the same command asks them again" if n_open else None

    def _ask_seed(self, seed: Seed, scene: Image.Image, on_done: Callable[[int], None]) -> None:
        plain = {name: self._plain(seed, scene, name) for name in dict.fromkeys(map(plain_of, self._plan.relations))}
        for relation, strength in self._cases():
            compared = plain[plain_of(relation)]
            if compared.flagged is not None and not compared.is_error:
                self._ask_case(seed, scene, relation, strength, compared)
            on_done(1)

    def _cases(self) -> Iterator[tuple[Relation, str]]:
        return ((relation, strength) for relation in self._plan.relations for strength in relation.strengths)

    def _plain(self, seed: Seed, scene: Image.Image, name: str) -> Record:
        settled = self._journal.settled((seed.id, name, PLAIN))
        if settled is not None:
            return settled
        if name == PLAIN_PICTURE and not is_drawable(seed.text):
            return self._not_made(seed, name, PLAIN)
        item = baseline(seed, None if name == PLAIN_WORDS else scene)
        return self._asked(Variant(item, name, PLAIN, seed.id, seed.hateful, "the seed itself"))

    def _ask_case(self, seed: Seed, scene: Image.Image, relation: Relation, strength: str, plain: Record) -> None:
        if self._journal.settled((seed.id, relation.name, strength)) is not None:
            return
        rng = self._plan.rng(seed, relation, strength)
        variant = vary(relation, seed, scene, strength, rng, self._plan.prove)
        # A change that changed nothing has passed no test.
        if variant is None or digest_of(variant.item) == plain.item:
            self._not_made(seed, relation.name, strength)
        else:
            self._asked(variant)

    def _not_made(self, seed: Seed, relation: str, strength: str) -> Record:
        record = Record(seed.id, seed.hateful, relation, strength)
        self._journal.add(record, self._target.n_calls)
        return record

    def _asked(self, variant: Variant) -> Record:
        """The record of one item, asked unless the same was; raises ``TargetStoppedError``."""
        digest = digest_of(variant.item)
        asked = Record(variant.seed_id, variant.hateful, variant.relation, variant.strength, digest, variant.proof)
        try:
            answer = self._journal.answers.get(digest) or self._target.ask(variant.item)
        except NotJudgedError as error:
            record = replace(asked, problem=str(error), final=error.is_final)
        else:
            record = replace(asked, flagged=answer.flagged, score=answer.score)
        if record.is_error and variant.strength != PLAIN:
            self._found.add(variant, digest)
        self._journal.add(record, self._target.n_calls)
        return record
