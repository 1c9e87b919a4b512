"""Audits: who cleared which category, and verdicts found by their kind."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ROW = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table('audit_clearances',
    sa.Column('id', ROW, autoincrement=True, nullable=False),
    sa.Column('category', sa.String(length=200), nullable=False),
    sa.Column('decided_by', sa.String(length=200), nullable=False),
    sa.Column('decided_at', TIME, nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_audit_clearances'))
    )
    op.create_index(op.f('ix_verdicts_kind'), 'verdicts', ['kind'], unique=False)


def downgrade() -> None:
    raise NotImplementedError("restore the copy that was made before")
