"""What an operator wants done about a score: named, versioned thresholds, held against scores by ``decision.py``."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from model.bundle import Manifest, Thresholds


@dataclass(frozen=True)
class Policy:
    """Named thresholds by binary task. ``digest`` is the sha256 of what the policy says."""

    name: str
    version: str
    thresholds: Mapping[str, Thresholds]

    @property
    def digest(self) -> str:
        """sha256 over name, version and every rule: two policies that could decide differently differ in it."""
        rules = {task: limits.model_dump() for task, limits in self.thresholds.items()}
        document = json.dumps([self.name, self.version, rules], sort_keys=True)
        return hashlib.sha256(document.encode()).hexdigest()


def default_policy(manifest: Manifest) -> Policy:
    """The bundle's own thresholds, fitted on dev."""
    return Policy("default", manifest.version, manifest.thresholds)
