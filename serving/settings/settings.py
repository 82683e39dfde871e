"""All settings in one class."""

from pydantic import ConfigDict, model_validator

from serving.settings.ledger import LedgerSettings
from serving.settings.limits import LimitSettings
from serving.settings.load import LoadSettings
from serving.settings.operations import OperationSettings
from serving.settings.parts import PartSettings
from serving.settings.policies import PolicySettings
from serving.settings.security import SecuritySettings


class Settings(
    PartSettings, PolicySettings, LimitSettings, LoadSettings, LedgerSettings, OperationSettings, SecuritySettings
):
    """How this process serves."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, allow_inf_nan=False)

    @model_validator(mode="after")
    def _largest_request_fits(self) -> "Settings":
        """A request that is always refused as one too many, however idle the server is, would be a riddle."""
        if self.max_pending < self.max_items:
            raise ValueError(f"max_pending ({self.max_pending}) must be at least max_items ({self.max_items})")
        if self.max_pending_bytes < self.max_body_bytes:
            raise ValueError(
                f"max_pending_bytes ({self.max_pending_bytes}) must be at least max_body_bytes ({self.max_body_bytes})"
            )
        return self
