"""Examples of the OpenAPI document: requests, and what the compact bundle answered to them."""

from typing import Any, get_args

from serving.schemas.moderations import Category

_WORDS = "when the code works on the first try"
_DECISION_ID = "9694dd1ebda241daa551cefcf8fc7c31"
_BINARY_SCORES = {"hateful": 0.06013990777170536, "offensive": 0.30754180207409365}
_SCORES = _BINARY_SCORES | {
    "target": {
        "religion": 0.058094653710667465,
        "race_or_origin": 0.013594984055251114,
        "sex_or_gender": 0.025068293550827292,
        "sexual_orientation": 0.02122183029369662,
        "disability": 0.014323671139931715,
        "none": 0.9140907157472424,
    }
}
_POLICY = {
    "name": "default",
    "version": "0.5.0",
    "digest": "0829fc4f8802bafc131cb1e1ee703c5af9097a766acb201fb9a688680d7578af",
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
        "version": "0.5.0",
        "digest": "156bd2a8b94b18afd5e556f332abbaf1a70b4b468abbb8426a6d378b3c6ea630",
        "engines": {"image_tower": "onnxruntime", "head": "onnxruntime", "ocr": "onnxruntime"},
    },
    "timings_ms": {
        "queue": 1.019,
        "decode": 0.048,
        "ocr": 0.0,
        "preprocess": 0.302,
        "model": 6.827,
        "total": 8.197,
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
    "model": "compact-0.5.0",
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
