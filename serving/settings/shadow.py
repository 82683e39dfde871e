"""Settings of shadows: a policy and a bundle that are judged beside those in force, and decide nothing."""

from pathlib import Path

from pydantic import BaseModel, Field

from model.policy.file import split_choice


class ShadowSettings(BaseModel):
    """What is judged in the shadow of live traffic, and of how much of it."""

    shadow_policy: str | None = Field(
        None,
        description="Policy that is tried on live decisions and decides nothing: the name of one in policy_file, or "
        "FILE or FILE:NAME; unset: none. What it would decide is kept in the ledger.",
    )
    shadow_bundle: Path | None = Field(
        None,
        description="Bundle folder that judges live memes too and decides nothing, in a process of the lowest "
        "priority; unset: none. What it would decide is kept in the ledger.",
    )
    shadow_share: float = Field(
        1.0, ge=0, le=1, description="Share of decisions that shadows judge too, chosen by a hash of the decision's id."
    )
    shadow_queue: int = Field(
        64,
        ge=1,
        description="Most memes that wait for a shadow in a worker; over it: not judged by it, counted, and told by "
        "`memeguard shadow report`.",
    )

    @property
    def has_shadow(self) -> bool:
        """Whether anything is to be judged in the shadow."""
        return self.shadow_policy is not None or self.shadow_bundle is not None


def absolute_choice(choice: str) -> str:
    """``FILE`` or ``FILE:NAME`` with the whole path of FILE, where there is such a file; else as it is: a name."""
    path, name = split_choice(choice)
    if not path.is_file():
        return choice
    return str(path.absolute()) if name is None else f"{path.absolute()}:{name}"
