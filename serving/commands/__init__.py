"""The subcommands of ``memeguard``, a file each; ``serving/cli.py`` imports the one that was asked for."""
