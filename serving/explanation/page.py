"""Page of one verdict: the picture with its heat map, boxes and words, in one HTML file without scripts."""

import base64
import io
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image

from model import Meme, Policy, Verdict
from model.atomic import write_atomically
from model.verdict import Explanation
from serving.explanation.evidence import evidence_of

#: A larger picture is made smaller: the page is to be looked at, and sent.
_MAX_SIDE_PX = 1000
#: autoescape: words, file names and the names of policies come from elsewhere.
_TEMPLATES = Environment(
    loader=PackageLoader("serving.explanation", "."),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


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
        picture=None if image is None else _data_url(image),
        size=None if image is None else image.size,
    )


def _data_url(image: Image.Image) -> str:
    shown = image.copy()
    shown.thumbnail((_MAX_SIDE_PX, _MAX_SIDE_PX))
    buffer = io.BytesIO()
    shown.save(buffer, "JPEG", quality=85)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
