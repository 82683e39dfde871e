"""``/static/NAME``: style sheets and scripts of the pages, under addresses that change with their content."""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fastapi import APIRouter, Request
from starlette.responses import Response

from serving.problems import ProblemError

router = APIRouter(include_in_schema=False)
_FOLDER = Path(__file__).parent / "static"
_MEDIA_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
_FOR_EVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True)
class _StaticFile:
    content: bytes
    media_type: str
    version: str


@router.get("/static/{name}")
async def static_file(request: Request, name: str) -> Response:
    """A file; kept by browsers for ever where the address names its content."""
    file = _files().get(name)
    if file is None:
        raise ProblemError(404, "not_found", "there is no such file")
    is_this_one = request.query_params.get("v") == file.version
    headers = {"Cache-Control": _FOR_EVER if is_this_one else "no-cache", "X-Content-Type-Options": "nosniff"}
    return Response(file.content, media_type=file.media_type, headers=headers)


def static_url(name: str) -> str:
    """The address of a file; raises ``KeyError`` for one that there is not."""
    return f"/static/{name}?v={_files()[name].version}"


@cache
def _files() -> dict[str, _StaticFile]:
    return {
        path.name: _StaticFile(content, _MEDIA_TYPES[path.suffix], hashlib.sha256(content).hexdigest()[:12])
        for path in sorted(_FOLDER.iterdir())
        if path.suffix in _MEDIA_TYPES
        for content in (path.read_bytes(),)
    }
