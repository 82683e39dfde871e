"""Page of one verdict: the picture with its heat map, boxes and words, in one HTML file without scripts."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import PackageLoader

from model import Meme, Policy, Verdict
from model.atomic import write_atomically
from model.verdict import Explanation
from serving.explanation.evidence import TaskEvidence, evidence_of, view_title
from serving.html import html_templates, picture_url

#: A larger picture is made smaller: the page is to be looked at, and sent.
_MAX_SIDE_PX = 1000
_TEMPLATES = html_templates(PackageLoader("serving.explanation", "."))


@dataclass(frozen=True)
class Figure:
    """A view of the picture with the tasks that it decided, by their places from 1; ``url`` holds it."""

    url: str
    size: tuple[int, int]
    title: str | None
    tasks: tuple[tuple[int, TaskEvidence], ...]


def write_explanation_page(path: Path, name: str, meme: Meme, verdict: Verdict, policy: Policy) -> None:
    """Write the page of a meme called ``name``; raises ``ValueError`` for a verdict without explanation."""
    if verdict.explanation is None:
        raise ValueError("the verdict has no explanation: score with explain")
    page = _page(name, meme, verdict, verdict.explanation, policy)
    write_atomically(path, page.encode("utf-8", "backslashreplace"))


def _page(name: str, meme: Meme, verdict: Verdict, explanation: Explanation, policy: Policy) -> str:
    tasks = evidence_of(verdict, explanation, policy)
    return _TEMPLATES.get_template("page.html.j2").render(
        name=name,
        verdict=verdict,
        explanation=explanation,
        tasks=tasks,
        classes={task: score for task, score in verdict.scores.items() if not isinstance(score, float)},
        figures=_figures(meme, verdict, tasks),
    )


def _figures(meme: Meme, verdict: Verdict, tasks: Sequence[TaskEvidence]) -> list[Figure]:
    """One for each view that decided a task; none of words alone."""
    figures = []
    for view in dict.fromkeys(task.view for task in tasks) if meme.shown else ():
        image = meme.shown[view].image
        own = tuple((place, task) for place, task in enumerate(tasks, start=1) if task.view == view)
        figures.append(Figure(picture_url(image, _MAX_SIDE_PX), image.size, view_title(verdict.picture, view), own))
    return figures
