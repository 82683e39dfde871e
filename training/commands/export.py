"""``memeguard export``: a finished run to the bundle that serves."""

from pathlib import Path

import click

from training.commands.options import disk_errors, path_type, run_cache_option, train_extra


@click.command()
@click.argument("run", type=path_type)
@click.option("--out", type=path_type, help="Bundle folder; default: RUN/bundle.")
@click.option("--precision", type=click.Choice(["fp32", "int8"]), help="Of the head's weights; default: as the config.")
@click.option(
    "--target",
    "targets",
    multiple=True,
    metavar="MEASURE=NUMBER",
    help="What thresholds must reach: recall=0.9 or false_alarm=0.1 (review), precision=0.9 (block). May be repeated.",
)
@click.option("--version", help="Semantic version of the bundle; default: as the config.")
@run_cache_option
@disk_errors()
def export(
    run: Path, out: Path | None, precision: str | None, targets: tuple[str, ...], version: str | None, cache: Path
) -> None:
    """Make the bundle of a finished RUN: calibrated and given thresholds on dev, checked against the network.

    It replaces a bundle that stands there only once the new one opens. RUN's data must still be where it was.
    """
    with train_extra():
        from training.evaluation.thresholds import parse_targets  # noqa: PLC0415
        from training.run.export import export_run  # noqa: PLC0415
        from training.run.folder import RunFolder  # noqa: PLC0415

    parse_targets(targets)  # refused before any work

    bundle = export_run(
        RunFolder(run),
        out or run / "bundle",
        cache,
        lambda line: click.echo(line, err=True),
        precision=precision,  # type: ignore[arg-type]  # click checks the choice
        targets=targets,
        version=version,
    )
    size_mb = sum(bundle.file(name).stat().st_size for name in bundle.manifest.files) / 1e6
    click.echo(f"{bundle.path}: {bundle.manifest.name} {bundle.manifest.version}, {size_mb:.1f} MB")
