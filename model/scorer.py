"""The public door: ``load(bundle)`` gives a ``Scorer``; a scorer turns memes into verdicts.

The service, the command line and batch all call this and nothing deeper, so that one meme has one score. ``score`` does
everything; who runs the steps on pools of its own calls ``read``, ``judge`` and ``rule``, which are those of ``score``.
"""

import math
import uuid
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from pathlib import Path

from model.budget import Budget, result_of
from model.bundle import COMPACT_BUNDLE, Bundle, open_bundle
from model.category_examples import ExampleReader
from model.engine import EngineChoice, Engines, Provider, asked_engine
from model.errors import MemeError
from model.judge import Judge, ScoringError
from model.known.categories import Categories
from model.known.fingerprint import Fingerprint
from model.known.memory import Memory
from model.meme import DEFAULT_LIMITS, Meme, MemeLimits
from model.ocr import OcrEngine, make_engine
from model.parts.reading import Reading, read_steps
from model.policy.decide import decide_on
from model.policy.known_memes import BankAnswer
from model.policy.policy import Policy, default_policy
from model.remembered import with_votes
from model.runtime import Runtime
from model.verdict import Explain, Failure, Judgement, ModelRef, PolicyRef, Verdict

#: Memes that go through the network together: enough to use the cores, few enough to bound memory.
_CHUNK = 8


@dataclass(frozen=True)
class Readiness:
    """What is there and what is not. ``problems`` is empty when every part that was asked for works.

    ``warnings`` say what is not as fast as it could be.
    """

    model: ModelRef
    providers: list[str]
    ocr_engine: str
    ocr_version: str | None
    problems: tuple[str, ...]
    warnings: tuple[str, ...] = ()

    @property
    def ready(self) -> bool:
        """True when nothing is missing."""
        return not self.problems


class Scorer:
    """Judges memes with one bundle, one OCR engine and one policy. Safe under threads."""

    def __init__(
        self,
        bundle: Bundle,
        runtime: Runtime,
        ocr: OcrEngine,
        policy: Policy | None = None,
        limits: MemeLimits = DEFAULT_LIMITS,
        *,
        features: bool = False,
        fingerprints: bool = False,
    ) -> None:
        """With ``features`` judgements hold what the towers saw, with ``fingerprints`` what tells a meme again."""
        self.bundle = bundle
        self.runtime = runtime
        self.ocr = ocr
        self.limits = limits
        self.policy = policy or default_policy(bundle.manifest)
        # A reader of the caller's own need not know of engines.
        ocr_on = getattr(ocr, "network_engine", None)
        self._judge = Judge(bundle, runtime, ocr_on, features=features, fingerprints=fingerprints)
        self._banks: Callable[[Fingerprint], BankAnswer] | None = None
        self._memory: Memory | None = None
        #: Scored beside the tasks, of judgements with features.
        self.categories: Categories | None = None

    def asking(self, banks: Callable[[Fingerprint], BankAnswer] | None, memory: Memory | None) -> "Scorer":
        """The same scorer, whose ``score`` and ``score_file`` ask the banks of its policy and let a memory vote.

        Banks need fingerprints of it, and a memory features. Who calls ``judge`` and ``rule`` asks by himself.
        """
        asking = copy(self)
        asking._banks, asking._memory = banks, memory
        return asking

    @property
    def model(self) -> ModelRef:
        """Which bundle judges, and what computes its networks."""
        return self._judge.model

    def use_categories(self, path: Path) -> None:
        """Score the categories of a file from now on, with a scorer that gives features.

        Its examples are judged here, once. Raises ``CategoryFileError`` for a file that cannot be used.
        """
        self.categories = ExampleReader(self.bundle, self.limits, self.read, self.judge).categories(path)

    def readiness(self) -> Readiness:
        """Name the parts in force and those that are missing."""
        reason = self.ocr.unavailable_reason()
        return Readiness(
            model=self.model,
            providers=self.runtime.providers,
            ocr_engine=self.ocr.name,
            ocr_version=self.ocr.version,
            problems=(f"OCR engine {self.ocr.name}: {reason}",) if reason else (),
            warnings=self.runtime.choice.warnings,
        )

    def score_file(
        self, path: str | Path, text: str | None = None, tags: Sequence[str] = (), *, explain: Explain = False
    ) -> Verdict:
        """Judge one picture file, reading its words unless ``text`` gives them.

        ``explain`` says how much of why is told, True as much as "words". Raises ``MemeError`` for a bad file,
        ``ScoringError`` when the network gives no finite score.
        """
        meme = Meme.from_file(path, text=text, tags=tags, limits=self.limits)
        return self.score_meme(meme, explain=explain)

    def score_meme(self, meme: Meme, *, explain: Explain = False) -> Verdict:
        """The same of a meme that is open already; raises ``ScoringError``."""
        (judgement,) = self.judge([self.read(meme)], [explain])
        if isinstance(judgement, ScoringError):
            raise judgement
        return self._ruled(judgement)

    def score(self, memes: Iterable[Meme | bytes | str | Path], *, explain: Explain = False) -> list[Verdict | Failure]:
        """Judge many: a verdict or a failure for each, in the order given. One bad meme spoils only itself.

        ``explain`` is as in ``score_file``. Besides ``Meme`` it takes a picture's bytes or the path of its file.
        """
        results: list[Verdict | Failure] = []
        chunk: list[Meme | Failure] = []
        for item in memes:
            chunk.append(self._opened(item))
            if len(chunk) == _CHUNK:
                results += self._score_chunk(chunk, explain)
                chunk = []
        return results + list(self._score_chunk(chunk, explain))

    def read(self, meme: Meme, budget: Budget | None = None) -> Reading:
        """The meme with the caller's words, or those that the OCR engine reads within ``budget``."""
        return result_of(self.read_steps(meme, budget or self.budget()))

    def read_steps(self, meme: Meme, budget: Budget) -> Generator[None, None, Reading]:
        """``read`` in pieces of a second or so: it yields between them, and may go on in another thread."""
        return read_steps(meme, self.ocr, budget)

    def budget(self, deadline: float = math.inf) -> Budget:
        """What one meme may cost."""
        return Budget(self.limits.max_work_s, deadline)

    def judge(
        self, readings: Sequence[Reading], explained: Sequence[Explain] = (), budget: Budget | None = None
    ) -> list[Judgement | ScoringError]:
        """Scores of a batch, in order; see ``Judge``."""
        return self._judge(readings, explained, budget)

    def rule(
        self,
        judgement: Judgement,
        policy: Policy | None = None,
        id: str | None = None,
        banks: BankAnswer | None = None,
    ) -> Verdict:
        """Hold a judgement against ``policy`` (default: the scorer's own), and what its banks say of the meme.

        Without an answer of the banks that the policy names, the decision is at least a review.
        """
        policy = policy or self.policy
        categories = {} if self.categories is None else self.categories.scores(judgement.features)
        ruling = decide_on(judgement, policy, banks=banks, categories=categories)
        timings_ms = judgement.timings_ms | {"total": sum(judgement.timings_ms.values())}
        decision_id = _new_id()
        return Verdict(
            id=id or decision_id,
            decision_id=decision_id,
            decision=ruling.decision,
            policy=PolicyRef(policy.name, policy.version, policy.digest, ruling.reasons),
            scores=judgement.scores,
            severity=ruling.severity,
            matches=ruling.matches,
            text=judgement.text,
            model=judgement.model,
            timings_ms={name: round(value, 3) for name, value in timings_ms.items()},
            judged_as=judgement.judged_as,
            explanation=judgement.explanation,
            picture=judgement.picture,
            known=ruling.known,
            memory=judgement.memory,
            categories=categories,
            categories_digest=None if self.categories is None else self.categories.digest,
        )

    def _opened(self, item: Meme | bytes | str | Path) -> Meme | Failure:
        if isinstance(item, Meme):
            return item
        try:
            if isinstance(item, bytes):
                return Meme.from_bytes(item, limits=self.limits)
            return Meme.from_file(item, limits=self.limits)
        except MemeError as error:
            return Failure(_new_id(), error.code, error.message)

    def _score_chunk(self, chunk: Sequence[Meme | Failure], explain: Explain) -> Iterator[Verdict | Failure]:
        memes = [item for item in chunk if isinstance(item, Meme)]
        judged = iter(self.judge([self.read(meme) for meme in memes], [explain] * len(memes)))
        for item in chunk:
            if isinstance(item, Failure):
                yield item
                continue
            judgement = next(judged)
            if isinstance(judgement, ScoringError):
                yield Failure(item.id or _new_id(), judgement.code, str(judgement))
            else:
                yield self._ruled(judgement, item.id)

    def _ruled(self, judgement: Judgement, id: str | None = None) -> Verdict:
        """``rule``, after what banks and memory say."""
        judgement = with_votes(judgement, self._memory)
        fingerprint = judgement.fingerprint
        banks = self._banks(fingerprint) if self._banks is not None and fingerprint is not None else None
        return self.rule(judgement, id=id, banks=banks)


def load(
    bundle: str | Path = COMPACT_BUNDLE,
    *,
    ocr: str = "rapidocr",
    ocr_languages: str | None = None,
    engine: EngineChoice | Engines = "auto",
    provider: Provider | None = None,
    threads: int | None = None,
    policy: Policy | None = None,
    limits: MemeLimits = DEFAULT_LIMITS,
    features: bool = False,
    fingerprints: bool = False,
    categories: str | Path | None = None,
) -> Scorer:
    """Open a bundle and make a scorer of it.

    ``ocr`` names the engine ("rapidocr", "tesseract", or "none" when callers always send the words), ``ocr_languages``
    what tesseract reads ("eng+rus"); ``threads`` bounds the cores of one call. ``features`` and ``fingerprints`` are
    given with judgements where they are asked for. ``categories`` is a file of categories of one's own, which are
    scored beside the bundle's tasks (``CategoryFileError`` for one that does not fit). ``engine`` computes the networks
    (see ``model.engine``); ``provider`` is its older name. Raises ``BundleError`` for a bundle that does not fit,
    ``EngineUnavailableError`` for an ``engine`` that was asked for and is not there. A missing OCR engine does not
    raise: ``readiness`` and each verdict name it.
    """
    asked = engine if isinstance(engine, Engines) else asked_engine(engine, provider)
    opened = open_bundle(bundle)
    runtime = Runtime(opened, engine=asked, threads=threads)
    reader = make_engine(ocr, threads=threads, languages=ocr_languages, engine=runtime.engines)
    features = features or categories is not None
    scorer = Scorer(opened, runtime, reader, policy, limits, features=features, fingerprints=fingerprints)
    if categories is not None:
        scorer.use_categories(Path(categories))
    return scorer


def _new_id() -> str:
    return uuid.uuid4().hex
