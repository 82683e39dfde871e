"""The verdict on a challenger: which rules it broke, which of them were overridden, and the report of it all."""

from dataclasses import dataclass
from typing import Any

from training.promotion.results import Comparison
from training.promotion.rules import MEANINGS, Finding, Limits, PromotionRefusedError, Rule


@dataclass(frozen=True)
class PromotionVerdict:
    """``refused`` and ``overridden`` are the rules that were broken; a challenger passes when none is refused."""

    comparison: Comparison
    limits: Limits
    refused: list[Finding]
    overridden: list[Finding]
    reason: str | None = None

    @property
    def passes(self) -> bool:
        """True when no rule stands against the challenger."""
        return not self.refused

    def check(self) -> None:
        """Raise ``PromotionRefusedError`` naming every rule that was broken and what each one says."""
        if self.passes:
            return
        names = dict.fromkeys(finding.rule for finding in self.refused)
        flags = " ".join(f"--override {name}" for name in names)
        raise PromotionRefusedError(
            f"refused, and nothing was registered: {'; '.join(f'{name} ({MEANINGS[name]})' for name in names)}. "
            f'To promote it all the same: {flags} --reason "..."'
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain types, ready for JSON."""
        return {
            "verdict": "passes" if self.passes else "refused",
            "limits": self.limits.model_dump(mode="json"),
            "refused": [_finding(finding) for finding in self.refused],
            "overridden": [_finding(finding) for finding in self.overridden],
            "reason": self.reason,
            **self.comparison.to_dict(),
        }


def judge(
    comparison: Comparison, limits: Limits, findings: list[Finding], overrides: tuple[Rule, ...], reason: str | None
) -> PromotionVerdict:
    """Set aside the findings that the caller overrides."""
    refused = [finding for finding in findings if finding.rule not in overrides]
    overridden = [finding for finding in findings if finding.rule in overrides]
    return PromotionVerdict(comparison, limits, refused, overridden, reason if overridden else None)


def _finding(finding: Finding) -> dict[str, str]:
    return {"rule": finding.rule, "found": finding.message}
