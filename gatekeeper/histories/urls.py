"""Tell whose a database URL is, and read what the URLs of all drivers have in common: parameters, and words for TLS.

What is understood of one database's URLs alone is in `postgres_url` and `mysql_url`. A driver's word that asks for TLS
is never dropped: what is not understood of it is Misconfigured. Nothing of a URL's values is quoted.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from urllib.parse import unquote

from gatekeeper.gate.settings import UNEXPANDED, Misconfigured

POSTGRES_SCHEMES = (
    r"(?:jdbc:(?:(?!tc:)\w+(?:-\w+)*:)?|db:)?"  # a wrapper, as jdbc:aws-wrapper:, but Testcontainers'; Sqitch
    r"(?:postgres|postgresql|postgis|psql|psycopg|asyncpg|pgx[45]?|pg|pgsql|pdo-pgsql|timescale(?:gis)?"
    r"|cockroach|cockroachdb|crdb|crdb-postgres|yugabyte|yugabytedb|ysql)(?:\+\w+)?:"
)
MYSQL_SCHEMES = (
    r"(?:jdbc:(?:(?!tc:)\w+(?:-\w+)*:)??|db:)?"
    r"(?:mysqli?|mysql2|mysqlgis|mysql-connector|mariadb|maria|trilogy|pdo-mysql|tidb)(?:\+(?!srv\b)\w+)?:"
)
_MYSQL = re.compile(MYSQL_SCHEMES, re.ASCII)
_GO = re.compile(
    r"(?:[^:@/]*(?::.*)?@)?(?:tcp[46]?|unix)?\([^()]*\)/"
    rf"|(?!{POSTGRES_SCHEMES})[^:@/\s=]*(?::(?:(?!//).)*)?@(?:tcp[46]?)?/[^@/?\s]*(?:\?[^@]*)?\Z",  # of this machine
    re.ASCII,
)
PDO = re.compile(r"(mysql|pgsql):(?!//)(?=[\w ]+=)", re.ASCII)
"""What PHP has before keys and values."""
_KEY_VALUE = re.compile(r"""\s*([\w. -]+?)\s*=\s*("(?:[^"]|"")*"|'(?:[^']|'')*'|[^;'"]?[^;]*?)\s*(?:;|$)""", re.ASCII)
_BY_OTHER_WAYS = {"socketfactory", "cloudsqlinstance", "unixsock"}
_OF_TLS = re.compile("(?:use|requires?|enabled?|verify|x)?(?:ssl|tls)")
_MYSQLS_OWN = {"uid", "pwd"}
_POSTGRESQLS_OWN = {"host", "username"}

LAX = "lax"
"""Whatever else is said of TLS, no certificate is verified."""


def is_mysql(url: str | None) -> bool:
    """Return whether a database URL is MySQL's or MariaDB's; every other one is for PostgreSQL to judge."""
    written = (url or "").strip()
    if written.startswith("ecto:"):
        raise Misconfigured(
            "the scheme ecto: does not say which database it is; write the same URL with postgresql: or mysql:, "
            "for example postgresql://app@db.shop.svc:5432/app"
        )
    if pdo := PDO.match(written):
        return pdo[1] == "mysql"
    if keys := key_values(written):
        own = {"3306": True, "5432": False}.get(keys.get("port", ""))
        if own is None and bool(_MYSQLS_OWN & set(keys)) == bool(_POSTGRESQLS_OWN & set(keys)):
            raise Misconfigured(
                "the connection string does not say which database it is; write for example "
                "Host=db.shop.svc;Port=5432;Database=app;Username=app, or "
                "Server=db.shop.svc;Port=3306;Database=app;Uid=app"
            )
        return bool(_MYSQLS_OWN & set(keys)) if own is None else own
    return bool(_MYSQL.match(written) or _GO.match(written))


def key_values(written: str) -> dict[str, str]:
    """Return what .NET's connection string, or PHP's, says, each key plain; nothing for libpq's own, with spaces."""
    pdo = PDO.match(written)
    if pdo:
        written = written[pdo.end() :]
    elif ";" not in written or re.match(r"[\w+.:-]*//", written):
        return {}
    found: dict[str, str] = {}
    end = 0
    while end < len(written):
        match = _KEY_VALUE.match(written, end)
        if not match:
            return {} if written[end:].strip() else found
        key, value = match.groups()
        if value[:1] in ("'", '"'):
            value = value[1:-1].replace(value[0] * 2, value[0])
        found[plain(key)], end = value, match.end()
    host = next((found[key] for key in ("host", "server", "datasource") if key in found), "=")
    return {} if "=" in host and not pdo else found


def plain(word: str) -> str:
    """Return a key or a value as drivers that fold it compare it."""
    return re.sub("[-_ ]", "", word).lower()


def refuse_unexpanded(written: str) -> None:
    """Raise Misconfigured where the kubelet has left a variable as it stands in the manifest."""
    if match := UNEXPANDED.search(written):
        raise Misconfigured(
            f"$({match[1]}) in the database URL is no value: the kubelet replaces a variable only if the container's "
            f"env defines it before the one that uses it; move {match[1]} up, or for a real $ write for example %24"
        )


def refuse_other_ways(keys: Iterable[str], example: str) -> None:
    """Raise Misconfigured for a parameter, plain, by which the driver connects as the gate cannot."""
    if other := _BY_OTHER_WAYS & set(keys):
        raise Misconfigured(
            f"the gate cannot connect by the database URL's {min(other)}; name a host or a socket, "
            f"for example {example}"
        )


def said_twice(part: str, example: str) -> Misconfigured:
    """Return what is wrong where the place of a URL and its parameters differ, which drivers read in both ways."""
    return Misconfigured(
        f"the database URL says two {part}s, in its place and by a parameter, of which drivers take one or the other; "
        f"leave out the parameter, and write for example {example}"
    )


def refuse_repeated(said: Iterable[tuple[str, str]], example: str) -> None:
    """Raise Misconfigured for a parameter of two values, of which most drivers take the last, and lib/pq the first.

    Several hosts are no contradiction.
    """
    values: dict[str, str] = {}
    for key, value in said:
        if plain(key) != "host" and values.setdefault(plain(key), value) != value:
            raise Misconfigured(
                f"the database URL says {key} twice, and drivers take the first or the last; "
                f"leave one out, and write for example {example}"
            )


def said_of_tls(options: Mapping[str, str], words: Mapping[str, Mapping[str, str]], example: str) -> set[str]:
    """Return the modes that parameters of plain keys ask for; words are: key -> value -> mode, or nothing."""
    said = set()
    for key, modes in words.items():
        if (value := options.get(key)) is None:
            continue
        if plain(value) not in modes:
            raise _not_understood(key, example)
        said.add(modes[plain(value)])
    return said - {""}


def refuse_other_tls(keys: Iterable[str], understood: Collection[str], example: str) -> None:
    """Raise Misconfigured for a parameter that is about TLS and not among those understood, all plain."""
    for key in keys:
        if _OF_TLS.match(key) and key not in understood:
            raise _not_understood(key, example)


def strictest(said: set[str], modes: tuple[str, ...], *, at_most: str) -> str:
    """Return the last of these modes that is said, or nothing; where all is lax no more than `at_most`."""
    places = [modes.index(mode) for mode in said - {LAX}]
    if not places:
        return ""
    return modes[min(max(places), modes.index(at_most) if LAX in said else len(modes))]


def unescaped(text: str) -> str:
    """Return text with its escapes resolved. Raises ValueError for one that is bad, or that is not UTF-8."""
    if re.search("%(?![0-9a-fA-F]{2})", text):
        raise ValueError("a bad escape")
    return unquote(text, errors="strict") if "%" in text else text  # few gates need what that loads


def _not_understood(key: str, example: str) -> Misconfigured:
    return Misconfigured(
        f"what the database URL says of TLS by its parameter {key} is not understood; write for example {example}"
    )
