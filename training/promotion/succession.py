"""A change of the current bundle, recorded with who made it and why."""

import getpass
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from model.bundle import Bundle
from training.promotion.decide import PromotionVerdict
from training.promotion.rules import PromotionError
from training.promotion.store import Record, Store


def install_first(store: Store, bundle: Bundle, reason: str | None) -> str:
    """Make ``bundle`` current where nothing is; returns its tag. Raises ``PromotionError`` when something is."""
    with store.locked():
        if (current := store.current()) is not None:
            raise PromotionError(f"{current} is current already: leave --first out, and it is the champion")
        at, by = now(), who()
        tag = store.register(bundle, {"digest": bundle.digest, "at": at, "by": by, "role": "first"})
        store.make_current(
            Record(tag=tag, digest=bundle.digest, kind="first", previous=None, at=at, by=by, reason=reason)
        )
    return tag


def succeed(
    store: Store,
    challenger: Bundle,
    champion: Bundle,
    before: str | None,
    verdict: PromotionVerdict,
    documents: dict[str, str],
) -> str:
    """Put both bundles into the store (the champion is what a rollback goes back to), then make the challenger current.

    ``before`` is the tag that was current when the comparison began. Returns the challenger's tag. Raises
    ``PromotionRefusedError`` for a verdict that does not pass, ``PromotionError`` when another bundle became current.
    """
    verdict.check()
    with store.locked():
        if (current := store.current()) != before:
            raise PromotionError(f"{current} became current meanwhile; compare with that one")
        at, by = now(), who()
        previous = store.register(champion, {"digest": champion.digest, "at": at, "by": by, "role": "champion"})
        overrides = [{"rule": finding.rule, "found": finding.message} for finding in verdict.overridden]
        facts = {"digest": challenger.digest, "at": at, "by": by, "role": "challenger", "champion": previous}
        metadata = {**facts, "overrides": overrides, "reason": verdict.reason or "", "report": verdict.to_dict()}
        tag = store.register(challenger, _plain(metadata))
        report = store.keep_report(tag, at, documents)
        record = Record(
            tag=tag,
            digest=challenger.digest,
            kind="promotion",
            previous=previous,
            at=at,
            by=by,
            overrides=overrides,
            reason=verdict.reason,
            report=str(report),
            shadow=None if verdict.comparison.shadow is None else asdict(verdict.comparison.shadow),
        )
        store.make_current(record)
    return tag


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def who() -> str:
    """Whoever runs this, by the name of the account."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # an account without a name, as in a container
        return "unknown"


def _plain(value: Any) -> Any:
    """BentoML's metadata takes plain values in lists and dicts, and no None."""
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items() if entry is not None}
    return [_plain(entry) for entry in value] if isinstance(value, list | tuple) else value
