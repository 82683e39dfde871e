"""Document of a shadow, in ``/readyz``, ``/v1/policies`` and ``/v1/models``."""

from typing import Literal

from pydantic import Field

from serving.schemas.wire import Probability, Wire


class ShadowDoc(Wire):
    """A policy or a bundle that is judged beside the one in force and decides nothing."""

    kind: Literal["policy", "bundle"]
    name: str
    version: str
    digest: str
    share: Probability = Field(description="Of the decisions, those that it judges too.")
    ready: bool = Field(description="Whether it judges; a bundle is loaded after the server has started.")
