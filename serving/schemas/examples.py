"""Examples of the OpenAPI document: requests, and what the compact bundle answered to them."""

from typing import Any, get_args

from serving.schemas.moderations import Category

_WORDS = "when the code works on the first try"
_DECISION_ID = "ede030e0e0bb4c79831a5115554a32a2"
_SCORES = {"hateful": 0.1393780191095867, "offensive": 0.4001809854487851}
_POLICY = {
    "name": "default",
    "version": "0.2.1",
    "digest": "9e9a87ae3b577c500aa943beef3de02b3d9875df0a4255e6b7f31abe1492dbbb",
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
        "version": "0.2.1",
        "digest": "3b49bdd7f46944f4f4929d6716847adda45e6affa3915bd1d2083655c4929f74",
    },
    "timings_ms": {
        "queue": 1.561,
        "decode": 0.025,
        "ocr": 0.0,
        "preprocess": 0.334,
        "model": 159.233,
        "total": 161.153,
    },
    "judged_as": "text",
    "explanation": None,
    "picture": None,
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
    "model": "compact-0.2.1",
    "results": [
        {
            "flagged": False,
            "categories": dict.fromkeys(_CATEGORIES, False),
            "category_scores": dict.fromkeys(_CATEGORIES, 0.0) | {"hate": _SCORES["hateful"]},
            "category_applied_input_types": {name: [] for name in _CATEGORIES} | {"hate": ["text"]},
            "memeguard": {
                "decision": "allow",
                "policy": _POLICY,
                "scores": _SCORES,
                "decision_ids": [_DECISION_ID],
                "pictures": [],
                "errors": [],
            },
        }
    ],
}
