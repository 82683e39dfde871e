"""Which policies can decide in a job."""

from model import Policy
from model.policy.scored_views import CATEGORIES


def why_not(policy: Policy) -> str | None:
    """Why a policy cannot decide in a job; None: it can.

    Without the scores of categories its rules on them would be passed over, and nobody would be told.
    """
    if not any(name.startswith(f"{CATEGORIES}.") for name in (*policy.thresholds, *policy.severity)):
        return None
    return (
        f"the policy {policy.name!r} decides by categories of one's own, which are scored over HTTP alone; name another"
    )
