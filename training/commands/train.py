"""``memeguard train``: a config and data to a run folder with trained weights, and results beside the baselines."""

import sys
from pathlib import Path

import click
import yaml

from model.errors import MemeguardError
from training.commands.options import disk_errors, path_type, run_cache_option, train_extra


@click.command()
@click.option("--config", required=True, help="YAML file, or the name of one in training/configs/ (quickstart).")
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--data", type=path_type, help="Folder that relative data paths lie in; default: here.")
@click.option("--out", type=path_type, help="Run folder; default: runs/NAME-MODALITIES-seedN.")
@run_cache_option
@click.option(
    "--processes", type=click.IntRange(1), help="Training processes; default: one a visible GPU, or one on the CPU."
)
@click.option(
    "--print-config", is_flag=True, help="Show the config with everything that was left to defaults, and stop."
)
@disk_errors()
def train(
    config: str,
    overrides: tuple[str, ...],
    data: Path | None,
    out: Path | None,
    cache: Path,
    processes: int | None,
    print_config: bool,
) -> None:
    """Train a network by a config; KEY=VALUE changes one setting of it (phases.0.epochs=2, seed=3, modalities=text).

    Stopped or killed, the same command goes on where it was. A finished run is never overwritten.
    """
    with train_extra():
        from training.run.config.file import config_path, load_train_config  # noqa: PLC0415
        from training.run.folder import RunFolder  # noqa: PLC0415

    chosen = load_train_config(config_path(config), overrides, data)
    if print_config:
        click.echo(yaml.safe_dump(chosen.plain(), sort_keys=False, allow_unicode=True), nl=False)
        return
    folder = RunFolder(out or Path("runs") / chosen.folder_name)
    with train_extra():  # slower still: wrong configs were refused before
        from training.run.train import RunContext  # noqa: PLC0415
        from training.run.train import train as run_training  # noqa: PLC0415
        from training.trainer.launch import default_processes, launch, needs_launch  # noqa: PLC0415

    processes = processes or default_processes()
    arguments = _arguments(config, overrides, data, folder.path, cache, processes)
    if needs_launch(processes):
        launch(processes, ["-m", "training.commands.train", *arguments])
        return
    command = ["memeguard", "train", *arguments]
    run_training(chosen, RunContext(folder, cache, command, lambda line: click.echo(line, err=True)))


def _arguments(
    config: str, overrides: tuple[str, ...], data: Path | None, out: Path, cache: Path, processes: int
) -> list[str]:
    """The command line again, every folder named: what a worker is started with, and what provenance keeps."""
    folders = {"--data": data, "--out": out, "--cache": cache}
    given = [part for flag, folder in folders.items() if folder is not None for part in (flag, str(folder))]
    return ["--config", config, *given, "--processes", str(processes), *overrides]


def main() -> None:
    """What a worker runs; errors raised on purpose are one line, as in ``memeguard``."""
    try:
        train.main(standalone_mode=False)
    except (MemeguardError, click.ClickException) as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
