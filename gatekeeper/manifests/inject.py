"""Add gates to workloads among rendered manifests, or bring the gates that they have to what is wanted.

Pure: a stream in, a stream out. The pod is changed as a plain object, and `edits` carries the change into the text.
Another program's gate is replaced where it stands, and waits for the same Jobs. What would leave the pod with a gate
that cannot work, that is not the one that was asked for, or that `audit` would condemn, is Misconfigured.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gatekeeper.gate.settings import Misconfigured
from gatekeeper.manifests import arguments, containers, documents, edits, objects, pod, waits
from gatekeeper.manifests.arguments import EXAMPLE, Arguments
from gatekeeper.manifests.audit import audit
from gatekeeper.manifests.containers import asks_api
from gatekeeper.manifests.findings import Finding
from gatekeeper.manifests.objects import Manifest, Object, Workload, parts
from gatekeeper.manifests.others import Kind, recognise
from gatekeeper.manifests.places import placed
from gatekeeper.manifests.pod import Place, Wanted
from gatekeeper.manifests.rights import Lacking, Rights

__all__ = ["EXAMPLE", "Arguments", "Injected", "Wanted", "inject"]


@dataclass(frozen=True, slots=True)
class Injected:
    """A stream with its gates."""

    text: str
    gates: tuple[Arguments, ...] = ()
    """The arguments of those that are new or have changed."""
    notes: tuple[str, ...] = ()
    """What whoever applies it should know."""


def inject(text: str, wanted: Wanted, source: str = "-") -> Injected:
    """Return a stream with the gates that are wanted. Raises Misconfigured."""
    found = placed(objects.parse(text, source, EXAMPLE), wanted.namespace, wanted.images)
    before = audit(found, wanted.namespace, wanted.images)
    rights = Rights(found)
    done = [_Gated(workload, places, wanted, rights) for workload, places in _chosen(found, wanted)]
    changes = [each.change for each in done] + rights.changes
    try:
        changed = edits.rewrite(text, changes)
    except edits.Unchangeable as fault:
        manifest = next(each for each in found if each.where == fault.where[: len(each.where)])
        raise Misconfigured(
            f"{manifest} cannot be changed in place: {fault}; write this part of it out, without anchors"
        ) from fault
    except documents.TooLarge as fault:
        raise Misconfigured(
            f"what comes out is too large for one stream: {fault}; take fewer workloads at once, "
            "for example --workload Deployment/web"
        ) from fault
    lacks = [lack for each in done for lack in each.lacks]
    changed = edits.append(changed, rights.render(text, lacks[0].command if lacks else ""))
    after = audit(objects.parse(changed, source, EXAMPLE), wanted.namespace, wanted.images)
    was, is_ = before.by_workload(), after.by_workload()
    notes = [note for each in done for note in (*each.notes, *each.judged(was, is_, force=wanted.force))]
    changed, untold = edits.comment(changed, [told for each in done for told in each.comments(is_)])
    notes += _not_noted(untold, notes)
    return Injected(changed, tuple(new for each in done for new in each.gates), tuple(dict.fromkeys(notes)))


def _not_noted(untold: Sequence[str], notes: Sequence[str]) -> list[str]:
    """Return what found no place above its gate, and is in no note yet."""
    left = [each for each in untold if not any(f" {slug}: " in each for slug in _TOLD)]
    noted = {note.partition(": ")[2].partition(" Cure: ")[0] for note in notes}
    return [each for each in left if each.partition(": ")[2] not in noted]


# Which workloads, and which of their containers.

_ONLY_BY_NAME = ("Job", "Pod")
"""Kinds that nothing rolls out; a Job is rather the migration itself."""


def _chosen(found: Sequence[Manifest], wanted: Wanted) -> list[tuple[Workload, list[Place]]]:
    """Return the workloads that are meant, each with the places of its gates."""
    workloads = objects.workloads(found)
    if not wanted.every:
        meant = [_choose(workloads, name) for name in wanted.workloads or [""]]
        return [(workload, _places(workload, wanted)) for workload in {id(each): each for each in meant}.values()]
    proves = arguments.names_proof(wanted.options) and not wanted.replace
    meant = [each for each in workloads if each.apps and not (proves and each.manifest.kind in _ONLY_BY_NAME)]
    if wanted.replace:
        meant = [each for each in meant if any(init.get("name") == wanted.replace for init in each.inits)]
    chosen = [(workload, _places(workload, wanted)) for workload in meant]
    chosen = [each for each in chosen if proves or any(place.old for place in each[1])]
    if not chosen:
        raise Misconfigured(
            f"no workload in these documents has {wanted.replace or 'a gate'}; "
            "write what all are to wait for, for example --all --job db-migrate"
        )
    return chosen


def _choose(found: Sequence[Workload], wanted: str) -> Workload:
    """Return the workload of this kind and name, or the only one."""
    names = [f"{each.manifest.kind}/{each.manifest.name}" for each in found]
    full = [f"{each.manifest.kind}/{each.manifest.namespace}/{each.manifest.name}" for each in found]
    chosen = [
        workload
        for workload, *spellings in zip(found, names, full, strict=True)
        if (wanted.lower() in map(str.lower, spellings) if wanted else workload.manifest.kind not in _ONLY_BY_NAME)
    ]
    if not chosen:
        among = f", only {', '.join(dict.fromkeys(names))}" if names else ""
        raise Misconfigured(
            f"there is no {wanted or 'workload'} in these documents{among}; "
            "write the name of one that is there, for example --workload Deployment/web"
        )
    if not wanted:
        chosen = [each for each in chosen if each.apps] or chosen
    if len(chosen) > 1:
        one = chosen[0].manifest
        is_shared = names.count(f"{one.kind}/{one.name}") > 1
        name = f"{one.namespace}/{one.name}" if one.namespace and is_shared else one.name
        raise Misconfigured(
            f"{', '.join(str(each.manifest) for each in chosen)} could each be meant; "
            f"write which, for example --workload {one.kind}/{name}, or --all"
        )
    if not chosen[0].apps:
        raise Misconfigured(f"{chosen[0].manifest} has no pod of its own; write for example --workload Deployment/web")
    return chosen[0]


def _places(workload: Workload, wanted: Wanted) -> list[Place]:
    """Return where the gates belong: where gates are, be they other programs', or after all init containers."""
    with objects.blaming(workload.manifest):
        parts(workload.pod, "volumes")
    proves = arguments.names_proof(wanted.options)
    if wanted.replace:
        return _replaced(workload, wanted, proves=proves)
    found = [place for at in range(len(workload.inits)) for place in _at(workload, at, wanted)]
    if proves and len(found) > 1 and all(containers.is_gatekeeper(each.old, wanted.images) for each in found):
        mode = "schema" if "tool" in wanted.options else "job"
        found = [each for each in found if each.there and each.there.command == mode]
    if proves and len(found) > 1:
        names = ", ".join(dict.fromkeys(str(each.old.get("name")) for each in found))
        raise Misconfigured(
            f"{workload.manifest} has several gates: {names}; leave out what to wait for and each is replaced where "
            f"it stands, or write which is meant, for example --replace {found[0].old.get('name')}"
        )
    # Last of all: after a native sidecar that it needs.
    return found or [Place(len(workload.inits))]


def _replaced(workload: Workload, wanted: Wanted, *, proves: bool) -> list[Place]:
    """Return the places of the init container of a name, which is replaced whatever it is."""
    name = wanted.replace
    for at, old in enumerate(workload.inits):
        if old.get("name") == name:
            own = containers.is_gatekeeper(old, wanted.images)
            found = _at(workload, at, wanted) if own or not proves else []
            return found or [Place(at, old)]
    names = ", ".join(str(each.get("name")) for each in workload.inits) or "none at all"
    raise Misconfigured(
        f"--replace: {workload.manifest} has no init container {name}, only {names}; "
        "write the name of one that is there, for example --replace wait-for-db"
    )


def _at(workload: Workload, at: int, wanted: Wanted) -> list[Place]:
    """Return the places of the gates that an init container is; the first one has its name, unless that stays."""
    container = workload.inits[at]
    try:
        proves = arguments.names_proof(wanted.options)
        found, rest = arguments.found(container, wanted.images, proves=proves)
    except Misconfigured as fault:
        name = container.get("name")
        raise Misconfigured(
            f"{workload.manifest}: what the init container {name} waits for cannot be told: "
            f"{str(fault).partition('; write ')[0]}; write what takes its place, for example --replace {name} "
            "--job db-migrate"
        ) from fault
    places: list[Place] = []
    for there in found:
        name = pod.NAME if rest else str(container.get("name"))
        free = pod.free_name(workload, name, [place.name for place in places]) if places or rest else ""
        places.append(Place(at, container, there, rest, free))
    return places


# One workload.


class _Gated:
    """A workload with its gates."""

    def __init__(self, workload: Workload, places: Sequence[Place], wanted: Wanted, rights: Rights) -> None:
        self.workload, manifest = workload, workload.manifest
        new = [arguments.merged(manifest, each.there, wanted.options) for each in places]
        gates = [(each, pod.gate(workload, each, given, wanted)) for each, given in zip(places, new, strict=True)]
        # What is written here is gatekeeper's own, of which a container is one gate.
        read = [next(iter(waits.gates(each, manifest.namespace, wanted.images)), None) for _, each in gates]
        readers = [at for at, gate in enumerate(read) if new[at].reads_jobs or (gate and gate.need)]
        if readers and workload.account == "default" and not wanted.service_account:
            raise Misconfigured(
                f"{manifest} runs as the ServiceAccount default, and every pod that names no other one would have the "
                f"gate's rights; write for example --service-account {manifest.name} --rbac"
            )
        account = wanted.service_account or workload.account
        users = list(self._token_users(places, [gate for gate in read if gate], rights, account))
        spec, numbers = pod.with_gates(workload, gates, wanted, narrows=bool(readers) and not users)
        for at in readers:
            spec = pod.with_token(spec, numbers[at])
        self.change = ((*manifest.where, *workload.path), spec)
        self.gates = [given for each, given in zip(places, new, strict=True) if given != each.there]
        self._names = {at: str(container.get("name")) for at, (_, container) in zip(numbers, gates, strict=True)}
        self._were = {str(container.get("name")): str(place.old.get("name")) for place, container in gates}
        self._changed = spec != workload.pod
        self.notes = list(self._token_notes(users)) if readers else []
        self.notes += [
            f"{manifest} keeps {each.rest.get('name')} for what else it waits for; its Jobs are {each.name}'s now"
            for each in places
            if each.rest
        ]
        for each in self._left(places):
            if (other := recognise(each)) and other.kind is Kind.CHECK:
                self.notes.append(
                    f"{manifest} keeps its own gate {each.get('name')} ({other.name}): --replace {each.get('name')} "
                    "puts gatekeeper in its place"
                )
        self.notes += self._account_notes(rights, wanted.service_account)
        self.lacks: list[Lacking] = []
        for gate in read:
            lack = rights.lacking(workload, gate, account)
            if lack and wanted.rights:
                rights.add(lack)
            elif lack:
                self.notes.append(f"these documents lack {lack}: add --rbac, or apply what {lack.command} prints")
            self.lacks += [lack] if lack else []

    def _left(self, places: Sequence[Place]) -> list[Object]:
        """Return the init containers that stay, or what stays of them."""
        replaced = {each.at: each.rest for each in places}
        return [each for at, old in enumerate(self.workload.inits) if (each := replaced.get(at, old))]

    def _token_users(
        self, places: Sequence[Place], read: Sequence[waits.Gate], rights: Rights, account: str
    ) -> Iterator[str]:
        """Yield what in the pod, beside its gates, has a use for the token, as far as these documents tell."""
        for each in (*self._left(places), *self.workload.apps):
            if asks_api(each):
                yield f"{each.get('name')} asks the Kubernetes API"
        needs = [gate.need for gate in read if gate.need]
        for grant in rights.grants.to(self.workload.manifest.namespace, account):
            if not grant.is_default and (grant.excess(needs) or not grant.known):
                yield f"{grant.binding} grants more to its account than the gate needs"

    def _token_notes(self, users: Sequence[str]) -> Iterator[str]:
        """Yield what whoever applies the pod should know of its token."""
        manifest, automount = self.workload.manifest, self.workload.pod.get("automountServiceAccountToken")
        if automount is None and users:
            yield (
                f"{manifest} keeps its token, for {' and '.join(users)}; where nothing but the gate needs it, set "
                "automountServiceAccountToken: false"
            )
        elif automount is None:
            yield (
                f"{manifest} has automountServiceAccountToken: false now; if the app itself asks the Kubernetes API, "
                "set it to true before"
            )
        elif automount:
            yield f"{manifest} keeps automountServiceAccountToken: true, so its app has the gate's rights, too"

    def _account_notes(self, rights: Rights, new: str) -> Iterator[str]:
        """Yield what the pod loses with the account that it leaves."""
        old, place = self.workload.account, self.workload.manifest.namespace
        if new in {"", old}:
            return
        kept = {str(each.binding) for each in rights.grants.to(place, new)}
        lost = [str(each.binding) for each in rights.grants.to(place, old) if not each.subject.startswith("group ")]
        lost = [each for each in lost if each not in kept]
        if lost:
            yield f"{self.workload.manifest} runs as {new} now, and loses what {', '.join(lost)} granted to {old}"
        left = rights.there("ServiceAccount", old, place)
        if left and left.content.get("imagePullSecrets") and rights.there("ServiceAccount", new, place):
            yield f"ServiceAccount {old} has imagePullSecrets: give them to {new}, too"
        if left and left.annotations:
            yield f"ServiceAccount {old} has annotations: {new} has to have those that the app needs"

    # What the audit says of the result.

    def judged(self, before: "Findings", after: "Findings", *, force: bool) -> Iterator[str]:
        """Yield what the audit finds in the gates and did not before. Raises Misconfigured where that is an error."""
        known = {(each.rule.id, each.container) for each in before.get(str(self.workload.manifest), ())}
        for each in self._mine(after):
            if each.rule.slug in _TOLD or (each.rule.id, self._were[each.container]) in known:
                continue
            if each.rule.level == "error" and not force:
                raise Misconfigured(
                    f"{self.workload.manifest}: {each.sentence} ({each.rule.id}) Cure: {each.cure} "
                    "Or write --force to have this gate all the same"
                )
            yield f"{each.rule.id}: {each.sentence} Cure: {each.cure}"

    def comments(self, after: "Findings") -> Iterator[tuple[edits.Where, list[str], bool]]:
        """Yield what is to be said above each gate, where nobody sees what is noted: a post-renderer of Helm."""
        for at, name in self._names.items():
            told = [
                each for each in self._mine(after) if each.container == name and each.rule.id.startswith(_COMMENTED)
            ]
            where = (*self.change[0], "initContainers", at)
            yield where, [f"{each.rule.id} {each.rule.slug}: {each.sentence}" for each in told], self._changed

    def _mine(self, findings: "Findings") -> list[Finding]:
        names = self._names.values()
        return [each for each in findings.get(str(self.workload.manifest), ()) if each.container in names]


Findings = Mapping[str, Sequence[Finding]]
"""By workload."""
_TOLD = ("missing-right",)
"""What is told in other words, with the option that adds it."""
_COMMENTED = ("GK2", "GK40")
"""Rules of rights and of Jobs: what opens a gate or keeps it shut, whoever applies it."""
