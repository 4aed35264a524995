"""Add the price of a product, slowly.

Revision ID: 8e27f61c9d05
Revises: 1b3c5ad80f42
Create Date: 2025-04-17 14:40:05.118203
"""

import os

import sqlalchemy as sa
from alembic import op

revision = "8e27f61c9d05"
down_revision = "1b3c5ad80f42"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("product", sa.Column("price", sa.Numeric))
    op.execute(sa.select(sa.func.pg_sleep(float(os.environ.get("MIGRATION_SECONDS", "0")))))


def downgrade():
    op.drop_column("product", "price")
