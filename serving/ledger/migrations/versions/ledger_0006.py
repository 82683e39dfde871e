"""Measures of a decision's content: length and script of its words, how sure OCR was, banks that knew it."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; null in the rows that are there, since what was not kept cannot be measured."""
    op.add_column("decisions", sa.Column("measures", sa.JSON))
