"""Base class of the documents."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Probability = Annotated[float, Field(ge=0, le=1)]
Scores = Annotated[
    dict[str, Probability | dict[str, Probability]],
    Field(description="Calibrated probabilities: a number for a yes/no task, a number a class for the others."),
]


class Wire(BaseModel):
    """A JSON object without unknown members."""

    model_config = ConfigDict(extra="forbid")
