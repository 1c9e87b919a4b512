"""What people do with a report in Slack: who took it, who pressed what. Frozen."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

ROW = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table('acts',
    sa.Column('id', ROW, autoincrement=True, nullable=False),
    sa.Column('report_id', ROW, nullable=True),
    sa.Column('act', sa.String(length=40), nullable=False),
    sa.Column('by', sa.String(length=200), nullable=False),
    sa.Column('at', TIME, nullable=False),
    sa.Column('outcome', sa.String(length=40), nullable=False),
    sa.ForeignKeyConstraint(['report_id'], ['reports.id'], name=op.f('fk_acts_report_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_acts'))
    )
    op.create_index(op.f('ix_acts_report_id'), 'acts', ['report_id'], unique=False)


def downgrade() -> None:
    raise NotImplementedError("restore the copy that was made before")
