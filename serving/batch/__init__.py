"""Batch scoring: one row out for every item in, whatever dies on the way.

A run goes through these files, in this order: ``source.py`` (the input as rows: ``files.py`` and ``walk.py`` find it,
``readers.py`` reads tables), ``plan.py`` (rows cut into ``units.py`` of work on disk, checked before anything is
scored), ``unit.py`` (one unit scored), ``process.py`` (the process that does it), ``worker.py`` (who holds it, and what
happens when it dies), ``local.py`` or ``cluster.py`` (many of them), ``rows.py`` (verdicts as Parquet), ``finish.py``
(manifest and ``_SUCCESS``), ``verify.py`` (the proof). ``run.py`` puts them together.
"""
