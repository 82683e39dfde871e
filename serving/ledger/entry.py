"""Row of one decision, as it is kept. Content is left out here, and nowhere later can it come back."""

import hashlib
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from model import Verdict
from serving.requests.classify_body import ClassifyInput
from serving.requests.context import RequestContext
from serving.settings.ledger import LedgerSettings


@dataclass(frozen=True)
class Entry:
    """A row of ``decisions`` and, where pictures are kept, the picture's file."""

    row: dict[str, Any]
    picture: bytes | None


def entry_of(
    verdict: Verdict, item: ClassifyInput, context: RequestContext, digest: str, settings: LedgerSettings
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
        **dict.fromkeys(("text", "tags", "matches")),
    }
    if settings.ledger_store_text:
        row["text"] = verdict.text.content
        row["tags"] = list(item.tags)
        row["matches"] = [asdict(match) for match in verdict.matches]
    return Entry(row, item.image if settings.ledger_store_pictures else None)


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
