"""A script for a subprocess: promote, and be killed at the n-th change of a file below BENTOML_HOME.

    python -m support.promotion CHAMPION CHALLENGER HOME

A child for n = 1, 2, ... until one lives to the end, each in a fresh copy of HOME; prints a line of JSON a child:
{"home": folder, "killed": bool}.
"""

import json
import sys
from pathlib import Path

from model.bundle import open_bundle
from support.killing import killed_everywhere
from training.promotion.decide import PromotionVerdict
from training.promotion.results import Comparison, Contender
from training.promotion.rules import Limits
from training.promotion.store import Store
from training.promotion.succession import install_first, succeed


def passing() -> PromotionVerdict:
    """A verdict that lets the challenger pass, without a comparison."""
    nobody = Contender("given", "tiny", "0.0.1", "0" * 64, 1)
    return PromotionVerdict(Comparison(nobody, nobody), Limits(), [], [])


def main(champion: Path, challenger: Path, template: Path) -> None:
    """See the module's docstring."""
    bundles = open_bundle(champion), open_bundle(challenger)
    # BentoML imports its parts as they are used: once here, and not in every child.
    install_first(Store(template.with_name("warm-up")), bundles[0], None)

    def act(home: Path) -> None:
        store = Store(home)
        succeed(store, bundles[1], bundles[0], store.current(), passing(), {"report.md": "a report"})

    for home, killed in killed_everywhere(template, act):
        sys.stdout.write(json.dumps({"home": str(home), "killed": killed}) + "\n")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
