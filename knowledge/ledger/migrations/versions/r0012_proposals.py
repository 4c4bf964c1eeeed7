"""A case may be proposed by a person, with no incident behind it."""

from __future__ import annotations

from alembic import op

from knowledge.ledger.rows.base import KeyText

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("lesson") as lesson:
        lesson.alter_column("incident_id", existing_type=KeyText(), nullable=True)
