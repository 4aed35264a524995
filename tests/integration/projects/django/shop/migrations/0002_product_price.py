"""Add the price, slowly."""
# ruff: noqa: RUF012 - the lists are Django's form

import os

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("shop", "0001_initial")]

    operations = [
        migrations.AddField("product", "price", models.DecimalField(decimal_places=2, max_digits=10, null=True)),
        migrations.RunSQL([("SELECT pg_sleep(%s)", [float(os.environ.get("MIGRATION_SECONDS", "0"))])]),
    ]
