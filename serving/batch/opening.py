"""A picture that an item names becomes bytes, by the protocols that the operator allows."""

import base64
import binascii
import stat
from pathlib import Path
from urllib.parse import unquote_to_bytes

import fsspec

from model import Failure, Meme, MemeError, MemeLimits
from model.meme import has_words
from serving.batch.item import Item

_LONGEST_NAME = 200


class Opener:
    """Reads pictures from paths and addresses.

    What a row names is as untrusted as its picture: only ``protocols`` (fsspec's names: "file", "s3", "https") are
    opened, so that a row cannot make this machine call another.
    """

    def __init__(self, protocols: frozenset[str], limits: MemeLimits) -> None:
        self._protocols = protocols
        self._limits = limits

    def meme(self, item: Item) -> Meme | Failure:
        """The meme of an item, or why there is none."""
        id = item.id or ""
        try:
            if item.image is None:
                if item.text is None or not has_words(item.text):
                    return Failure(id, "empty", "the row has neither a picture nor words")
                return Meme.from_text(item.text, tags=item.tags, id=id, limits=self._limits)
            data = self.read(item.image)
            return Meme.from_bytes(data, text=item.text, tags=item.tags, id=id, limits=self._limits)
        except MemeError as error:
            return Failure(id, error.code, error.message)

    def read(self, image: str | bytes) -> bytes:
        """The bytes of a picture, at most one over the limit; raises ``MemeError``."""
        if isinstance(image, bytes):
            return image
        if image[:5].lower() == "data:":
            return _of_data_url(image)
        image = image.removeprefix("file://")
        for protocol in _protocols(image):
            if protocol not in self._protocols:
                raise MemeError(
                    "unreadable_file", f"pictures are not read by {protocol}://; --allow-protocol {protocol} allows it"
                )
        try:
            return self._local(Path(image)) if image.startswith("/") else self._remote(image)
        except Exception as error:  # each file system raises its own errors, and any of them is this row's alone
            reason = getattr(error, "strerror", None) or type(error).__name__
            raise MemeError("unreadable_file", f"{_named(image)}: {reason}") from error

    def _local(self, path: Path) -> bytes:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe would never end
            raise OSError(0, "not a file")
        with path.open("rb") as file:
            # One byte more than is allowed, so that a huge file costs no more than a refused one.
            return file.read(self._limits.max_bytes + 1)

    def _remote(self, address: str) -> bytes:
        with fsspec.open(address, "rb") as file:
            return bytes(file.read(self._limits.max_bytes + 1))


def _of_data_url(url: str) -> bytes:
    head, _, body = url.partition(",")
    if not head.lower().rstrip().endswith(";base64"):
        return unquote_to_bytes(body)
    try:  # it may be wrapped into lines
        return base64.b64decode("".join(body.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise MemeError("corrupt", "the data: address is not valid base64") from error


def _protocols(address: str) -> list[str]:
    """Of every link: in ``zip://a.png::https://host/b.zip`` the second one is called too."""
    if address.startswith("/"):
        return ["file"]
    known = set(fsspec.available_protocols())
    return [
        link.split("://")[0] if "://" in link else link if link in known else "file" for link in address.split("::")
    ]


def _named(address: str) -> str:
    """What a message may hold of it: not a whole picture that came as text, and nothing that is no text."""
    shown = address if len(address) <= _LONGEST_NAME else f"{address[:_LONGEST_NAME]}..."
    return shown.encode("utf-8", "backslashreplace").decode()
