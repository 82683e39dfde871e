"""What computed the networks of a decision."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add it; rows that are there stay without."""
    op.add_column("decisions", sa.Column("model_engines", sa.JSON))
