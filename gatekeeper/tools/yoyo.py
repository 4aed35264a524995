"""yoyo: a row per migration, by its file."""

import re
from collections.abc import Mapping
from heapq import heappop, heappush

from gatekeeper.tools.shared import python, revisions, rows, values
from gatekeeper.tools.shared.events import Applied
from gatekeeper.tools.shared.folder import Folder
from gatekeeper.tools.shared.record import CURRENT, DRIVERS_SEARCH_PATH, Directory, Found, Table, Tool

_FILES = r"(?!post-apply)(?!.*\.rollback\.sql)([^/]+)\.(?:py|sql)"


def in_order(files: Mapping[str, tuple[str, str]]) -> list[str]:
    """Return names of migrations, given with their paths and texts, in yoyo's order: by name, after what they need."""
    needs = {name: _needs(path, text) for name, (path, text) in files.items()}
    for name, others in needs.items():
        if lost := others - needs.keys():
            raise ValueError(f"{files[name][0]} depends on {', '.join(sorted(lost))}, which no file has; add that file")
    python.in_order(needs)
    order, left = list[str](), {name: set(others) for name, others in needs.items()}
    ready = sorted(name for name, others in left.items() if not others)
    followers: dict[str, list[str]] = {}
    for name, others in needs.items():
        for other in others:
            followers.setdefault(other, []).append(name)
    while ready:
        order.append(name := heappop(ready))
        for follower in followers.get(name, ()):
            left[follower].discard(name)
            if not left[follower]:
                heappush(ready, follower)
    return order


def _needs(path: str, text: str) -> frozenset[str]:
    if path.endswith(".py"):
        return frozenset(
            python.names(path, python.constants(path, text, "__depends__").get("__depends__"), '{"0001.a"}')
        )
    comments = re.match(r"(?:[^\S\n]*(?:--[^\n]*)?(?:\n|\Z))*", text)
    return frozenset(" ".join(re.findall(r"(?m)^\s*--\s*depends\s*:(.*)$", comments[0] if comments else "")).split())


def _read(_: Tool, folder: Folder) -> Found:
    files = {file[1]: (path, folder[path]) for path in folder if (file := re.fullmatch(_FILES, path))}
    order = in_order(files)
    return Found(tuple(order), tuple(order[-1:]))


TOOL = Tool(
    name="yoyo",
    table=Table(
        "_yoyo_migration",
        ("migration_id",),
        rows.each(lambda name: None if name is None else Applied(values.text(name))),
        "migration_id",
    ),
    also=("migration_hash", "applied_at_utc"),
    passing=frozenset({"id", "ctime"}),  # of the first of its internal schemas (yoyo/internalmigrations/v1.py)
    lock_table=Table("yoyo_lock", ("locked", "pid", "ctime"), rows.locked("yoyo_lock", rows.by("by pid", "since"))),
    schemas=(CURRENT,),
    search_path=(*DRIVERS_SEARCH_PATH, "schema"),
    revision=revisions.stem,
    example="0003.add-stock",
    directory=Directory(
        "0003.add-stock.py",
        _read,
        files=_FILES,
        signs=((r"[^/]+\.py", r"(?m)^from yoyo\b|^__depends__\b"), (r"[^/]+\.sql", r"\A\s*--\s*depends:")),
    ),
)
