"""Read a directory of migrations, without running any of it: which must be applied, which is the newest, whose it is.

A layout per tool: the names of its files tell it all (`Tool.files`), or a function reads what is in them. Such a
function raises ValueError with a clause that follows "DIRECTORY: "; to the caller all faults are Misconfigured.
"""

import hashlib
import json
import os
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from gatekeeper import changelogs, modules, revisions
from gatekeeper.history import Wanted
from gatekeeper.settings import Misconfigured
from gatekeeper.tools import TOOLS, Tool

MOST_BYTES = 10 * 2**20
"""Of one file whose text is read."""
SAMPLES = 50
"""How many files are searched for what gives a tool away."""
_INSTALLED = {"__pycache__", "node_modules", "site-packages"}


class Folder(Mapping[str, str]):
    """The files below a directory: path in it -> text, read when asked for.

    Hidden entries are left out, links are followed: so the mount of a ConfigMap holds each file once. What package
    managers install is left out too.
    """

    def __init__(self, root: Path, only: Sequence[str] = ()) -> None:
        self.root = Path(os.path.abspath(root))  # noqa: PTH100 - resolve would follow links, and so change its name
        self._only = only
        self._paths = dict.fromkeys(self._walk("", ()))

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, path: str) -> str:
        if path not in self._paths:
            raise KeyError(path)
        with (self.root / path).open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise ValueError(f"{path} is larger than {MOST_BYTES // 2**20} MiB; name a directory of migrations")
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise ValueError(f"{path} is not UTF-8 text; save it as UTF-8") from None

    def _walk(self, prefix: str, above: tuple[str, ...]) -> Iterator[str]:
        real = os.path.realpath(self.root / prefix)
        for entry in sorted(os.scandir(self.root / prefix), key=lambda entry: entry.name) if real not in above else ():
            if (
                entry.name.startswith(".")
                or entry.name in _INSTALLED
                or (self._only and not above and entry.name not in self._only)
            ):
                continue
            path = prefix + entry.name
            if not path.isprintable():
                raise ValueError(f"the name {path!a} is not printable text; rename the file")
            if entry.is_dir():
                yield from self._walk(f"{path}/", (*above, real))
            elif entry.is_file():
                yield path
            elif entry.is_symlink():
                raise ValueError(f"{path} is a link to nothing; mend the link")


@dataclass(frozen=True, slots=True)
class Found:
    """What a directory holds."""

    revisions: tuple[str, ...]
    """All that must be applied, the newest last."""
    newest: tuple[str, ...]
    """What to give as --revision, so that all of them are applied as far as that can be told by so few."""
    proofs: Mapping[str, tuple[frozenset[str], ...]] = field(default_factory=dict)
    known: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """How a tool's directory looks."""

    example: str
    """The path of a migration in it."""
    read: Callable[[Tool, Folder], Found]
    signs: tuple[tuple[str, str], ...] = ()
    """Patterns of a file's path and of its text, each pair of which only this tool's directories have."""
    looks: str = ""
    """Pattern of a file's path that makes it likely."""


# -- the layouts --------------------------------------------------------------------------------------------------


def _plain(tool: Tool, folder: Folder) -> Found:
    """Names tell it all. Several files of one name, up and down or source and compiled, are one migration."""
    return _ordered(tool, ((file[1], path) for path in folder if (file := re.fullmatch(tool.files, path))))


def _ordered(tool: Tool, named: Iterable[tuple[str, str]]) -> Found:
    """Return migrations, given as name and path, in the tool's order; two names of one revision are a mistake."""
    names: dict[str, str] = {}
    for name, path in named:
        revision = tool.revision(name)
        if names.setdefault(revision, name) != name:
            raise ValueError(f"{names[revision]} and {name} ({path}) are both {revision}; give one of them another")
    ordered = sorted(names, key=lambda revision: _place(tool, revision))
    return Found(tuple(ordered), tuple(ordered[-1:]))


def _place(tool: Tool, revision: str) -> tuple[bool, tuple[object, ...], str]:
    """Return where a revision sorts: those without a place come last."""
    place = tool.order(revision) if tool.order else None
    return place is None, () if place is None else (place,), revision


def _golang_migrate(tool: Tool, folder: Folder) -> Found:
    """Up and down of a version may have names of their own, and either may be missing (source/migration.go)."""
    files: dict[tuple[int, str], str] = {}
    for path in folder:
        if file := re.fullmatch(r"(\d+)_[^/]*\.(down|up)\.[^/]*", path, re.ASCII):
            key = int(file[1]), file[2]
            if files.setdefault(key, path) != path:
                raise ValueError(f"{files[key]} and {path} are both {key[0]}; give one of them another number")
    return _ordered(tool, ((str(number), path) for (number, _), path in files.items()))


def _tern(tool: Tool, folder: Folder) -> Found:
    """Numbers run from 1 without a gap (tern's migrate.go)."""
    found = _plain(tool, folder)
    for number, revision in enumerate(found.revisions, 1):
        if int(revision) != number:
            raise ValueError(
                f"there is no migration {number} in it, and tern's numbers have no gaps; add {number:03}_NAME.sql"
            )
    return found


def _ef_core(tool: Tool, folder: Folder) -> Found:
    """A migration is a class with this attribute, which the tools write into NAME.Designer.cs."""
    texts = ((path, folder[path]) for path in folder if path.endswith(".cs"))
    pattern = r"(?m)^[^\n\"/]*\bMigration\(\"([^\"]+)\"\)"
    named = [(name, path) for path, text in texts for name in re.findall(pattern, text)]
    return _ordered(tool, named) if named else _plain(tool, folder)


def _doctrine(tool: Tool, folder: Folder) -> Found:
    """Classes by namespace and name, in folders by year and month too (src/Finder)."""
    named = []
    for path in folder:
        text = _without_comments(folder[path]).replace("<?php", "") if path.endswith(".php") else ""
        parts = re.search(r"(?m)^[ \t]*(?:final +|readonly +)*class\s+(\w+)\s+extends\s+([\w\\]+)", text)
        if parts and (parts[2].endswith("Migration") or re.fullmatch(r"(?:.*/)?Version[^/]*", path)):
            namespace = re.search(r"(?m)^[ \t]*namespace\s+([\w\\]+)\s*[;{]", text)
            named.append((f"{namespace[1]}\\{parts[1]}" if namespace else parts[1], path))
    return _ordered(tool, named)


def _without_comments(text: str) -> str:
    """Leave out what is commented out from the beginning of a line, in PHP, JavaScript and TypeScript."""
    return re.sub(r"(?m)^[ \t]*(?:(?://|#(?!\[)).*$|/\*(?s:.*?)\*/)", "", text)


def _typeorm(tool: Tool, folder: Folder) -> Found:
    """Classes by their property `name`, else by their own, which ends in 13 digits (MigrationExecutor.ts)."""
    named = []
    for path in folder:
        text = _without_comments(folder[path]) if re.fullmatch(r".+(?<!\.d)\.[cm]?[jt]s", path) else ""
        parts = re.split(r"\bclass\s+([\w$]+)([^{]*)", text)[1:]
        for class_name, head, body in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
            own = re.search(r"(?m)(?:^|[;{.]|public|readonly)[ \t]*name *(?:: *string *)?= *[\"'`](\w*\d{13})\b", body)
            name = own[1] if own else class_name
            if re.search(r"\d{13}$", name):
                named.append((name, path))
            elif "MigrationInterface" in head:
                raise ValueError(f"{path} has a class {name} without a time in its name; call it {name}1700000000000")
    return _ordered(tool, named)


def _yoyo(tool: Tool, folder: Folder) -> Found:
    files = {file[1]: (path, folder[path]) for path in folder if (file := re.fullmatch(tool.files, path))}
    order = modules.yoyo_order(files)
    return Found(tuple(order), tuple(order[-1:]))


def _aerich(tool: Tool, folder: Folder) -> Found:
    """Below the app's folder, in the order of the number. In the app's own folder, the app is its name."""
    found: dict[str, list[tuple[int, str]]] = {}
    for path in folder:
        if file := re.fullmatch(r"(?:(\w+)/)?((\d+)_\w+)\.py", path):
            app = file[1] or folder.root.name
            found.setdefault(app, []).append((int(file[3]), tool.revision(f"{app}.{file[2]}")))
    apps = [[revision for _, revision in sorted(migrations)] for _, migrations in sorted(found.items())]
    return Found(tuple(revision for app in apps for revision in app), tuple(app[-1] for app in apps))


def _alembic(_: Tool, folder: Folder) -> Found:
    """The table keeps the current heads, so that these are what is wanted and the whole graph is known."""
    graph = modules.alembic_graph(folder)
    heads = tuple(graph.heads)
    return Found(heads, heads, known=frozenset(graph.parents))


def _in_apps(tool: Tool, folder: Folder) -> Found:
    """Below a project, one app, or its migrations folder alone, whose apps.py then lies beside it."""
    if folder.root.name == "migrations":
        folder = Folder(folder.root.parent, only=("migrations", "apps.py"))
    apps = modules.app_migrations(folder, folder.root.name, squashes=tool.name == "django")
    wanted = apps.wanted
    proofs = {name: tuple(proofs) for name in wanted if (proofs := apps.proofs(name))}
    return Found(tuple(wanted), tuple(apps.leaves), proofs)


def _atlas(tool: Tool, folder: Folder) -> Found:
    """A new database begins with the last checkpoint, all others pass over checkpoints: neither has all the rows."""
    files = [path for path in folder if re.fullmatch(r"[^/]+\.sql", path)]
    checkpoints = _ordered(tool, ((path, path) for path in files if _is_checkpoint(folder[path]))).revisions
    revisions_in_order = _ordered(tool, ((path, path) for path in files)).revisions
    ordinary = tuple(revision for revision in revisions_in_order if revision not in checkpoints)
    proofs = {
        revision: tuple(frozenset({checkpoint}) for checkpoint in checkpoints if checkpoint > revision)
        for revision in ordinary
    }
    wanted = ordinary or checkpoints[-1:]
    return Found(wanted, wanted[-1:], {revision: others for revision, others in proofs.items() if others})


def _is_checkpoint(text: str) -> bool:
    """Whether the comments at the top, which an empty line must follow, say so (sql/migrate/dir.go)."""
    comments = re.match(r"((?:(?:#|--)[^\n]*\n)+)[ \t]*\n", text)
    return bool(comments and re.search(r"(?m)^[ -~]*atlas:checkpoint\b", comments[1]))


def _flyway(tool: Tool, folder: Folder) -> Found:
    """Versions, of which a baseline's is wanted only if none follows it, and repeatable migrations as they are now.

    What is in Java carries its version in its class name too, but not its checksum. Undo migrations are not wanted.
    """
    named: dict[str, list[tuple[str, str]]] = {"V": [], "B": [], "R": []}
    for path in folder:
        file = re.fullmatch(
            r"(?:.*/)?(([VB])\d+(?:[._]\d+)*(?:__.*)?|(R)__.+)\.((?i:sql)|java|kt|class)", path, re.ASCII
        )
        if not file or "$" in path:
            continue
        if file[2]:
            named[file[2]].append((file[1], path))
        elif file[4].lower() == "sql":
            named["R"].append((revisions.stem(path.rpartition("/")[2]), path))
    versions, baselines, repeatable = (_ordered(tool, named[kind]).revisions for kind in "VBR")
    last = [revision for revision in baselines[-1:] if not versions or _is_before(tool, versions[-1], revision)]
    paths = dict(named["R"])
    now = tuple(f"{name} with checksum {_flyway_checksum(paths[name], folder[paths[name]])}" for name in repeatable)
    return Found((*now, *versions, *last), (*versions, *last)[-1:] or repeatable)


def _is_before(tool: Tool, revision: str, other: str) -> bool:
    return bool(tool.order and tool.order(revision) < tool.order(other))


def _flyway_checksum(path: str, text: str) -> int:
    """CRC-32 of the lines without their ends, signed (ChecksumCalculator.java), after placeholders are replaced."""
    if "${" in text:
        raise ValueError(f"{path} has placeholders, and so a checksum that only Flyway knows; give --revision instead")
    checksum = zlib.crc32(re.sub(r"[\r\n]", "", text).encode())
    return checksum - 2**32 if checksum >= 2**31 else checksum


def _drizzle(_: Tool, folder: Folder) -> Found:
    """0.x keeps a journal of the instants that it records, 1.0 a folder per migration."""
    folders = [path.partition("/")[0] for path in folder if re.fullmatch(r"[^/]+/migration\.sql", path)]
    journal = "meta/_journal.json"
    if journal not in folder:
        return Found(tuple(folders), tuple(folders[-1:]))
    if folders:
        raise ValueError(f"both {journal} and {folders[0]}/migration.sql are in it; remove what Drizzle no longer uses")
    try:
        instants = [entry["when"] for entry in json.loads(folder[journal])["entries"]]
    except (ValueError, TypeError, KeyError, RecursionError):
        instants = [None]
    if not all(isinstance(instant, int) for instant in instants) or len(set(instants)) != len(instants):
        raise ValueError(
            f"{journal} is no journal of Drizzle's, with entries that each have a `when` of its own; mend it"
        )
    return Found(tuple(map(str, instants)), tuple(map(str, instants[-1:])))


def _liquibase(_: Tool, folder: Folder) -> Found:
    """What Liquibase may pass over is wanted too, since only Liquibase knows; but it is not the newest."""
    found = changelogs.changesets(folder)
    certain = [changeset for changeset in found if changeset.certain] or found
    newest = [f"tag:{changeset.tag}" if changeset.tag else changeset.revision for changeset in certain[-1:]]
    return Found(tuple(dict.fromkeys(changeset.revision for changeset in found)), tuple(newest))


def _sqitch(_: Tool, folder: Folder) -> Found:
    """Changes by name and tags, but a change that recurs by its ids: its name does not tell which is deployed."""
    if (path := "sqitch.plan") not in folder:
        return Found((), ())
    pragmas: dict[str, str] = {}
    steps: list[tuple[str, str]] = []  # name and id of a change, tag and nothing
    parent = ""
    for count, line in enumerate(folder[path].splitlines(), 1):
        if pragma := re.match(r"\s*%\s*([\w-]+)\s*(?:=\s*(.*?))?\s*$", line):
            pragmas[pragma[1]] = pragma[2] or ""
        elif step := _SQITCH_STEP.fullmatch(line):
            parent = parent if step["tag"] else _sqitch_id(pragmas, step, parent)
            steps.append((step["tag"], "") if step["tag"] else (step["change"], parent))
        elif line.partition("#")[0].strip():
            raise ValueError(f"{path} cannot be parsed in line {count}; mend it")
    if not (project := pragmas.get("project")):
        raise ValueError(f"{path} does not name its project; write for example %project=shop")
    names = [name for name, identity in steps if identity]
    wanted = [identity if names.count(name) > 1 else f"{project}:{name}" for name, identity in steps]
    return Found(tuple(wanted), tuple(wanted[-1:]))


_SQITCH_STEP = re.compile(
    r"\s*(?:(?P<tag>@\S+)|[+]?\s*(?P<change>[^@%#\s\[]\S*))(?:\s+\[(?P<needs>[^\]]*)\])?"
    r"\s+(?P<date>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)\s+(?P<planner>[^<]*\S)\s+<(?P<email>[^>]+)>\s*(?:#(?P<note>.*))?"
)


def _sqitch_id(pragmas: Mapping[str, str], change: re.Match[str], parent: str) -> str:
    """Return a change's id, made of its line and of the id of the change before it (App::Sqitch::Plan::Change)."""
    project, needs = pragmas.get("project", ""), (change["needs"] or "").split()
    needs = [re.sub(rf"^(!?){re.escape(project)}:", r"\1", need) for need in needs]
    requires = [need for need in needs if not need.startswith("!")]
    conflicts = [need[1:] for need in needs if need.startswith("!")]
    note = re.sub(
        r"\\([\\nr])", lambda escape: {"n": "\n", "r": "\r"}.get(escape[1], "\\"), (change["note"] or "").strip()
    )
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


_CODE = r"[^/]+\.[cm]?[jt]s"
_PAGE = r".+\.php"
_UP = r"\bup\b[ =:]*(?:async *)?(?:function *\w* *)?\(? *"

_LAYOUTS: dict[str, Layout] = {
    "aerich": Layout(
        "models/3_20240102030405_add_stock.py", _aerich, ((r"(.*/)?\d+_\w+\.py", r"(?m)^async def upgrade\(db\b"),)
    ),
    "alembic": Layout("versions/ae1027a6acf2_add_stock.py", _alembic, ((r".+\.py", r"(?m)^down_revision\b"),)),
    "atlas": Layout("20240102030405_add_stock.sql", _atlas, ((r"atlas\.sum", ""),)),
    "bun": Layout("20240102030405_add_stock.up.sql", _plain, looks=r"\d{14}_[0-9a-z_-]+\.(tx\.)?(up|down)\.sql"),
    "dbmate": Layout("20240102030405_add_stock.sql", _plain, ((r"[^/]+\.sql", r"(?m)^-- *migrate:up\b"),)),
    "diesel": Layout("2024-01-02-030405_add_stock/up.sql", _plain, looks=r"[^/]+/up\.sql"),
    "django": Layout(
        "shop/migrations/0003_stock.py",
        _in_apps,
        ((r".+\.py", r"(?m)^from django\.db(\.migrations)? import .*\bmigrations\b"),),
    ),
    "doctrine": Layout("Version20240102030405.php", _doctrine, ((_PAGE, r"\bDoctrine\\Migrations\\"),)),
    "drizzle": Layout(
        "meta/_journal.json",
        _drizzle,
        ((r"meta/_journal\.json", r'"when"'), (r"[^/]+/snapshot\.json", "")),
        looks=r"\d{14}_[^/]+/migration\.sql",
    ),
    "ecto": Layout("20240102030405_add_stock.exs", _plain, ((r".+\.exs", r"\buse Ecto\.Migration\b"),)),
    "ef-core": Layout("20240102030405_AddStock.cs", _ef_core, ((r".+\.cs", r"\[Migration\(\""),)),
    "flyway": Layout("V1.2__add_stock.sql", _flyway, looks=r"(.*/)?([VB]\d+([._]\d+)*|R)__[^/]*\.(sql|java|kt|class)"),
    "golang-migrate": Layout("000003_add_stock.up.sql", _golang_migrate, looks=r"\d+_[^/]*\.up\.[^/]+"),
    "goose": Layout(
        "00003_add_stock.sql", _plain, ((r"[^/]+\.(sql|go)", r"(?m)^-- *\+goose Up|\bgoose\.AddMigration"),)
    ),
    "knex": Layout(
        "20240102030405_add_stock.js",
        _plain,
        ((r"[^/]+\.\w+", _UP + r"knex\b|from ['\"]knex['\"]"),),
    ),
    "kysely": Layout("20240102030405_add_stock.ts", _plain, ((_CODE, r"\bKysely<|['\"]kysely['\"]"),)),
    "laravel": Layout("2024_01_02_030405_add_stock.php", _plain, ((_PAGE, r"\bIlluminate\\Database\\Migrations\\"),)),
    "liquibase": Layout(
        "db.changelog-root.yaml",
        _liquibase,
        (
            (r"(.*/)?[^/]+\.(xml|ya?ml|json)", r"\bdatabaseChangeLog\b"),
            (r"(.*/)?[^/]+\.sql", r"(?i)\A\s*--\s*liquibase\s*formatted"),
        ),
    ),
    "mikro-orm": Layout(
        "Migration20240102030405.ts", _plain, ((_CODE, r"@mikro-orm/migrations|\bextends (\w+\.)?Migration\b"),)
    ),
    "node-pg-migrate": Layout(
        "1700000000000_add-stock.js",
        _plain,
        (
            (_CODE, r"\bMigrationBuilder\b|node-pg-migrate|" + _UP + r"pgm\b"),
            (r"[^/]+\.sql", r"(?m)^-- Up Migration\b"),
        ),
    ),
    "pgroll": Layout("03_add_stock.yaml", _plain, ((r"[^/]+\.(json|ya?ml)", r"(?m)^[ {]*\"?operations\"? *:"),)),
    "phinx": Layout(
        "20240102030405_add_stock.php",
        _plain,
        ((_PAGE, r"\bPhinx\\Migration\\|(?<!\\)\bMigrations\\(Abstract|Base)Migration\b"),),
    ),
    "prisma": Layout(
        "20240102030405_add_stock/migration.sql",
        _plain,
        ((r"migration_lock\.toml", ""),),
        looks=r"[^/]+/migration\.sql",
    ),
    "rails": Layout("20240102030405_add_stock.rb", _plain, ((r".+\.rb", r"< *ActiveRecord::Migration\b"),)),
    "refinery": Layout("V3__add_stock.sql", _plain, looks=r"(.*/)?[VU]\d+__\w+\.(sql|rs)"),
    "sea-orm": Layout(
        "m20240102_000003_add_stock.rs", _plain, ((r"[^/]+\.rs", r"\bDeriveMigrationName\b|\bMigrationTrait\b"),)
    ),
    "sequelize": Layout("20240102030405-add-stock.js", _plain, ((_CODE, r"\bqueryInterface\b"),)),
    "sql-migrate": Layout("3_add_stock.sql", _plain, ((r"[^/]+\.sql", r"(?m)^-- *\+migrate Up\b"),)),
    "sqitch": Layout("sqitch.plan", _sqitch, ((r"sqitch\.plan", ""),)),
    "sqlx": Layout("20240102030405_add_stock.sql", _plain, looks=r"\d+_[^/]*(?<!\.down)\.sql"),
    "tern": Layout("003_add_stock.sql", _tern, ((r"[^/]+\.sql", r"(?m)^---- create above / drop below ----"),)),
    "tortoise": Layout(
        "shop/migrations/0003_stock.py",
        _in_apps,
        ((r".+\.py", r"(?m)^from tortoise\.migrations\b|^from tortoise import migrations\b"),),
    ),
    "typeorm": Layout(
        "1700000000000-AddStock.ts", _typeorm, ((_CODE, r"\bMigrationInterface\b|\bclass \w*[A-Za-z_]\d{13}\b"),)
    ),
    "yoyo": Layout(
        "0003.add-stock.py",
        _yoyo,
        ((r"[^/]+\.py", r"(?m)^from yoyo\b|^__depends__\b"), (r"[^/]+\.sql", r"\A\s*--\s*depends:")),
    ),
}

_ONLY_IN_CODE = {
    "dbup": "DbUp's migrations are resources of a program",
    "gormigrate": "gormigrate's migrations are in a program's code",
}


# -- what is asked ------------------------------------------------------------------------------------------------


def wanted(tool: Tool, directory: str, given: Sequence[str] = ()) -> Wanted:
    """Return what must be applied: every migration of the directory, or those given out of its graph."""
    found = _found(tool, directory)
    if given:
        return _standing_on(given, directory)
    return Wanted(found.revisions, directory, found.proofs, found.known, is_whole=True)


def _standing_on(given: Sequence[str], directory: str) -> Wanted:
    """Return revisions of Alembic's, each of which is proven by every head that stands on it too."""
    graph = modules.alembic_graph(_folder(directory))
    try:
        names = tuple(dict.fromkeys(name for text in given for name in graph.resolve(text)))
    except ValueError as fault:
        raise _misconfigured(directory, fault) from fault
    proofs = {name: tuple(frozenset({other}) for other in graph.descendants(name)) for name in names}
    return Wanted(names, directory, proofs, frozenset(graph.parents))


def newest(tool: Tool, directory: str) -> list[str]:
    """Return the newest revisions of the directory, to be given as --revision."""
    return list(_found(tool, directory).newest)


def recognise(directory: str) -> Tool:
    """Return the tool whose migrations these unmistakably are, or one of several that agree on the newest."""
    folder = _folder(directory)
    names = [name for name, layout in _LAYOUTS.items() if _has_sign(layout, folder)]
    names = names or [name for name, layout in _LAYOUTS.items() if layout.looks and _matching(layout.looks, folder)]
    if not names:
        raise Misconfigured(
            f"{directory}: no tool's migrations are recognised in it; name the tool, for example --tool flyway"
        )
    if len(names) > 1:
        names = _agreeing(names, directory)
    return TOOLS[names[0]]


def _agreeing(names: Sequence[str], directory: str) -> list[str]:
    """Return those of several tools that can read the directory, if they find the same in it."""
    answers: dict[str, list[str]] = {}
    for name in names:
        with suppress(Misconfigured):
            answers[name] = newest(TOOLS[name], directory)
    if len({*map(tuple, answers.values())}) != 1:
        raise Misconfigured(
            f"{directory}: these may be the migrations of {' or '.join(names)}; "
            f"name the tool, for example --tool {names[0]}"
        )
    return list(answers)


def _folder(directory: str) -> Folder:
    try:
        return Folder(Path(directory))
    except (OSError, ValueError) as fault:
        raise _misconfigured(directory, fault) from fault


def _found(tool: Tool, directory: str) -> Found:
    if tool.name not in _LAYOUTS:
        why = _ONLY_IN_CODE.get(tool.name, "a history of one's own has no migrations directory")
        raise Misconfigured(f"{directory}: {why}; give --revision instead, for example --revision {tool.example}")
    layout = _LAYOUTS[tool.name]
    try:
        found = layout.read(tool, _folder(directory))
    except (OSError, ValueError) as fault:
        raise _misconfigured(directory, fault) from fault
    if not found.revisions:
        raise Misconfigured(f"{directory}: there is no migration of {tool.name} in it; a right one is {layout.example}")
    return found


def _misconfigured(directory: str, fault: OSError | ValueError) -> Misconfigured:
    if isinstance(fault, OSError):
        return Misconfigured(
            f"{fault.filename or directory}: cannot be read ({fault.strerror}); "
            "write the path of one that is mounted and readable, for example /app/migrations"
        )
    return Misconfigured(f"{directory}: {fault}")


def _has_sign(layout: Layout, folder: Folder) -> bool:
    return any(
        not text or re.search(text, _text(folder, path))
        for name, text in layout.signs
        for path in _matching(name, folder)[-SAMPLES:]
    )


def _text(folder: Folder, path: str) -> str:
    """Return a file's text, nothing where it is none: it then tells nothing."""
    try:
        return folder[path]
    except (OSError, ValueError):
        return ""


def _matching(pattern: str, folder: Folder) -> list[str]:
    return [path for path in folder if re.fullmatch(pattern, path)]
