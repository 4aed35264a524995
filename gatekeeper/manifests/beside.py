"""What manifests have beside workloads, found by what a gate asks for: its rights, its token, its Jobs and quotas."""

import re
from collections.abc import Iterator, Sequence
from functools import cached_property

from gatekeeper.gate.settings import Misconfigured
from gatekeeper.manifests import quotas
from gatekeeper.manifests.grants import Grants
from gatekeeper.manifests.objects import Manifest, Object
from gatekeeper.manifests.waits import Gate

MOST_QUOTAS = 100
"""Quotas and limit ranges of a namespace."""
MOST_MATCHES = 200_000
"""Jobs that the selectors of all gates match."""


class Beside:
    """What the documents have beside workloads, found by what a gate asks for: its rights, token, Jobs and quotas."""

    def __init__(self, manifests: Sequence[Manifest]) -> None:
        self._manifests = manifests
        self._matches = 0

    @cached_property
    def grants(self) -> Grants:
        """Return what is granted, and to whom."""
        return Grants(self._manifests)

    @cached_property
    def _by_place(self) -> dict[tuple[str, str, str], list[Manifest]]:
        found: dict[tuple[str, str, str], list[Manifest]] = {}
        for each in self._manifests:
            found.setdefault((each.group, each.kind, each.namespace), []).append(each)
        return found

    @cached_property
    def _jobs(self) -> dict[tuple[str, str], list[Manifest]]:
        found: dict[tuple[str, str], list[Manifest]] = {}
        for (group, kind, namespace), those in self._by_place.items():
            for each in those if (group, kind) == ("batch", "Job") else ():
                for name in {*_ends_of(each.name), each.name}:
                    found.setdefault((namespace, name), []).append(each)
        return found

    @cached_property
    def accounts(self) -> dict[tuple[str, str], list[Object]]:
        """Return the ServiceAccounts by namespace and name."""
        found: dict[tuple[str, str], list[Object]] = {}
        for each in self._manifests:
            if (each.group, each.kind) == ("", "ServiceAccount"):
                found.setdefault((each.namespace, each.name), []).append(each.content)
        return found

    @cached_property
    def tokens(self) -> dict[tuple[str, str], set[str]]:
        """Return the Secrets with a token, by the namespace and the account that they are of."""
        found: dict[tuple[str, str], set[str]] = {}
        for each in self._manifests:
            if (each.group, each.kind) != ("", "Secret"):
                continue
            if each.content.get("type") == "kubernetes.io/service-account-token":
                account = str(each.annotations.get("kubernetes.io/service-account.name"))
                found.setdefault((each.namespace, account), set()).add(each.name)
        return found

    def limits(self, namespace: str) -> list[Manifest]:
        """Return what a namespace has of quotas and limit ranges. Raises Misconfigured."""
        found = [each for kind in quotas.KINDS for each in self._by_place.get(("", kind, namespace), ())]
        if len(found) > MOST_QUOTAS:
            raise Misconfigured(f"its namespace has more than {MOST_QUOTAS} quotas and limit ranges here")
        return found

    def awaited(self, gate: Gate) -> list[Manifest]:
        """Return the Jobs that a gate waits for. Raises Misconfigured."""
        named = [each for name in gate.jobs for each in self._jobs.get((gate.namespace, name), ()) if each.name == name]
        pairs = _pairs(gate.labels) if gate.labels else None
        there = self._by_place.get(("batch", "Job", gate.namespace), ()) if pairs else ()
        self._matches += len(there)
        if self._matches > MOST_MATCHES:
            raise Misconfigured("its selectors and the Jobs here are too many to be compared")
        return named + [each for each in there if all(str(each.labels.get(key)) == value for key, value in pairs or ())]

    def like(self, name: str, namespace: str) -> list[str]:
        """Return the Jobs that have another name before or after this one, none where it is there."""
        found = [each.name for each in self._jobs.get((namespace, name), ())]
        return [] if name in found else found


def _ends_of(name: str) -> Iterator[str]:
    """Yield what a name begins and ends with, at its dashes."""
    for at, character in enumerate(name):
        if character == "-":
            yield name[:at]
            yield name[at + 1 :]


def _pairs(selector: str) -> list[tuple[str, str]] | None:
    """Return a selector of equalities as pairs; any other one is taken for no match."""
    found = [re.fullmatch(r"\s*([\w./-]+)\s*==?\s*([\w.-]*)\s*", each) for each in selector.split(",")]
    pairs = [(each[1], each[2]) for each in found if each]
    return pairs if len(pairs) == len(found) else None
