"""Examples of the OpenAPI document: requests, and what the compact bundle answered to them."""

from typing import Any, get_args

from serving.schemas.moderations import Category

_WORDS = "when the code works on the first try"
_DECISION_ID = "ede030e0e0bb4c79831a5115554a32a2"
_BINARY_SCORES = {"hateful": 0.08272035813987877, "offensive": 0.3250517915236679}
_SCORES = _BINARY_SCORES | {
    "target": {
        "religion": 0.04535060318478451,
        "race_or_origin": 0.019429057376221692,
        "sex_or_gender": 0.023187231534429975,
        "sexual_orientation": 0.018950758539900248,
        "disability": 0.01431728039211072,
        "none": 0.9051726704030825,
    }
}
_POLICY = {
    "name": "default",
    "version": "0.4.0",
    "digest": "a0c88c79c872cfa6dcac2c94b0cf84f906b12355e5393e6b1ef41f9b6baeca1e",
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
        "version": "0.4.0",
        "digest": "14b9f2c9e9930e02ae0f320ec61d0be47391a379b7d2a28fd349af4e2a018aa8",
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
    "model": "compact-0.4.0",
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
