"""Page of one verdict: the picture with its heat map, boxes and words, in one HTML file without scripts."""

from pathlib import Path

from jinja2 import PackageLoader

from model import Meme, Policy, Verdict
from model.atomic import write_atomically
from model.verdict import Explanation
from serving.explanation.evidence import evidence_of
from serving.html import html_templates, picture_url

#: A larger picture is made smaller: the page is to be looked at, and sent.
_MAX_SIDE_PX = 1000
_TEMPLATES = html_templates(PackageLoader("serving.explanation", "."))


def write_explanation_page(path: Path, name: str, meme: Meme, verdict: Verdict, policy: Policy) -> None:
    """Write the page of a meme called ``name``; raises ``ValueError`` for a verdict without explanation."""
    if verdict.explanation is None:
        raise ValueError("the verdict has no explanation: score with explain")
    page = _page(name, meme, verdict, verdict.explanation, policy)
    write_atomically(path, page.encode("utf-8", "backslashreplace"))


def _page(name: str, meme: Meme, verdict: Verdict, explanation: Explanation, policy: Policy) -> str:
    view = 0 if verdict.picture is None else verdict.picture.strictest
    image = meme.shown[view].image if meme.shown else None
    classes = {task: score for task, score in verdict.scores.items() if not isinstance(score, float)}
    return _TEMPLATES.get_template("page.html.j2").render(
        name=name,
        verdict=verdict,
        explanation=explanation,
        tasks=evidence_of(verdict, explanation, policy, view),
        classes=classes,
        view=None if verdict.picture is None or not verdict.picture.views else verdict.picture.views[view],
        picture=None if image is None else picture_url(image, _MAX_SIDE_PX),
        size=None if image is None else image.size,
    )
