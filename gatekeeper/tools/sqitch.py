"""sqitch: a row per change that is deployed, tags, and a log of events."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from gatekeeper.tools.shared import locks, rows, values
from gatekeeper.tools.shared.events import Applied, Doubtful, Event, Failed, Untold
from gatekeeper.tools.shared.folder import Folder
from gatekeeper.tools.shared.record import Directory, Found, Row, Table, Tool


def revision(text: str) -> str:
    """`flipr:users`, `flipr:@v1.0`, or a change id: a registry may hold several projects with changes of one name."""
    if not re.fullmatch(r"[^:\s]+:@?[^:@\s]+|[0-9a-f]{40}", text):
        raise ValueError("a revision is project:change, project:@tag or a change id")
    return text


def caution(revision: str) -> str:
    """What `sqitch rework` adds has the same name; a tag or an id is one change's alone (App::Sqitch::Plan).

    Of a rework that was never deployed no table knows, so that it is said. One that has failed or was reverted the log
    has, and the name tells nothing then. Who has the plan awaits ids: `gatekeeper revision` and --migrations name what
    recurs by its id.
    """
    if ":" not in revision or ":@" in revision:
        return ""
    return f"a change that was reworked has that name too, so where {revision} was, name a tag or the change's id"


def _changes(project: object, change: object, identity: object, _: object) -> Iterator[Event]:
    if not re.fullmatch("[0-9a-f]{40}", values.text(identity)) or values.text(change).startswith("@"):
        raise ValueError(f"{change!r} with the id {identity!r} is not a change")
    yield Applied(f"{values.text(project)}:{change}")
    yield Applied(str(identity))


def _tag(project: object, tag: object) -> Event:
    if not values.text(tag).startswith("@"):
        raise ValueError(f"{tag!r} is not a tag")
    return Applied(f"{values.text(project)}:{tag}")


Log = Sequence[tuple[str, str, str, str]]
"""Event, project, change and its id."""


def _events(rows: Iterable[Row]) -> Iterator[Event]:
    """What the log tells, and the changes that are deployed do not."""
    log = []
    for event, project, change, identity, _ in rows:
        if event not in ("deploy", "fail", "merge", "revert"):
            raise ValueError(f"{event!r} is not an event")
        log.append((event, values.text(project), values.text(change), values.text(identity)))
    yield from _failures(log)
    yield from _reworks(log)


def _failures(log: Log) -> Iterator[Event]:
    """The newest failure of a project, unless a deploy came after it: sqitch goes on only past what it has mended.

    A run that fails reverts what it had deployed, so its newest event is seldom the failure. What an earlier run has
    deployed stands.
    """
    failed: dict[str, tuple[str, str]] = {}
    for event, project, change, identity in log:
        if event == "fail":
            failed[project] = (change, identity)
        elif event == "deploy":
            failed.pop(project, None)
    for project, (change, identity) in failed.items():
        for run in (f"{project}:", identity):
            yield Failed(f"{project}:{change}", run=run)


def _reworks(log: Log) -> Iterator[Event]:
    """Names whose newest rework is not deployed. It was tried while another change of its name was deployed."""
    deployed: dict[str, set[str]] = {}
    reworks: dict[str, str] = {}
    for event, project, change, identity in log:
        name = f"{project}:{change}"
        ids = deployed.setdefault(name, set())
        if event in ("deploy", "fail") and ids - {identity}:
            reworks[name] = identity
        if event == "deploy":
            ids.add(identity)
        elif event == "revert":
            ids.discard(identity)
    for name, rework in reworks.items():
        if deployed[name] and rework not in deployed[name]:
            yield Untold(name)
            yield Doubtful(f"{name} is deployed, and a rework of it is not", run=name, until=_FORMS)


_FORMS = "Where the form before it is meant, give a tag or the change's id"


def _read(_: Tool, folder: Folder) -> Found:
    """Changes by name and tags, but a change that recurs by its ids: its name does not tell which is deployed."""
    if (path := "sqitch.plan") not in folder:
        return Found((), ())
    if another := _ANOTHER.search(folder.get("sqitch.conf", "")):
        raise ValueError(
            f"sqitch.conf has the plan_file {another[1].strip()}; name a directory with that as its {path}, or give "
            "--revision instead"
        )
    pragmas: dict[str, str] = {}
    steps: list[tuple[str, str]] = []  # name and id of a change, tag and nothing
    parent, in_header = "", True
    for count, line in enumerate(folder[path].split("\n"), 1):
        text, _sign, note = line.partition("#")
        in_header = in_header and bool(text.strip() or note.strip())
        if in_header and (pragma := _PRAGMA.fullmatch(text)):
            pragmas[pragma[1]] = pragma[2] or ""
        elif not in_header and (step := _STEP.fullmatch(text)):
            parent = parent if step["tag"] else _id(pragmas, step, note, parent)
            steps.append((step["tag"], "") if step["tag"] else (step["change"], parent))
        elif text.strip():
            raise ValueError(f"{path} cannot be parsed in line {count}; mend it")
    if not (project := pragmas.get("project")):
        raise ValueError(f"{path} does not name its project; write for example %project=shop")
    tags = [name for name, identity in steps if not identity]
    if len({*tags}) < len(tags) or (steps and not steps[0][1]):
        raise ValueError(f"{path} has a tag twice or before any change, at which sqitch ends; mend it")
    names = [name for name, identity in steps if identity]
    wanted = [identity if names.count(name) > 1 else f"{project}:{name}" for name, identity in steps]
    proofs = {f"{project}:{name}": (frozenset({identity}),) for name, identity in steps if names.count(name) == 1}
    return Found(tuple(wanted), tuple(wanted[-1:]), proofs)


_ANOTHER = re.compile(r"(?mi)^[ \t]*plan_file[ \t]*=(?![ \t]*\"?(?:\./)?sqitch\.plan\"?[ \t]*(?:[;#].*)?$)(.*)")
"""A line of its configuration, of its own or of one engine or target."""
_PRAGMA = re.compile(r"\s*%\s*([\w-]+)\s*(?:=\s*(.+?))?\s*")
"""Above the first blank line, and nothing else there."""
_STEP = re.compile(
    r"\s*(?:(?P<tag>@\S+)|[+-]?\s*(?P<change>[^@%\s\[]\S*))(?:\s+\[(?P<needs>[^\]]*)\])?"
    r"\s+(?P<date>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)\s+(?P<planner>[^<]*\S)\s+<(?P<email>[^>]+)>\s*"
)
"""Up to the first `#` of its line, after which all is a note (_parse of App::Sqitch::Plan)."""


def _id(pragmas: Mapping[str, str], change: re.Match[str], note: str, parent: str) -> str:
    """Return a change's id, made of its line and of the id of the change before it (App::Sqitch::Plan::Change)."""
    project, needs = pragmas.get("project", ""), (change["needs"] or "").split()
    needs = [re.sub(rf"^(!?){re.escape(project)}:", r"\1", need) for need in needs]
    requires = [need for need in needs if not need.startswith("!")]
    conflicts = [need[1:] for need in needs if need.startswith("!")]
    note = re.sub(r"\\([\\nr])", lambda escape: {"n": "\n", "r": "\r"}.get(escape[1], "\\"), note.strip())
    parts = (
        f"project {project}",
        f"uri {pragmas['uri']}" if pragmas.get("uri") else "",
        f"change {change['change']}",
        f"parent {parent}" if parent else "",
        f"planner {change['planner']} <{change['email']}>",
        f"date {change['date']}",
        "\n  + ".join(["requires", *requires]) if requires else "",
        "\n  - ".join(["conflicts", *conflicts]) if conflicts else "",
        f"\n{note}" if note else "",
    )
    info = "\n".join(filter(None, parts)).encode()
    return hashlib.sha1(b"change %d\0%s" % (len(info), info), usedforsecurity=False).hexdigest()


TOOL = Tool(
    name="sqitch",
    table=Table("changes", ("project", "change", "change_id", "committed_at"), rows.many(_changes), "committed_at"),
    also=("planned_at",),
    beside=(
        Table("tags", ("project", "tag"), rows.each(_tag)),
        Table("events", ("event", "project", "change", "change_id", "committed_at"), _events, "committed_at"),
    ),
    schemas=("sqitch",),
    database="sqitch",
    revision=revision,
    example="shop:@v1.2",
    lock_keys=locks.keys(75474063),
    lock_names=lambda database, _: (f"sqitch working on {database}",),
    tells_failure=True,
    caution=caution,
    repair="mend the change, then run `sqitch deploy` again",
    directory=Directory("sqitch.plan", _read, signs=((r"sqitch\.plan", ""),)),
)
