"""Quotas, limit ranges and the resources of a gate among them, and what is refused: asked of a real API server, too."""

from dataclasses import dataclass, field
from typing import Any

Object = dict[str, Any]
USUAL: Object = {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}}
"""What a new gate has."""


@dataclass(frozen=True)
class Case:
    """One pod in one namespace."""

    refused: str = ""
    """Words of the audit's sentence or its cure; none where the pod is admitted."""
    hard: Object = field(default_factory=dict)
    scopes: Object = field(default_factory=dict)
    """What else a quota's spec has."""
    limits: tuple[Object, ...] = ()
    """Of a limit range."""
    resources: Object = field(default_factory=lambda: USUAL)
    """The gate's."""
    pod: Object = field(default_factory=dict)

    def objects(self) -> list[Object]:
        """Return the quota and the limit range."""
        quota = {"kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": {"hard": self.hard, **self.scopes}}
        ranges = {"kind": "LimitRange", "metadata": {"name": "r"}, "spec": {"limits": list(self.limits)}}
        there = [quota] * bool(self.hard) + [ranges] * bool(self.limits)
        return [{"apiVersion": "v1", **each} for each in there]


def container(**limits: Object) -> Object:
    """Return what a limit range says of containers."""
    return {"type": "Container", **limits}


FOUR = {"limits.cpu": "4", "limits.memory": "4Gi", "requests.cpu": "2", "requests.memory": "2Gi"}
WITH_CPU = {**USUAL, "limits": {"cpu": "100m", "memory": "128Mi"}}
OF_A_PRIORITY = {
    "scopeSelector": {"matchExpressions": [{"scopeName": "PriorityClass", "operator": "In", "values": ["high"]}]}
}
CASES = {
    "a limit on CPU": Case("--limits cpu=100m", hard=FOUR),
    "a limit on CPU, given": Case(hard=FOUR, resources=WITH_CPU),
    "limits alone are requests, too": Case(hard=FOUR, resources={"limits": {"cpu": "1", "memory": "64Mi"}}),
    "short names": Case("demands requests.cpu of every", hard={"cpu": "1"}, resources={}),
    "short names, given": Case(hard={"cpu": "1", "memory": "64Mi"}),
    "nothing given": Case("demands requests.memory of every", hard={"memory": "1Gi"}, resources={}),
    "what is only counted": Case(hard={"limits.ephemeral-storage": "1Gi", "pods": "4"}),
    "too little room": Case("alone 64Mi", hard={"requests.memory": "32Mi"}),
    "room in other units": Case(hard={"requests.memory": "67108864", "requests.cpu": "0.06"}),
    "pods that end": Case(hard=FOUR, scopes={"scopes": ["Terminating"]}),
    "a pod that ends": Case(
        "cpu=100m", hard=FOUR, scopes={"scopes": ["Terminating"]}, pod={"activeDeadlineSeconds": 9}
    ),
    "pods that go on": Case("cpu=100m", hard=FOUR, scopes={"scopes": ["NotTerminating", "NotBestEffort"]}),
    "pods of no effort": Case(hard={"pods": "4"}, scopes={"scopes": ["BestEffort"]}),
    "pods of a priority": Case(hard=FOUR, scopes=OF_A_PRIORITY),
    "defaults": Case(hard=FOUR, limits=(container(default={"cpu": "1", "memory": "1Gi"}, max={"cpu": "2"}),)),
    "the most is the default": Case(hard=FOUR, limits=(container(max={"cpu": "1", "memory": "1Gi"}),)),
    "a default for requests alone": Case(
        "--limits cpu=100m", hard=FOUR, limits=(container(defaultRequest={"cpu": "1m"}, min={"cpu": "1m"}),)
    ),
    "the least is no limit": Case(
        "demands limits.cpu", hard={"limits.cpu": "1"}, limits=(container(min={"cpu": "1m"}),), resources={}
    ),
    "above the most": Case("at most 64Mi of memory", limits=(container(max={"memory": "64Mi"}),)),
    "below the least": Case("at least 50m of cpu, and gate has 10m", limits=(container(min={"cpu": "50m"}),)),
    "too far apart": Case("limits of memory 1 times", limits=(container(maxLimitRequestRatio={"memory": "1"}),)),
    "not too far apart": Case(limits=(container(maxLimitRequestRatio={"memory": "2"}, max={"memory": "1Gi"}),)),
    "no limit to be apart": Case("limits of cpu 2 times", limits=(container(maxLimitRequestRatio={"cpu": "2"}),)),
    "of pods": Case(
        limits=({"type": "Pod", "max": {"memory": "1Gi"}}, {"type": "PersistentVolumeClaim", "max": {"storage": "1Gi"}})
    ),
}
