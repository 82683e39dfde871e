import re
import tomllib

import yaml
from support import ROOT


def _name(requirement: str) -> str:
    return re.split(r"[ ;<>=\[]", requirement, maxsplit=1)[0]


def test_a_bento_installs_the_base_and_what_a_setting_can_ask_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    packages = yaml.safe_load((ROOT / "bentofile.yaml").read_text())["python"]["packages"]
    extras = project["optional-dependencies"]
    needed = {_name(line) for line in [*project["dependencies"], *extras["tracing"], *extras["postgres"]]}
    # BentoML adds itself.
    assert {_name(line) for line in packages} | {"bentoml"} == needed


def test_a_bentos_pins_are_those_that_the_tests_ran_with() -> None:
    packages = yaml.safe_load((ROOT / "bentofile.yaml").read_text())["python"]["packages"]
    pinned = {re.sub(r"\[.*\]", "", line.split(" ;")[0]) for line in packages if "==" in line}
    assert pinned <= set((ROOT / "constraints.txt").read_text().splitlines())
    assert len(packages) - len(pinned) == 1  # onnxruntime of other platforms, which is not among the constraints
