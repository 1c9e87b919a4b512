"""Where each mail lies in its mailbox, and which verdict the mailbox shows. Frozen."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

ROW = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table('places',
    sa.Column('report_id', ROW, autoincrement=False, nullable=False),
    sa.Column('folder', sa.String(length=500), nullable=False),
    sa.Column('uidvalidity', sa.BigInteger(), nullable=False),
    sa.Column('uid', sa.BigInteger(), nullable=False),
    sa.Column('filed_verdict_id', ROW, nullable=True),
    sa.Column('target', sa.String(length=500), nullable=True),
    sa.Column('target_uid', sa.BigInteger(), nullable=True),
    sa.ForeignKeyConstraint(['report_id'], ['reports.id'], name=op.f('fk_places_report_id')),
    sa.PrimaryKeyConstraint('report_id', name=op.f('pk_places'))
    )


def downgrade() -> None:
    raise NotImplementedError("restore the copy that was made before")
