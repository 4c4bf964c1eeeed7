"""The reason of an incident's status in Chinese, beside the English one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from knowledge.ledger.rows.base import PlainText

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("incident", sa.Column("reason_zh", PlainText(), nullable=False, server_default=""))


def downgrade() -> None:
    """Schemas go forward only: going back is restoring the backup."""
    raise NotImplementedError("restore the backup that was taken before the upgrade")
