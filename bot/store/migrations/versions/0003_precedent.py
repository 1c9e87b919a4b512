"""What reports are recognised by later, and whose thread they belong to. Frozen."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ROW = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table('traces',
    sa.Column('report_id', ROW, autoincrement=False, nullable=False),
    sa.Column('signature', sa.LargeBinary(length=256), nullable=False),
    sa.Column('message_id', sa.String(length=32), nullable=False),
    sa.Column('sender', sa.String(length=32), nullable=False),
    sa.Column('domain', sa.String(length=32), nullable=False),
    sa.ForeignKeyConstraint(['report_id'], ['reports.id'], name=op.f('fk_traces_report_id')),
    sa.PrimaryKeyConstraint('report_id', name=op.f('pk_traces'))
    )
    op.create_index(op.f('ix_traces_message_id'), 'traces', ['message_id'], unique=False)
    op.create_table('signature_bands',
    sa.Column('band', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('report_id', ROW, autoincrement=False, nullable=False),
    sa.ForeignKeyConstraint(['report_id'], ['reports.id'], name=op.f('fk_signature_bands_report_id')),
    sa.PrimaryKeyConstraint('band', 'report_id', name=op.f('pk_signature_bands'))
    )
    op.create_index(op.f('ix_signature_bands_report_id'), 'signature_bands', ['report_id'], unique=False)
    op.create_table('threads',
    sa.Column('report_id', ROW, autoincrement=False, nullable=False),
    sa.Column('first_id', ROW, nullable=True),
    sa.Column('claimed_id', ROW, nullable=True),
    sa.ForeignKeyConstraint(['report_id'], ['reports.id'], name=op.f('fk_threads_report_id')),
    sa.ForeignKeyConstraint(['first_id'], ['reports.id'], name=op.f('fk_threads_first_id')),
    sa.ForeignKeyConstraint(['claimed_id'], ['reports.id'], name=op.f('fk_threads_claimed_id')),
    sa.PrimaryKeyConstraint('report_id', name=op.f('pk_threads'))
    )
    op.create_index(op.f('ix_threads_first_id'), 'threads', ['first_id'], unique=False)


def downgrade() -> None:
    raise NotImplementedError("restore the copy that was made before")
