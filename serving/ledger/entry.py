"""Row of one decision, as it is kept. Content is left out here, and nowhere later can it come back."""

import hashlib
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from model import Verdict
from model.known.features import MemeFeatures, to_half_bytes
from model.known.fingerprint import Fingerprint
from serving.ledger.measures import measures_of
from serving.ledger.review_items import item_of
from serving.requests.classify_body import ClassifyInput
from serving.requests.context import RequestContext
from serving.settings.ledger import LedgerSettings


@dataclass(frozen=True)
class Entry:
    """A row of ``decisions`` and, where they are kept, the picture's file and a row of ``fingerprints``.

    ``item`` is a row of ``review_items``, where people are to look at it.
    """

    row: dict[str, Any]
    picture: bytes | None
    fingerprint: dict[str, Any] | None = None
    item: dict[str, Any] | None = None


@dataclass(frozen=True)
class Traces:
    """By what a meme may be known again: its hashes, and what the towers saw in it."""

    fingerprint: Fingerprint | None = None
    features: MemeFeatures | None = None


NO_TRACES = Traces()


def entry_of(
    verdict: Verdict,
    item: ClassifyInput,
    context: RequestContext,
    digest: str,
    settings: LedgerSettings,
    traces: Traces = NO_TRACES,
) -> Entry:
    """``digest`` is the sha256 of what was judged: the picture's file, or words that stand alone."""
    row = _facts(verdict) | {
        "caller_id": item.id,
        "created_at": datetime.now(UTC),
        "kind": "text" if item.image is None else "picture",
        "content_digest": digest,
        "key_name": context.key_name,
        "request_id": context.request_id,
        "route": context.route,
        "measures": measures_of(verdict),
        **dict.fromkeys(("text", "tags", "matches")),
    }
    if settings.ledger_store_text:
        row["text"] = verdict.text.content
        row["tags"] = list(item.tags)
        row["matches"] = [asdict(match) for match in verdict.matches]
    return Entry(
        row,
        item.image if settings.ledger_store_pictures else None,
        _fingerprint_row(verdict, traces, settings),
        item_of(verdict, row),
    )


def _fingerprint_row(verdict: Verdict, traces: Traces, settings: LedgerSettings) -> dict[str, Any] | None:
    """What the settings keep of ``traces``; None for nothing."""
    hashes = traces.fingerprint if settings.ledger_store_fingerprints else None
    features = traces.features if settings.ledger_store_features else None
    if hashes is None and features is None:
        return None
    return {
        "decision_id": verdict.decision_id,
        "pdq": None if hashes is None else hashes.pdq,
        "pdq_quality": None if hashes is None else hashes.pdq_quality,
        "words_key": None if hashes is None else hashes.words_key,
        "model_digest": verdict.model.digest,
        "image_embeds": None if features is None else to_half_bytes(features.image),
        "text_embeds": None if features is None else to_half_bytes(features.text),
    }


def _facts(verdict: Verdict) -> dict[str, Any]:
    text, policy, model = verdict.text, verdict.policy, verdict.model
    return {
        "decision_id": verdict.decision_id,
        "scores": verdict.scores,
        "decision": verdict.decision,
        "reasons": list(policy.reasons),
        "severity": dict(verdict.severity),
        "model_name": model.name,
        "model_version": model.version,
        "model_digest": model.digest,
        "model_engines": asdict(model.engines),
        "policy_name": policy.name,
        "policy_version": policy.version,
        "policy_digest": policy.digest,
        "text_digest": hashlib.sha256(text.content.encode("utf-8", "surrogatepass")).hexdigest(),
        "text_source": text.source,
        "text_status": text.status,
        "text_engine": text.engine,
        "text_engine_version": text.engine_version,
    }
