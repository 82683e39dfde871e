"""Picture of a verdict with its evidence, for the README: ``python scripts/draw_verdict.py``.

Judges the meme of ``make demo`` with the bundle that ships and writes ``docs/verdict.svg``: the meme with the words
that were read, the scores beside what the words and the picture say alone, and each word's effect on the first score.
"""

import base64
import io
from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape

from demo import sample_meme
from PIL import Image

from model import Policy, Verdict, load
from model.verdict import Explanation

DRAWING = Path(__file__).resolve().parents[1] / "docs" / "verdict.svg"
_WIDTH, _HEIGHT, _PICTURE_WIDTH, _MARGIN = 900, 362, 400, 20
_LEFT = _PICTURE_WIDTH + 2 * _MARGIN  # of the column beside the picture
_BAR_LEFT, _BAR_WIDTH = _LEFT + 132, 230
_DECISION_COLOURS = {"allow": "#2e7d32", "review": "#b26a00", "block": "#b3261e"}
_UP, _DOWN, _INK, _PALE = "#c2410c", "#1d6fa5", "#222222", "#e4e7eb"


def drawing(png: bytes, verdict: Verdict, policy: Policy) -> str:
    """The SVG. ``verdict`` is of the picture ``png``, whose words were read, with its explanation."""
    explanation = verdict.explanation
    if explanation is None:
        raise ValueError("the verdict has no explanation; score with explain=True")
    parts = [*_picture(png, verdict), *_decision(verdict), *_scores(verdict, explanation, policy)]
    return "\n".join([*_head(verdict), *parts, *_words(explanation, next(iter(policy.thresholds))), "</svg>", ""])


def _head(verdict: Verdict) -> list[str]:
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">',
        f"<title>A verdict of {escape(verdict.model.name)} {escape(verdict.model.version)} with its evidence</title>",
        "<!-- Made by `python scripts/draw_verdict.py` from a real run; do not edit by hand. -->",
        f"<style>text {{ font: 13px system-ui, 'Segoe UI', Helvetica, Arial, sans-serif; fill: {_INK} }} "
        ".small { font-size: 11.5px; fill: #555 } .head { font-size: 12px; font-weight: 600; fill: #555 }</style>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" rx="10" fill="#ffffff" stroke="#d0d7de"/>',
    ]


def _picture(png: bytes, verdict: Verdict) -> Iterator[str]:
    """The meme, and a frame around every word that was read."""
    image = Image.open(io.BytesIO(png)).convert("RGB")
    scale = _PICTURE_WIDTH / image.width
    height = round(image.height * scale)
    buffer = io.BytesIO()
    image.resize((_PICTURE_WIDTH, height)).save(buffer, "JPEG", quality=70)
    data = base64.b64encode(buffer.getvalue()).decode()
    yield (
        f'<image x="{_MARGIN}" y="{_MARGIN}" width="{_PICTURE_WIDTH}" height="{height}" '
        f'href="data:image/jpeg;base64,{data}"/>'
    )
    for word in verdict.text.words:
        left, top, right, bottom = (round(edge * scale) for edge in word.box)
        yield (
            f'<rect x="{_MARGIN + left}" y="{_MARGIN + top}" width="{right - left}" height="{bottom - top}" rx="3" '
            'fill="none" stroke="#ffd54a" stroke-width="1.5"/>'
        )


def _decision(verdict: Verdict) -> Iterator[str]:
    colour = _DECISION_COLOURS[verdict.decision]
    yield f'<rect x="{_LEFT}" y="{_MARGIN}" width="72" height="28" rx="6" fill="{colour}"/>'
    style = 'text-anchor="middle" style="fill:#ffffff;font-weight:600"'
    yield f'<text x="{_LEFT + 36}" y="{_MARGIN + 19}" {style}>{verdict.decision}</text>'
    model, policy, text = verdict.model, verdict.policy, verdict.text
    yield _text(_LEFT + 84, _MARGIN + 12, "; ".join(policy.reasons))
    made_by = (
        f"policy {policy.name} {policy.version}",
        f"model {model.name} {model.version}",
        f"{text.engine} {text.engine_version}",
    )
    yield _text(_LEFT + 84, _MARGIN + 28, " · ".join(made_by), "small")


def _scores(verdict: Verdict, explanation: Explanation, policy: Policy) -> Iterator[str]:
    y = 86
    for task, score in verdict.scores.items():
        if not isinstance(score, float):
            continue
        yield _text(_LEFT, y, task, "head")
        rows = {
            "picture and words": score,
            "words alone": (explanation.text_alone or {}).get(task),
            "picture alone": (explanation.image_alone or {}).get(task),
        }
        for name, value in rows.items():
            if isinstance(value, float):
                y += 20
                yield from _bar(y, name, value, "#4b5563" if value is score else "#9aa5b1")
        if task in policy.thresholds:
            yield from _threshold(y, policy.thresholds[task].of(verdict.judged_as).review)
        y += 30


def _bar(y: int, name: str, value: float, colour: str) -> Iterator[str]:
    yield _text(_LEFT, y, name)
    yield f'<rect x="{_BAR_LEFT}" y="{y - 10}" width="{_BAR_WIDTH}" height="11" rx="3" fill="{_PALE}"/>'
    yield f'<rect x="{_BAR_LEFT}" y="{y - 10}" width="{value * _BAR_WIDTH:.1f}" height="11" rx="3" fill="{colour}"/>'
    yield _text(_BAR_LEFT + _BAR_WIDTH + 10, y, f"{value:.2f}")


def _threshold(y: int, review: float) -> Iterator[str]:
    x = _BAR_LEFT + review * _BAR_WIDTH
    yield f'<path d="M{x:.1f} {y - 54} V{y + 4}" stroke="{_DECISION_COLOURS["review"]}" stroke-width="1.5"/>'
    yield _text(x - 3, y - 58, f"review from {review:.2f}", "small")


def _words(explanation: Explanation, task: str) -> Iterator[str]:
    """A bar a word, up or down from a line, in the order of the text."""
    line, left = 306, _LEFT
    yield _text(left, 264, f"what each word does to {task}", "head")
    for word in explanation.words:
        effect, width = word.effects[task], max(34, 9 * len(word.text))
        height = max(1.0, abs(effect) * 600)
        top = line - height if effect > 0 else line
        colour = _UP if effect > 0 else _DOWN
        yield (
            f'<rect x="{left}" y="{top:.1f}" width="{width - 6}" height="{height:.1f}" rx="2" fill="{colour}" '
            f'data-word="{escape(word.text)}" data-effect="{effect:.3f}"/>'
        )
        yield _text(left, line + 38, escape(word.text), "small")
        left += width + 4
    yield f'<path d="M{_LEFT} {line} H{left}" stroke="#9aa5b1"/>'


def _text(x: float, y: float, content: str, kind: str | None = None) -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}"{f" class={kind!r}" if kind else ""}>{content}</text>'


if __name__ == "__main__":
    scorer = load(threads=1)
    meme = sample_meme()
    (result,) = scorer.score([meme], explain=True)
    if not isinstance(result, Verdict):
        raise SystemExit(f"the meme could not be judged: {result.message}")
    DRAWING.write_text(drawing(meme, result, scorer.policy), encoding="utf-8")
