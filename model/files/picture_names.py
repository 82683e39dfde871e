"""Names of picture files: the suffix of each format, and which files are pictures, by name or by their first bytes."""

import re
from pathlib import Path

#: What a file of each format is called when we write it. Formats have Pillow's names.
SUFFIX_OF = {
    "JPEG": ".jpg", "PNG": ".png", "WEBP": ".webp", "GIF": ".gif", "BMP": ".bmp", "AVIF": ".avif", "HEIF": ".heic",
}  # fmt: skip
#: Suffixes of one format each; the formats that are refused too, since each file is answered for.
_FAMILIES = (
    (".jpg", ".jpeg", ".jpe", ".jfif", ".pjpeg", ".pjp"),
    (".png", ".apng"),
    (".webp",),
    (".gif",),
    (".bmp", ".dib"),
    (".avif",),
    (".heic", ".heif"),
    (".tif", ".tiff"),
    (".jxl",),
    (".svg",),
    (".ico",),
)
_FAMILY = {suffix: family[0] for family in _FAMILIES for suffix in family}
PICTURE_SUFFIXES = tuple(_FAMILY)
#: What sites and browsers leave behind a suffix: .jpg_large, .jpg:orig, .jpg?w=600, .jpg#top, .jpg.1
_REST = r"(?:[:_!@-]\w{1,16}|\.\d{1,3}|[?#].*)"
_NAME = re.compile(
    rf"(?P<stem>.+?)(?P<suffix>\.(?:{'|'.join(suffix[1:] for suffix in PICTURE_SUFFIXES)}))(?P<rest>{_REST}?)",
    re.IGNORECASE | re.DOTALL,
)
_HEAD_BYTES = 16
_SIGNATURES = (
    b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"II*\0", b"MM\0*", b"\xff\x0a",
    b"\0\0\0\x0cJXL ", b"<svg",
)  # fmt: skip
_FTYP_BRANDS = (b"avif", b"avis", b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")


def split_name(name: str) -> tuple[str, str, str]:
    """Stem, suffix of a picture and what follows it: ``a.jpg_large`` is ``a``, ``.jpg``, ``_large``.

    A name without such a suffix is all stem.
    """
    match = _NAME.fullmatch(name)
    return (match["stem"], match["suffix"], match["rest"]) if match else (name, "", "")


def format_of_suffix(suffix: str) -> str:
    """The first suffix of its format, by which ``.jpeg`` and ``.JPG`` are alike; "" for none of a picture."""
    return _FAMILY.get(suffix.lower(), "")


def has_picture_suffix(name: str) -> bool:
    """Whether a name ends as pictures' names do."""
    return name.lower().endswith(PICTURE_SUFFIXES)


def looks_like_picture(name: str) -> bool:
    """The same, or with what sites leave behind the suffix."""
    return bool(split_name(name)[1])


def begins_as_picture(head: bytes) -> bool:
    """Whether the first bytes of a file are those of a picture, also of a format that is refused."""
    if head.startswith(_SIGNATURES):
        return True
    if head.startswith(b"RIFF"):
        return head[8:12] == b"WEBP"
    if head[4:8] == b"ftyp":
        return head[8:12] in _FTYP_BRANDS
    # Plain text begins with these two letters too, and has no zeros.
    return head.startswith(b"BM") and head[6:10] == bytes(4)


def is_picture(path: str | Path) -> bool:
    """Whether a file is a picture by its name or, where that does not say so, by its first bytes."""
    if has_picture_suffix(str(path)):
        return True
    try:
        # Unbuffered: one read of a few bytes. A pipe would have to be waited for.
        if not Path(path).is_file():
            return False
        with Path(path).open("rb", buffering=0) as file:
            return begins_as_picture(file.read(_HEAD_BYTES))
    except (OSError, ValueError):  # that may not be read; a name that no file can have
        return False
