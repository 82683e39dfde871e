"""What a run leaves behind.

In the order in which it is written: ``output_schema.py`` (verdicts as Parquet rows; ``shard_format.py`` lets another
command keep other rows), ``manifest.py`` (totals and ``_SUCCESS``), ``report.py`` (the same for people, as HTML),
``review_sample.py`` (items to label, in ``label_rows.py``'s layout).
"""
