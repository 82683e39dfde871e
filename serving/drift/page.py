"""Page of a comparison: its findings with a drawing each, in one HTML file without scripts."""

from collections.abc import Sequence

from jinja2 import PackageLoader

from serving.drift.compare import Finding, Limits, summary
from serving.drift.plots import bars, steps
from serving.drift.window import Window
from serving.html import html_templates

_TEMPLATES = html_templates(PackageLoader("serving.drift", "."))


def as_html(window: Window, against: Window, limits: Limits, findings: Sequence[Finding]) -> str:
    """The whole page; what has changed most comes first."""
    shown = sorted(findings, key=lambda finding: (not finding.has_changed, -(finding.psi or 0.0)))
    return _TEMPLATES.get_template("page.html.j2").render(
        window=window,
        against=against,
        limits=limits,
        findings=shown,
        summary=summary(findings),
        settings=[finding for finding in shown if finding.has_changed and not finding.is_drift],
        steps=lambda feature: steps(window, against, feature),
        bars=lambda feature: bars(window, against, feature),
    )
