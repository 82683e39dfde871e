"""Pages of review: what a reviewer and a lead see and do, made on the server.

Read ``queues.py`` (what waits, taking and leaving), ``items.py`` (one item and what is said of it) with
``item_view.py`` (what of it may be told) and ``evidence.py``, then ``leads.py`` with ``plots.py``, and ``shadow.py``.
The marks of evidence are those of ``serving/web/``; the style and the keys are ``review.css`` and ``review.js`` in its
``static/``.
"""

from pathlib import Path

from serving.review.pages.item_view import did
from serving.review.pages.questions import label_text
from serving.web.render import add_templates

add_templates("review", Path(__file__).parent / "templates", {"label_text": label_text, "did": did})
