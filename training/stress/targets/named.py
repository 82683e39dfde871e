"""The target that a command line names: a bundle's folder, an address, or a YAML file."""

from pathlib import Path
from urllib.parse import urlsplit

from training.stress.targets.base import Target, TargetError
from training.stress.targets.bundle import BundleTarget
from training.stress.targets.described import DescribedTarget
from training.stress.targets.memeguard_server import MemeguardServer
from training.stress.targets.openai_shape import OpenAIShape
from training.stress.targets.polite_client import Manners

_OPENAI = "openai:"
_KINDS = (
    "a bundle's folder, http(s)://... of a Memeguard server, openai:http(s)://... of an endpoint in OpenAI's shape, or "
    "a .yaml file that describes another moderator"
)


def target_named(name: str, max_calls: int | None = None, per_second: float | None = None) -> Target:
    """Raises ``TargetError``, or ``BundleError`` for a bundle that does not fit.

    ``max_calls`` and ``per_second`` bound the calls to a server; None: as its description says, or without a bound.
    """
    manners = Manners(max_calls=max_calls, per_second=per_second)
    if name.startswith(_OPENAI):
        url = name.removeprefix(_OPENAI)
        return OpenAIShape(url, _shown(url), manners)
    if name.startswith(("http://", "https://")):
        return MemeguardServer(name, _shown(name), manners)
    path = Path(name)
    if path.suffix in (".yaml", ".yml"):
        return DescribedTarget.of_file(path, max_calls, per_second)
    if path.is_dir():
        if max_calls is not None or per_second is not None:
            raise TargetError("a bundle is asked in this process, where calls have no budget and no rate")
        return BundleTarget.of_folder(path)
    raise TargetError(f"{name} is no target; give {_KINDS}")


def _shown(url: str) -> str:
    """The address without what may be secret in it; raises ``TargetError`` for none that can be asked."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise TargetError(f"{_OPENAI}... or http(s)://... needs a host; give {_KINDS}")
    if parts.query or parts.username or parts.password:
        raise TargetError(
            "an address with a query or a password cannot be a target; describe it in a YAML file, with ${NAME} for "
            "what the environment holds"
        )
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
