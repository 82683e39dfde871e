"""All settings in one class."""

from pydantic import ConfigDict

from serving.settings.limits import LimitSettings
from serving.settings.load import LoadSettings
from serving.settings.operations import OperationSettings
from serving.settings.parts import PartSettings
from serving.settings.security import SecuritySettings


class Settings(PartSettings, LimitSettings, LoadSettings, OperationSettings, SecuritySettings):
    """How this process serves."""

    model_config = ConfigDict(extra="forbid", frozen=True)
