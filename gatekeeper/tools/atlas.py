"""Atlas: a row per migration, written ahead of its statements, which it counts."""

import re
from collections.abc import Iterator, Mapping

from gatekeeper.tools.shared import layouts, locks, revisions, rows, values
from gatekeeper.tools.shared.events import Applied, Doubtful, Event, Failed, UpTo
from gatekeeper.tools.shared.folder import Folder
from gatekeeper.tools.shared.record import Directory, Found, Place, Table, Tool


def revision(text: str) -> str:
    """`20240102030405_add_users.sql` -> `20240102030405` (Atlas, sql/migrate/dir.go)."""
    return revisions.word(revisions.stem(text).partition("_")[0])


def _events(version: object, kind: object, applied: object, total: object, error: object) -> Iterator[Event]:
    """`kind` is made of bits: 1 baseline, 2 executed, 4 resolved by hand (ent/schema/revision.go).

    What was resolved by hand keeps its error; in release 0.9.1 so does what was repaired. The row is written ahead of
    the statements and counts them, which can be seen outside of a transaction: what is taken back leaves no row.
    """
    name, fault = revisions.word(values.text(version)), values.or_none(values.text, error)
    if not (0 <= values.integer(kind) < 8 and 0 <= values.integer(applied) <= values.integer(total)):
        raise ValueError(f"type {kind} with {applied} of {total} statements applied is not understood")
    if name.startswith("."):  # Atlas's note of a cloud project
        return
    if values.integer(kind) & 4:
        yield Applied(name)
    elif fault:
        yield Failed(f"{name} ({fault})", name)
    elif values.integer(applied) < values.integer(total):
        yield Doubtful(f"{name} has {applied} of {total} statements applied", name)
    else:
        yield Applied(name)
    if values.integer(kind) & 1:
        yield UpTo(name)


_FLYWAYS = re.compile(r"(?:[^/]+/)*([VUBR])([^/]*?)__[^/]*\.sql")


def _read(tool: Tool, folder: Folder) -> Found:
    """A new database begins with the last checkpoint, all others pass over checkpoints: neither has all the rows.

    Of the forms of other tools (sqltool/tool.go) goose's, Liquibase's and dbmate's files are called as Atlas' own are.
    """
    files = [path for _, path in layouts.files(tool, folder)]
    if any(map(_FLYWAYS.fullmatch, folder)):
        return _read_flyways(tool, folder)
    if all(re.search(r"\.(?:up|down)\.sql$", path) for path in files):  # golang-migrate's form (sqltool/tool.go)
        files = [path for path in files if path.endswith(".up.sql")]
    checkpoints = layouts.ordered(tool, ((path, path) for path in files if _is_checkpoint(folder[path]))).revisions
    revisions_in_order = layouts.ordered(tool, ((path, path) for path in files)).revisions
    ordinary = tuple(revision for revision in revisions_in_order if revision not in checkpoints)
    proofs = {
        revision: tuple(frozenset({checkpoint}) for checkpoint in checkpoints if checkpoint > revision)
        for revision in ordinary
    }
    wanted = ordinary or checkpoints[-1:]
    return Found(wanted, wanted[-1:], {revision: others for revision, others in proofs.items() if others})


def _read_flyways(tool: Tool, folder: Folder) -> Found:
    """Of Flyway's form a version has no V, unless Atlas was not told the form.

    A baseline takes the place of what is before it, a repeatable migration has no version.
    """
    named = []
    for path in (each for each in folder if each.endswith(".sql")):
        parts = _FLYWAYS.fullmatch(path)
        if not parts or "/" in path or parts[1] in "BR" or not re.fullmatch("[0-9A-Za-z.]+", parts[2]):
            raise ValueError(f"{path} has no row of its own where Atlas reads Flyway's files; write --revision instead")
        named += [(parts[2], path)] if parts[1] == "V" else []
    found = layouts.ordered(tool, named)
    return Found(found.revisions, found.newest, {each: (frozenset({f"V{each}"}),) for each in found.revisions})


def _is_checkpoint(text: str) -> bool:
    """Whether the comments at the top, which an empty line must follow, say so (sql/migrate/dir.go)."""
    comments = re.match(r"((?:(?:#|--)[^\n]*\n)+)[ \t]*\n", text)
    return bool(comments and re.search(r"(?m)^[ -~]*atlas:checkpoint\b", comments[1]))


def _place(left: Mapping[str, str]) -> Place:
    """The schema that the URL's `search_path` names, as it is spelled (cmdapi/migrate.go, revisionSchemaName)."""
    return Place(left.get("search_path") or None)


TOOL = Tool(
    name="atlas",
    table=Table(
        "atlas_schema_revisions", ("version", "type", "applied", "total", "error"), rows.many(_events), "version"
    ),
    also=("hash", "operator_version"),
    schemas=("atlas_schema_revisions",),
    place=_place,
    revision=revision,
    example="20240102030405",
    order=revisions.by_text,
    lock_keys=locks.keys(2686470616),
    lock_names=locks.names("atlas_migrate_execute"),
    tells_failure=True,
    repair="repair the schema, then run `atlas migrate apply` again, or `atlas migrate set VERSION`",
    directory=Directory(
        "20240102030405_add_stock.sql",
        _read,
        files=r"([^/]*)\.sql",
        in_any_encoding=True,
        # In these forms of others it may but check what they run.
        signs=((r"atlas\.sum", r"(?m)\A(?![\s\S]*(?:\.up\.sql |^V[^\n]*__))"),),
        looks=r"atlas\.sum",
    ),
)
