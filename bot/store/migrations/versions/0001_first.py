"""The first schema. Frozen: what changes later is a migration of its own."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ROW = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table('beats',
    sa.Column('name', sa.String(length=700), nullable=False),
    sa.Column('at', TIME, nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_beats'))
    )
    op.create_table('cards',
    sa.Column('id', ROW, autoincrement=True, nullable=False),
    sa.Column('channel', sa.String(length=100), nullable=False),
    sa.Column('ts', sa.String(length=100), nullable=True),
    sa.Column('made_at', TIME, nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_cards'))
    )
    op.create_table('cursors',
    sa.Column('account', sa.String(length=200), nullable=False),
    sa.Column('folder', sa.String(length=500), nullable=False),
    sa.Column('uidvalidity', sa.BigInteger(), nullable=False),
    sa.Column('uid', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('account', 'folder', name=op.f('pk_cursors'))
    )
    op.create_table('reports',
    sa.Column('id', ROW, autoincrement=True, nullable=False),
    sa.Column('account', sa.String(length=200), nullable=False),
    sa.Column('folder', sa.String(length=500), nullable=False),
    sa.Column('key', sa.String(length=64), nullable=False),
    sa.Column('size', sa.BigInteger(), nullable=False),
    sa.Column('received_at', TIME, nullable=False),
    sa.Column('kept_at', TIME, nullable=False),
    sa.Column('truncated', sa.Boolean(), nullable=False),
    sa.Column('from_junk', sa.Boolean(), nullable=False),
    sa.Column('backlog', sa.Boolean(), nullable=False),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('current_verdict_id', ROW, nullable=True),
    sa.Column('purged_at', TIME, nullable=True),
    sa.Column('row_version', sa.Integer(), nullable=False),
    sa.Column('claimed_by', sa.String(length=200), nullable=True),
    sa.Column('claimed_until', TIME, nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_reports')),
    sa.UniqueConstraint('account', 'key', name=op.f('uq_reports_account_key'))
    )
    op.create_index(op.f('ix_reports_current_verdict_id'), 'reports', ['current_verdict_id'], unique=False)
    op.create_index(op.f('ix_reports_key'), 'reports', ['key'], unique=False)
    op.create_index(op.f('ix_reports_received_at'), 'reports', ['received_at'], unique=False)
    op.create_table('card_reports',
    sa.Column('card_id', ROW, autoincrement=False, nullable=False),
    sa.Column('report_id', ROW, autoincrement=False, nullable=False),
    sa.ForeignKeyConstraint(['card_id'], ['cards.id'], name=op.f('fk_card_reports_card_id')),
    sa.ForeignKeyConstraint(['report_id'], ['reports.id'], name=op.f('fk_card_reports_report_id')),
    sa.PrimaryKeyConstraint('card_id', 'report_id', name=op.f('pk_card_reports'))
    )
    op.create_index(op.f('ix_card_reports_report_id'), 'card_reports', ['report_id'], unique=False)
    op.create_table('letterheads',
    sa.Column('report_id', ROW, autoincrement=False, nullable=False),
    sa.Column('data', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['report_id'], ['reports.id'], name=op.f('fk_letterheads_report_id')),
    sa.PrimaryKeyConstraint('report_id', name=op.f('pk_letterheads'))
    )
    op.create_table('notices',
    sa.Column('id', ROW, autoincrement=True, nullable=False),
    sa.Column('key', sa.String(length=300), nullable=False),
    sa.Column('kind', sa.String(length=20), nullable=False),
    sa.Column('destination', sa.String(length=100), nullable=False),
    sa.Column('report_id', ROW, nullable=True),
    sa.Column('card_id', ROW, nullable=True),
    sa.Column('state', sa.String(length=20), nullable=False),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('due_at', TIME, nullable=False),
    sa.Column('touched_at', TIME, nullable=True),
    sa.Column('said_at', TIME, nullable=True),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('error', sa.String(length=300), nullable=False),
    sa.Column('possible_repeat', sa.Boolean(), nullable=False),
    sa.Column('row_version', sa.Integer(), nullable=False),
    sa.Column('claimed_by', sa.String(length=200), nullable=True),
    sa.Column('claimed_until', TIME, nullable=True),
    sa.ForeignKeyConstraint(['card_id'], ['cards.id'], name=op.f('fk_notices_card_id')),
    sa.ForeignKeyConstraint(['report_id'], ['reports.id'], name=op.f('fk_notices_report_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_notices')),
    sa.UniqueConstraint('key', name=op.f('uq_notices_key'))
    )
    op.create_index(op.f('ix_notices_card_id'), 'notices', ['card_id'], unique=False)
    op.create_index(op.f('ix_notices_report_id'), 'notices', ['report_id'], unique=False)
    op.create_index(op.f('ix_notices_state_due_at'), 'notices', ['state', 'due_at'], unique=False)
    op.create_table('raw_mails',
    sa.Column('report_id', ROW, autoincrement=False, nullable=False),
    sa.Column('raw', sa.LargeBinary(), nullable=False),
    sa.ForeignKeyConstraint(['report_id'], ['reports.id'], name=op.f('fk_raw_mails_report_id')),
    sa.PrimaryKeyConstraint('report_id', name=op.f('pk_raw_mails'))
    )
    op.create_table('verdicts',
    sa.Column('id', ROW, autoincrement=True, nullable=False),
    sa.Column('report_id', ROW, nullable=False),
    sa.Column('kind', sa.String(length=20), nullable=False),
    sa.Column('disposition', sa.String(length=40), nullable=False),
    sa.Column('policy', sa.String(length=200), nullable=False),
    sa.Column('decided_by', sa.String(length=200), nullable=False),
    sa.Column('decided_at', TIME, nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('facts', sa.Text(), nullable=False),
    sa.Column('undone_by', ROW, nullable=True),
    sa.ForeignKeyConstraint(['report_id'], ['reports.id'], name=op.f('fk_verdicts_report_id')),
    sa.ForeignKeyConstraint(['undone_by'], ['verdicts.id'], name=op.f('fk_verdicts_undone_by')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_verdicts'))
    )
    op.create_index(op.f('ix_verdicts_report_id'), 'verdicts', ['report_id'], unique=False)
    op.create_table('verdict_texts',
    sa.Column('verdict_id', ROW, autoincrement=False, nullable=False),
    sa.Column('data', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['verdict_id'], ['verdicts.id'], name=op.f('fk_verdict_texts_verdict_id')),
    sa.PrimaryKeyConstraint('verdict_id', name=op.f('pk_verdict_texts'))
    )


def downgrade() -> None:
    raise NotImplementedError("restore the copy that was made before")
