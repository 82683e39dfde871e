"""A picture that an item names becomes bytes, by the protocols that the operator allows."""

import base64
import binascii
from urllib.parse import unquote_to_bytes

import fsspec

from model import Failure, Meme, MemeError, MemeLimits
from serving.batch.source import Item


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
                if not item.text or not item.text.strip():
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
        if image.startswith("data:"):
            return _of_data_url(image)
        protocol = image.split("://", 1)[0] if "://" in image else "file"
        if protocol not in self._protocols:
            raise MemeError(
                "unreadable_file", f"pictures are not read by {protocol}://; --allow-protocol {protocol} allows it"
            )
        try:
            with fsspec.open(image, "rb") as file:
                # One byte more than is allowed, so that a huge file costs no more than a refused one.
                return bytes(file.read(self._limits.max_bytes + 1))
        except (OSError, ValueError, ImportError) as error:
            reason = getattr(error, "strerror", None) or type(error).__name__
            raise MemeError("unreadable_file", f"{image}: {reason}") from error


def _of_data_url(url: str) -> bytes:
    head, _, body = url.partition(",")
    try:
        return base64.b64decode(body, validate=True) if head.endswith(";base64") else unquote_to_bytes(body)
    except (binascii.Error, ValueError) as error:
        raise MemeError("corrupt", "the data: address is not valid base64") from error
