"""``memeguard promote``: a challenger against the champion on the same memes; the winner becomes current."""

from typing import Any, get_args

import click

from training.commands.options import data_options, disk_errors, path_type, setup_options, train_extra
from training.evaluation.options import WordsFrom
from training.promotion.rules import MEANINGS
from training.promotion.store import CURRENT

_RULES = "\n".join(f"  {name}: {meaning}" for name, meaning in MEANINGS.items())
_WORDS = [name for name in get_args(WordsFrom) if name != "both"]


@click.command(epilog=f"\b\nRules, by the names that --override takes:\n{_RULES}")
@click.argument("challenger", required=False)
@click.option("--champion", help=f"Folder, tag of the store, or {CURRENT!r}; default: {CURRENT}.")
@data_options("dev", required=False)
@click.option("--first", is_flag=True, help="There is no champion yet: promote without a comparison.")
@click.option("--list", "list_", is_flag=True, help="Show what was promoted and what is current, and end.")
@click.option("--rollback", is_flag=True, help="Make the bundle before the current one current again, and end.")
@click.option("--dry-run", is_flag=True, help="Compare and report only; register nothing.")
@click.option("--require", type=click.Choice(["not-worse", "better"]), default="not-worse", show_default=True)
@click.option("--margin", type=click.FloatRange(0, 1), default=0.03, show_default=True, help="Loss that is let pass.")
@click.option(
    "--max-group-regression",
    type=click.FloatRange(0, 1),
    default=0.1,
    show_default=True,
    help="How much more often a group may be misjudged, and its harmless mentions be stopped.",
)
@click.option(
    "--max-group-false-alarm",
    type=click.FloatRange(0, 1),
    help="Ceiling of the share of a group's harmless mentions that is stopped, whatever the champion does; default: "
    "none.",
)
@click.option(
    "--min-group-items",
    type=click.IntRange(1),
    default=30,
    show_default=True,
    help="Harmless items that a group needs for its false alarms to be judged; smaller groups are named.",
)
@click.option("--max-slowdown", type=click.FloatRange(0, min_open=True), default=1.5, show_default=True)
@click.option(
    "--shadow-report",
    type=path_type,
    help="JSON of `memeguard shadow report` in which the challenger was the shadow of live traffic; it is recorded.",
)
@click.option(
    "--min-shadow-decisions",
    type=click.IntRange(1),
    default=1000,
    show_default=True,
    help="Decisions of the champion that the challenger must have judged in that report.",
)
@click.option(
    "--max-review-share",
    type=click.FloatRange(0, 1),
    help="Ceiling of the share of memes that it would send to review by that report; default: none.",
)
@click.option("--override", multiple=True, metavar="RULE", help="Promote although RULE is broken; needs --reason.")
@click.option("--reason", help="Why a rule is overridden, or why one rolls back; it is recorded.")
@setup_options(_WORDS, resamples=2000, min_resamples=100)
@click.option("--out", type=path_type, help="Folder of the report; default: promotion-NAME-VERSION-DIGEST.")
@disk_errors()
def promote(**options: Any) -> None:
    """Compare CHALLENGER with the champion on the same memes and, when no rule stands against it, make it current.

    Both are folders that `memeguard export` wrote, or tags of the store. The winner is copied into BentoML's model
    store (BENTOML_HOME, default ~/bentoml); `memeguard serve --bundle $BENTOML_HOME/memeguard/current` serves whatever
    is current when it starts. Give memes that neither bundle was trained on; those that the challenger's epochs and
    thresholds were chosen on flatter it. Give sets with harmless mentions of groups too, such as ToxiGen or RedditBias:
    without them nobody looks at false alarms by group, which the report then says.

    Writes report.json and report.md into --out, also when the challenger is refused. Ends with 0 when the challenger is
    current (or --dry-run passes), 1 when it is refused or something stood in the way, 2 for options that do not fit.
    """
    with train_extra():
        from training.commands.promote_run import PromoteOptions, run  # noqa: PLC0415

    run(PromoteOptions(**options))
