"""``/review/leads``, figures; ``/review/decisions/{decision_id}``, history and appeal. For leads."""

from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from fastapi import APIRouter, Request
from starlette.responses import Response

from serving.app_state import app_state
from serving.ledger.tables import decisions, pictures
from serving.problems import ProblemError
from serving.review.appeals import appeal
from serving.review.audit import note
from serving.review.figures.calibration import Calibration
from serving.review.figures.figures import Figures, figures
from serving.review.figures.shares import Share
from serving.review.history import Action, History, history_of, last_actions
from serving.review.pages.item_view import history_view
from serving.review.pages.items import checked_id, picture_response
from serving.review.pages.plots import Calibrated, CalibrationPlot, Measured, bar_plot, calibration_plot, interval_plot
from serving.review.pages.sign_in import reviewer_of
from serving.review.pages.transactions import reading, rules_of, writing
from serving.review.queue import claim
from serving.schemas.ledger import MAX_REASON_CHARS
from serving.web.forms import form_of
from serving.web.render import page, see_other
from serving.web.sessions import Session, signed_in
from serving.web.titles import task_title

router = APIRouter(include_in_schema=False)
_DAYS = 30
_MOST_ACTIONS = 25
#: An agreement below this is drawn at the edge: worse than chance is worse than chance.
_LOWEST_ALPHA = -0.2


@router.get("/review/leads")
async def leads(request: Request) -> Response:
    """Agreement, reviewers against gold, calibration, false alarms, the queue's age, answers a day."""
    session = await signed_in_lead(request)

    def look(connection: sa.Connection) -> tuple[Figures, list[Action]]:
        return figures(connection, timedelta(days=_DAYS)), last_actions(connection, _MOST_ACTIONS)

    found, last = await reading(request, look)
    return page(request, "review/leads.html.j2", session, figures=found, days=_DAYS, last=last, **_plots(found))


@router.get("/review/decisions")
async def look_up(request: Request) -> Response:
    """The form of the figures' page: to the history of the decision with this id."""
    await signed_in_lead(request)
    return see_other(f"/review/decisions/{checked_id(request.query_params.get('id', '').strip().lower())}")


@router.get("/review/decisions/{decision_id}")
async def decision(request: Request, decision_id: str) -> Response:
    """All that is known of a decision. That a lead looked is noted, as everything here is."""
    session = await signed_in_lead(request)
    id, reviewer, state = checked_id(decision_id), reviewer_of(session), app_state(request)

    def look(connection: sa.Connection) -> History | None:
        if (found := history_of(connection, id)) is not None:
            note(connection, "shown", reviewer, id)
        return found

    history = await writing(request, look)
    if history is None:
        raise _unknown_decision()
    return page(
        request,
        "review/decision.html.j2",
        session,
        history=history,
        view=history_view(history, reviewer.name, hides_scores=state.settings.review_hide_scores),
        cover=state.settings.review_pictures,
    )


@router.get("/review/decisions/{decision_id}/picture")
async def picture(request: Request, decision_id: str) -> Response:
    """The kept picture of any decision."""
    await signed_in_lead(request)
    id = checked_id(decision_id)
    asked = sa.select(pictures.c.content).join(decisions, decisions.c.content_digest == pictures.c.digest)
    found = asked.where(decisions.c.decision_id == id, decisions.c.kind == "picture")
    return picture_response(await reading(request, lambda connection: connection.execute(found).scalar()))


@router.post("/review/decisions/{decision_id}/appeal")
async def reopen(request: Request, decision_id: str) -> Response:
    """Open a decision for review again, with the reason."""
    session = await signed_in_lead(request)
    form = await form_of(request, session)
    id, reason = checked_id(decision_id), form.get("reason", [""])[-1].strip()[:MAX_REASON_CHARS]
    if not reason:
        raise ProblemError(422, "reason_missing", "say why somebody should look again")
    await writing(request, lambda connection: appeal(connection, id, reviewer_of(session), reason))
    return see_other(f"/review/decisions/{id}")


@router.post("/review/decisions/{decision_id}/take")
async def take(request: Request, decision_id: str) -> Response:
    """Take this very item, also one that is decided."""
    session = await signed_in_lead(request)
    await form_of(request, session)
    id, rules = checked_id(decision_id), rules_of(app_state(request).settings)
    if not await writing(request, lambda connection: claim(connection, id, reviewer_of(session), rules)):
        raise ProblemError(409, "item_taken", "another reviewer has this item now; try again when they are done")
    return see_other(f"/review/items/{id}")


async def signed_in_lead(request: Request) -> Session:
    """As ``signed_in``; raises ``ProblemError`` 403 for reviewers who are no leads."""
    session = await signed_in(request)
    if not session.is_lead:
        raise ProblemError(403, "leads_only", "this page is for leads: sign in with a key of the scope admin")
    return session


def _unknown_decision() -> ProblemError:
    return ProblemError(404, "unknown_decision", "there is no such decision; it was deleted, or never made here")


def _plots(figures: Figures) -> dict[str, Any]:
    """Drawings, by the names that the page's template has for them."""
    agreement = [Measured(task_title(one.task), one.alpha, one.items) for one in figures.agreement]
    gold = [_measured(one.reviewer, one.golden) for one in figures.reviewers if one.golden.n]
    alarms = [_measured(one.group, one.harmless) for one in figures.false_alarms.groups]
    return {
        "day_plot": bar_plot([(f"{one.day:%d.%m.}", one.answered) for one in figures.days]),
        "age_plot": bar_plot([(bucket.title, bucket.items) for bucket in figures.queue.buckets]),
        "alpha_plot": interval_plot(agreement, _LOWEST_ALPHA),
        "gold_plot": interval_plot(gold),
        "alarm_plot": interval_plot(alarms),
        "calibration_plots": [(one, _calibration(one)) for one in figures.calibration],
    }


def _measured(label: str, share: Share) -> Measured:
    return Measured(label, share.value, share.n, share.low, share.high)


def _calibration(calibration: Calibration) -> CalibrationPlot:
    return calibration_plot(
        [
            Calibrated(one.mean_score, share.value, share.n, share.low, share.high)
            for one in calibration.bins
            if (share := one.positive).value is not None
            and one.mean_score is not None
            and share.low is not None
            and share.high is not None
        ]
    )
