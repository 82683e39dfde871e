"""Evaluation: what a bundle is worth on labelled memes, measured with the code that serves it.

Read ``evaluate``, ``evaluate_set`` and ``evaluate_task`` (what is asked of a bundle, a set, a task), ``scoring`` and
``labels`` (what goes in), ``metrics/``, then what stands beside the metrics (``decisions`` and ``false_alarms``,
``groups`` and ``breakdown``, ``curves``, ``memotion``, ``ocr_comparison``), ``results`` and ``report/``. ``calibrate``
and ``thresholds`` are for export.
"""
