"""What small files with many pixels may take of a server's memory."""

from typing import Any

import yaml
from support import ROOT

DEPLOYMENT = ROOT / "deploy" / "kubernetes.yaml"
#: Measured with pictures of every mode: while one is decoded, and until it is judged.
DECODED_BYTES_PER_PIXEL, HELD_BYTES_PER_PIXEL = 20, 4
#: A worker with its OCR that has judged some memes.
WORKER_BYTES = 800 * 1024**2


def _container() -> dict[str, Any]:
    documents = yaml.safe_load_all(DEPLOYMENT.read_text())
    (deployment,) = [document for document in documents if document["kind"] == "Deployment"]
    container: dict[str, Any] = deployment["spec"]["template"]["spec"]["containers"][0]
    return container


def test_the_largest_pictures_at_once_fit_into_the_memory_of_the_example() -> None:
    container = _container()
    given = {variable["name"]: variable.get("value") for variable in container["env"]}
    pixels, threads = int(given["MEMEGUARD_MAX_PIXELS"]), int(given["MEMEGUARD_CONCURRENCY"])
    limit = container["resources"]["limits"]["memory"]
    assert limit.endswith("Gi")
    held = HELD_BYTES_PER_PIXEL * pixels * (2 * threads + 2)  # as many as are on their way through the pipeline
    assert WORKER_BYTES + held + DECODED_BYTES_PER_PIXEL * pixels * threads <= int(limit[:-2]) * 1024**3
