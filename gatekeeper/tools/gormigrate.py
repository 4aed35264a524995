"""gormigrate, for Go: a row per migration, by the id that the program gives it."""

from gatekeeper.tools.shared import revisions, rows
from gatekeeper.tools.shared.record import CURRENT, Table, Tool

TOOL = Tool(
    name="gormigrate",
    table=Table("migrations", ("id",), rows.applied(), "id"),
    has_namesake=True,
    schemas=(CURRENT,),
    revision=revisions.word,
    example="20240102030405",
    in_code="gormigrate's migrations are in a program's code",
)
