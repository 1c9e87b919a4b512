"""Senders that are told in the digest alone, and whether a report's sender is proven. Frozen."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

ROW = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column('traces', sa.Column('proven', sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_table('mutes',
    sa.Column('id', ROW, autoincrement=True, nullable=False),
    sa.Column('report_id', ROW, nullable=False),
    sa.Column('account', sa.String(length=200), nullable=False),
    sa.Column('sender', sa.String(length=32), nullable=False),
    sa.Column('muted_by', sa.String(length=200), nullable=False),
    sa.Column('muted_at', TIME, nullable=False),
    sa.Column('until', TIME, nullable=False),
    sa.Column('ended_by', sa.String(length=200), nullable=True),
    sa.ForeignKeyConstraint(['report_id'], ['reports.id'], name=op.f('fk_mutes_report_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_mutes'))
    )
    op.create_index(op.f('ix_mutes_account_sender'), 'mutes', ['account', 'sender'], unique=False)


def downgrade() -> None:
    raise NotImplementedError("restore the copy that was made before")
