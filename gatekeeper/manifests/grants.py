"""What RBAC objects grant to a ServiceAccount, as the API server's authorizer reads them.

Pure: it knows the objects that it is given, and by name the ClusterRoles for people that every cluster has. See
https://kubernetes.io/docs/reference/access-authn-authz/rbac/
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from gatekeeper.gate.settings import Misconfigured
from gatekeeper.manifests.objects import Manifest, Object, blaming, part, parts, texts
from gatekeeper.manifests.rbac import GROUP, is_of_a_release, series_of

_READ = {"apiGroups": ["batch"], "resources": ["cronjobs", "jobs"], "verbs": ["get", "list", "watch"]}
_WRITE = _READ | {"verbs": ["create", "delete", "deletecollection", "patch", "update"]}
BUILT_IN: dict[str, list[Object]] = {
    "cluster-admin": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}],
    "admin": [_READ, _WRITE],
    "edit": [_READ, _WRITE],
    "view": [_READ],
}
"""What the built-in ClusterRoles grant on Jobs; on how much more, `BEYOND` says."""
BEYOND = {
    "admin": "read and write of nearly everything in the namespace, Secrets and Roles too",
    "edit": "read and write of nearly everything in the namespace, Secrets too",
    "view": "read of nearly everything in the namespace",
}
_DEFAULTS = (
    "system:basic-user",
    "system:discovery",
    "system:public-info-viewer",
    "system:service-account-issuer-discovery",
)
"""The ClusterRoles that every cluster grants to every account, by bindings of the same names.

A label that says so as well may be written by anyone.
"""


def _is_harmless(rule: Object) -> bool:
    """Return whether a rule grants no more than those roles do: to ask what the API has, and who one is."""
    groups = {"authentication.k8s.io", "authorization.k8s.io"}
    if texts(rule, "resources"):
        return {*texts(rule, "apiGroups")} <= groups and {*texts(rule, "verbs")} <= {"create"}
    return {*texts(rule, "verbs")} <= {"get", "head"}


@dataclass(frozen=True, slots=True)
class Need:
    """What a gate asks of the API server: verbs on Jobs of a namespace."""

    verbs: tuple[str, ...]
    namespace: str
    jobs: tuple[str, ...] = ()
    """None for every Job."""

    def __str__(self) -> str:
        jobs = f"Job{'s' * (len(self.jobs) > 1)} {', '.join(self.jobs)}" if self.jobs else "every Job"
        return f"{', '.join(self.verbs)} on {jobs}{f' of namespace {self.namespace}' if self.namespace else ''}"


@dataclass(frozen=True, slots=True)
class Granted:
    """What one binding gives to an account."""

    binding: Manifest
    role: str
    """Kind and name."""
    rules: tuple[Object, ...]
    subject: str
    """The account itself, or the group that it is in."""
    beyond: str = ""
    """What the role grants beside its rules here, in words."""
    known: bool = True
    """Whether the role is among the documents, or built in."""

    @property
    def everywhere(self) -> bool:
        """Return whether this holds in every namespace."""
        return self.binding.kind == "ClusterRoleBinding"

    @property
    def is_default(self) -> bool:
        """Return whether every cluster has this binding."""
        named = self.everywhere and self.binding.name in _DEFAULTS and self.role == f"ClusterRole {self.binding.name}"
        return named and all(map(_is_harmless, self.rules))

    def allowed(self, verb: str, namespace: str) -> tuple[bool, set[str]]:
        """Return whether a verb on every Job of a namespace is granted, and the names of Jobs on which it is."""
        if not self.everywhere and namespace != self.binding.namespace:
            return False, set()
        named = [texts(rule, "resourceNames") for rule in self.rules if _allows(rule, verb)]
        return not all(named), {name for names in named for name in names}

    def excess(self, needs: Sequence[Need]) -> list[str]:
        """Return what is granted beyond what is needed, such as `get on jobs.batch db-migrate`."""
        found = [told for rule in self.rules for told in _excess(rule, self._within(needs))]
        return [*dict.fromkeys([*found, *([self.beyond] if self.beyond else [])])]

    def _within(self, needs: Sequence[Need]) -> list[Need]:
        """Return the needs that this binding may serve; nothing needs to be granted in every namespace."""
        return [need for need in needs if not self.everywhere and need.namespace == self.binding.namespace]


def _allows(rule: Object, verb: str) -> bool:
    wanted = (("verbs", verb), ("apiGroups", "batch"), ("resources", "jobs"))
    return all({value, "*"} & {*texts(rule, key)} for key, value in wanted)


def _excess(rule: Object, needs: Sequence[Need]) -> Iterator[str]:
    verbs, names = texts(rule, "verbs"), texts(rule, "resourceNames")
    served = [_served(need) for need in needs]
    for group, resource in product(texts(rule, "apiGroups"), texts(rule, "resources")):
        is_jobs = (group, resource) == ("batch", "jobs")
        by_verbs: dict[str, list[str]] = {}
        for name in names or [""]:
            left = [verb for verb in verbs if not (is_jobs and any(_needs(need, verb, name) for need in served))]
            by_verbs.setdefault(", ".join("every verb" if verb == "*" else verb for verb in left), []).append(name)
        for told, those in by_verbs.items():
            if told:
                every = "" if names or resource == "*" else "all "
                yield f"{told} on {every}{_resource(group, resource)}{' ' * bool(names)}{', '.join(those)}"
    for url in texts(rule, "nonResourceURLs"):
        yield f"{', '.join(verbs)} on {url}"


_Served = tuple[Collection[str], Collection[str], Collection[str]]


def _served(need: Need) -> _Served:
    """Return the verbs, the Jobs, and what the names of each release's Job have in common."""
    return need.verbs, {*need.jobs}, {series_of(job) for job in need.jobs if is_of_a_release(job)}


def _needs(need: _Served, verb: str, name: str) -> bool:
    """Tell whether a need is served: also that of another release's pods, by the Job that is named after theirs."""
    verbs, jobs, series = need
    return verb in verbs and (not jobs or name in jobs or (is_of_a_release(name) and series_of(name) in series))


def _resource(group: str, resource: str) -> str:
    if resource == "*":
        return {"": "everything of the core group", "*": "everything"}.get(group, f"everything of {group}")
    return f"{resource} of every group" if group == "*" else f"{resource}{'.' * bool(group)}{group}"


def missing(need: Need, given: Iterable[Granted]) -> Need | None:
    """Return the part of a need that is not granted, None where nothing is missing."""
    grants = list(given)
    pairs = []
    for verb in need.verbs:
        allowed = [each.allowed(verb, need.namespace) for each in grants]
        if not any(every for every, _ in allowed):
            names = {name for _, those in allowed for name in those}
            pairs += [(verb, job) for job in need.jobs or ("",) if job not in names]
    verbs, jobs = (tuple(dict.fromkeys(pair[at] for pair in pairs)) for at in (0, 1))
    return Need(verbs, need.namespace, jobs if need.jobs else ()) if pairs else None


MOST = 500_000
"""Grants that are told of in all: bindings to every account, times the workloads."""
MOST_AGGREGATED = 100
"""ClusterRoles that are made of others; a cluster with many operators has some ten."""
_BINDINGS = ("RoleBinding", "ClusterRoleBinding")


class Grants:
    """What RBAC objects grant, found by whom they grant it to."""

    def __init__(self, manifests: Iterable[Manifest] = ()) -> None:
        self._told = 0
        self._roles: dict[tuple[str, str, str], Manifest] = {}
        self._bindings: list[Manifest] = []
        self._by_subject: dict[tuple[str, str, str], list[int]] = {}
        self._named: dict[str, dict[int, None]] = {}
        self._rules: dict[tuple[str, str, str], list[Object]] = {}
        for each in manifests:
            self.add(each)

    def add(self, manifest: Manifest) -> None:
        """Add an object, also one that has changed; what is none of RBAC is passed over. Raises Misconfigured."""
        if manifest.group != GROUP:
            return
        if manifest.kind not in _BINDINGS:
            self._roles[_key(manifest)] = manifest
            self._rules.clear()
            return
        number = len(self._bindings)
        self._bindings.append(manifest)
        with blaming(manifest):
            for each in parts(manifest.content, "subjects"):
                kind, name, place = (str(each.get(key) or "") for key in ("kind", "name", "namespace"))
                # A RoleBinding may leave out the namespace of an account that is in its own.
                within = place or manifest.namespace if kind == "ServiceAccount" else ""
                self._by_subject.setdefault((kind, within, name), []).append(number)
                if by_namespace := _by_namespace(kind, name, place):
                    self._named.setdefault(by_namespace, {})[number] = None

    def to(self, namespace: str, account: str) -> list[Granted]:
        """Return what each binding gives to a ServiceAccount. Raises Misconfigured."""
        told: dict[int, str] = {}
        # The most special subject by which a binding reaches the account is told.
        for kind, within, name, shown in _subjects(namespace, account):
            for number in self._by_subject.get((kind, within, name), ()):
                told.setdefault(number, shown)
        self._told += len(told)
        if self._told > MOST:
            raise Misconfigured(f"their bindings give rights more than {MOST} times, to one workload after another")
        return [self._granted(self._bindings[number], told[number]) for number in sorted(told)]

    def by_namespace(self, account: str) -> list[str]:
        """Return the bindings whose subjects may be an account of this name, as its namespace decides."""
        numbers = sorted({*self._named.get(account, ()), *self._named.get(_EVERY, ())})
        return list(dict.fromkeys(str(self._bindings[number]) for number in numbers))

    def _granted(self, binding: Manifest, subject: str) -> Granted:
        with blaming(binding):
            reference = part(binding.content, "roleRef")
        kind, name = str(reference.get("kind")), str(reference.get("name"))
        within = binding.namespace if kind == "Role" else ""
        role = self._roles.get((kind, within, name))
        built_in = kind == "ClusterRole" and role is None and name in BUILT_IN
        rules = list(BUILT_IN[name]) if built_in else self._rules_of(role) if role else []
        if built_in:
            rules += [rule for each in self._aggregated_to(name) for rule in self._rules_of(each)]
        return Granted(
            binding,
            f"{kind} {f'{within}/' if within else ''}{name}",
            tuple(rules),
            subject,
            beyond=BEYOND.get(name, "") if built_in else "",
            known=bool(role) or built_in,
        )

    def _rules_of(self, role: Manifest) -> list[Object]:
        """Return a role's rules, and those of the ClusterRoles that it aggregates, be it by way of others."""
        if _key(role) in self._rules:
            return self._rules[_key(role)]
        found: list[Object] = []
        seen, left = {role.name}, [role]
        while left:
            each = left.pop()
            found += _own_rules(each)
            chosen = [other for other in self._chosen(each) if other.name not in seen]
            seen |= {other.name for other in chosen}
            left += chosen
        self._rules[_key(role)] = found
        return found

    def _chosen(self, role: Manifest) -> list[Manifest]:
        with blaming(role):
            selectors = parts(role.content, "aggregationRule", "clusterRoleSelectors")
            return [
                each
                for each in (self._cluster_roles() if selectors else ())
                if any(_selects(selector, each.labels) for selector in selectors)
            ]

    def _cluster_roles(self) -> list[Manifest]:
        found = [each for each in self._roles.values() if each.kind == "ClusterRole"]
        if sum("aggregationRule" in each.content for each in found) > MOST_AGGREGATED:
            raise Misconfigured(f"more than {MOST_AGGREGATED} ClusterRoles are made of others")
        return found

    def _aggregated_to(self, name: str) -> list[Manifest]:
        """Return the ClusterRoles that a built-in one aggregates; `edit` has what `view` has."""
        order = ("view", "edit", "admin")
        words = [f"{GROUP}/aggregate-to-{each}" for each in order[: order.index(name) + 1]] if name in order else []
        return (
            [each for each in self._cluster_roles() if any(_true(each.labels.get(word)) for word in words)]
            if words
            else []
        )


_EVERY = "*"
"""Stands for every account of a namespace, which no account can be called."""


def _key(role: Manifest) -> tuple[str, str, str]:
    return role.kind, role.namespace if role.kind == "Role" else "", role.name


def _by_namespace(kind: str, name: str, place: str) -> str:
    """Return the name of the account that a subject is if it is of the right namespace, nothing for any other."""
    if kind == "ServiceAccount":
        return name if place else ""
    parts = name.split(":")
    if kind == "User" and len(parts) == 4 and parts[:2] == ["system", "serviceaccount"] and parts[2]:
        return parts[3]
    return _EVERY if kind == "Group" and re.fullmatch(r"system:serviceaccounts:.+", name) else ""


def _subjects(namespace: str, account: str) -> Iterator[tuple[str, str, str, str]]:
    """Yield the subjects that an account is, each with how it is told."""
    shown = f"ServiceAccount {f'{namespace}/' if namespace else ''}{account}"
    yield "ServiceAccount", namespace, account, shown
    user = f"system:serviceaccount:{namespace}:{account}"
    yield "User", "", user, f"User {user}"
    for group in (f"system:serviceaccounts:{namespace}", "system:serviceaccounts", "system:authenticated"):
        yield "Group", "", group, f"group {group}"


def _own_rules(role: Manifest) -> list[Object]:
    with blaming(role):
        rules = parts(role.content, "rules")
        for rule in rules:
            for key in ("apiGroups", "resources", "resourceNames", "verbs", "nonResourceURLs"):
                texts(rule, key)
    return rules


def _true(value: Any) -> bool:
    return value is True or value == "true"


def _selects(selector: Object, labels: Object) -> bool:
    """Return whether a label selector matches; an empty one matches everything."""
    return all(labels.get(key) == value for key, value in part(selector, "matchLabels").items()) and all(
        _expression(each, labels) for each in parts(selector, "matchExpressions")
    )


def _expression(expression: Object, labels: Object) -> bool:
    key, values = str(expression.get("key")), texts(expression, "values")
    match expression.get("operator"):
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
        case _:
            return False
