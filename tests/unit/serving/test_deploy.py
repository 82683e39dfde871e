"""The examples in deploy/ against the code that they speak of."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient
from support import ROOT

from model import Scorer
from model.policy.file import read_policies
from serving.observability.metrics import Metrics
from serving.settings import ENV_PREFIX, Settings, from_env

DEPLOY = ROOT / "deploy"


def _documents() -> dict[str, Any]:
    return {one["kind"]: one for one in yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text())}


@pytest.fixture
def pod() -> Any:
    return _documents()["Deployment"]["spec"]["template"]["spec"]


def _container(pod: Any) -> Any:
    (container,) = pod["containers"]
    return container


def _exposed() -> set[str]:
    """Every metric that a server can show, with the suffixes of its samples."""
    families = text_string_to_metric_families(Metrics().exposition().decode())
    suffixes = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
    names = {family.name + suffix for family in families for suffix in suffixes[family.type]}
    return {name for name in names if not name.endswith("_created")}  # which several workers do not show


def _metrics_in(expression: str) -> set[str]:
    return set(re.findall(r"\bmemeguard_\w+", expression))


def _expressions_of_the_dashboard() -> Iterator[str]:
    dashboard = json.loads((DEPLOY / "grafana-dashboard.json").read_text())
    yield from (target["expr"] for panel in dashboard["panels"] for target in panel["targets"])
    yield from (variable["query"] for variable in dashboard["templating"]["list"])


def test_the_dashboard_asks_only_for_metrics_that_exist_and_for_all_of_them() -> None:
    asked = {metric for expression in _expressions_of_the_dashboard() for metric in _metrics_in(expression)}
    assert asked <= _exposed()
    stem = re.compile(r"_(total|bucket|sum|count)$")
    assert {stem.sub("", metric) for metric in asked} == {stem.sub("", metric) for metric in _exposed()}


def test_every_alert_is_about_a_metric_that_exists() -> None:
    (group,) = yaml.safe_load((DEPLOY / "alerts.yaml").read_text())["groups"]
    for rule in group["rules"]:
        assert _metrics_in(rule["expr"])
        assert _metrics_in(rule["expr"]) <= _exposed()
        assert rule["annotations"]["summary"]


def test_alerts_know_what_to_do_with_a_week_that_has_no_series() -> None:
    """A comparison with nothing is never true; shares of nothing are always far from those of a day."""
    (group,) = yaml.safe_load((DEPLOY / "alerts.yaml").read_text())["groups"]
    rules = {rule["alert"]: " ".join(rule["expr"].split()) for rule in group["rules"]}
    week = "[7d] offset 1d))"
    assert f"(sum(increase(memeguard_known_memes_total{week} or vector(0)) /" in rules["MemeguardBankMatchesDrift"]
    assert rules["MemeguardDecisionsDrift"].endswith(
        f"and on (policy) sum by (policy) (increase(memeguard_decisions_total{week} > 1000"
    )


def test_every_variable_of_the_deployment_is_a_setting_with_a_value_that_it_can_have(pod: Any) -> None:
    secret = _documents()["Secret"]["stringData"]
    environ = {
        one["name"]: one.get("value") or secret[one["valueFrom"]["secretKeyRef"]["key"]]
        for one in _container(pod)["env"]
        if one["name"].startswith(ENV_PREFIX)
    }
    settings = from_env(environ)
    assert settings.log_format == "json"
    assert settings.concurrency == settings.threads == int(_container(pod)["resources"]["limits"]["cpu"])
    in_comments = set(re.findall(r"MEMEGUARD_[A-Z_]+", (DEPLOY / "kubernetes.yaml").read_text())) - set(environ)
    assert {name.removeprefix(ENV_PREFIX).lower() for name in in_comments} <= set(Settings.model_fields)


def test_every_file_that_a_variable_names_is_mounted(pod: Any) -> None:
    mounts = {one["name"]: one["mountPath"] for one in _container(pod)["volumeMounts"]}
    files = [one["value"] for one in _container(pod)["env"] if one["name"].endswith("_FILE")]
    assert files == [f"{mounts['keys']}/keys.json", f"{mounts['policies']}/policies.yaml"]
    documents = _documents()
    assert "keys.json" in documents["Secret"]["stringData"]
    assert "policies.yaml" in documents["ConfigMap"]["data"]


def test_the_policies_of_the_config_map_are_policies(tmp_path: Path, scorer: Scorer) -> None:
    file = tmp_path / "policies.yaml"
    file.write_text(_documents()["ConfigMap"]["data"]["policies.yaml"])
    assert "community" in read_policies(file, scorer.bundle).policies


def test_every_probe_asks_a_path_that_answers(pod: Any, client: TestClient) -> None:
    probes = [value for key, value in _container(pod).items() if key.endswith("Probe")]
    assert len(probes) == 3
    assert {client.get(probe["httpGet"]["path"]).status_code for probe in probes} == {200}
    assert _container(pod)["readinessProbe"]["httpGet"]["path"] == "/readyz"


def test_a_pod_is_given_more_time_to_stop_than_the_server_takes(pod: Any) -> None:
    container = _container(pod)
    grace_s = float(next(one["value"] for one in container["env"] if one["name"] == "MEMEGUARD_GRACE_S"))
    pause_s = float(container["lifecycle"]["preStop"]["exec"]["command"][1])
    assert container["args"][-2:] == ["--timeout-graceful-shutdown", str(int(grace_s))]
    assert pod["terminationGracePeriodSeconds"] > pause_s + grace_s


def test_the_container_is_nobody_special_and_writes_only_where_it_may(pod: Any) -> None:
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] > 0
    own = _container(pod)["securityContext"]
    assert own["readOnlyRootFilesystem"] is True
    assert own["allowPrivilegeEscalation"] is False
    assert own["capabilities"] == {"drop": ["ALL"]}
    assert {"cpu", "memory"} <= set(_container(pod)["resources"]["limits"])
    writable = {one["mountPath"] for one in _container(pod)["volumeMounts"] if not one.get("readOnly")}
    assert writable == {"/tmp"}  # noqa: S108  a path in a container
    (home,) = [one["value"] for one in _container(pod)["env"] if one["name"] == "BENTOML_HOME"]
    assert home.startswith("/tmp/")  # noqa: S108
