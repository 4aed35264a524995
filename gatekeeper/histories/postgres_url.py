"""Say in libpq's words what the URL of another driver says: of SQLAlchemy, JDBC, Go, Rust, Node, Prisma, .NET.

Pure: libpq itself reads what is its own. What neither side understands is kept for whoever wants it.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from gatekeeper.gate.settings import Misconfigured
from gatekeeper.histories import urls

PORT = "5432"
URL_EXAMPLE = "postgresql://app@db.shop.svc:5432/app"

_SCHEME = re.compile(rf"(?:{urls.POSTGRES_SCHEMES})(//)?", re.ASCII)
_OTHER_SCHEME = re.compile(r"[\w.+:-]+://", re.ASCII)
_TLS_EXAMPLE = f"{URL_EXAMPLE}?sslmode=verify-full&sslrootcert=/etc/db/ca.crt"
_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_SSLMODE = {urls.plain(mode): mode for mode in _MODES} | {"noverify": "require"}
_SYSTEM = "system"
"""Verify all, by the system's authorities where no others are named."""
_TLS = {
    "sslmode": _SSLMODE,
    # asyncpg's values and node-postgres'. Of true, which many drivers share, libpq's meaning holds.
    "ssl": {**_SSLMODE, "true": "require", "1": _SYSTEM, "false": "", "0": ""},
    "sslaccept": {"strict": _SYSTEM, "acceptinvalidcerts": urls.LAX},
    "sslfactory": {
        "org.postgresql.ssl.nonvalidatingfactory": urls.LAX,
        "org.postgresql.ssl.libpqfactory": "",
        "org.postgresql.ssl.jdbc4.libpqfactory": "",
    },
    "trustservercertificate": {"true": "", "false": ""},  # Npgsql verifies by its mode alone
}
"""URL parameter -> its value -> what that says of TLS; the strictest that is said holds."""
_JDBC_TLS = {**_TLS, "ssl": {"": "verify-full", "true": "verify-full", "false": ""}}
_FILES = {"sslca": "sslrootcert", "rootcertificate": "sslrootcert", "sslcertificate": "sslcert"}
"""Other names of TLS' files than libpq's."""
_WITHOUT_MEANING = {"sslresponsetimeout"}
_DOTNET = {
    **dict.fromkeys(("host", "server"), "host"),
    **dict.fromkeys(("database", "db", "dbname"), "dbname"),
    **dict.fromkeys(("username", "userid", "user", "uid"), "user"),
    **dict.fromkeys(("password", "pwd", "psw"), "password"),
    "targetsessionattributes": "target_session_attrs",
    "searchpath": "search_path",
}
"""Keys of .NET's connection string: what they are in a URL."""
_TARGETS = {
    **dict.fromkeys(("primary", "master"), "primary"),
    **dict.fromkeys(("secondary", "slave"), "standby"),
    **dict.fromkeys(("prefersecondary", "preferslave"), "prefer-standby"),
}
"""JDBC's targetServerType, in libpq's words; the others mean any."""
_NAMES = {
    "database": "dbname",
    "PGHOST": "host",
    "PGPORT": "port",
    "PGDBNAME": "dbname",  # JDBC's
    "socket": "host",
    "socket_dir": "host",  # dbmate's, Ecto's
}
"""Other names of a place than libpq's."""
_HOST_AND_PORT = re.compile(r"(?:\[([\da-fA-F:.]+)\]|([^/:\[\]]*))(?::(\d+))?", re.ASCII)


class Written(NamedTuple):
    """A URL in libpq's words."""

    conninfo: str
    """What libpq reads by itself."""
    parameters: dict[str, str]
    """What it is told besides, which has precedence."""
    left: dict[str, str]
    """What else is said, as the URL spells it: of pools, and of schemas."""


def read_url(url: str, known: Collection[str]) -> Written:
    """Return what a URL says; `known` are libpq's keywords. Raises Misconfigured, without quoting a value of it."""
    written = url.strip()
    urls.refuse_unexpanded(written)
    if pdo := urls.PDO.match(written):
        return Written(written[pdo.end() :].replace(";", " "), {}, {})
    if pairs := urls.key_values(written):
        keys = {"port": PORT} | {_DOTNET.get(key, key): value for key, value in pairs.items()}  # as JDBC's below
        return _written("", [*keys.items()], known, _TLS)
    scheme = _SCHEME.match(written)
    if not scheme:
        if _OTHER_SCHEME.match(written):
            raise Misconfigured(
                "the database URL's scheme is neither PostgreSQL's nor MySQL's; "
                f"write for example {URL_EXAMPLE}, or mysql://app@db.shop.svc:3306/app"
            )
        return Written(written, {}, {})
    rest, is_jdbc = written[scheme.end() :], written.startswith("jdbc:")
    if not scheme[1]:  # jdbc:postgresql:shop is a database of this machine, and so is db:pg:shop
        if not written.startswith(("jdbc:", "db:")):
            raise cannot_be_parsed()
        rest = f"/{rest.lstrip('/')}"
    # As libpq reads it: user and password may be all that is before the first slash.
    login = match[0] if (match := re.match("[^@/]*@", rest)) else ""
    place, _, query = rest[len(login) :].partition("?")
    said = _said(query, is_jdbc=is_jdbc)
    if is_jdbc:  # which reads none of libpq's variables
        server = place.partition("/")[0]
        own = {} if login or server.strip(":0123456789") else {"host": "localhost"}
        own |= {} if re.search(r":\d+(?:,|\Z)", server) else {"port": PORT}
        said = [(key, value) for key, value in own.items() if key not in dict(said)] + said
    return _written(f"postgresql://{login}{place}", said, known, _JDBC_TLS if is_jdbc else _TLS)


def _said(query: str, *, is_jdbc: bool) -> list[tuple[str, str]]:
    """Return the parameters of a URL, in its order.

    To JDBC, as to most drivers, a + is a space; to libpq it is a +, which in its options can only mean a space.
    """
    pairs = [pair.partition("=") for pair in query.split("&") if pair]
    # An unescaped @ of a password ends up in the parts around it, and those are told to people.
    odd = any("@" in key or ("@" in value and key not in ("user", "password")) for key, _, value in pairs)
    try:
        said = [
            (_NAMES.get(key, key), urls.unescaped(value.replace("+", " ") if is_jdbc or key == "options" else value))
            for key, _, value in pairs
        ]
    except ValueError:
        odd = True
    if odd:
        raise cannot_be_parsed()
    return said


def cannot_be_parsed() -> Misconfigured:
    """Return what is wrong with a URL of which nothing can be told."""
    return Misconfigured(
        "the database URL cannot be parsed; percent-encode what is special in user and password, "
        f"and write for example {URL_EXAMPLE}"
    )


def _written(
    conninfo: str, said: Sequence[tuple[str, str]], known: Collection[str], words: Mapping[str, Mapping[str, str]]
) -> Written:
    urls.refuse_repeated(said, URL_EXAMPLE)
    options = {urls.plain(key): value for key, value in said}
    urls.refuse_other_ways(options, f"{URL_EXAMPLE}, or postgresql://app@/app?host=/cloudsql/project:region:instance")
    files = {urls.plain(key): key for key in known if key.startswith("ssl") and key != "sslmode"} | _FILES
    urls.refuse_other_tls(options, {*words, *files, *_WITHOUT_MEANING}, _TLS_EXAMPLE)
    parameters = {key: value for key, value in said if key in known}
    parameters |= {files[key]: value for key, value in options.items() if key in files}
    parameters |= _hosts([value for key, value in said if key == "host"]) | _tls(options, parameters, words)
    if target := _TARGETS.get(urls.plain(options.get("targetservertype", ""))):
        parameters.setdefault("target_session_attrs", target)
    role = dict(said).get("role")
    if role and words is not _JDBC_TLS:  # asyncpg and Go's drivers hand it to the server, whose "$user" it then is
        setting = re.sub(r"([\\\s])", r"\\\1", role)
        parameters["options"] = f"{parameters.get('options', '')} -c role={setting}".lstrip()
    told = {*known, *words, *files}
    left = {key: value for key, value in said if key not in told and urls.plain(key) not in told}
    return Written(conninfo, parameters, left)


def _tls(
    options: Mapping[str, str], parameters: dict[str, str], words: Mapping[str, Mapping[str, str]]
) -> dict[str, str]:
    """Return what libpq is to be told of TLS, and correct its files among the parameters."""
    if words is _JDBC_TLS and "sslmode" in options:
        words = {key: modes for key, modes in words.items() if key != "ssl"}  # it then means nothing
    said = urls.said_of_tls(options, words, _TLS_EXAMPLE)
    if "sslcert" in parameters and not {"sslkey", "sslrootcert"} & set(parameters):
        parameters["sslrootcert"] = parameters.pop("sslcert")  # Prisma's is the server's
    if urls.LAX in said:
        parameters.pop("sslrootcert", None)  # libpq verifies wherever it has authorities
    if _SYSTEM in said:
        parameters.setdefault("sslrootcert", _SYSTEM)
    mode = urls.strictest({"verify-full" if each == _SYSTEM else each for each in said}, _MODES, at_most="require")
    return {"sslmode": mode} if mode else {}


def _hosts(values: Sequence[str]) -> dict[str, str]:
    """Return libpq's lists for hosts with ports, as SQLAlchemy and .NET write them, one or several."""
    places = [_HOST_AND_PORT.fullmatch(part) for value in values for part in value.split(",")]
    if not all(places) or not (len(values) > 1 or any(place[3] for place in places if place)):
        return {}
    hosts = [(place[1] or place[2], place[3] or "") for place in places if place]
    ports = ",".join(port for _, port in hosts)
    return {"host": ",".join(host for host, _ in hosts)} | ({"port": ports} if ports.strip(",") else {})
