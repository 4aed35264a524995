"""Add a gate to a workload among rendered manifests, or bring the gate that it has to what is wanted.

Pure: a stream in, a stream out. The pod is changed here as a plain object, and `edits` carries the change into the
text. Another program's gate is replaced where it stands, and waits for the same Jobs. What would leave the pod with a
gate that cannot work, or that is not the one that was asked for, is Misconfigured.
"""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from gatekeeper import __version__
from gatekeeper.gate.settings import SERVICE_ACCOUNT, Misconfigured
from gatekeeper.manifests import edits, objects, peers, rbac, resources, security, waits
from gatekeeper.manifests.containers import asks_api
from gatekeeper.manifests.grants import granted, missing
from gatekeeper.manifests.objects import Manifest, Object, Workload, part, parts, texts

IMAGE = f"ghcr.io/gatekeeper/gatekeeper:{__version__}"
EXAMPLE = "kustomize build . | gatekeeper inject - --job db-migrate"
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
class Arguments:
    """A gate's command line, by its parts."""

    command: str
    words: Sequence[str] = ()
    options: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Values by the option's name; a switch has none."""

    @property
    def argv(self) -> list[str]:
        """Return what the container is given."""
        named = [[f"--{name}", value] for name, values in self.options.items() for value in values]
        switches = [f"--{name}" for name, values in self.options.items() if not values]
        return [self.command, *self.words, *(word for pair in named for word in pair), *switches]


@dataclass(frozen=True, slots=True)
class Wanted:
    """The gate that a workload is to have."""

    options: Mapping[str, Sequence[str]]
    """Of the gate, as `Arguments` has them; `job` has the names of Jobs in either mode."""
    workload: str = ""
    """KIND/NAME; nothing for the only one."""
    image: str = ""
    service_account: str = ""
    secrets: Sequence[str] = ()
    """[VARIABLE=]SECRET/KEY"""
    mounts: Sequence[str] = ()
    """VOLUME=PATH"""
    rights: bool = False
    """Whether to add what the gate may not do yet."""
    limits: Mapping[str, str] = field(default_factory=dict)
    requests: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Injected:
    """A stream with its gate."""

    text: str
    gate: Arguments | None
    """Its arguments, unless they are those that were there."""
    notes: tuple[str, ...] = ()
    """What whoever applies it should know."""


def inject(text: str, wanted: Wanted, source: str = "-") -> Injected:
    """Return a stream with the gate that is wanted. Raises Misconfigured."""
    found = objects.parse(text, source, EXAMPLE)
    workload = _choose(objects.workloads(found), wanted.workload)
    manifest = workload.manifest
    with objects.blaming(manifest):
        parts(workload.pod, "volumes")
    at, there = _there(workload, wanted.options)
    arguments = _merged(manifest, there, wanted.options)
    container = _container(workload, at, there, arguments, wanted)
    gate = waits.gate(container, manifest.namespace)
    reads_jobs = arguments.command == "job" or "job" in arguments.options or bool(gate and gate.need)
    if reads_jobs and workload.account == "default" and not wanted.service_account:
        raise Misconfigured(
            f"{manifest} runs as the ServiceAccount default, and every pod that names no other one would have the "
            f"gate's rights; write for example --service-account {manifest.name} --rbac"
        )
    users = _token_users(found, workload, at, gate, wanted) if reads_jobs else []
    pod = _pod(workload, at, container, wanted, with_token=reads_jobs, narrows=reads_jobs and not users)
    try:
        changed = edits.rewrite(text, (*manifest.where, *workload.path), pod)
    except (ValueError, RecursionError) as fault:
        raise Misconfigured(
            f"{manifest} cannot be changed in place: {fault}; write this part of it out, without anchors"
        ) from fault
    notes = [*(_token_notes(workload, users) if reads_jobs else ()), *_account_notes(found, workload, wanted)]
    rights = _Rights(found, workload, gate, wanted)
    if rights.lacking and wanted.rights:
        changed = edits.append(changed, rights.render(text))
    elif rights.lacking:
        notes.append(f"these documents lack {rights.lacking}: add --rbac, or apply what {rights.command} prints")
    return Injected(changed, arguments if arguments != there else None, tuple(notes))


# Which workload, and which of its containers.

_ONLY_BY_NAME = ("Job", "Pod")
"""Kinds that nothing rolls out; a Job is rather the migration itself."""


def _choose(found: Sequence[Workload], wanted: str) -> Workload:
    """Return the workload of this kind and name, or the only one."""
    names = [f"{each.manifest.kind}/{each.manifest.name}" for each in found]
    chosen = [
        workload
        for workload, name in zip(found, names, strict=True)
        if (name.lower() == wanted.lower() if wanted else workload.manifest.kind not in _ONLY_BY_NAME)
    ]
    if not chosen:
        among = f", only {', '.join(names)}" if names else ""
        raise Misconfigured(
            f"there is no {wanted or 'workload'} in these documents{among}; "
            "write the name of one that is there, for example --workload Deployment/web"
        )
    if len(chosen) > 1:
        raise Misconfigured(
            f"{', '.join(str(each.manifest) for each in chosen)} could each be meant; "
            f"write which one, for example --workload {chosen[0].manifest.kind}/{chosen[0].manifest.name}"
        )
    if not chosen[0].apps:
        raise Misconfigured(f"{chosen[0].manifest} has no pod of its own; write for example --workload Deployment/web")
    return chosen[0]


def _there(workload: Workload, options: Mapping[str, Sequence[str]]) -> tuple[int, Arguments | None]:
    """Return where the gate belongs among the init containers, and the arguments of the one that is there."""
    found = {at: each for at, container in enumerate(workload.inits) if (each := _arguments(workload, container))}
    if _names_proof(options) and len(found) > 1 and all(peers.is_gatekeeper(workload.inits[at]) for at in found):
        mode = "schema" if "tool" in options else "job"
        found = {at: each for at, each in found.items() if each.command == mode}
    if len(found) > 1:
        names = ", ".join(str(workload.inits[at].get("name")) for at in found)
        raise Misconfigured(
            f"{workload.manifest} has several gates: {names}; leave one of them there, or write the change by hand"
        )
    # Last of all: after a native sidecar that it needs.
    return next(iter(found.items()), (len(workload.inits), None))


def _names_proof(options: Mapping[str, Sequence[str]]) -> bool:
    return not options.keys().isdisjoint({"job", "selector", "tool"})


def _arguments(workload: Workload, container: Object) -> Arguments | None:
    """Return the arguments of a gate, translated where it is another program's; None for what is no gate."""
    name = container.get("name")
    try:
        if peers.is_gatekeeper(container):
            return _parsed(waits.written(container))
        wait = peers.recognise(container)
        if wait is None:
            return None
        if not wait.problem:
            return _parsed(waits.as_job(wait, {}))
        problem = wait.problem
    except Misconfigured as fault:
        problem = str(fault).partition("; write ")[0]
    raise Misconfigured(
        f"{workload.manifest}: what the init container {name} waits for cannot be told: {problem}; "
        f"take it out, then write for example {EXAMPLE}"
    )


def _parsed(argv: Sequence[str]) -> Arguments:
    return Arguments(argv[0] if argv else "", *waits.words_and_options(argv[1:]))


# What the gate is given.

_ONE_OF = ({"revision", "revision-file", "migrations"}, {"database", "database-file"}, {"job", "selector"})
"""Options that say the same in several ways: what is given replaces what was said in another one."""


def _merged(manifest: Manifest, there: Arguments | None, given: Mapping[str, Sequence[str]]) -> Arguments:
    """Return the arguments that are wanted; what is not given stays as it is in the gate that is there."""
    if there and there.command == "schema" and "tool" not in given and _names_proof(given):
        raise Misconfigured(f"{manifest} has a schema gate; write --tool, too, or take it out to wait for a Job alone")
    command = "schema" if "tool" in given else there.command if there else "job"
    if there and (
        there.command != command or given.get("tool", there.options.get("tool")) != there.options.get("tool")
    ):
        there = None
    words = there.words if there else []
    kept = dict(there.options) if there else {}
    for group in _ONE_OF:
        if not group.isdisjoint(given):
            kept = {name: values for name, values in kept.items() if name not in group or name in given}
            words = [] if "job" in group and command == "job" else words
    given = dict(given)
    if command == "job":
        words = words or list(given.pop("job", ()))
    if command == "job" and not (there or words or "selector" in given):
        raise Misconfigured(f"what the gate is to wait for is not told; write for example {EXAMPLE}")
    return Arguments(command, words, kept | given)


def _container(workload: Workload, at: int, there: Arguments | None, arguments: Arguments, wanted: Wanted) -> Object:
    """Return the gate: the one that is there with what has to change, or a new one."""
    old = workload.inits[at] if there else {}
    if there and peers.is_gatekeeper(old):
        container = _changed(workload, old, arguments if arguments != there else None, wanted.image)
    else:
        taken = [str(each.get("name")) for each in (*workload.inits, *workload.apps)]
        container = {
            "name": str(old.get("name") or _free(NAME, taken)),
            "image": wanted.image or IMAGE,
            **{key: old[key] for key in ("imagePullPolicy",) if old.get(key)},
            "args": arguments.argv,
            "terminationMessagePolicy": "FallbackToLogsOnError",
            "resources": resources.of_gate(old),
            "securityContext": security.of_gate(workload.pod, old),
        }
    if wanted.limits or wanted.requests:
        container["resources"] = resources.changed(part(container, "resources"), wanted.limits, wanted.requests)
    if wanted.secrets:
        container["env"] = _with(container, "env", "name", _variables(wanted.secrets))
    if wanted.mounts:
        container["volumeMounts"] = _with(container, "volumeMounts", "mountPath", _mounts(workload, wanted.mounts))
    if arguments.command == "schema":
        _judge_schema(container, arguments)
    return container


def _changed(workload: Workload, old: Object, arguments: Arguments | None, image: str) -> Object:
    """Return gatekeeper's own gate with other arguments, unless they are the same."""
    if old.get("restartPolicy") == "Always":
        raise Misconfigured(
            f"{workload.manifest}: restartPolicy: Always makes {old.get('name')} a sidecar, which holds nothing; "
            "take it out, then write the same again"
        )
    container = dict(old)
    if arguments:
        container["args"] = arguments.argv
        if command := texts(old, "command"):
            container["command"] = command[: 3 if command[1:3] == ["-m", "gatekeeper"] else 1]
    if image:
        container["image"] = image
    if security.never_starts(old, workload.pod):
        container["securityContext"] = security.started(part(old, "securityContext"), workload.pod)
    return container


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


def _pod(workload: Workload, at: int, container: Object, wanted: Wanted, *, with_token: bool, narrows: bool) -> Object:
    """Return the pod's spec with the gate, and with a token where the gate needs one, which narrows it to the gate."""
    pod, volumes = workload.pod, parts(workload.pod, "volumes")
    mounts = parts(container, "volumeMounts")
    if with_token and not any(str(each.get("mountPath")).rstrip("/") == SERVICE_ACCOUNT for each in mounts):
        named = {str(each.get("name")): each for each in volumes}
        taken = [name for name in named if named[name].get("projected") != TOKEN]
        volume = _free(str(container.get("name") or NAME), taken, "-token")
        if volume not in named:
            volumes = [*volumes, {"name": volume, "projected": TOKEN}]
        mount = {"name": volume, "mountPath": SERVICE_ACCOUNT, "readOnly": True}
        container = container | {"volumeMounts": [*mounts, mount]}
    changed: Object = {}
    if wanted.service_account and wanted.service_account != workload.account:
        names = [key for key in ("serviceAccountName", "serviceAccount") if key in pod] or ["serviceAccountName"]
        changed |= dict.fromkeys(names, rbac.account_name(wanted.service_account))
    if narrows and pod.get("automountServiceAccountToken") is None:
        changed["automountServiceAccountToken"] = False
    changed["initContainers"] = [*workload.inits[:at], container, *workload.inits[at + 1 :]]
    if volumes:
        changed["volumes"] = volumes
    return pod | changed


def _token_users(
    found: Sequence[Manifest], workload: Workload, at: int, gate: waits.Gate | None, wanted: Wanted
) -> list[str]:
    """Return what in the pod, beside the gate, has a use for the token, as far as these documents tell."""
    others = [each for each in (*workload.inits[:at], *workload.inits[at + 1 :], *workload.apps) if asks_api(each)]
    account = wanted.service_account or workload.account
    needs = [gate.need] if gate and gate.need else []
    rights = [
        each
        for each in granted(found, workload.manifest.namespace, account)
        if not each.is_default and (each.excess(needs) or not each.known)
    ]
    return [
        *(f"{each.get('name')} asks the Kubernetes API" for each in others),
        *(f"{each.binding} grants more to its account than the gate needs" for each in rights),
    ]


def _token_notes(workload: Workload, users: Sequence[str]) -> Iterator[str]:
    """Yield what whoever applies the pod should know of its token."""
    automount = workload.pod.get("automountServiceAccountToken")
    if automount is None and users:
        yield (
            f"{workload.manifest} keeps its token, for {' and '.join(users)}; where nothing but the gate needs it, set "
            "automountServiceAccountToken: false"
        )
    elif automount is None:
        yield (
            f"{workload.manifest} has automountServiceAccountToken: false now; if the app itself asks the Kubernetes "
            "API, set it to true before"
        )
    elif automount:
        yield f"{workload.manifest} keeps automountServiceAccountToken: true, so its app has the gate's rights, too"


def _account_notes(found: Sequence[Manifest], workload: Workload, wanted: Wanted) -> Iterator[str]:
    """Yield what the pod loses with the account that it leaves."""
    old, new = workload.account, wanted.service_account
    if new in {"", old}:
        return
    place = workload.manifest.namespace
    kept = {str(each.binding) for each in granted(found, place, new)}
    lost = [str(each.binding) for each in granted(found, place, old) if not each.subject.startswith("group ")]
    lost = [each for each in lost if each not in kept]
    if lost:
        yield f"{workload.manifest} runs as {new} now, and loses what {', '.join(lost)} granted to {old}"
    account = _account(found, old, place)
    if account and account.content.get("imagePullSecrets") and _account(found, new, place):
        yield f"ServiceAccount {old} has imagePullSecrets: give them to {new}, too"
    if account and account.annotations:
        yield f"ServiceAccount {old} has annotations: {new} has to have those that the app needs"


def _account(found: Sequence[Manifest], name: str, namespace: str) -> Manifest | None:
    of_that_name = (each for each in found if (each.kind, each.name) == ("ServiceAccount", name))
    return next((each for each in of_that_name if each.namespace == namespace), None)


class _Rights:
    """What these documents lack for a gate to read its Jobs, and what adds it."""

    def __init__(self, found: Sequence[Manifest], workload: Workload, gate: waits.Gate | None, wanted: Wanted) -> None:
        self._found = found
        self._place = workload.manifest.namespace
        account = wanted.service_account or workload.account
        is_new = account not in ("default", workload.account)
        self._creates = is_new and not self._is_there("ServiceAccount", account, self._place)
        need = gate.need if gate else None
        self._lack = missing(need, granted(found, self._place, account)) if need else None
        self._account, self._gate = account, gate if self._lack else None
        left = _account(found, workload.account, self._place)
        self._pull_secrets = left.content.get("imagePullSecrets") if left else None

    @property
    def lacking(self) -> str:
        """Return it in words, nothing if nothing is missing."""
        account = f"ServiceAccount {self._account}"
        return f"{self._lack} for {account}" if self._lack else account if self._creates else ""

    @property
    def command(self) -> str:
        """Return the command that prints it."""
        gate, argv = self._gate, ["gatekeeper", "rbac"]
        if gate:
            argv += ["--selector", gate.labels] if gate.labels else [f"--job={job}" for job in gate.jobs]
        argv += ["--service-account", self._account, *(["-n", self._place] if self._place else [])]
        argv += ["--job-namespace", gate.namespace] if gate and gate.namespace != self._place else []
        argv += ["--create-service-account"] if self._creates else []
        argv += ["--allow-default"] if self._account == "default" else []
        return shlex.join(argv)

    def render(self, text: str) -> str:
        """Return it as YAML that can follow a text. Raises Misconfigured."""
        if edits.is_json(text):
            raise Misconfigured(f"--rbac: nothing can follow a document of JSON; write instead {self.command}")
        gate = self._gate
        wanted = rbac.grant(
            gate.jobs if gate else (),
            selector=gate.labels or None if gate else None,
            service_account=self._account,
            namespace=self._place,
            job_namespace=gate.namespace if gate else "",
            create_service_account=self._creates,
            allow_default=True,
        )
        objects = rbac.objects(wanted)
        for each in objects:
            if each["kind"] == "ServiceAccount" and self._pull_secrets:
                # Without them, the pod's own images could not be pulled any more.
                each["imagePullSecrets"] = self._pull_secrets
            kind, name = each["kind"], each["metadata"]["name"]
            if self._is_there(kind, name, each["metadata"].get("namespace", "")):
                raise Misconfigured(
                    f"--rbac: {kind} {name} is there already, and grants something else; "
                    f"write into the rules of a Role {rbac.flow(rbac.rule(wanted.jobs))}"
                )
        return rbac.render(objects)

    def _is_there(self, kind: str, name: str, namespace: str) -> bool:
        return any((each.kind, each.name, each.namespace) == (kind, name, namespace) for each in self._found)
