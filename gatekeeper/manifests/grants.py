"""What RBAC objects grant to a ServiceAccount, as the API server's authorizer reads them.

Pure: it knows the objects that it is given, and by name the ClusterRoles for people that every cluster has. See
https://kubernetes.io/docs/reference/access-authn-authz/rbac/
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

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

    def allows(self, verb: str, namespace: str, job: str) -> bool:
        """Return whether a verb on a Job is granted; on every Job, if none is named."""
        if not self.everywhere and namespace != self.binding.namespace:
            return False
        return any(_allows(rule, verb, job) for rule in self.rules)

    def excess(self, needs: Sequence[Need]) -> list[str]:
        """Return what is granted beyond what is needed, such as `get on jobs.batch db-migrate`."""
        found = [told for rule in self.rules for told in _excess(rule, self._within(needs))]
        return [*dict.fromkeys([*found, *([self.beyond] if self.beyond else [])])]

    def _within(self, needs: Sequence[Need]) -> list[Need]:
        """Return the needs that this binding may serve; nothing needs to be granted in every namespace."""
        return [need for need in needs if not self.everywhere and need.namespace == self.binding.namespace]


def _allows(rule: Object, verb: str, job: str) -> bool:
    wanted = (("verbs", verb), ("apiGroups", "batch"), ("resources", "jobs"))
    names = texts(rule, "resourceNames")
    return all({value, "*"} & {*texts(rule, key)} for key, value in wanted) and (not names or job in names)


def _excess(rule: Object, needs: Sequence[Need]) -> Iterator[str]:
    verbs, names = texts(rule, "verbs"), texts(rule, "resourceNames")
    for group, resource in product(texts(rule, "apiGroups"), texts(rule, "resources")):
        is_jobs = (group, resource) == ("batch", "jobs")
        by_verbs: dict[str, list[str]] = {}
        for name in names or [""]:
            left = [verb for verb in verbs if not (is_jobs and any(_needs(need, verb, name) for need in needs))]
            by_verbs.setdefault(", ".join("every verb" if verb == "*" else verb for verb in left), []).append(name)
        for told, those in by_verbs.items():
            if told:
                every = "" if names or resource == "*" else "all "
                yield f"{told} on {every}{_resource(group, resource)}{' ' * bool(names)}{', '.join(those)}"
    for url in texts(rule, "nonResourceURLs"):
        yield f"{', '.join(verbs)} on {url}"


def _needs(need: Need, verb: str, name: str) -> bool:
    """Tell whether a need is served: also that of another release's pods, by the Job that is named after theirs."""
    series = {series_of(job) for job in need.jobs if is_of_a_release(job)}
    of_another = is_of_a_release(name) and series_of(name) in series
    return verb in need.verbs and (not need.jobs or name in need.jobs or of_another)


def _resource(group: str, resource: str) -> str:
    if resource == "*":
        return {"": "everything of the core group", "*": "everything"}.get(group, f"everything of {group}")
    return f"{resource} of every group" if group == "*" else f"{resource}{'.' * bool(group)}{group}"


def missing(need: Need, given: Iterable[Granted]) -> Need | None:
    """Return the part of a need that is not granted, None where nothing is missing."""
    grants = list(given)

    def lacks(verb: str, job: str) -> bool:
        return not any(each.allows(verb, need.namespace, job) for each in grants)

    pairs = [(verb, job) for verb, job in product(need.verbs, need.jobs or ("",)) if lacks(verb, job)]
    verbs, jobs = (tuple(dict.fromkeys(pair[at] for pair in pairs)) for at in (0, 1))
    return Need(verbs, need.namespace, jobs if need.jobs else ()) if pairs else None


def granted(manifests: Sequence[Manifest], namespace: str, account: str) -> list[Granted]:
    """Return what each binding among these gives to a ServiceAccount. Raises Misconfigured."""
    rbac = [each for each in manifests if each.group == GROUP]
    roles = {(each.kind, each.namespace if each.kind == "Role" else "", each.name): each for each in rbac}
    found = []
    for binding in rbac:
        if binding.kind not in {"RoleBinding", "ClusterRoleBinding"}:
            continue
        with blaming(binding):
            subject = _subject(binding, namespace, account)
            reference = part(binding.content, "roleRef")
        if not subject:
            continue
        kind, name = str(reference.get("kind")), str(reference.get("name"))
        within = binding.namespace if kind == "Role" else ""
        role = roles.get((kind, within, name))
        built_in = kind == "ClusterRole" and role is None and name in BUILT_IN
        rules = list(BUILT_IN[name]) if built_in else _rules(role, rbac) if role else []
        if built_in:
            rules += [rule for each in _aggregated_to(name, rbac) for rule in _rules(each, rbac)]
        found.append(
            Granted(
                binding,
                f"{kind} {f'{within}/' if within else ''}{name}",
                tuple(rules),
                subject,
                beyond=BEYOND.get(name, "") if built_in else "",
                known=bool(role) or built_in,
            )
        )
    return found


def by_namespace(manifests: Sequence[Manifest], account: str) -> list[str]:
    """Return the bindings whose subjects may be an account of this name, as its namespace decides."""
    user, group = (
        re.compile(rf"system:serviceaccount:[^:]+:{re.escape(account)}"),
        re.compile(r"system:serviceaccounts:.+"),
    )
    found = []
    for binding in manifests:
        if binding.group != GROUP or binding.kind not in {"RoleBinding", "ClusterRoleBinding"}:
            continue
        with blaming(binding):
            for each in parts(binding.content, "subjects"):
                kind, name = each.get("kind"), str(each.get("name"))
                if (
                    (kind == "ServiceAccount" and name == account and each.get("namespace"))
                    or (kind == "User" and user.fullmatch(name))
                    or (kind == "Group" and group.fullmatch(name))
                ):
                    found.append(str(binding))
    return list(dict.fromkeys(found))


def _subject(binding: Manifest, namespace: str, account: str) -> str:
    """Return the subject by which a binding reaches the account, the most special first; nothing for none."""
    user = f"system:serviceaccount:{namespace}:{account}"
    groups = (f"system:serviceaccounts:{namespace}", "system:serviceaccounts", "system:authenticated")
    listed = parts(binding.content, "subjects")
    for each in listed:
        # A RoleBinding may leave out the namespace of an account that is in its own.
        place = str(each.get("namespace") or binding.namespace)
        if (each.get("kind"), each.get("name"), place) == ("ServiceAccount", account, namespace):
            return f"ServiceAccount {f'{namespace}/' if namespace else ''}{account}"
        if (each.get("kind"), each.get("name")) == ("User", user):
            return f"User {user}"
    found = {str(each.get("name")) for each in listed if each.get("kind") == "Group"}
    return next((f"group {group}" for group in groups if group in found), "")


def _rules(role: Manifest, rbac: Sequence[Manifest]) -> list[Object]:
    """Return a role's rules, and those of the ClusterRoles that it aggregates, be it by way of others."""
    found: list[Object] = []
    seen, left = {role.name}, [role]
    while left:
        each = left.pop()
        with blaming(each):
            rules = parts(each.content, "rules")
            for rule in rules:
                for key in ("apiGroups", "resources", "resourceNames", "verbs", "nonResourceURLs"):
                    texts(rule, key)
            selectors = parts(each.content, "aggregationRule", "clusterRoleSelectors")
            chosen = [
                other
                for other in rbac
                if selectors
                and other.kind == "ClusterRole"
                and other.name not in seen
                and any(_selects(selector, other.labels) for selector in selectors)
            ]
        found += rules
        seen |= {other.name for other in chosen}
        left += chosen
    return found


def _aggregated_to(name: str, rbac: Sequence[Manifest]) -> list[Manifest]:
    """Return the ClusterRoles among these that a built-in one aggregates; `edit` has what `view` has."""
    order = ("view", "edit", "admin")
    words = [f"{GROUP}/aggregate-to-{each}" for each in order[: order.index(name) + 1]] if name in order else []
    return [each for each in rbac if each.kind == "ClusterRole" and any(_true(each.labels.get(word)) for word in words)]


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
