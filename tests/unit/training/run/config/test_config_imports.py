"""A config class imports no torch: commands that only read configs start in a moment."""

import subprocess
import sys

import pytest
from support import ROOT


@pytest.mark.parametrize("module", ["training.run.config", "training.run.config.file", "model.network.config"])
def test_a_config_class_imports_no_torch(module: str) -> None:
    code = f"import sys, {module}; assert 'torch' not in sys.modules, 'torch is imported'"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
