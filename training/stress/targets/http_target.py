"""What all targets behind HTTP have: a client that counts, and that is closed."""

from training.stress.targets.base import Target
from training.stress.targets.polite_client import PoliteClient


class HttpTarget(Target):
    """A moderator that is asked through ``client``."""

    def __init__(self, client: PoliteClient) -> None:
        self._client = client

    @property
    def n_calls(self) -> int:
        """Calls that were sent, with every try again; set at the start to those of an earlier run."""
        return self._client.n_calls

    @n_calls.setter
    def n_calls(self, n_calls: int) -> None:
        self._client.n_calls = n_calls

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
