"""The routes of the HTTP interface, a file for each thing that callers ask for.

Read ``classify`` first; then ``feedback``, ``match``, ``banks``, ``catalogue`` and ``operations``.
``serving/http/app.py`` joins them.
"""
