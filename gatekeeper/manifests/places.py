"""In which namespace the objects of a stream are that name none, as Helm and kustomize leave them.

Pure. One rule for whoever judges or changes a stream, so that both see the same rights and the same Jobs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from gatekeeper.manifests import rbac, waits
from gatekeeper.manifests.objects import Manifest, blaming, parts, workloads


def placed(manifests: Sequence[Manifest], namespace: str = "", images: Sequence[str] = ()) -> list[Manifest]:
    """Return the objects, each with its namespace: that given, as for `kubectl apply -n`, or else the only one named.

    Nothing is filled in where several are named. Raises Misconfigured.
    """
    here = namespace or _only(_named(manifests)) or _only(_asked(manifests, images))
    return [
        each if each.namespace or not here or each.kind.startswith("Cluster") else replace(each, namespace=here)
        for each in manifests
    ]


def _only(names: Iterator[str]) -> str:
    found = {*names} - {""}
    return found.pop() if len(found) == 1 else ""


def _named(manifests: Sequence[Manifest]) -> Iterator[str]:
    """Yield the namespaces of these, also those that are named only in the subjects of a binding."""
    for each in manifests:
        yield each.namespace
        if each.group == rbac.GROUP and each.kind.endswith("RoleBinding"):
            with blaming(each):
                yield from (str(subject.get("namespace") or "") for subject in parts(each.content, "subjects"))


def _asked(manifests: Sequence[Manifest], images: Sequence[str]) -> Iterator[str]:
    """Yield the namespaces that gates ask for Jobs: a chart writes that of its release, which is where it is, too."""
    for workload in workloads(manifests):
        with blaming(workload.manifest):
            yield from (found.namespace for each in workload.inits for found in waits.gates(each, "", images))
