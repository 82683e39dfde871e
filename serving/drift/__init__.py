"""Drift: two windows of decisions of the ledger, compared by what is kept of each.

Read ``features.py`` (what is compared), ``window.py`` (a window to its distributions), ``statistics.py`` (tests and
effect size), ``compare.py`` (two windows to findings), ``report.py`` (findings as JSON, and JSON as a baseline),
``plots.py`` and ``page.py`` (the page).
"""
