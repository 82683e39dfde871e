"""Pages of review: what a reviewer and a lead see and do, made on the server.

Read ``queues.py`` (what waits, taking and leaving), ``items.py`` (one item and what is said of it) with
``item_view.py`` (what of it may be told) and ``evidence.py``, then ``leads.py`` with ``plots.py``. The style and the
keys are ``review.css`` and ``review.js`` in ``serving/web/static/``.
"""

from pathlib import Path

from serving.review.pages.item_view import did
from serving.review.pages.questions import label_text, task_title
from serving.web.render import add_templates

add_templates(
    "review", Path(__file__).parent / "templates", {"task_title": task_title, "label_text": label_text, "did": did}
)
