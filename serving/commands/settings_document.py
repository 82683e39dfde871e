"""Writer of ``serving/CONFIGURATION.md``, from the settings: ``python -m serving.commands.settings_document``."""

from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import click
from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from model.atomic import write_atomically
from serving.commands.serve import serve
from serving.settings import ENV_PREFIX, Settings

DOCUMENT = Path(__file__).parents[1] / "CONFIGURATION.md"
_ROOT = DOCUMENT.parents[1]
_HEAD = """\
<!-- Written by `python -m serving.commands.settings_document` from serving/settings/; change those, not this. -->

# Configuration

Every setting is a variable of the environment, read alike by `memeguard serve`, `bentoml serve` and a container. Some
are flags of `memeguard serve` as well, and the flag wins. They are checked when the server starts: an unknown key or a
bad value is refused with the name of the variable. An empty value counts as not set.

`memeguard serve` has three flags that are no settings: `--host` (default 127.0.0.1), `--port` (3000) and `--workers`
(1); `bentoml serve` takes `--host` and `--port`, and BENTOML_CONFIG_OVERRIDES
`{"services": {"memeguard": {"workers": 2}}}`.
"""
_TYPE_NAMES = {
    int: "whole number",
    float: "number",
    bool: "true or false",
    Path: "path",
    str: "text",
    SecretStr: "text",
}
_BOUNDS: tuple[tuple[type, str, str], ...] = ((Ge, "ge", "≥"), (Gt, "gt", ">"), (Le, "le", "≤"), (Lt, "lt", "<"))


def document() -> str:
    """The whole document: a table for each theme, in the order in which ``Settings`` names them."""
    themes = [base for base in Settings.__bases__ if base is not BaseSettings]
    return "\n".join([_HEAD, *("\n".join(_section(theme)) for theme in themes)])


def _section(theme: type[BaseModel]) -> list[str]:
    keys = [key for key in Settings.model_fields if key in theme.model_fields]
    head = [f"## {(theme.__doc__ or '').strip().rstrip('.')}", "", "| variable | value | default | meaning |"]
    return [*head, "|---|---|---|---|", *(_row(key, theme.model_fields[key]) for key in keys), ""]


def _row(key: str, field: FieldInfo) -> str:
    flags = [option.opts[0] for option in serve.params if isinstance(option, click.Option) and option.name == key]
    variable = "<br>".join(f"`{name}`" for name in [f"{ENV_PREFIX}{key.upper()}", *flags])
    meaning = (field.description or "").replace("|", "\\|")
    return f"| {variable} | {_value(field)} | {_default(field.default)} | {meaning} |"


def _value(field: FieldInfo) -> str:
    bounds = [
        f"{sign} {getattr(bound, attribute)}"
        for kind, attribute, sign in _BOUNDS
        for bound in field.metadata
        if isinstance(bound, kind)
    ]
    return ", ".join([_type_in_words(field.annotation), *bounds])


def _type_in_words(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return ", ".join(f"`{value}`" for value in get_args(annotation))
    if get_origin(annotation) is tuple:
        return "list"
    if get_origin(annotation) in (Union, UnionType):
        return " or ".join(_type_in_words(part) for part in get_args(annotation) if part is not NoneType)
    return _TYPE_NAMES[annotation]


def _default(value: Any) -> str:
    if value is None or value == ():
        return "unset"
    if isinstance(value, Path):  # the path of this checkout is nobody's business
        return f"`{value.relative_to(_ROOT)}` of Memeguard"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


if __name__ == "__main__":
    write_atomically(DOCUMENT, document().encode())
