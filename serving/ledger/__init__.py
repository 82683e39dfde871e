"""Ledger of decisions and feedback, in SQLite or PostgreSQL.

A decision goes through these files, in this order: ``ledger.py`` (what routes call), ``entry.py`` (the row that is
kept), ``measures.py`` (what it says of content without any), ``review_items.py`` (where people are to look at it),
``writer.py`` (the thread that commits), ``queries.py`` (statements on ``tables``), ``database.py`` (the connection).
``feedback_labels.py`` checks what a reviewer says; ``upgrade.py`` runs the migrations, ``retention.py`` deletes,
``export.py`` makes training rows.
"""
