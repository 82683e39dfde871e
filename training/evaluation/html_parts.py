"""The small parts of the HTML report: tables, figures, values with their intervals. Every text is escaped here."""

from collections.abc import Sequence
from html import escape

from model.bundle import spread_text
from training.evaluation.bootstrap import Estimate, PairedInterval


class Html(str):
    """Text that is HTML already; any other text is escaped where it is put in."""

    __slots__ = ()


def html(text: str) -> Html:
    """``text`` itself when it is HTML, else escaped."""
    return text if isinstance(text, Html) else Html(escape(text))


def join(parts: Sequence[Html]) -> Html:
    """One after the other."""
    return Html("\n".join(parts))


def table(caption: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Html:
    """A table whose first column names the rows; it scrolls by itself where the page is narrow."""
    head = "".join(f'<th scope="col">{html(text)}</th>' for text in heads)
    body = "\n".join(
        f'<tr><th scope="row">{html(row[0])}</th>' + "".join(f"<td>{html(cell)}</td>" for cell in row[1:]) + "</tr>"
        for row in rows
    )
    return Html(
        f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(caption)}"><table>'
        f"<caption>{html(caption)}</caption><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table></div>"
    )


def figure(svg: str, caption: str) -> Html:
    """A drawing with what it shows."""
    return Html(f"<figure>{svg}<figcaption>{html(caption)}</figcaption></figure>")


def details(summary: str, content: Html) -> Html:
    """Content that is there for who asks."""
    return Html(f"<details><summary>{html(summary)}</summary>{content}</details>")


def value(found: Estimate) -> Html:
    """A value and, smaller, its interval; or why there is none."""
    if found.value is None:
        return Html(f'n/a <small class="why">{escape(found.reason or "")}</small>')
    if found.low is None or found.high is None:
        why = f' <small class="why">{escape(found.reason)}</small>' if found.reason else ""
        return Html(f"<b>{found.value:.3f}</b>{why}")
    return Html(f"<b>{found.value:.3f}</b> <small>{spread_text(found.low, found.high)}</small>")


def paired(found: PairedInterval | None) -> Html:
    """A difference and its interval, strong where the interval leaves out zero."""
    if found is None:
        return Html("n/a")
    difference = f"{found.difference:+.3f}"
    strong = f"<b>{difference}</b>" if found.low > 0 or found.high < 0 else difference
    p_value = f"p = {found.p_value:.3f}" if found.p_value >= 0.001 else "p &lt; .001"
    return Html(f"{strong} <small>{found.low:+.3f} to {found.high:+.3f}, {p_value}</small>")
