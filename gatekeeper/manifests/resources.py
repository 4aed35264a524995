"""What a gate asks of its node, as the API has it: requests and limits.

Pure. A gate needs memory of its own, whatever the container that it replaces had. What else that one was given, such as
the limit on CPU that a ResourceQuota demands, it keeps.
"""

import re
from collections.abc import Mapping
from decimal import Decimal

from gatekeeper.gate.settings import Misconfigured
from gatekeeper.manifests.objects import Object, part

OF_A_GATE = {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}}
_PAIR = re.compile(r"([a-z0-9][-a-z0-9./]*)=(\S+)")
_QUANTITY = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(n|u|m|k|[MGTPE]|[KMGTPE]i|[eE][-+]?\d{1,3})?")
_BINARY, _DECIMAL = "KMGTPE", {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}


def given(option: str, text: str) -> dict[str, str]:
    """Return quantities by the resource's name, as `kubectl set resources` takes them. Raises Misconfigured."""
    found = {}
    for each in text.split(",") if text else ():
        pair = _PAIR.fullmatch(each.strip())
        if not pair or not _QUANTITY.fullmatch(pair[2]):
            raise Misconfigured(
                f"{option}: {each!r} is not NAME=QUANTITY; write for example {option} cpu=100m,memory=128Mi"
            )
        found[pair[1]] = pair[2]
    return found


def of_gate(replaced: Object) -> Object:
    """Return the resources of a new gate: its own memory, and for the rest those of the container that it replaces."""
    said = {key: part(replaced, "resources", key) for key in OF_A_GATE}
    kept = {name for names in said.values() for name in names} - {"memory"}
    sides = {
        key: {name: value for name, value in OF_A_GATE[key].items() if name not in kept}
        | {name: value for name, value in said[key].items() if name in kept}
        for key in OF_A_GATE
    }
    return {key: side for key, side in sides.items() if side}


def changed(resources: Object, limits: Mapping[str, str], requests: Mapping[str, str]) -> Object:
    """Return resources with others among them; a request that would be above its limit becomes the limit."""
    sides = {"requests": {**part(resources, "requests"), **requests}, "limits": {**part(resources, "limits"), **limits}}
    for name, limit in limits.items():
        if name not in requests and name in sides["requests"] and _above(sides["requests"][name], limit):
            sides["requests"][name] = limit
    return resources | {key: side for key, side in sides.items() if side}


def _above(one: object, other: object) -> bool:
    return amount(str(one)) > amount(str(other))


def amount(quantity: str) -> Decimal:
    """Return the number that a quantity is; 0 for what is none.

    See https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
    """
    found = _QUANTITY.fullmatch(quantity)
    if not found:
        return Decimal(0)
    number, unit = Decimal(found[1]), found[2] or ""
    if unit.endswith("i"):
        return number * Decimal(1024) ** (_BINARY.index(unit[0]) + 1)
    return number.scaleb(_DECIMAL[unit] if unit in _DECIMAL else int(unit[1:]))
