"""Review of decisions by people: queues, claims, actions, golden items, and figures for leads.

An item goes through these files, in this order: ``queue.py`` (who gets it next), ``shown.py`` (what its reviewer may
see, with ``likes.py``), ``actions.py`` (what they say of it, and undo), ``history.py`` (all that happened to it).
``golden.py`` and ``appeals.py`` put items into the queue, ``exchange/`` takes them from files; ``figures/`` measures;
``pages/`` shows. ``audit.py`` keeps account of it all. Items are made where decisions are written:
``serving/ledger/review_items.py``.
"""
