"""Settings of what is refused."""

from pydantic import BaseModel, Field, model_validator

from model.meme import DEFAULT_LIMITS, MemeLimits


class LimitSettings(BaseModel):
    """The largest thing of each kind that is taken in."""

    max_body_bytes: int = Field(
        32 * 1024 * 1024, ge=1, description="Largest request body, with the pictures fetched for it; over it: 413."
    )
    max_items: int = Field(16, ge=1, description="Most memes in one request; over it: 413.")
    max_bytes: int = Field(DEFAULT_LIMITS.max_bytes, ge=1, description="Largest picture file; over it: 413.")
    max_pixels: int = Field(
        DEFAULT_LIMITS.max_pixels,
        ge=1,
        description="Largest width x height; over it: 413. A pixel takes up to 20 bytes while it is decoded, and "
        "4 until it is judged.",
    )
    max_text_chars: int = Field(DEFAULT_LIMITS.max_text_chars, ge=1, description="Longest text; over it: 413.")
    max_tags: int = Field(DEFAULT_LIMITS.max_tags, ge=0, description="Most tags of a meme; over it: 422.")
    max_tag_chars: int = Field(DEFAULT_LIMITS.max_tag_chars, ge=1, description="Longest tag; over it: 422.")

    @model_validator(mode="after")
    def _limits_hold(self) -> "LimitSettings":
        _ = self.limits  # raises ValueError when max_pixels is beyond what the decoder allows
        return self

    @property
    def limits(self) -> MemeLimits:
        """The limits of one meme, as ``model`` takes them."""
        return MemeLimits(
            max_bytes=self.max_bytes,
            max_pixels=self.max_pixels,
            max_text_chars=self.max_text_chars,
            max_tags=self.max_tags,
            max_tag_chars=self.max_tag_chars,
        )
