"""Neutral words for people, by protected class: who is named in a text, so that errors can be counted by group."""

import re
from functools import cache
from pathlib import Path

import yaml

IDENTITY_TERMS = Path(__file__).with_name("identity_terms.yaml")


@cache
def identity_patterns() -> dict[str, dict[str, re.Pattern[str]]]:
    """By protected class and term, what finds it in a text that is normalised and case-folded."""
    terms: dict[str, list[str]] = yaml.safe_load(IDENTITY_TERMS.read_text(encoding="utf-8"))
    return {
        protected_class: {name: re.compile(rf"\b{re.escape(name)}s?\b") for name in names}
        for protected_class, names in terms.items()
    }
