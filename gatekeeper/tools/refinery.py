"""refinery, for Rust: a row per migration, by its number."""

import re

from gatekeeper.tools.shared import layouts, revisions, rows
from gatekeeper.tools.shared.record import CURRENT, NONE, Directory, Table, Tool


def revision(text: str) -> str:
    """`V3__add_users.sql`, `U3__x`, `3` -> `3`, as refinery records it."""
    digits = re.fullmatch(rf"[VU]?({revisions.DIGITS})(__.*)?", text, re.ASCII)
    if not digits:
        raise ValueError("a revision is a revisions.number, as in V3__add_users")
    return str(int(digits[1]))


TOOL = Tool(
    name="refinery",
    table=Table("refinery_schema_history", ("version",), rows.applied_number, "version"),
    also=("name", "applied_on", "checksum"),
    schemas=(CURRENT,),
    revision=revision,
    example="3",
    order=int,
    directory=Directory(
        "V3__add_stock.sql",
        layouts.once,
        # Rust's \w has marks, as macOS writes an accent, and Python's has none: whatever is not ASCII counts.
        files=r"(?:.*/)?([VU]\d+(?:\.\d+)?__(?:\w|[^\x00-\x7f])+)\.(?:rs|sql)",
        passed=NONE,
        follows=False,
        looks=r"(.*/)?[VU]\d+__\w+\.(sql|rs)",
    ),
)
