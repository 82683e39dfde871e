"""Report of a run as one HTML file: counts and score histograms; no words, no pictures, no ids."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import PackageLoader
from numpy.typing import NDArray

from model import Policy
from model.atomic import write_atomically
from model.bundle import Thresholds
from model.engine import Engines
from model.modality import modality_title
from model.verdict import DECISIONS
from serving.batch.output.manifest import Totals
from serving.html import html_templates

REPORT = "report.html"
_DIGEST_CHARS = 12
_TEMPLATES = html_templates(PackageLoader("serving.batch.output", "."))


@dataclass(frozen=True)
class _Bin:
    """A column of a histogram. ``zone``: what the policy makes of its scores, which is its colour."""

    lower: float
    upper: float
    count: int
    zone: str


@dataclass(frozen=True)
class _Histogram:
    """Scores of a task in equal bins of 0 to 1, and the policy's thresholds for it by name.

    ``of``: what was judged, where the thresholds differ by that; else empty.
    """

    task: str
    of: str
    bins: tuple[_Bin, ...]
    thresholds: tuple[tuple[str, float], ...]

    @property
    def n_scores(self) -> int:
        return sum(one.count for one in self.bins)

    @property
    def highest(self) -> int:
        """The count of the highest column, for its height: never 0."""
        return max([1, *(one.count for one in self.bins)])


def write_report(out: Path, manifest: Mapping[str, Any], totals: Totals, policy: Policy) -> Path:
    """Write ``report.html`` of a finished run beside its manifest."""
    page = _TEMPLATES.get_template("report.html.j2").render(
        facts=_facts(manifest),
        totals=totals,
        policy=policy,
        outcomes=[*((name, totals.decisions[name]) for name in DECISIONS), ("error", totals.errors.total())],
        histograms=[one for task in totals.histograms for one in _histograms(task, totals, policy)],
        share=lambda count: f"{count / max(1, totals.n_rows):.1%}",
    )
    write_atomically(out / REPORT, page.encode("utf-8", "backslashreplace"))
    return out / REPORT


def _facts(manifest: Mapping[str, Any]) -> dict[str, str]:
    judges, timings = manifest["judges"], manifest["timings"]
    n_sessions = len(timings["sessions"])
    return {
        "Input": manifest["input"]["address"],
        "Finished": manifest["finished_at"],
        "Time": f"{timings['seconds']:,.0f} s in {n_sessions} session{'s' * (n_sessions != 1)}",
        "Model": f"{judges['model_name']} {judges['model_version']} ({judges['model_digest'][:_DIGEST_CHARS]})",
        "Policy": f"{judges['policy_name']} {judges['policy_version']} ({judges['policy_digest'][:_DIGEST_CHARS]})",
        "OCR": judges["ocr"],
        "Engines": _engines(judges),
    }


def _engines(judges: Mapping[str, Any]) -> str:
    """What computed the networks; a manifest that does not say so is of onnxruntime alone."""
    image_tower, head = (judges.get(f"{network}_engine", "onnxruntime") for network in ("image_tower", "head"))
    return str(Engines(image_tower, head, judges.get("ocr_networks_engine")))


def _histograms(task: str, totals: Totals, policy: Policy) -> list[_Histogram]:
    """One of a task, or one for each modality that was judged where the thresholds differ by it."""
    found, by_modality = policy.thresholds.get(task), totals.by_modality.get(task, {})
    if found is None or found.shared is not None or not by_modality:
        return [_histogram(task, "", totals.histograms[task], found.both if found else None)]
    return [
        _histogram(task, f"of {modality_title(modality)}", by_modality[modality], limits)
        for modality, limits in found.items()
        if modality in by_modality
    ]


def _histogram(task: str, of: str, counts: NDArray[np.int64], limits: Thresholds | None) -> _Histogram:
    n_bins = len(counts)
    bins = []
    for index, count in enumerate(counts.tolist()):
        zone = "none" if limits is None else limits.met((index + 0.5) / n_bins) or "allow"
        bins.append(_Bin(index / n_bins, (index + 1) / n_bins, count, zone))
    return _Histogram(task, of, tuple(bins), () if limits is None else tuple(limits.bounds.items()))
