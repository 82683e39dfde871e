"""Subcommands of ``memeguard``, a file each; ``serving/cli.py`` imports the one that was asked for.

Read the command first, then what it prints: ``tables.py``, or ``policy_tables.py`` for ``policy.py`` (whose trial is
``policy_dry_run.py``). ``options.py`` holds the options that several share. ``settings_document.py`` is run when a
setting is new.
"""
