"""Create product.

Revision ID: 1b3c5ad80f42
Revises:
Create Date: 2025-03-04 09:12:31.402716
"""

import sqlalchemy as sa
from alembic import op

revision = "1b3c5ad80f42"
down_revision = None
branch_labels = None
depends_on = None


def upgrade():
    op.create_table("product", sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.Text))


def downgrade():
    op.drop_table("product")
