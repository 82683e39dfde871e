"""Scripts as modules."""

from importlib import import_module
from types import ModuleType

import pytest

from support import ROOT


def script(name: str) -> ModuleType:
    """``scripts/NAME.py``, imported as it is when it is run: beside its neighbours."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "scripts"))
        return import_module(name)
