"""Pages of review: what a reviewer and a lead see and do, made on the server.

Read ``queues.py`` (what waits, taking and leaving), ``items.py`` (one item and what is said of it) with ``item_view.py``
(what of it may be told) and ``evidence.py``, then ``leads.py`` with ``figure_plots.py`` and ``plots.py``. The style and
the keys are ``review.css`` and ``review.js`` in ``serving/web/static/``.
"""
