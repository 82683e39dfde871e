"""Rows of an index as workers write them: hashes, features, scores and, where they are kept, words and a thumbnail."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from model import Failure, Judgement, Meme, Scorer
from model.files.picture_finder import Found
from model.judge import ScoringError
from model.taxonomy import Task
from serving.batch.input.files import without_secrets
from serving.batch.input.items import Item
from serving.batch.output.output_schema import schema as verdict_schema
from serving.batch.output.output_schema import to_row
from serving.batch.output.shard_format import Scored
from serving.index.vectors import to_kept
from serving.requests.base64_image import is_data_url

THUMBNAIL_PX = 160
_THUMBNAIL_QUALITY = 70
#: Of the answer over HTTP.
_FROM_VERDICT = ("id", "decision", "scores", "judged_as", "error", "image_found")
_TEXT = pa.struct([("status", pa.string()), ("content", pa.string())])
_OWN = (
    ("text", _TEXT),
    ("address", pa.string()),
    ("sha256", pa.string()),
    ("pdq", pa.binary()),
    ("pdq_quality", pa.int32()),
    ("words_key", pa.string()),
    ("image_features", pa.binary()),
    ("text_features", pa.binary()),
    ("thumbnail", pa.binary()),
)


@dataclass(frozen=True)
class IndexRows:
    """A ``ShardFormat``. Pictures themselves are never kept; ``words`` and ``thumbnails`` where that is on."""

    words: bool = True
    thumbnails: bool = False

    @property
    def needs_features(self) -> bool:
        """Yes: they are most of a row."""
        return True

    def score(self, scorer: Scorer, memes: Sequence[Meme]) -> list[Scored]:
        """Verdicts as the scorer gives them, with what its towers saw."""
        return [
            Scored(Failure(meme.id or "", judgement.code, str(judgement)))
            if isinstance(judgement, ScoringError)
            else Scored(scorer.rule(judgement, id=meme.id), self._columns(meme, judgement))
            for meme, judgement in zip(memes, scorer.judge([scorer.read(meme) for meme in memes]), strict=True)
        ]

    def row(self, item: Item, scored: Scored, found: Found | None) -> dict[str, Any]:
        """See ``table``."""
        row = to_row(str(item.id), scored.outcome, found)
        kept = {name: row.get(name) for name in _FROM_VERDICT}
        return kept | dict(scored.columns) | {"address": _address(item, found)}

    def table(self, rows: Sequence[Mapping[str, Any]], tasks: Sequence[Task]) -> pa.Table:
        """Rows of one shard, in order."""
        given = verdict_schema(tasks)
        return pa.Table.from_pylist(
            list(rows), schema=pa.schema([*(given.field(name) for name in _FROM_VERDICT), *_OWN])
        )

    def _columns(self, meme: Meme, judgement: Judgement) -> dict[str, Any]:
        features, known = judgement.features, judgement.fingerprint
        if features is None or known is None:
            raise ValueError("the scorer keeps no features: open it with them")
        return {
            "text": {"status": judgement.text.status, "content": judgement.text.content if self.words else None},
            "sha256": known.sha256,
            "pdq": known.pdq,
            "pdq_quality": known.pdq_quality,
            "words_key": known.words_key,
            "image_features": to_kept(features.image),
            "text_features": to_kept(features.text),
            "thumbnail": _thumbnail(meme) if self.thumbnails else None,
        }


def _address(item: Item, found: Found | None) -> str | None:
    """Where the picture is; None where it came as bytes."""
    address = str(found.path) if found is not None else item.image
    if not isinstance(address, str) or is_data_url(address):
        return None
    return without_secrets(address).encode("utf-8", "backslashreplace").decode()


def _thumbnail(meme: Meme) -> bytes | None:
    """A small JPEG of the decoded picture, so that none of the file's own bytes are shown to anyone."""
    if meme.image is None:
        return None
    picture = meme.image.convert("RGB")
    picture.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX))
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=_THUMBNAIL_QUALITY)
    return file.getvalue()
