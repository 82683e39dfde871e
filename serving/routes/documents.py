"""What OpenAPI says of errors, for every route."""

from typing import Any

from serving.problems import PROBLEM_TYPE
from serving.schemas import ProblemDoc


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Responses of a route that are problem documents."""
    schema = {"$ref": "#/components/schemas/ProblemDoc"}
    # Naming the model under one media type puts it among the components.
    return {status: {"model": ProblemDoc, "content": {PROBLEM_TYPE: {"schema": schema}}} for status in statuses}
