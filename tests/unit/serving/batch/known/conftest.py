"""A ledger that knows some memes, and a scorer that sees by what they are known again."""

from pathlib import Path

import pytest
from support.batch_known import Known, known_ledger
from support.tiny import TinyBundle

from model import Scorer, load


@pytest.fixture(scope="module")
def scorer(tiny: TinyBundle) -> Scorer:
    return load(tiny.bundle.path, ocr="none", features=True, fingerprints=True, threads=1)


@pytest.fixture
def known(tmp_path: Path, scorer: Scorer) -> Known:
    return known_ledger(tmp_path, scorer)
