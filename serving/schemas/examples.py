"""Examples of the OpenAPI document: requests, and what the compact bundle answered to them."""

from typing import Any, get_args

from serving.schemas.moderations import Category

_WORDS = "when the code works on the first try"
_DECISION_ID = "ede030e0e0bb4c79831a5115554a32a2"
_BINARY_SCORES = {"hateful": 0.0830752061972706, "offensive": 0.33716530162913483}
_SCORES = _BINARY_SCORES | {
    "target": {
        "religion": 0.0373789817847795,
        "race_or_origin": 0.01950463052444046,
        "sex_or_gender": 0.022455726907130436,
        "sexual_orientation": 0.01903148821383549,
        "disability": 0.013917985585888915,
        "none": 0.9092292801192441,
    }
}
_POLICY = {
    "name": "default",
    "version": "0.3.1",
    "digest": "d1b3eef72355ab78b372ec5315f26c3c29b319fa11ae367651d6a0f3e328e4aa",
    "reasons": ["every score is under its review threshold"],
}
#: A picture of one grey pixel.
_PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg=="

CLASSIFY_REQUESTS: dict[str, Any] = {
    "words": {"value": {"text": _WORDS, "id": "post-17"}},
    "several": {"value": {"items": [{"image": _PNG, "text": _WORDS}, {"text": _WORDS}], "explain": True}},
}
VERDICT: dict[str, Any] = {
    "id": "post-17",
    "decision_id": _DECISION_ID,
    "decision": "allow",
    "policy": _POLICY,
    "scores": _SCORES,
    "severity": {},
    "matches": [],
    "text": {
        "content": _WORDS,
        "source": "caller",
        "status": "ok",
        "engine": None,
        "engine_version": None,
        "confidence": None,
        "words": [],
        "detail": None,
        "judged_chars": len(_WORDS),
        "unread": [],
    },
    "model": {
        "name": "compact",
        "version": "0.3.1",
        "digest": "7c9e4e687a8ddb0062554ec12d41188bb16316ece5804c7d691a92492aa83c5b",
        "engines": {"image_tower": "onnxruntime", "head": "onnxruntime", "ocr": "onnxruntime"},
    },
    "timings_ms": {
        "queue": 1.965,
        "decode": 0.079,
        "ocr": 0.0,
        "preprocess": 0.905,
        "model": 13.413,
        "total": 16.362,
    },
    "judged_as": "text",
    "explanation": None,
    "picture": None,
    "known": [],
    "memory": None,
}
PROBLEM: dict[str, Any] = {
    "type": "about:blank",
    "title": "Unsupported Media Type",
    "status": 415,
    "code": "unsupported_format",
    "detail": "image: the bytes are no JPEG, PNG, WebP, GIF or BMP picture (they begin with 25 43 4a)",
    "request_id": "245283e8e2a14ee88438a7689337ddd9",
}
MODERATION_REQUESTS: dict[str, Any] = {
    "string": {"value": {"model": "omni-moderation-latest", "input": _WORDS}},
    "post": {
        "value": {
            "input": [
                {"type": "text", "text": _WORDS},
                {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{_PNG}"}},
            ]
        }
    },
}
_CATEGORIES = get_args(Category)
MODERATIONS: dict[str, Any] = {
    "id": "modr-0604ca8439bf41d8bb1a02af993100ca",
    "model": "compact-0.3.1",
    "results": [
        {
            "flagged": False,
            "categories": dict.fromkeys(_CATEGORIES, False),
            "category_scores": dict.fromkeys(_CATEGORIES, 0.0) | {"hate": _BINARY_SCORES["hateful"]},
            "category_applied_input_types": {name: [] for name in _CATEGORIES} | {"hate": ["text"]},
            "memeguard": {
                "decision": "allow",
                "policy": _POLICY,
                "scores": _BINARY_SCORES,
                "decision_ids": [_DECISION_ID],
                "pictures": [],
                "errors": [],
            },
        }
    ],
}
_COMMENT = {"comment": {"text": _WORDS}, "languages": ["en"], "clientToken": "post-17"}
COMMENT_REQUESTS: dict[str, Any] = {
    "comment": {"value": _COMMENT | {"requestedAttributes": {"IDENTITY_ATTACK": {}}, "doNotStore": True}},
    "sentences": {
        "value": {
            "comment": {"text": "First sentence. Second sentence."},
            "requestedAttributes": {"IDENTITY_ATTACK": {"scoreThreshold": 0.3}},
            "spanAnnotations": True,
        }
    },
}
_COMMENT_SCORE = {"value": _BINARY_SCORES["hateful"], "type": "PROBABILITY"}
COMMENT: dict[str, Any] = {
    "attributeScores": {
        "IDENTITY_ATTACK": {
            "spanScores": [{"begin": 0, "end": len(_WORDS), "score": _COMMENT_SCORE}],
            "summaryScore": _COMMENT_SCORE,
        }
    },
    "languages": ["en"],
    "clientToken": "post-17",
    "memeguard": {
        "decision": "allow",
        "policy": _POLICY,
        "scores": _BINARY_SCORES,
    },
}
SUGGESTION_REQUESTS: dict[str, Any] = {
    "harmless": {"value": _COMMENT | {"attributeScores": {"IDENTITY_ATTACK": {"summaryScore": {"value": 0}}}}},
}
