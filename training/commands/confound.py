"""``memeguard data confound``: the mismatched twin of a set of memes."""

from pathlib import Path

import click

from model.bundle import COMPACT_BUNDLE, open_bundle
from training.commands.options import disk_errors, layout_option, path_type, run_cache_option, train_extra
from training.data.group_splits import SplitConfig

_SHARE = click.FloatRange(0, 1, min_open=True, max_open=True)


@click.command()
@click.argument("path", type=path_type)
@click.option("--out", required=True, type=path_type, help="New folder for the twin.")
@click.option(
    "--swap",
    type=click.Choice(["random", "similar", "words"]),
    required=True,
    help="What a false pair gets: any other picture, the most similar other picture that leaves one for each, or its "
    "own picture with another meme's name in the words.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Another seed gives another twin.")
@click.option(
    "--bundle", type=path_type, default=COMPACT_BUNDLE, help="Whose image tower says what is similar; default: ours."
)
@layout_option
@click.option("--limit", type=click.IntRange(10), help="Take that many memes, spread evenly.")
@click.option("--split-anew", is_flag=True, help="Pool the splits of PATH and split by picture, as where there is one.")
@click.option(
    "--dev", type=_SHARE, default=0.1, show_default=True, help="Share of the memes for dev, where split anew."
)
@click.option(
    "--test", type=_SHARE, default=0.2, show_default=True, help="Share of the memes for test, where split anew."
)
@run_cache_option
@disk_errors()
def confound(
    path: Path,
    out: Path,
    swap: str,
    seed: int,
    bundle: Path,
    layout: str | None,
    limit: int | None,
    split_anew: bool,
    dev: float,
    test: float,
    cache: Path,
) -> None:
    """Write PATH's mismatched twin: every meme once as it is, once with a picture or a name that is not its own.

    For the task `mismatch`. Every picture and every text is as often true as false, and no picture is in two splits.
    Models of the words alone and of the picture alone must stay at chance: at an AUROC over .55 or under .45 nothing is
    written and the exit status is 1. Pictures stay where they are.
    """
    with train_extra():
        from training.repurposing.confound import Choices, confound_dataset  # noqa: PLC0415
        from training.repurposing.twins import SWAPS  # noqa: PLC0415

    if dev + test >= 1:
        raise click.UsageError(f"--dev {dev} and --test {test} leave nothing to train on; their sum must be below 1")
    (chosen,) = (one for one in SWAPS if one == swap)
    choices = Choices(chosen, SplitConfig(dev=dev, test=test, seed=seed), layout, limit, split_anew)
    made = confound_dataset(path, out, open_bundle(bundle), choices, cache)
    if made.is_split_anew and not split_anew:
        click.echo(f"{path} has one split: its memes were split anew by picture")
    for reason, n in made.left_out.items():
        if n:
            click.echo(f"left out: {n} memes ({reason})")
    for leak in made.leaks:
        click.echo(f"{leak.modality}: AUROC {leak.auroc.value:.3f} on {leak.n} samples ({leak.model}; chance: .5)")
    if made.cosine is not None:
        click.echo(f"a swapped picture and the one in its place: mean cosine {made.cosine:.3f}")
    counts = ", ".join(f"{n} {split}" for split, n in made.n_by_split.items())
    click.echo(f"{made.out}: {counts}; half of each match, half do not. How it was made is in split.json")
