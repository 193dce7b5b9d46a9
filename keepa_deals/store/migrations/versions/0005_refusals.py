"""Why a profit is unknown, and the steps of the judgement that refused a candidate."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("deals", sa.Column("refusal", sa.Text(), nullable=True))
    op.add_column("candidates", sa.Column("explanation", sa.Text(), nullable=True))
