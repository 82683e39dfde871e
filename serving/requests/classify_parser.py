"""Parser of a classify request's body, multipart or JSON by its declared type, to the memes that it holds."""

from python_multipart.multipart import parse_options_header

from serving.requests.classify_body import ClassifyRequest
from serving.requests.classify_form import from_form
from serving.requests.classify_json import from_document
from serving.requests.json_body import JSON, json_object, other_kind
from serving.settings import Settings

_FORM = b"multipart/form-data"


def parse_body(content_type: str | None, body: bytes, limits: Settings) -> ClassifyRequest:
    """Read a body by its declared type; raises ``ProblemError`` (400, 413, 415 or 422) for one that holds none."""
    # Texts and tags may hold commas, and there are so many of them at most.
    max_values = limits.max_items * (limits.max_text_chars + 1000)
    kind, options = parse_options_header(content_type)
    if kind == _FORM:
        return from_form(options, body, limits.max_items, max_values)
    if kind == JSON:
        return from_document(json_object(content_type, body, max_values), limits.max_items)
    raise other_kind(kind, "multipart/form-data with a field image (curl -F image=@FILE), or application/json")
