"""The policies that this worker knows, by name."""

from collections.abc import Mapping

from model import Policy
from serving.problems import ProblemError


class PolicyBook:
    """Policies by name; one of them is used where a request names none."""

    def __init__(self, policies: Mapping[str, Policy], default: str) -> None:
        self.policies = policies
        self.default = default

    def get(self, name: str | None) -> Policy:
        """A policy by name, the default for None; raises ``ProblemError`` 422 naming those that there are."""
        found = self.policies.get(self.default if name is None else name)
        if found is None:
            raise ProblemError(422, "unknown_policy", f"there is no such policy; known: {', '.join(self.policies)}")
        return found
