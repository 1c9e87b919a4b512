"""What tells whether two mails are the same to the letter. Frozen."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('traces', sa.Column('words', sa.String(length=32), server_default='', nullable=False))


def downgrade() -> None:
    raise NotImplementedError("restore the copy that was made before")
