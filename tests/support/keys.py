"""API keys in a file, as ``memeguard keys create`` makes them."""

from pathlib import Path

from serving.security.key_file import change_keys
from serving.security.keys import KeyList, KeyScope, new_key


def add_key(path: Path, name: str, *scopes: KeyScope, rate: str | None = None, meme_rate: str | None = None) -> str:
    """A new key of the file; without scopes one that may classify."""
    key, entry = new_key(name, scopes or ("classify",), rate, meme_rate)
    change_keys(path, lambda before: KeyList(keys=(*before.keys, entry)))
    return key
