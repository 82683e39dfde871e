"""``/review/shadow``: what shadows would have decided in the last days. For leads."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa
from fastapi import APIRouter, Request
from starlette.responses import Response

from serving.app_state import app_state
from serving.review.figures import shadow as shadow_figures
from serving.review.figures.shadow.report import ShadowReport, shadow_report
from serving.review.figures.shadow.rows import Window
from serving.review.pages.leads import signed_in_lead
from serving.review.pages.transactions import reading
from serving.web.render import add_templates, page

router = APIRouter(include_in_schema=False)
add_templates("shadow", Path(shadow_figures.__file__).parent, {})

_DAYS = 30
#: More would keep the page waiting; the command reads all.
_MOST_ROWS = 20_000


@router.get("/review/shadow")
async def shadow(request: Request) -> Response:
    """Flips, shares and labels of every shadow that judged something, and which are judging now."""
    session = await signed_in_lead(request)

    def look(connection: sa.Connection) -> ShadowReport:
        return shadow_report(connection, Window(datetime.now(UTC) - timedelta(days=_DAYS)), _MOST_ROWS)

    report = await reading(request, look)
    judging = app_state(request).shadow_docs()
    return page(request, "review/shadow.html.j2", session, report=report, judging=judging, days=_DAYS, most=_MOST_ROWS)
