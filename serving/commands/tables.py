"""Tables that commands print. Words from pictures are printed without control characters or markup."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from model import Failure, Verdict
from model.bundle import Bundle, MetricRow, Thresholds
from model.policy.scored_views import CATEGORIES
from serving.security.keys import KeyEntry

_COLOURS = {"allow": "green", "review": "yellow", "block": "red"}
_TEXT_CHARS = 60
_PATH_CHARS = 32


def print_outcomes(rows: Sequence[tuple[Path, Verdict | Failure]]) -> None:
    """One line a file: its decision, the score of each yes/no task and the words that were judged."""
    tasks = sorted(
        {name for _, outcome in rows for name in _yes_no_scores(outcome)}, key=lambda name: name != "hateful"
    )
    paths = [_end_of(file) for file, _ in rows]
    table = Table(Column("file", min_width=max(map(len, paths), default=0)), "decision", *tasks, "text")
    for path, (_, outcome) in zip(paths, rows, strict=True):
        scores = _yes_no_scores(outcome)
        cells = [f"{scores[task]:.3f}" if task in scores else "" for task in tasks]
        table.add_row(plain(path), _decision(outcome), *cells, plain(_words(outcome)))
    Console().print(table)


def print_bundle(bundle: Bundle) -> None:
    """Identity, parts, tasks, thresholds and measured quality of a bundle."""
    manifest = bundle.manifest
    console = Console()
    console.print(_facts(bundle))
    tasks = Table("task", "classes", "review at", "block at", title="tasks")
    for task in manifest.tasks:
        found = manifest.thresholds.get(task.name)
        shown = [found.told(say) if found else [""] for say in (_review, _block)]
        tasks.add_row(task.name, ", ".join(task.classes), *("\n".join(column) for column in shown))
    console.print(tasks)
    if manifest.metrics:
        console.print(_metrics(manifest.metrics))
    else:
        console.print("no metrics: this bundle was never evaluated")


def _review(limits: Thresholds) -> str:
    return f"{limits.review:.3f}"


def _block(limits: Thresholds) -> str:
    return "never" if limits.block is None else f"{limits.block:.3f}"


def print_keys(entries: Sequence[KeyEntry]) -> None:
    """One line a key; its hash is left out."""
    table = Table("name", "id", "scopes", "requests", "memes", "created")
    for entry in entries:
        rates = (entry.rate or "no limit", entry.meme_rate or "no limit")
        table.add_row(entry.name, entry.id, ", ".join(entry.scopes), *rates, f"{entry.created:%Y-%m-%d %H:%M}")
    Console().print(table)


def _facts(bundle: Bundle) -> Table:
    manifest = bundle.manifest
    tower, head, preprocess = manifest.image_tower, manifest.head, manifest.preprocess
    table = Table(show_header=False, title=plain(f"{manifest.name} {manifest.version}"))
    for name, value in (
        ("description", manifest.description),
        ("digest", bundle.digest),
        ("licence", manifest.licence),
        ("image tower", f"{tower.backbone}, precision {tower.precision}"),
        ("text tower", f"{head.text_backbone}, precision {head.precision}"),
        ("preprocess", f"{preprocess.side_px} px, {preprocess.resize}, {preprocess.max_text_tokens} text tokens"),
        ("parity", ", ".join(f"{key} {value}" for key, value in manifest.parity.items())),
        ("data cards", ", ".join(manifest.data_cards) or "none"),
        *((file, f"{bundle.file(file).stat().st_size / 1e6:.1f} MB") for file in manifest.files),
    ):
        table.add_row(name, plain(value))
    return table


def _metrics(rows: Sequence[MetricRow]) -> Table:
    table = Table("data", "split", "task", "model", "n", "metrics (95% interval)", title="metrics")
    for row in rows:
        values = "\n".join(f"{name} {value}" for name, value in row.metrics.items())
        table.add_row(row.data, row.split, row.task, row.model, str(row.n), values)
    return table


def _yes_no_scores(outcome: Verdict | Failure) -> dict[str, float]:
    if isinstance(outcome, Failure):
        return {}
    categories = {f"{CATEGORIES}.{name}": score for name, score in outcome.categories.items()}
    return {name: score for name, score in outcome.scores.items() if isinstance(score, float)} | categories


def _decision(outcome: Verdict | Failure) -> Text:
    if isinstance(outcome, Failure):
        return Text("error", style="bold red")
    return Text(outcome.decision, style=_COLOURS[outcome.decision])


def _end_of(path: Path) -> str:
    """A path, or as many of its last parts as a column holds: many files lie in one deep folder."""
    text = str(path)
    if len(text) <= _PATH_CHARS:
        return text
    end = text[1 - _PATH_CHARS :]
    return "…" + end[max(0, end.find("/")) :]


def _words(outcome: Verdict | Failure) -> str:
    if isinstance(outcome, Failure):
        return outcome.message
    text, picture = outcome.text, outcome.picture
    content = text.content if len(text.content) <= _TEXT_CHARS else f"{text.content[:_TEXT_CHARS]}…"
    notes = [f"({text.status}: {text.detail})"] if text.status != "ok" else []
    notes += [f"(picture {picture.status}: {picture.detail})"] if picture and picture.status != "ok" else []
    return " ".join([content, *notes] if content else notes)


def plain(text: str) -> Text:
    """Text as it is: no markup, and no escape sequence that a picture or a file name could send to the terminal."""
    return Text("".join(char if char.isprintable() else " " for char in text))
