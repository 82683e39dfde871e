"""Batch scoring: one row out for every item in, whatever dies on the way.

A run goes through these files, in this order: ``source.py`` (the input as rows), ``plan.py`` (rows cut into units of
work on disk, checked before anything is scored), ``unit.py`` (one unit scored), ``worker.py`` (a process that scores
units, and what happens when it dies), ``local.py`` or ``cluster.py`` (many of them), ``rows.py`` (verdicts as Parquet),
``finish.py`` (manifest and ``_SUCCESS``), ``verify.py`` (the proof). ``run.py`` puts them together.
"""
