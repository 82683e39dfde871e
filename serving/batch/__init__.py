"""Batch scoring: one row out for every item in, whatever dies on the way.

``run.py`` puts the parts together; read it first. Then, in the order of a run: ``input/`` (the input as items),
``plan.py`` (items cut into partitions on disk by ``partition_files.py``, before anything is scored), ``known.py`` (the
banks and the memory that are asked, as they were then), ``engines/`` (the processes that score partitions), ``output/``
(rows, manifest, report), ``verify.py`` (the proof that nothing was lost). ``progress.py`` is what people see meanwhile.
"""
