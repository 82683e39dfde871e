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


def test_a_wheel_and_a_bento_bring_the_template_of_the_batch_report() -> None:
    package_data = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    brought = {path.name for pattern in package_data["serving"] for path in (ROOT / "serving").glob(pattern)}
    assert {"report.html.j2", "report.css"} <= brought
    bento = yaml.safe_load((ROOT / "bentofile.yaml").read_text())
    assert "/serving/" in bento["include"]
    assert not [pattern for pattern in bento["exclude"] if pattern.endswith((".j2", ".css")) or "/serving/" in pattern]
