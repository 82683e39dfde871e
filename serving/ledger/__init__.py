"""The ledger: decisions and feedback in SQLite or PostgreSQL.

A decision goes through these files, in this order: ``ledger.py`` (the door of the service), ``entry.py`` (what is kept
of it), ``writer.py`` (the thread that commits), ``queries.py`` (what is asked of ``tables.py``), ``database.py`` (the
connection). ``upgrade.py`` runs the migrations; ``retention.py`` deletes, ``export.py`` makes training rows.
"""
