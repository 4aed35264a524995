"""The pod's spec with its gates: a container for each, and the token that it needs.

Pure: plain objects in, plain objects out. What would not start, or could not work, is Misconfigured.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from gatekeeper import __version__
from gatekeeper.gate import settings
from gatekeeper.gate.settings import SERVICE_ACCOUNT, Misconfigured
from gatekeeper.manifests import containers, rbac, resources, security
from gatekeeper.manifests.arguments import Arguments
from gatekeeper.manifests.objects import Object, Workload, part, parts

IMAGE = f"ghcr.io/gatekeeper/gatekeeper:{__version__}"
NAME = "gate"
NAME_LENGTH = 63
"""Of a DNS label, which the names of containers and volumes are."""
DATABASE_URL = "DATABASE_URL"
TOKEN = {
    "sources": [
        {"serviceAccountToken": {"path": "token", "expirationSeconds": 3600}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}]}},
    ]
}
"""What automounting would add, for the gate alone."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The gates that workloads are to have."""

    options: Mapping[str, Sequence[str]]
    """Of the gate, as `Arguments` has them; `job` has the names of Jobs in either mode."""
    workloads: Sequence[str] = ()
    """KIND/NAME or KIND/NAMESPACE/NAME; nothing for the only one."""
    every: bool = False
    """Whether all workloads are meant: those that have a gate, unless it is told what to wait for."""
    replace: str = ""
    """The init container in whose place the gate is to be, whatever it is."""
    namespace: str = ""
    """Of objects that name none."""
    image: str = ""
    service_account: str = ""
    secrets: Sequence[str] = ()
    """[VARIABLE=]SECRET/KEY"""
    mounts: Sequence[str] = ()
    """VOLUME=PATH"""
    rights: bool = False
    """Whether to add what the gate may not do yet."""
    force: bool = False
    """Whether to write also a gate that the audit condemns."""
    limits: Mapping[str, str] = field(default_factory=dict)
    requests: Mapping[str, str] = field(default_factory=dict)

    @property
    def images(self) -> tuple[str, ...]:
        """Return the images that are known to be gatekeeper's."""
        return (self.image,) if self.image else ()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a gate belongs among a pod's init containers."""

    at: int
    old: Object = field(default_factory=dict)
    """The container that is there; an empty one where the gate is new."""
    there: Arguments | None = None
    """The arguments of the gate that it is, in gatekeeper's words."""
    rest: Object = field(default_factory=dict)
    """What stays of that container before the gate, where it does more."""
    name: str = ""
    """Of the gate, where it cannot be the container's."""


def gate(workload: Workload, place: Place, arguments: Arguments, wanted: Wanted) -> Object:
    """Return the gate's container: the one that is there with what has to change, or a new one."""
    old = place.old
    if own := containers.own(old, wanted.images):
        container = _changed(workload, old, own, arguments if arguments != place.there else None, wanted.image)
    else:
        container = {
            "name": str(place.name or old.get("name") or free_name(workload, NAME)),
            "image": wanted.image or IMAGE,
            **{key: old[key] for key in ("imagePullPolicy",) if old.get(key)},
            "args": arguments.argv,
            "terminationMessagePolicy": "FallbackToLogsOnError",
            "resources": resources.of_gate(old),
            "securityContext": security.of_gate(workload.pod, old),
        }
    if not containers.is_gatekeeper(container):
        # An image of another name: by its options it is known for what it is, to the audit and to the next run.
        told = {} if "timeout" in arguments.options else {"timeout": [settings.TIMEOUT]}
        container["args"] = replace(arguments, options={**arguments.options, **told}).argv
    if wanted.limits or wanted.requests:
        container["resources"] = resources.changed(part(container, "resources"), wanted.limits, wanted.requests)
    if wanted.secrets:
        container["env"] = _with(container, "env", "name", _variables(wanted.secrets))
    if wanted.mounts:
        container["volumeMounts"] = _with(container, "volumeMounts", "mountPath", _mounts(workload, wanted.mounts))
    if arguments.command == "schema":
        _judge_schema(container, arguments)
    return container


def _changed(workload: Workload, old: Object, own: containers.Own, arguments: Arguments | None, image: str) -> Object:
    """Return gatekeeper's own gate with other arguments, unless they are the same."""
    if old.get("restartPolicy") == "Always":
        raise Misconfigured(
            f"{workload.manifest}: restartPolicy: Always makes {old.get('name')} a sidecar, which holds nothing; "
            "take it out, then write the same again"
        )
    container = dict(old)
    if arguments:
        container["args"] = arguments.argv
        if own.program:
            container["command"] = list(own.program)
    if image:
        container["image"] = image
    if security.never_starts(old, workload.pod):
        container["securityContext"] = security.started(part(old, "securityContext"), workload.pod)
    return container


def free_name(workload: Workload, name: str, taken: Sequence[str] = ()) -> str:
    """Return a name that no container of the pod has, and that is not taken."""
    return _free(name, [*taken, *(str(each.get("name")) for each in (*workload.inits, *workload.apps))])


def _free(name: str, taken: Sequence[str], end: str = "") -> str:
    """Return a name that is not taken, and no longer than a container's or a volume's may be."""
    number, tail = 2, end
    while (free := f"{name[: NAME_LENGTH - len(tail)].rstrip('-')}{tail}") in taken:
        tail, number = f"{end}-{number}", number + 1
    return free


def _with(container: Object, key: str, name: str, new: Sequence[Object]) -> list[Object]:
    """Return a list of the container, with these among it; one of the same name is replaced."""
    by_name = {each[name]: each for each in new}
    kept = [by_name.pop(str(each.get(name)), each) for each in parts(container, key)]
    return [*kept, *by_name.values()]


_SECRET = re.compile(r"(?:([A-Za-z_][A-Za-z0-9_]*)=)?([a-z0-9][-a-z0-9.]*)/([-._A-Za-z0-9]+)")
_MOUNT = re.compile(r"([a-z0-9][-a-z0-9]*)=(/\S*)")


def _variables(secrets: Sequence[str]) -> list[Object]:
    """Return the environment that Secrets give."""
    found = {}
    for text in secrets:
        parsed = _SECRET.fullmatch(text)
        if not parsed:
            raise Misconfigured(
                f"--secret: {text!r} is not [VARIABLE=]SECRET/KEY; write for example db/url, "
                "or GATEKEEPER_PASSWORD=db/password"
            )
        variable, name, key = parsed[1] or DATABASE_URL, parsed[2], parsed[3]
        if variable in found:
            raise Misconfigured(
                f"--secret gives {variable} twice; for several databases mount their Secrets, "
                "and write for example --mount db=/etc/db --database-file /etc/db/url"
            )
        found[variable] = {"name": variable, "valueFrom": {"secretKeyRef": {"name": name, "key": key}}}
    return list(found.values())


def _mounts(workload: Workload, mounts: Sequence[str]) -> list[Object]:
    """Return the mounts of volumes that the pod has."""
    there = [str(each.get("name")) for each in parts(workload.pod, "volumes")]
    found = []
    for text in mounts:
        parsed = _MOUNT.fullmatch(text)
        if not parsed:
            raise Misconfigured(f"--mount: {text!r} is not VOLUME=PATH; write for example db=/etc/db")
        if parsed[1] not in there:
            raise Misconfigured(
                f"--mount: {workload.manifest} has no volume {parsed[1]}, only {', '.join(there) or 'none at all'}; "
                "write the name of one that its pod has, for example db=/etc/db"
            )
        found.append({"name": parsed[1], "mountPath": parsed[2], "readOnly": True})
    return found


_FILES = ("revision-file", "migrations", "database-file", "password-file")


def _judge_schema(container: Object, arguments: Arguments) -> None:
    """Raise unless the gate is told of a database, and has the files that it is told of."""
    variables = {str(each.get("name")) for each in parts(container, "env")}
    prefixes = ("PG", "GATEKEEPER_DATABASE")
    is_told = not arguments.options.keys().isdisjoint({"database", "database-file"}) or container.get("envFrom")
    if not is_told and DATABASE_URL not in variables and not any(each.startswith(prefixes) for each in variables):
        raise Misconfigured(
            "no database is given; write for example --secret db/url, for the key url of the Secret db, "
            "or --database postgresql://app@db/app"
        )
    if container.get("image") != IMAGE:
        return  # another image may have them
    paths = [PurePosixPath(str(each.get("mountPath"))) for each in parts(container, "volumeMounts")]
    for option in _FILES:
        for file in arguments.options.get(option, ()):
            if "$(" not in file and not any(PurePosixPath(file).is_relative_to(path) for path in paths):
                raise Misconfigured(
                    f"--{option}: no volume has {file} in the gate; write for example --mount VOLUME={file}"
                )


# What the pod needs for it.


def with_gates(
    workload: Workload, gates: Sequence[tuple[Place, Object]], wanted: Wanted, *, narrows: bool
) -> tuple[Object, list[int]]:
    """Return the pod's spec with gates in their places, and their numbers among its init containers.

    Where it narrows the token, no other container has one.
    """
    pod = workload.pod
    slots = [[each] for each in (*workload.inits, {})]
    slots[-1] = []
    for place, container in gates:
        kept = [each for each in slots[place.at] if each is not place.old]
        slots[place.at] = [*(kept or [place.rest] * bool(place.rest)), container]
    inits = [each for slot in slots for each in slot]
    numbers = [next(at for at, each in enumerate(inits) if each is container) for _, container in gates]
    changed: Object = {}
    if wanted.service_account and wanted.service_account != workload.account:
        names = [key for key in ("serviceAccountName", "serviceAccount") if key in pod] or ["serviceAccountName"]
        changed |= dict.fromkeys(names, rbac.account_name(wanted.service_account))
    if narrows and pod.get("automountServiceAccountToken") is None:
        changed["automountServiceAccountToken"] = False
    return pod | changed | {"initContainers": inits}, numbers


def with_token(pod: Object, at: int) -> Object:
    """Return the pod's spec with a token in the init container at a place, unless one is mounted there already."""
    inits, volumes = [*parts(pod, "initContainers")], parts(pod, "volumes")
    container = inits[at]
    mounts = parts(container, "volumeMounts")
    if any(str(each.get("mountPath")).rstrip("/") == SERVICE_ACCOUNT for each in mounts):
        return pod
    named = {str(each.get("name")): each for each in volumes}
    taken = [name for name in named if named[name].get("projected") != TOKEN]
    volume = _free(str(container.get("name") or NAME), taken, "-token")
    if volume not in named:
        volumes = [*volumes, {"name": volume, "projected": TOKEN}]
    mount = {"name": volume, "mountPath": SERVICE_ACCOUNT, "readOnly": True}
    inits[at] = container | {"volumeMounts": [*mounts, mount]}
    return pod | {"initContainers": inits, "volumes": volumes}
