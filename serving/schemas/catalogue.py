"""Documents of ``/v1/policies`` and ``/v1/models``."""

from typing import Literal

from pydantic import Field

from model.modality import Modality
from model.verdict import Action, Decision, KnownAction
from serving.schemas.shadows import ShadowDoc
from serving.schemas.wire import Probability, Wire


class ThresholdsDoc(Wire):
    """Probabilities at and above which a task asks for review, or blocks; ``block`` null: never."""

    review: Probability
    block: Probability | None


#: By task.
ThresholdsByModalityDoc = dict[str, dict[Modality, ThresholdsDoc]]
_OF_BOTH = "Of pictures with words."


class BandDoc(Wire):
    """A severity and the lowest score that has it."""

    name: str
    lower: Probability = Field(serialization_alias="from", validation_alias="from")


class WordListDoc(Wire):
    """A list of words, without the words."""

    name: str
    action: Action
    whole_words: bool
    entries: int = Field(ge=1, description="How many there are.")


class BankRuleDoc(Wire):
    """A bank of known memes, and what is done by the kind of match; null: what the bank asks for."""

    name: str
    same_meme: KnownAction | None
    same_picture: KnownAction | None
    same_words: KnownAction | None


class PartialDoc(Wire):
    """What is done where something was not judged: words of the text, or what the picture shows."""

    text: Decision
    picture: Decision


class PolicyRulesDoc(Wire):
    """One policy; ``digest`` is the sha256 of everything it says, its words included."""

    name: str
    version: str
    digest: str
    thresholds: dict[str, ThresholdsDoc] = Field(description=_OF_BOTH)
    thresholds_by_modality: ThresholdsByModalityDoc
    severity: dict[str, list[BandDoc]]
    word_lists: list[WordListDoc]
    partial: PartialDoc
    banks: list[BankRuleDoc]


class PoliciesDoc(Wire):
    """The policies that requests may name; ``default`` is used where they name none."""

    default: str
    policies: list[PolicyRulesDoc]
    shadow: ShadowDoc | None = Field(None, description="Tried on the same decisions; it decides nothing.")


class TaskDoc(Wire):
    """A question that the model answers. ``binary``: one probability, of the last class; else one a class."""

    name: str
    kind: Literal["binary", "multiclass", "multilabel"]
    classes: list[str]
    description: str


class ModelCardDoc(Wire):
    """A model in OpenAI's shape, with what else there is to say of it."""

    id: str
    object: Literal["model"]
    created: int = Field(description="When its manifest was written on this server, in seconds since 1970.")
    owned_by: str
    name: str
    version: str
    digest: str
    licence: str
    tasks: list[TaskDoc]
    thresholds: dict[str, ThresholdsDoc] = Field(description=f"The bundle's own; a policy may have others. {_OF_BOTH}")
    thresholds_by_modality: ThresholdsByModalityDoc


class ModelsDoc(Wire):
    """OpenAI's list of models."""

    object: Literal["list"]
    data: list[ModelCardDoc]
    shadow: ShadowDoc | None = Field(None, description="Judges the same memes; it decides nothing.")
