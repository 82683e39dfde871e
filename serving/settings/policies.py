"""Settings of what is decided."""

from pathlib import Path

from pydantic import BaseModel, Field


class PolicySettings(BaseModel):
    """Where policies come from, and how soon a changed one is in force."""

    policy_file: Path | None = Field(
        None, description="YAML file of policies (see policies.example.yaml); unset: the bundle's own policy."
    )
    policy_reload_s: float = Field(
        5.0, gt=0, description="Seconds between looks for a changed policy file or word list."
    )
