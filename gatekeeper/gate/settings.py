"""What the user asked for, as plain values: parsing of text from flags, environment and files.

Every parser raises Misconfigured with one sentence that says what is wrong and shows what would be right.
"""

import errno
import os
import re
import stat
from collections.abc import Mapping, Sequence

from gatekeeper.gate.durations import parse_duration

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
SUBDOMAIN = re.compile(rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*")
"""A DNS subdomain, which the names of Jobs and ServiceAccounts are."""
_NAMESPACE = re.compile(rf"(?=.{{1,63}}$){_LABEL}")
_NAME = r"[A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?"
_KEY = rf"((?=[^/]{{1,253}}/){_LABEL}(\.{_LABEL})*/)?{_NAME}"
_MARK = re.compile(_KEY, re.ASCII)
_REQUIREMENT = re.compile(
    rf"!?{_KEY}"  # KEY or !KEY
    rf"|{_KEY}\s*(=|==|!=)\s*({_NAME})?"
    rf"|{_KEY}\s+(in|notin)\s*\(\s*{_NAME}(\s*,\s*{_NAME})*\s*\)",
    re.ASCII,
)
UNEXPANDED = re.compile(r"\$\(([A-Za-z_][\w.-]*)\)", re.ASCII)
"""A variable as it stands in a manifest: the kubelet leaves it so where it does not know it."""
_OUTSIDE_PARENTHESES = re.compile(r",(?![^(]*\))")


class Misconfigured(Exception):
    """A flag, an environment variable or a file that it names is wrong; the text shows what would be right."""


def duration(text: str) -> float:
    """Return seconds; infinite for a negative duration."""
    try:
        return parse_duration(text)
    except ValueError as fault:
        raise Misconfigured(f"--timeout: {fault}") from fault


def job_name(text: str) -> str:
    """Return the name of a Job: a DNS subdomain, as the API server demands."""
    if not SUBDOMAIN.fullmatch(text):
        raise Misconfigured(f"{text!r} is not the name of a Job; write only its name, for example db-migrate")
    return text


def namespace(option: str, text: str) -> str:
    """Return the name of a namespace: a DNS label, as the API server demands. Anything else is another path there."""
    if not _NAMESPACE.fullmatch(text):
        raise Misconfigured(f"{option}: {text!r} is not the name of a namespace; write for example {option} shop")
    return text


def requirement(text: str) -> tuple[str, str]:
    """Return key and value of a label or annotation that a Job must carry.

    The line end is no part of it that a value has which comes from a file, as of a ConfigMap.
    """
    key, equals, value = utf8("--require", text).rstrip("\r\n").partition("=")
    if not (key and equals and value):
        wrong = "has no value: is the pod's label missing that gives it?" if key and equals else "is not KEY=VALUE"
        raise Misconfigured(f"--require: {text!r} {wrong}; write for example app.kubernetes.io/version=1.4.0")
    if not _MARK.fullmatch(key):
        raise Misconfigured(
            f"--require: {key!r} can be no label or annotation; write for example app.kubernetes.io/version=1.4.0"
        )
    return key, value


def requirements(given: Sequence[str], environ: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return all that a Job must carry. A variable that is empty, as an empty ConfigMap makes it, demands nothing."""
    name = variable("require")
    if not given and name in environ:
        raise Misconfigured(f"{name} is empty; write for example app.kubernetes.io/version=1.4.0, or remove it")
    for text in given:
        refuse_unexpanded("--require", text, "app.kubernetes.io/version=1.4.0")
    found = tuple(dict.fromkeys(map(requirement, given)))
    if len(dict(found)) < len(found):
        raise Misconfigured(
            "--require: a Job has one value of a key, so name each once; "
            "write for example app.kubernetes.io/version=1.4.0"
        )
    return found


def refuse_unexpanded(option: str, text: str, example: str) -> None:
    """Raise Misconfigured where the kubelet has left a variable: a gate would wait for what nobody can write."""
    if match := UNEXPANDED.search(text):
        name = match[1]
        raise Misconfigured(
            f"{option}: $({name}) is no value, for the env of this container has no {name}; write for example {example}"
        )


def selector(text: str) -> str:
    """Return a label selector, checked as far as the API server would check it."""
    if not all(_REQUIREMENT.fullmatch(part.strip()) for part in _OUTSIDE_PARENTHESES.split(text)):
        raise Misconfigured(f"--selector: {text!r} is not a label selector; write for example app=web,tier!=cache")
    return text


SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
"""Where a pod has its token, the authority of the API server's certificate, and the name of its namespace."""
TIMEOUT = "5m"
"""Of a whole gate, where no other is given."""
IF_ABSENT = ("wait", "open", "fail")
"""What a Job that does not exist can mean."""


def variable(option: str) -> str:
    """Return the environment variable of an option of the gate."""
    return f"GATEKEEPER_{option.upper().replace('-', '_')}"


def choice(option: str, text: str, allowed: tuple[str, ...]) -> str:
    """Return the text if it is one of those allowed."""
    if text not in allowed:
        raise Misconfigured(
            f"{option}: {text!r} is none of {', '.join(allowed)}; write for example {option} {allowed[0]}"
        )
    return text


MOST_BYTES = 2**20
"""Of a file that is given to a gate: what is larger was not meant."""
_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
"""What editors and shells of Windows put before a text -> the encoding that it tells."""


def file_bytes(path: str) -> bytes:
    """Return what a file holds. Raises OSError, also for a pipe or a device, which may have no end or never begin."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "it is no plain file")
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise OSError(errno.EFBIG, f"it is larger than {MOST_BYTES // 2**20} MiB")
    return content


def file_text(option: str, path: str) -> str:
    """Return the text of a file without a mark of its encoding, and the line end that editors and `echo` put last."""
    try:
        content = file_bytes(path)
        text = content.decode(next((encoding for mark, encoding in _MARKS if content.startswith(mark)), "utf-8"))
    except (OSError, ValueError) as fault:  # the latter for other bytes, and for a path that cannot be one
        why = fault.strerror if isinstance(fault, OSError) else "it is not UTF-8 text"
        raise Misconfigured(f"{option}: {path} cannot be read ({why}); write the path of a mounted file") from fault
    if not text.strip():
        raise Misconfigured(f"{option}: {path} is empty; write the path of a mounted file with one value in it")
    return text.rstrip("\r\n")


def utf8(name: str, text: str) -> str:
    """Return what the environment holds if it is UTF-8; Python keeps other bytes as what no driver can send."""
    try:
        text.encode()
    except UnicodeEncodeError as fault:
        raise Misconfigured(f"{name} is not UTF-8 text; store it as UTF-8, or in a URL write %C3%B6 for ö") from fault
    return text


_TABLE = re.compile(r'(?:("[^"]+"|[^".]+)\.)?("[^"]+"|[^".]+)')


def table_name(text: str) -> tuple[str, str]:
    """Return schema (or nothing) and table, spelled as the database's catalog spells them; quotes are for dots."""
    parts = _TABLE.fullmatch(text)
    if not parts:
        raise Misconfigured(f"--table: {text!r} is not [SCHEMA.]TABLE; write for example app.schema_migrations")
    schema, table = ((part or "").strip('"') for part in parts.groups())
    return schema, table
