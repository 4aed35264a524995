"""pgroll: a row per migration and schema, with whether it is complete."""

from gatekeeper.tools.shared import layouts, revisions, rows, values
from gatekeeper.tools.shared.events import Applied, Doubtful, Event
from gatekeeper.tools.shared.record import Directory, Table, Tool


def revision(text: str) -> str:
    """`public.03_add_users`, `03_add_users.json`; without a schema, pgroll's default `public`."""
    schema, dot, name = revisions.stem(text).rpartition(".")
    return f"{schema}.{revisions.word(name)}" if dot else f"public.{revisions.word(name)}"


def _event(schema: object, name: object, done: object, _: object) -> Event:
    """Old and new code run side by side until a migration is complete, so one that is not holds back no other."""
    revision = f"{values.text(schema)}.{values.text(name)}"
    return (
        Applied(revision)
        if values.flag(done)
        else Doubtful(f"{revision} is started and not complete", run=f"{schema}.")
    )


TOOL = Tool(
    name="pgroll",
    table=Table("migrations", ("schema", "name", "done", "created_at"), rows.each(_event), "created_at"),
    also=("parent", "migration"),
    has_namesake=True,
    schemas=("pgroll",),
    revision=revision,
    example="public.03_add_stock",
    repair="run `pgroll complete`, which the gate awaits, or `pgroll rollback`; to start an app before that, write "
    '--tool query --query "SELECT name FROM pgroll.migrations"',
    directory=Directory(
        "03_add_stock.yaml",
        layouts.plain,
        files=r"([^/]+)\.(?:json|ya?ml)",
        signs=((r"[^/]+\.(json|ya?ml)", r"(?m)^[ {]*\"?operations\"? *:"),),
    ),
)
