"""The whole evaluation of a bundle: sets in, a ``Report`` out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version

import numpy as np
import onnxruntime
import PIL

from model.bundle import Bundle
from model.engine import Engines, openvino_network
from training.datasets import Sample
from training.evaluation.evaluate_set import LabelledSet, Options, evaluate_set
from training.evaluation.results import BundleRef, Report


@dataclass(frozen=True)
class Evaluation:
    """A report, with the samples that were scored of each of its sets, in order: thumbnails and texts need them."""

    report: Report
    samples: list[list[Sample]]


def evaluate_bundle(bundle: Bundle, sets: Sequence[LabelledSet], options: Options, command: str) -> Evaluation:
    """Evaluate ``bundle`` on every set. ``command`` is what a reader types to get the same report."""
    found = [evaluate_set(bundle, labelled, options) for labelled in sets]
    report = Report(
        bundle=bundle_ref(bundle, options.setup.engines_for(bundle)),
        others={
            name: bundle_ref(other.bundle, options.setup.engines_for(other.bundle))
            for name, other in options.others.items()
        },
        sets=[result for result, _ in found],
        command=command,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        seed=options.setup.seed,
        n_resamples=options.setup.n_resamples,
        resample_by=options.resample_by,
        packages=packages(),
    )
    return Evaluation(report, [samples for _, samples in found])


def bundle_ref(bundle: Bundle, engines: Engines) -> BundleRef:
    """Which bundle this is, for the report, and the ``engines`` that compute it."""
    manifest = bundle.manifest
    size_bytes = sum(bundle.file(name).stat().st_size for name in manifest.files)
    return BundleRef(
        name=manifest.name,
        version=manifest.version,
        digest=bundle.digest,
        path=str(bundle.path),
        tasks=[task.name for task in bundle.tasks],
        size_mb=round(size_bytes / 1e6, 1),
        engines=engines,
    )


def packages() -> dict[str, str]:
    """Versions of what a score and a metric depend on, for a report."""
    openvino = {} if openvino_network.missing() else {"openvino": version("openvino")}
    return {
        "evaluate": version("evaluate"),
        "memeguard": version("memeguard"),
        "numpy": np.__version__,
        "onnxruntime": onnxruntime.__version__,
        **openvino,
        "pillow": PIL.__version__,
        "scikit-learn": version("scikit-learn"),
        "tokenizers": version("tokenizers"),
    }
