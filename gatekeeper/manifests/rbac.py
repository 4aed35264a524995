"""The least RBAC that lets a gate read its Jobs, as plain objects and as YAML.

Reading a Job takes one rule: list and watch, on its name. RBAC allows both by `resourceNames` when the request carries
`fieldSelector=metadata.name=NAME`, as every request of `kube` does. RBAC knows no labels, so Jobs that a selector
chooses need the rule without names. A gate that reads no Job needs nothing. No cluster is asked.
"""

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gatekeeper.gate import settings
from gatekeeper.gate.settings import Misconfigured

GROUP = "rbac.authorization.k8s.io"
EXAMPLE = "--job db-migrate --service-account web"

Object = dict[str, Any]
"""A Kubernetes object, or a part of one: text, truths, lists and such objects."""

_OF_A_RELEASE = re.compile(
    r"v?\d+|(?:b|build|r|rel|release|rev|revision)\d+|(?:alpha|beta|pre|rc)\d*"
    r"|(?=.*\d)[0-9a-f]{7,}|(?=(?:\d*[a-z]+\d+){2})\w{5,}"
)
"""The last part of a name that is one release's own: a number, a hash, random letters; not pg16, neo4j, or oauth2."""
_RELEASE = re.compile(r"[-.][^-.]*\d")


@dataclass(frozen=True, slots=True)
class Grant:
    """Which ServiceAccount is to read which Jobs: those of these names, or those that a selector matches, or none."""

    service_account: str = ""
    namespace: str = ""
    """The ServiceAccount's; nothing leaves it to `kubectl apply -n`."""
    jobs: tuple[str, ...] = ()
    labels: str = ""
    job_namespace: str = ""
    """The Jobs', if it is another."""
    create_service_account: bool = False

    @property
    def name(self) -> str:
        """The name of Role and RoleBinding.

        Accounts of one name in two namespaces can both have theirs in a third. The Job of one release has a Role of its
        own: that of the next would take the right from pods that serve until it has come, and may be started again.
        """
        name = f"{self.namespace}:{self.service_account}-gate" if self.job_namespace else f"{self.service_account}-gate"
        return "-".join([name, *filter(is_of_a_release, self.jobs[:1])])


def grant(
    jobs: Sequence[str] = (),
    *,
    selector: str | None = None,
    service_account: str = "",
    namespace: str = "",
    job_namespace: str = "",
    create_service_account: bool = False,
    allow_default: bool = False,
) -> Grant:
    """Return what these options ask for. Raises Misconfigured."""
    reads = bool(jobs) or selector is not None
    if jobs and selector is not None:
        raise Misconfigured(f"give names of Jobs, or --selector, one of both; write for example {EXAMPLE}")
    if not service_account and (reads or create_service_account):
        raise Misconfigured(f"--service-account is missing: whose rights these are; write for example {EXAMPLE}")
    if job_namespace and not namespace:
        raise Misconfigured(
            f"--job-namespace needs the ServiceAccount's own namespace too; write for example {EXAMPLE} "
            "-n shop --job-namespace databases"
        )
    if service_account == "default" and create_service_account:
        raise Misconfigured(f"every namespace has the ServiceAccount default already; write for example {EXAMPLE}")
    if service_account == "default" and reads and not allow_default:
        raise Misconfigured(
            "--service-account: every pod that names no other account runs as default, and would have these rights; "
            f"write for example {EXAMPLE}, or add --allow-default"
        )
    return Grant(
        account_name(service_account) if service_account else "",
        settings.namespace("--namespace", namespace) if namespace else "",
        tuple(dict.fromkeys(map(settings.job_name, jobs))),
        "" if selector is None else settings.selector(selector),
        settings.namespace("--job-namespace", job_namespace) if job_namespace not in ("", namespace) else "",
        create_service_account,
    )


def account_name(text: str) -> str:
    """Return the name of a ServiceAccount, as the API server demands it. Raises Misconfigured."""
    if not settings.SUBDOMAIN.fullmatch(text):
        raise Misconfigured(
            f"--service-account: {text!r} is not the name of a ServiceAccount; write only its name, for example web"
        )
    return text


def is_of_a_release(job: str) -> bool:
    """Return whether a Job's name looks like that of one release alone; -v2 is rather the second of its kind."""
    *before, last = re.split(r"[-.]", job)
    return bool(before and _OF_A_RELEASE.fullmatch(last)) and not (last[0] == "v" and job[-len(last) - 1] == "-")


def series_of(job: str) -> str:
    """Return what the Jobs of all releases have in common: the name before its first part that has a digit."""
    return _RELEASE.split(job, 1)[0]


def rule(names: Sequence[str]) -> Object:
    """Return the one rule that lets a gate read the Jobs of these names; of none, every Job of the namespace."""
    named = {"resourceNames": list(names)} if names else {}
    return {"apiGroups": ["batch"], "resources": ["jobs"], **named, "verbs": ["list", "watch"]}


def objects(wanted: Grant) -> list[Object]:
    """Return the ServiceAccount, if it is to be created, and the Role and RoleBinding, if Jobs are read."""
    account = {"name": wanted.service_account, **_within(wanted.namespace)}
    found: list[Object] = []
    if wanted.create_service_account:
        # The token is mounted in the gate alone, by a projected volume, and never in the app.
        found += [
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account, "automountServiceAccountToken": False}
        ]
    if wanted.jobs or wanted.labels:
        metadata = {"name": wanted.name, **_within(wanted.job_namespace or wanted.namespace)}
        reference = {"apiGroup": GROUP, "kind": "Role", "name": wanted.name}
        subject = {"kind": "ServiceAccount", **account}
        found += [
            {"apiVersion": f"{GROUP}/v1", "kind": "Role", "metadata": metadata, "rules": [rule(wanted.jobs)]},
            {
                "apiVersion": f"{GROUP}/v1",
                "kind": "RoleBinding",
                "metadata": metadata,
                "roleRef": reference,
                "subjects": [subject],
            },
        ]
    return found


def _within(namespace: str) -> dict[str, str]:
    return {"namespace": namespace} if namespace else {}


def comment(wanted: Grant) -> str:
    """Return what a person should know of these rights before granting them."""
    if not (wanted.jobs or wanted.labels):
        return "Nothing is needed: a schema gate asks nothing of Kubernetes. No Role, and no token in its pod."
    asked = ["gatekeeper", "job", *(["--selector", wanted.labels] if wanted.labels else wanted.jobs)]
    asked += ["-n", wanted.job_namespace] if wanted.job_namespace else []
    told = [f"All the rights that this needs: {shlex.join(asked)}"]
    if wanted.labels:
        told += [
            "RBAC knows no labels: without resourceNames, this discloses every Job of the namespace, whatever its",
            "labels. Jobs that have fixed names are better named: --job NAME",
        ]
    if wanted.service_account == "default":
        told += ["Every pod of the namespace that names no other ServiceAccount has these rights too."]
    return "\n".join(told)


def render(documents: Sequence[Object], comment: str = "") -> str:
    """Return the objects as YAML, below a comment."""
    head = "".join(f"# {line}\n" for line in comment.splitlines())
    return head + "---\n".join("".join(f"{line}\n" for line in block(document)) for document in documents)


def flow(value: Any) -> str:
    """Return a value as YAML on one line; keys are the Kubernetes API's own, which need no quotes."""
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case Mapping():
            return f"{{{', '.join(f'{key}: {flow(item)}' for key, item in value.items())}}}"
        case list():
            return f"[{', '.join(map(flow, value))}]"
        case _:
            return _scalar(str(value))


_PLAIN = re.compile(r"(--|/)?[a-z]([a-z0-9_./:=-]*[a-z0-9])?|(\d+([hms]|[KMG]i))+", re.ASCII | re.IGNORECASE)
_WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
"""What YAML 1.1, hence Kubernetes, takes for something other than text, though it begins with a letter."""


def _scalar(text: str) -> str:
    """Return text as it is where no YAML takes it for anything else; as JSON, which is YAML, otherwise."""
    return text if _PLAIN.fullmatch(text) and text.lower() not in _WORDS else json.dumps(text, ensure_ascii=False)


def block(value: Mapping[str, Any], indent: str = "  ", dash: str = "  ") -> Iterator[str]:
    """Give the lines of an object, as people write it: what holds objects in blocks, lists of text on one line.

    What a map holds has an indent, and the dashes of a list of objects have another one, which may be none.
    """
    for key, item in value.items():
        match item:
            case Mapping():
                yield f"{key}:"
                yield from (f"{indent}{line}" for line in block(item, indent, dash))
            case [Mapping(), *_]:
                yield f"{key}:"
                for each in item:
                    yield from (f"{dash}{line}" for line in item_lines(each, indent, dash))
            case _:
                yield f"{key}: {flow(item)}"


def item_lines(value: Any, indent: str = "  ", dash: str = "  ") -> Iterator[str]:
    """Give the lines of an item of a list."""
    first, *rest = block(value, indent, dash) if isinstance(value, Mapping) else (flow(value),)
    yield from (f"- {first}", *(f"  {line}" for line in rest))
