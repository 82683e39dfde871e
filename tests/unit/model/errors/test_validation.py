"""Errors of pydantic in words: the place, what is wrong there, and never what was given."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from model.errors.validation import in_words, invalid_members, place_and_message


class _Inner(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    name: str
    sizes: list[int] = []


class _Outer(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    inner: _Inner | None = None
    several: dict[str, _Inner] = {}

    @model_validator(mode="after")
    def _is_something(self) -> "_Outer":
        if self.inner is None and not self.several:
            raise ValueError("give inner or several")
        return self


def _error(document: Any) -> ValidationError:
    with pytest.raises(ValidationError) as caught:
        _Outer.model_validate(document)
    return caught.value


@pytest.mark.parametrize(
    ("document", "all_told", "known_told"),
    [
        ({"inner": {"name": 5}}, "inner.name: Input should be a valid string", None),
        ({"inner": {"name": "x", "sizes": [1, "secret"]}}, "inner.sizes.1: Input should be a valid integer", None),
        ({"inner": {}}, "inner.name: Field required", None),
        ({}, "all of it: give inner or several", None),
        (
            {"several": {"secret": {"name": 5}}},
            "several.secret.name: Input should be a valid string",
            "several.name: Input should be a valid string",
        ),
        (
            {"secret": 1},
            "secret: Extra inputs are not permitted",
            "an unknown field: Extra inputs are not permitted",
        ),
    ],
)
def test_the_place_is_named_and_unknown_keys_only_where_all_may_be(
    document: Any, all_told: str, known_told: str | None
) -> None:
    error, known = _error(document), {"inner", "several", "name", "sizes"}
    assert in_words(error, "all of it") == all_told
    assert in_words(error, "all of it", known=known) == (known_told or all_told)


def test_a_document_within_another_is_told_by_its_place_in_that() -> None:
    known = {"inner", "name"}
    assert in_words(_error({"inner": {"name": 5}}), "item", known=known, within="items.2").startswith(
        "items.2.inner.name: "
    )
    assert place_and_message(_error({"secret": 1}), "item", known=known, within="items.2")[0] == "items.2"
    assert place_and_message(_error({}), "item", known=known, within="items.2") == ("items.2", "give inner or several")


@given(secret=st.text("abcdef0123456789", min_size=12), key=st.sampled_from(["name", "sizes", "unknown"]))
def test_what_was_given_is_in_no_words(secret: str, key: str) -> None:
    error = _error({"inner": {"name": [secret], key: {"x": secret}}, "several": secret})
    assert secret not in in_words(error, "all of it", known={"inner", "several", "name", "sizes"})
    assert secret not in repr(invalid_members(error))


def test_all_that_is_wrong_is_listed_in_order() -> None:
    members = invalid_members(_error({"inner": {"name": 5, "sizes": ["x"]}}))
    assert [(member.location, member.kind) for member in members] == [
        (("inner", "name"), "string_type"),
        (("inner", "sizes", 0), "int_type"),
    ]
    assert [member.given for member in members] == [5, "x"]
