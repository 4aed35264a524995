"""DbUp, for .NET: a row per script, by its name as a resource of the program."""

from gatekeeper.tools.shared import revisions, rows
from gatekeeper.tools.shared.record import Table, Tool

TOOL = Tool(
    name="dbup",
    table=Table("schemaversions", ("scriptname", "applied"), rows.applied_stem, "applied"),
    revision=revisions.stem,
    example="MyApp.Scripts.003_stock",
    in_code="DbUp's migrations are resources of a program",
)
