"""``memeguard soft-labels``: what a larger network says of sentences, for a smaller one to learn from."""

from pathlib import Path

import click

from training.commands.options import disk_errors, path_type, run_cache_option, train_extra


@click.command("soft-labels")
@click.argument("run", type=path_type)
@click.option("--config", required=True, help="Of the network that shall learn; asked about are its sentences.")
@click.option("--data", type=path_type, help="Folder that relative data paths lie in; default: here.")
@click.option("--out", type=path_type, required=True, help="File for the config's sentence_teacher.labels.")
@run_cache_option
@disk_errors()
def soft_labels(run: Path, config: str, data: Path | None, out: Path, cache: Path) -> None:
    """Write what the network of a finished RUN says of the sentences that another config trains on.

    The file holds probabilities and hashes of the sentences, not their words.
    """
    with train_extra():
        from training.data.sentence_labels import write_sentence_labels  # noqa: PLC0415
        from training.run.config.file import config_path, load_train_config  # noqa: PLC0415
        from training.run.folder import RunFolder  # noqa: PLC0415
        from training.run.soften import soften  # noqa: PLC0415

    learner = load_train_config(config_path(config), (), data)
    labels = soften(RunFolder(run), learner, cache, lambda line: click.echo(line, err=True))
    write_sentence_labels(out, labels)
    click.echo(f"{out}: {len(labels.keys)} sentences, {labels.task}, by {labels.teacher}")
