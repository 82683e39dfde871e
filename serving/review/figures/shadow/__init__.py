"""What shadows would have decided, beside what was decided: figures for leads and for promotion.

Read ``rows.py`` (what the ledger has of it), ``rules.py`` (reasons without their numbers), ``labels.py`` (what
reviewers say), ``counts.py`` (one shadow), ``report.py`` (all of a time), then ``page.py`` (as one HTML file).
"""
