"""Types of columns, and the tables' common metadata."""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect

metadata = sa.MetaData()
#: Of alembic; not its usual name, so that the tables may lie beside those of another program.
VERSION_TABLE = "ledger_version"


class UtcDateTime(sa.TypeDecorator[datetime]):
    """A moment, in UTC on the way in and out; SQLite alone would forget the time zone."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To the database; a moment without a time zone is a mistake of ours."""
        if value is not None and value.tzinfo is None:
            raise TypeError("a moment in the ledger needs a time zone")
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """From the database."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class CleanText(sa.TypeDecorator[str]):
    """Text as callers send it, with what no database takes (NUL, half a surrogate pair) replaced."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """To the database."""
        return None if value is None else value.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def json_column() -> sa.JSON:
    """JSON, where None is the database's null."""
    return sa.JSON(none_as_null=True)


def decision_id(**options: Any) -> sa.Column[str]:
    """The decision that a row is made of; what goes with it when that is deleted."""
    return sa.Column("decision_id", CleanText, sa.ForeignKey("decisions.decision_id", ondelete="CASCADE"), **options)


def index_where(name: str, where: str, *columns: str) -> sa.Index:
    """An index of the rows for which ``where`` holds; the others cost nothing as they are written."""
    return sa.Index(name, *columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
