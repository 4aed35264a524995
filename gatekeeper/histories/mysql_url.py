"""Read the URLs of all drivers of MySQL and MariaDB: of SQLAlchemy, JDBC, Go, Ruby, Node, Prisma, .NET.

Pure. What is not understood, and is not about TLS, is kept for whoever wants it.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import quote, unquote, unquote_plus

from gatekeeper.gate.settings import Misconfigured
from gatekeeper.histories import urls

PORT = "3306"
URL_EXAMPLE = "mysql://app@db.shop.svc:3306/app"

_URL = re.compile(
    rf"(?:{urls.MYSQL_SCHEMES})(?:[\w-]+:)?//"  # JDBC has ways to choose among hosts: here they are tried in order
    r"(?:(?P<user>[^:@/?]*)(?::(?P<password>[^@/?]*))?@)?"
    r"(?P<places>[^@/?]*)(?:/(?P<database>[^@/?]*))?(?:\?(?P<query>[^@]*))?",
    re.ASCII,
)
# The data source name of Go's driver, bare or as golang-migrate takes it: its password may hold anything.
_GO_URL = re.compile(
    r"(?P<scheme>mysql://)?(?:(?P<user>[^:@/?]*)(?::(?P<password>.*))?@)?"
    r"(?:(?:tcp[46]?)?\((?P<places>[^(),]*)\)|unix\((?P<socket>/[^()]*)\))"
    r"/(?P<database>[^@/?]*)(?:\?(?P<query>[^@]*))?",
    re.ASCII,
)
_GO_LOCAL = re.compile(
    rf"(?!{urls.MYSQL_SCHEMES})(?P<user>[^:@/\s=]*)(?::(?P<password>(?:(?!//).)*))?@(?:tcp[46]?)?/(?P<database>[^@/?\s]*)(?:\?(?P<query>[^@]*))?",
    re.ASCII,
)
_UNIX_URL = re.compile(
    rf"(?:{urls.MYSQL_SCHEMES})(?<=\+unix:)//"  # Atlas'
    r"(?:(?P<user>[^:@/?]*)(?::(?P<password>[^@/?]*))?@)?(?P<socket>/[^@?]*)(?:\?(?P<query>[^@]*))?",
    re.ASCII,
)
_PLACE = re.compile(r"(?:\[(?P<ipv6>[\da-fA-F:.]+)\]|(?P<host>(?:[\w.-]|%2[fF])*))(?::(?P<port>\d{0,5}))?", re.ASCII)
_IPV6 = re.compile(r"[\da-fA-F]*:[\da-fA-F:]*:[\da-fA-F.]*", re.ASCII)
_ADDRESS = re.compile(r"address=((?:\(\w+=[^()]*\))+)", re.ASCII)
_BAD_ESCAPE = re.compile("%(?![0-9a-fA-F]{2})")
_NAMES = {
    "user": "user",
    "username": "user",
    "password": "password",
    "socket": "unix_socket",
    "unixsocket": "unix_socket",
    "localsocket": "unix_socket",
    "socketpath": "unix_socket",
    "sslca": "ssl_ca",
    "sslrootcert": "ssl_ca",
    "serversslcert": "ssl_ca",
    "cacertificatefile": "ssl_ca",
    "xtlsca": "ssl_ca",
    "sslcert": "ssl_cert",
    "xtlscert": "ssl_cert",
    "sslkey": "ssl_key",
    "xtlskey": "ssl_key",
}
"""URL parameters of the drivers, plain: what they are called here."""
_DOTNET = {
    **dict.fromkeys(("server", "host", "datasource", "address", "addr", "networkaddress"), "places"),
    **dict.fromkeys(("database", "initialcatalog", "dbname"), "database"),
    **dict.fromkeys(("userid", "username", "uid", "user"), "user"),
    **dict.fromkeys(("password", "pwd"), "password"),
    "port": "port",
}
"""Keys of .NET's connection string: the parts of a URL."""
_PLACES = {"host": "places", "port": "port", "database": "database", "dbname": "database"}
"""URL parameters that repeat its place: SQLAlchemy and Rails take them, Node and Phinx the place."""
_MODES = ("disabled", "preferred", "required", "verify_ca", "verify_identity")


def _either(off: str, on: str) -> dict[str, str]:
    return dict.fromkeys(("false", "0", "no"), off) | dict.fromkeys(("true", "1", "yes"), on)


_TLS = {
    "sslmode": {
        "": "",
        **dict.fromkeys(("disable", "disabled", "none"), "disabled"),
        **dict.fromkeys(("allow", "prefer", "preferred"), "preferred"),
        **dict.fromkeys(("require", "required", "trust"), "required"),
        "verifyca": "verify_ca",
        **dict.fromkeys(("verifyfull", "verifyidentity"), "verify_identity"),
    },
    "tls": {
        "": "",
        **_either("disabled", "verify_identity"),
        "preferred": "preferred",
        "skipverify": "required",
        "custom": "verify_identity",
    },
    "ssl": _either("disabled", "required"),
    "usessl": _either("disabled", "required"),
    "requiressl": _either("", "required"),
    "ssldisabled": _either("", "disabled"),
    "sslverifycert": _either("", "verify_ca"),
    "sslverifyidentity": _either("", "verify_identity"),
    "sslverifyservercert": _either("", "verify_identity"),
    "sslcheckhostname": _either("", "verify_identity"),
    "verifyservercertificate": _either(urls.LAX, "verify_ca"),
    "trustservercertificate": _either("", urls.LAX),
    "xtlsinsecureskipverify": _either("", urls.LAX),
    "sslaccept": {"strict": "verify_identity", "acceptinvalidcerts": urls.LAX},
}
"""URL parameter -> its value -> what that says of TLS; the strictest that is said holds."""
_MARIADBS_TLS = {**_TLS, "usessl": _either("disabled", "verify_identity") | {"": "verify_identity"}}
"""The same of MariaDB's JDBC driver, which verifies where no more is said."""
_MARIADBS = re.compile(r"jdbc:(?:\w+(?:-\w+)*:)?mariadb:", re.ASCII)
_WITHOUT_MEANING = {
    *("sslcipher", "tlsciphersuites", "enabledsslciphersuites"),
    *("tlsversion", "tlsversions", "tlsminversion", "tlsmaxversion", "enabledtlsprotocols", "enabledsslprotocolsuites"),
}
"""What is agreed on with the server in any case."""
_TLS_EXAMPLE = f"{URL_EXAMPLE}?ssl-mode=VERIFY_IDENTITY&ssl-ca=/etc/db/ca.crt"
_VARIABLES = {
    "MYSQL_USER": "user",
    "MYSQL_PASSWORD": "password",
    "MYSQL_HOST": "places",
    "MYSQL_PORT": "port",
    "MYSQL_DATABASE": "database",
    "MYSQL_DB": "database",
}


class Written(NamedTuple):
    """What a URL says."""

    parameters: dict[str, str]
    """User, password, host, port or unix_socket, database, ssl_mode, ssl_ca, _cert and _key, as far as it has them.

    Of several hosts, each with its port, both are lists with commas.
    """
    left: dict[str, str]
    """What else is said, as the URL spells it: of pools, and of tables."""


def read_url(url: str) -> Written:
    """Return what a URL says. Raises Misconfigured, without quoting a value of it."""
    written = url.strip()
    urls.refuse_unexpanded(written)
    if pairs := urls.key_values(written):
        parts = {_DOTNET[key]: value for key, value in pairs.items() if key in _DOTNET}
        parts["places"] = _in_a_url(parts.get("places", ""))
        return _written(parts, [(key, value) for key, value in pairs.items() if key not in _DOTNET])
    go = _GO_URL.fullmatch(written) or _GO_LOCAL.fullmatch(written)
    match = go or _UNIX_URL.fullmatch(written) or _URL.fullmatch(written)
    if not match:
        raise _cannot_be_parsed()
    parts = {key: value for key, value in match.groupdict().items() if value}
    # golang-migrate unescapes as for a form, and Go's driver by itself not at all.
    plain = (unquote_plus if "scheme" in parts else str) if go else unquote
    if any(_BAD_ESCAPE.search(value) for key, value in parts.items() if plain is not str or key != "password"):
        raise _cannot_be_parsed()
    parts |= {key: plain(parts[key]) for key in ("user", "password") if key in parts}
    parts |= {key: unquote(parts[key]) for key in ("database",) if key in parts}
    pairs_of_url = [pair.partition("=") for pair in parts.pop("query", "").split("&") if pair]
    if _MARIADBS.match(written):  # to all other drivers a + is a space
        return _written(parts, [(key, unquote(value)) for key, _, value in pairs_of_url], _MARIADBS_TLS)
    return _written(parts, [(key, unquote_plus(value)) for key, _, value in pairs_of_url])


def url_of_variables(environment: Mapping[str, str]) -> str:
    """Return the URL of the database that MYSQL_HOST and its like name; nothing if they name none."""
    parts = {part: environment[name] for name, part in reversed(_VARIABLES.items()) if environment.get(name)}
    if "places" not in parts:
        return ""
    if not re.fullmatch(r"\d*", parts.get("port", "")):
        raise Misconfigured(
            "MYSQL_PORT is not a port, but perhaps what Kubernetes sets for a Service called mysql; "
            "write for example MYSQL_PORT=3306"
        )
    escaped = {part: quote(value, "") for part, value in parts.items() if part not in ("places", "port")}
    login = ":".join(escaped[part] for part in ("user", "password") if part in escaped)
    parts["places"] = _in_a_url(parts["places"])
    place = ":".join(parts[part] for part in ("places", "port") if part in parts)
    return f"mysql://{login}@{place}/{escaped.get('database', '')}"


def _in_a_url(host: str) -> str:
    """Return a host, which may be an IPv6 address or a socket's path, as the place of a URL has it."""
    return f"[{host}]" if _IPV6.fullmatch(host) else host.replace("/", "%2F")


def _cannot_be_parsed() -> Misconfigured:
    return Misconfigured(
        "the database URL cannot be parsed; percent-encode what is special in user and password, "
        f"and write for example {URL_EXAMPLE}"
    )


def _written(
    of_place: dict[str, str], said: list[tuple[str, str]], words: Mapping[str, Mapping[str, str]] = _TLS
) -> Written:
    urls.refuse_repeated(said, URL_EXAMPLE)
    options = {urls.plain(key): value for key, value in said}
    urls.refuse_other_ways(options, f"{URL_EXAMPLE}, or mysql://app@/app?socket=/run/mysqld/mysqld.sock")
    parts = {part: options[key] for key, part in _PLACES.items() if options.get(key)} | of_place
    if not parts.get("database"):
        raise Misconfigured(f"the database URL names no database; write for example {URL_EXAMPLE}")
    given = {_NAMES[key]: value for key, value in options.items() if key in _NAMES and value}
    if "ssl_key" not in given and (certificate := given.pop("ssl_cert", "")):
        given["ssl_ca"] = certificate  # Prisma's sslcert is the server's
    host, port = _places(parts.get("places", ""), parts.get("port", ""))
    own_host = host if "places" in of_place else options.get("host", "")
    its = {"host": own_host, "port": port, "database": parts["database"], "dbname": parts["database"]}
    for key in _PLACES:
        if options.get(key) and {*its[key].split(",")} != {options[key]}:
            raise urls.said_twice(key, URL_EXAMPLE)
    is_socket = host.startswith("/")
    own = {
        "user": parts.get("user", ""),
        "password": parts.get("password", ""),
        "unix_socket": host if is_socket else parts.get("socket", ""),
        "host": "" if is_socket else host,
        "port": port,
        "database": parts["database"],
        "ssl_mode": _tls_mode(options, words, has_ca="ssl_ca" in given),
    }
    left = {key: value for key, value in said if urls.plain(key) not in {*_NAMES, *_TLS, *_PLACES}}
    return Written(given | {key: value for key, value in own.items() if value}, left)


def _places(written: str, port: str) -> tuple[str, str]:
    """Return the hosts and their ports, lists with commas where there are several; `port` is of those without one."""
    found = []
    for each in written.split(","):
        place = each
        if address := _ADDRESS.fullmatch(each):
            pairs = dict(pair.split("=", 1) for pair in address[1][1:-1].split(")("))
            place = f"{pairs.get('host', '')}:{pairs.get('port', '')}"
            if set(pairs) - {"host", "port", "type", "priority", "protocol"}:
                raise _cannot_be_parsed()
        parts = _PLACE.fullmatch(place)
        if not parts or int(parts["port"] or port or 0) > 65535:
            raise _cannot_be_parsed()
        found.append((parts["ipv6"] or unquote(parts["host"]), parts["port"] or port))
    ports = ",".join(each or PORT for _, each in found) if any(each for _, each in found) else ""
    return ",".join(host for host, _ in found), ports


def _tls_mode(options: Mapping[str, str], words: Mapping[str, Mapping[str, str]], *, has_ca: bool) -> str:
    """Return what a URL says of TLS, in MySQL's words, or nothing; a CA alone is there to be verified with."""
    urls.refuse_other_tls(options, {*_TLS, *_NAMES, *_WITHOUT_MEANING}, _TLS_EXAMPLE)
    said = {"verify_ca"} if has_ca and not {"sslmode", "tls"} & set(options) else set()
    if words is _MARIADBS_TLS and urls.plain(options.get("disablesslhostnameverification", "")) == "true":
        words = {**words, "usessl": _either("disabled", "verify_ca")}
    if (value := urls.plain(options.get("ssl", ""))).startswith("{"):  # Node's, as JSON
        words = {key: modes for key, modes in words.items() if key != "ssl"}
        said |= {"required", urls.LAX} if re.search(r'"rejectunauthorized":\s*false', value) else {"verify_identity"}
    said |= urls.said_of_tls(options, words, _TLS_EXAMPLE)
    return urls.strictest(said, _MODES, at_most="required") or ("preferred" if said else "")
