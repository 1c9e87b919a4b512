"""Which copy of the bot does what, and where each message stands. Frozen."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table('leases',
    sa.Column('name', sa.String(length=300), nullable=False),
    sa.Column('holder', sa.String(length=200), nullable=False),
    sa.Column('until', TIME, nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_leases'))
    )
    op.add_column('notices', sa.Column('ts', sa.String(length=100), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("restore the copy that was made before")
