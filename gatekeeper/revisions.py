"""The normal form of a revision, from what a user writes or a file is called, tool by tool.

Each function raises ValueError with a clause that follows "with TOOL": what a revision is, in one example.
"""

import posixpath
import re
from collections.abc import Callable

_EXTENSION = re.compile(
    r"(\.Designer)?\.(cs|c?js|mjs|c?ts|mts|coffee|ls|litcoffee|iced|co|eg|py|php|sql|rs|json|ya?ml)\Z", re.ASCII
)
MOST_DIGITS = 255
"""Of a number: the widest column that a tool keeps one in. Python refuses to count 4301."""
DIGITS = rf"\d{{1,{MOST_DIGITS}}}"


def word(text: str) -> str:
    """Text that stands for itself."""
    if not text or text != text.strip():
        raise ValueError("a revision is text without space around it")
    return text


def stem(text: str) -> str:
    """`2024_add_users.js` -> `2024_add_users`: tools and their releases differ in whether they record the extension."""
    return word(_EXTENSION.sub("", word(text)) or text)


def number(text: str) -> str:
    """`000003`, `3`, `000003_add_users.up.sql` -> `3`."""
    digits = re.fullmatch(rf"({DIGITS})(_.*)?", text, re.ASCII)
    if not digits:
        raise ValueError("a revision is a number")
    return str(int(digits[1]))


def versioned(text: str) -> str:
    """`V3__add_users.sql`, `U3__x`, `3` -> `3`, as refinery records it."""
    digits = re.fullmatch(rf"[VU]?({DIGITS})(__.*)?", text, re.ASCII)
    if not digits:
        raise ValueError("a revision is a number, as in V3__add_users")
    return str(int(digits[1]))


def digits(text: str) -> str:
    """`20240102030405_add_users.sql` -> `20240102030405`, as text: leading zeros count."""
    found = re.fullmatch(rf"({DIGITS})(\D.*)?", text, re.ASCII)
    if not found:
        raise ValueError("a revision is digits")
    return found[1]


def before_underscore(text: str) -> str:
    """`20240102030405_add_users.sql` -> `20240102030405` (Atlas, sql/migrate/dir.go)."""
    return word(stem(text).partition("_")[0])


def undashed(text: str) -> str:
    """`2024-01-02-030405_add_users` -> `20240102030405` (diesel's version_from_string)."""
    found = re.fullmatch(r"([\d-]*\d[\d-]*)(_.*)?", text, re.ASCII)
    if not found:
        raise ValueError("a revision is digits and dashes")
    return found[1].replace("-", "")


def dotted(text: str) -> str:
    """`1.2`, `001.2`, `1_2`, `V1.2__add_users.sql`, `1.2.0` -> `1.2`, as Flyway's MigrationVersion compares.

    A repeatable migration, `R__views.sql`, is `R__views`.
    """
    if text.startswith("R__"):
        return stem(text)
    found = re.fullmatch(rf"[VB]?({DIGITS}([._]{DIGITS})*)(__.*)?", text, re.ASCII)
    if not found:
        raise ValueError("a revision is a version of numbers and dots")
    parts = [str(int(part)) for part in re.split("[._]", found[1])]
    while len(parts) > 1 and parts[-1] == "0":
        parts.pop()
    return ".".join(parts)


def in_app(text: str) -> str:
    """`shop.0002_stock`, `shop/migrations/0002_stock.py` -> `shop.0002_stock` (Django, Tortoise)."""
    label = re.fullmatch(r"(?:.*/)?(\w+)/migrations/(\w+)(?:\.py)?|(\w+)\.(\w+)", text)
    if not label or label[4] == "py":
        raise ValueError("a revision is app_label.migration_name")
    return ".".join(filter(None, label.groups()))


def aerich(text: str) -> str:
    """`models.3_20240102030405_add`, `models/3_20240102030405_add.py`; without an app, Aerich's default `models`."""
    found = re.fullmatch(r"(?:(\w+)[./])?(\d+_\w+)(?:\.py)?", text)
    if not found:
        raise ValueError("a revision is app.number_name")
    return f"{found[1] or 'models'}.{found[2]}"


def doctrine(text: str) -> str:
    r"""`DoctrineMigrations\Version20240102030405`, or without the namespace, which then may be any."""
    found = re.fullmatch(r"(?:[A-Za-z_]\w*\\)*[A-Za-z_]\w*", name := stem(text).removeprefix("\\"), re.ASCII)
    if not found:
        raise ValueError("a revision is a PHP class")
    return name


def typeorm(text: str) -> str:
    """`AddUsers1700000000000`, or as its file is called, `1700000000000-AddUsers.ts`, `1700000000000-add-users.ts`."""
    name = stem(text)
    if file := re.fullmatch(r"(\d{13})-([\w-]+)", name, re.ASCII):
        words = re.split("[-_]", file[2])
        return "".join(part[:1].upper() + part[1:] for part in words) + file[1]
    return name


def liquibase(text: str) -> str:
    r"""`db/001.sql::3::me`, or `tag:v1`. Paths as ChangeSet compares them: no `classpath:`, drive or leading slash."""
    if re.fullmatch(r"tag:\S(.*\S)?", text):
        return text
    parts = text.split("::")
    if len(parts) != 3 or not all(parts):
        raise ValueError("a revision is path::id::author or tag:NAME")
    path = re.sub(r"^(classpath\*?:|[A-Za-z]:(?=[/\\]))", "", parts[0]).replace("\\", "/").lstrip("/")
    return f"{posixpath.normpath(path)}::{parts[1]}::{parts[2]}"


def pgroll(text: str) -> str:
    """`public.03_add_users`, `03_add_users.json`; without a schema, pgroll's default `public`."""
    schema, dot, name = stem(text).rpartition(".")
    return f"{schema}.{word(name)}" if dot else f"public.{word(name)}"


def sqitch(text: str) -> str:
    """`flipr:users`, `flipr:@v1.0`, or a change id: a registry may hold several projects with changes of one name."""
    if not re.fullmatch(r"[^:\s]+:@?[^:@\s]+|[0-9a-f]{40}", text):
        raise ValueError("a revision is project:change, project:@tag or a change id")
    return text


# -- orders -------------------------------------------------------------------------------------------------------


def by_dots(revision: str) -> tuple[int, ...] | None:
    """Order of what `dotted` gives; a repeatable migration has no place."""
    return None if revision.startswith("R__") else tuple(int(part) for part in revision.split("."))


def by_text(revision: str) -> str:
    """Order of names that begin with a date or a padded number, byte by byte."""
    return revision


def by_leading_number(pattern: str) -> Callable[[str], int | None]:
    """Order by the number that the pattern finds; what has none has no place."""

    def place(revision: str) -> int | None:
        found = re.search(pattern, revision, re.ASCII)
        return int(found[1]) if found and len(found[1]) <= MOST_DIGITS else None

    return place
