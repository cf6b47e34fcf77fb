"""Notes can be pinned."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("note", sa.Column("pinned", sa.Boolean(), server_default="0", nullable=False))


def downgrade():
    op.drop_column("note", "pinned")
