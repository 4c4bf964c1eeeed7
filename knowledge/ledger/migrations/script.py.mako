"""${message}"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from knowledge.ledger.rows.base import JsonText, KeyText, PlainText, UtcTime

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    """Schemas go forward only: going back is restoring the backup."""
    raise NotImplementedError("restore the backup that was taken before the upgrade")
