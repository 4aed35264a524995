"""Add the stock."""
# ruff: noqa: RUF012 - the lists are Django's form

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("shop", "0002_product_price")]

    operations = [migrations.AddField("product", "stock", models.IntegerField(null=True))]
