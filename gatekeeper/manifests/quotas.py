"""What the ResourceQuotas and LimitRanges of a namespace refuse of a container, as the API server's admission does.

Pure. Only the container itself is judged, and not what else there is room for. See
https://kubernetes.io/docs/concepts/policy/resource-quotas/ and https://kubernetes.io/docs/concepts/policy/limit-range/
"""

from collections.abc import Callable, Iterator, Sequence

from gatekeeper.manifests.objects import Manifest, Object, blaming, part, parts, texts
from gatekeeper.manifests.resources import amount

KINDS = ("LimitRange", "ResourceQuota")
_SIDES = ("limits", "requests")
_DEMANDED = ("cpu", "memory")
"""Resources that a quota demands of every container; of others it only counts what is there."""
_USUAL = {"cpu": "100m", "memory": "128Mi"}

Resources = dict[str, dict[str, str]]
"""Quantities by name, for `limits` and `requests`."""


def refusals(container: Object, pod: Object, beside: Sequence[Manifest]) -> Iterator[tuple[str, str]]:
    """Yield why a pod with this container is not admitted, and what cures it. Raises Misconfigured.

    Objects beside are those of its namespace. A pod that has resources as a whole is not judged.
    """
    if pod.get("resources"):
        return
    ranges = [
        (each, limit)
        for each in beside
        if each.kind == "LimitRange"
        for limit in _limits(each)
        if limit.get("type") == "Container"
    ]
    name = str(container.get("name"))
    has = _with_defaults(container, ranges)
    for quota in beside:
        if quota.kind == "ResourceQuota":
            with blaming(quota):
                yield from _by_quota(quota, pod, name, has)
    for manifest, limit in ranges:
        with blaming(manifest):
            yield from _by_range(manifest, limit, name, has)


def _limits(manifest: Manifest) -> list[Object]:
    with blaming(manifest):
        return parts(manifest.content, "spec", "limits")


def _quantities(content: Object, *path: str) -> dict[str, str]:
    return {name: str(value) for name, value in part(content, *path).items() if value is not None}


def _with_defaults(container: Object, ranges: Sequence[tuple[Manifest, Object]]) -> Resources:
    """Return what a container has once it is admitted.

    A request that is missing is the limit; then come the defaults of ranges, which are made of each other as well.
    """
    has = {side: _quantities(container, "resources", side) for side in _SIDES}
    has["requests"] = has["limits"] | has["requests"]
    for manifest, each in ranges:
        with blaming(manifest):
            most, least = _quantities(each, "max"), _quantities(each, "min")
            limit = most | _quantities(each, "default")
            request = least | limit | _quantities(each, "defaultRequest")
        has = {"limits": limit | has["limits"], "requests": request | has["requests"]}
    return has


def _by_quota(quota: Manifest, pod: Object, name: str, has: Resources) -> Iterator[tuple[str, str]]:
    if not _is_meant(part(quota.content, "spec"), pod):
        return
    for key, hard in _quantities(quota.content, "spec", "hard").items():
        side, _, resource = key.rpartition(".")
        side = side or "requests"
        if side not in _SIDES or resource not in _DEMANDED:
            continue
        given = has[side].get(resource)
        if given is None:
            yield f"{quota} demands {side}.{resource} of every container, and {name} has none", _cure(side, resource)
        elif amount(given) > amount(hard):
            yield (
                f"{quota} has {hard} of {side}.{resource} for the whole namespace, and {name} alone {given}",
                _cure(side, resource, hard),
            )


def _by_range(manifest: Manifest, limit: Object, name: str, has: Resources) -> Iterator[tuple[str, str]]:
    for resource, most in _quantities(limit, "max").items():
        for side in _SIDES:
            if resource in has[side] and amount(has[side][resource]) > amount(most):
                told = f"{manifest} allows at most {most} of {resource}, and {name} has {has[side][resource]}"
                yield told, _cure("limits", resource, most)
                break
    for resource, least in _quantities(limit, "min").items():
        for side in reversed(_SIDES):
            if resource in has[side] and amount(has[side][resource]) < amount(least):
                told = f"{manifest} wants at least {least} of {resource}, and {name} has {has[side][resource]}"
                yield told, _cure(side, resource, least)
                break
    for resource, ratio in _quantities(limit, "maxLimitRequestRatio").items():
        one, other = (has[side].get(resource, "") for side in _SIDES)
        if not (amount(one) and amount(other)) or amount(one) > amount(other) * amount(ratio):
            told = f"{manifest} allows limits of {resource} {ratio} times the request, and {name} has "
            side = "requests" if amount(one) else "limits"
            yield f"{told}{one or 'none'} and {other or 'none'}", _cure(side, resource, one or other)


def _cure(side: str, resource: str, quantity: str = "") -> str:
    told = f"{resource}={quantity or _USUAL.get(resource, 'QUANTITY')}"
    return f"write it into the gate's resources, for example by gatekeeper inject --{side} {told}."


# Which pods a quota is for: https://kubernetes.io/docs/concepts/policy/resource-quotas/#quota-scopes


def _is_meant(spec: Object, pod: Object) -> bool:
    """Return whether a quota is for such a pod, which has a container with resources; what is not known is not."""
    scopes = [(scope, "Exists", [""]) for scope in texts(spec, "scopes")]
    scopes += [
        (str(each.get("scopeName")), str(each.get("operator")), texts(each, "values"))
        for each in parts(spec, "scopeSelector", "matchExpressions")
    ]
    return all(scope in _SCOPES and _SCOPES[scope](pod, operator, values) for scope, operator, values in scopes)


def _priority(pod: Object, operator: str, values: Sequence[str]) -> bool:
    name = str(pod.get("priorityClassName") or "")
    return {"In": name in values, "NotIn": name not in values, "Exists": bool(name), "DoesNotExist": not name}.get(
        operator, False
    )


_SCOPES: dict[str, Callable[[Object, str, Sequence[str]], bool]] = {
    "NotBestEffort": lambda *_: True,
    "NotTerminating": lambda pod, *_: pod.get("activeDeadlineSeconds") is None,
    "PriorityClass": _priority,
    "Terminating": lambda pod, *_: pod.get("activeDeadlineSeconds") is not None,
}
