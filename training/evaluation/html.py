"""The report as one HTML file that needs nothing else: no script, no link, no font from anywhere.

Pictures are shown only on demand (and blurred until clicked), words only on demand; see ``Shown``.
"""

from html import escape
from pathlib import Path

from training.evaluation import figures
from training.evaluation.evaluate import Evaluation
from training.evaluation.html_parts import Html, details, figure, html, join, paired, table, value
from training.evaluation.html_task import Shown, task_section
from training.evaluation.markdown import intervals_line, left_out_line
from training.evaluation.results import OcrResult, Report, SetResult
from training.evaluation.wording import briefs, column_title, facts, metric_title

_STYLE = Path(__file__).with_name("page.css")
_SUMMARY = ("auroc", "average_precision", "accuracy", "macro_f1", "calibration_error")
_MAX_LISTED = 50


def render_html(found: Evaluation, *, thumbnails: bool = False, show_texts: bool = False) -> str:
    """The page. ``thumbnails`` puts pictures of mistakes in, ``show_texts`` their words."""
    report = found.report
    title = f"Evaluation of {report.bundle.name} {report.bundle.version}"
    sections = [
        _set(place, result, Shown({sample.id: sample for sample in samples}, thumbnails, show_texts))
        for place, (result, samples) in enumerate(zip(report.sets, found.samples, strict=True))
    ]
    body = join([_head(title, report), _summary(report), *sections, _foot(report)])
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        # Said to the browser as well: this page loads nothing.
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
        'img-src data:">\n'
        f"<title>{escape(title)}</title>\n<style>\n{_STYLE.read_text(encoding='utf-8')}</style>\n</head>\n"
        f"<body>\n{body}\n</body>\n</html>\n"
    )


def _head(title: str, report: Report) -> Html:
    bundle = report.bundle
    others = "".join(
        f"<br>Beside it: {html(name)}, <code>{other.digest[:12]}</code>, {other.size_mb} MB."
        for name, other in report.others.items()
    )
    links = "".join(
        f'<li><a href="#set-{place}">{html(_set_title(result))}</a></li>' for place, result in enumerate(report.sets)
    )
    made = report.created.replace("T", " ").replace("+00:00", " UTC")
    lines = "".join(f"<li>{html(line)}</li>" for result in report.sets for line in briefs(result))
    return Html(
        f'<a class="skip" href="#main">Skip to the results</a><header><h1>{html(title)}</h1>'
        f'<p class="soft">Bundle <code>{bundle.digest[:12]}</code>, {bundle.size_mb} MB, tasks '
        f"{html(', '.join(bundle.tasks))}. {html(made)}.{others}</p>"
        f'</header><section class="brief" aria-label="In short"><strong>In short</strong><ul>{lines}</ul></section>'
        f'<nav aria-label="Sets"><ul>{links}<li><a href="#made">How this was made</a></li></ul></nav><main id="main">'
    )


def _summary(report: Report) -> Html:
    rows, plotted = [], []
    for result in report.sets:
        for task in result.tasks:
            metrics = task.metrics["full"]
            cells = [value(metrics[name]) if name in metrics else Html("") for name in _SUMMARY]
            rows.append([f"{_set_title(result)}: {task.title}", str(task.n), *cells])
            if "auroc" in metrics:
                names = {name: column_title(name).split(" (")[0] for name in task.metrics}
                series = {names[name]: values["auroc"] for name, values in task.metrics.items()}
                plotted.append((f"{result.name}, {result.split}\n{task.title}", series))
    parts = [table("Summary", ["set and task", "items", *map(metric_title, _SUMMARY)], rows)]
    parts.append(Html(f'<p class="soft">{html(intervals_line(report).replace("In brackets", "Small"))}</p>'))
    if plotted:
        svg = figures.interval_plot(plotted, "AUROC by set", "AUROC", reference=0.5)
        parts.append(
            figure(svg, "AUROC with 95% intervals; dotted: chance. A hidden picture or text says what it adds.")
        )
    return join(parts)


def _set_title(result: SetResult) -> str:
    return f"{result.name}, {result.split}"


def _set(place: int, result: SetResult, shown: Shown) -> Html:
    parts = [
        Html(
            f'<section aria-labelledby="set-{place}"><h2 id="set-{place}">{html(_set_title(result))}</h2>'
            f"<p><code>{html(result.source)}</code><br>{html(facts(result))}</p>"
        )
    ]
    if left_out := left_out_line(result):
        parts.append(Html(f'<p class="note">Left out: {html(left_out)}.</p>'))
    parts += [Html(f'<p class="note">{html(note)}</p>') for note in result.notes]
    if result.left_out_items:
        rows = [[item["item"], item["reason"]] for item in result.left_out_items[:_MAX_LISTED]]
        listed = table(f"The first {len(rows)} of {len(result.left_out_items)}", ["item", "reason"], rows)
        parts.append(details("What was left out, and why", listed))
    parts += [task_section(task, shown) for task in result.tasks]
    if result.memotion:
        rows = [[f"task {name}", value(score)] for name, score in result.memotion.items()]
        parts.append(table("Memotion scores: mean macro-F1 over a task's questions", ["task", "score"], rows))
    if result.ocr:
        parts.append(_ocr(result.ocr))
    return join([*parts, Html("</section>")])


def _ocr(found: OcrResult) -> Html:
    def share(part: float | None) -> str:
        return "n/a" if part is None else f"{part:.1%}"

    line = (
        f"{found.n} memes with given words and a reading; {found.n_unread} pictures could not be read. Of the given "
        f"words {share(found.word_recall)} were read; of the words read {share(found.word_precision)} were given."
    )
    rows = [
        [
            f"{task.title}: {metric_title(name)}",
            value(task.given[name]),
            value(task.read[name]),
            paired(task.difference.get(name)),
        ]
        for task in found.tasks
        for name in task.given
    ]
    rows += [[f"{task.title}: same decision", value(task.same_class), Html(""), Html("")] for task in found.tasks]
    rows += [
        [f"{task.title}: mean change of the probability", f"{task.mean_abs_difference:.3f}", Html(""), Html("")]
        for task in found.tasks
    ]
    heads = ["metric", "words given", "words read", "given minus read"]
    title = f"Words read by {found.engine} against words given"
    return join([Html(f"<h3>{html(title)}</h3><p>{html(line)}</p>"), table(title, heads, rows)])


def _foot(report: Report) -> Html:
    packages = ", ".join(f"{name} {number}" for name, number in report.packages.items())
    return Html(
        f'</main><footer><h2 id="made">How this was made</h2><p><code class="command">{html(report.command)}</code></p>'
        f"<p>Scores come from the exported bundle (sha256 of its manifest: <code>{report.bundle.digest}</code>) "
        f"through the code that serves it. Seed {report.seed}, {report.n_resamples} resamples by "
        f"{html(report.resample_by)}. {html(packages)}.</p>"
        "<p>What these numbers do not say: how the model does on memes of another community, language or year; whether "
        "the labels are right; whether a decision is fair to one person. Identity terms are looked for in the words "
        "alone, nothing is inferred from faces. The model is an aid to a moderator.</p></footer>"
    )
