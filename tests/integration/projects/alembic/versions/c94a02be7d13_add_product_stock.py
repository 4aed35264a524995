"""Add the stock of a product.

Revision ID: c94a02be7d13
Revises: 8e27f61c9d05
Create Date: 2025-06-02 08:03:57.660914
"""

import sqlalchemy as sa
from alembic import op

revision = "c94a02be7d13"
down_revision = "8e27f61c9d05"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("product", sa.Column("stock", sa.Integer))


def downgrade():
    op.drop_column("product", "stock")
