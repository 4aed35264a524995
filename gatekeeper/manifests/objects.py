"""Rendered Kubernetes manifests: the objects of a stream, and the pods that its workloads make.

What `kustomize build`, `helm template` and `kubectl get -o yaml` print. What is malformed is Misconfigured, so that a
gate is never overlooked because its surroundings cannot be understood.
"""

import codecs
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gatekeeper.gate.settings import Misconfigured
from gatekeeper.manifests import documents

Object = dict[str, Any]
"""A Kubernetes object, or a part of one."""

EXAMPLE = "kustomize build overlays/production | gatekeeper audit -"
MOST_CONTAINERS = 500
"""Of a pod; no node starts as many."""
_POD = ("spec", "template", "spec")
_PODS = {
    ("apps", "DaemonSet"): _POD,
    ("apps", "Deployment"): _POD,
    ("apps", "ReplicaSet"): _POD,
    ("apps", "StatefulSet"): _POD,
    ("argoproj.io", "Rollout"): _POD,
    ("batch", "CronJob"): ("spec", "jobTemplate", *_POD),
    ("batch", "Job"): _POD,
    ("", "Pod"): ("spec",),
    ("", "PodTemplate"): ("template", "spec"),
    ("", "ReplicationController"): _POD,
    ("apps.openshift.io", "DeploymentConfig"): _POD,
    ("", "DeploymentConfig"): _POD,
    ("serving.knative.dev", "Service"): _POD,
}
"""Where each kind of workload has its pod's spec."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """An object, by what names it and where it was read."""

    group: str
    kind: str
    name: str
    namespace: str
    """Empty where the manifest leaves it to `kubectl apply -n`, or the object has none."""
    content: Object
    source: str = "-"
    line: int = 1
    where: tuple[int | str, ...] = ()
    """In its stream: the number of the document, and within a List the keys and numbers that lead to it."""

    def __str__(self) -> str:
        return f"{self.kind} {f'{self.namespace}/' if self.namespace else ''}{self.name}"

    @property
    def labels(self) -> Object:
        """Return the object's labels."""
        return part(self.content, "metadata", "labels")

    @property
    def annotations(self) -> Object:
        """Return the object's annotations."""
        return part(self.content, "metadata", "annotations")


@dataclass(frozen=True, slots=True)
class Workload:
    """What makes pods, and these pods' containers."""

    manifest: Manifest
    pod: Object
    """The pod's spec."""
    inits: Sequence[Object]
    apps: Sequence[Object]
    path: tuple[str, ...] = ()
    """The keys that lead to the pod's spec."""

    @property
    def account(self) -> str:
        """Return the name of the pod's ServiceAccount."""
        return str(self.pod.get("serviceAccountName") or self.pod.get("serviceAccount") or "default")


def read(path: str) -> list[Manifest]:
    """Return the objects of a file, or of standard input for `-`. Raises Misconfigured."""
    return parse(read_text(path)[0], path)


_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def read_text(path: str, example: str = EXAMPLE) -> tuple[str, str]:
    """Return the text of a file, or of standard input for `-`, and its encoding. Raises Misconfigured.

    It has the line ends and the byte order mark that it has there: the mark tells UTF-16 and UTF-32, which PowerShell
    writes.
    """
    try:
        read = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
        encoding = next((name for mark, name in _MARKS if read.startswith(mark)), "utf-8")
        return read.decode(encoding), encoding
    except (OSError, UnicodeDecodeError) as fault:
        why = fault.strerror if isinstance(fault, OSError) else "it is not UTF-8 text"
        raise Misconfigured(f"{path} cannot be read ({why}); write for example {example}") from fault


def parse(text: str, source: str = "-", example: str = EXAMPLE) -> list[Manifest]:
    """Return the objects of a stream, those of a List one by one. Raises Misconfigured."""
    shown = "standard input" if source == "-" else source
    try:
        found = [
            manifest
            for number, (line, document) in enumerate(documents.load_all(text))
            for manifest in _read(document, source, line, (number,))
        ]
    except (ValueError, Misconfigured, RecursionError) as fault:
        why = "it is a template that is not rendered yet" if "{{" in text else fault
        raise Misconfigured(
            f"{shown} is not a stream of Kubernetes objects ({why}); write for example {example}"
        ) from fault
    if not found:
        raise Misconfigured(f"{shown} has no Kubernetes object in it; write for example {example}")
    return found


def _read(
    document: Any, source: str, line: int, where: tuple[int | str, ...], kind: str = "", version: str = ""
) -> Iterator[Manifest]:
    if document is None:
        return
    if not isinstance(document, dict):
        raise Misconfigured(f"what begins in line {line} is no object")
    kind = str(document.get("kind") or kind)
    if not kind:
        raise Misconfigured(f"the object that begins in line {line} has no kind")
    if kind.endswith("List") and "items" in document:
        for number, item in enumerate(parts(document, "items")):
            # The API server's own answer leaves both out of the items.
            of_list = ("", "") if kind == "List" else (kind.removesuffix("List"), str(document.get("apiVersion") or ""))
            yield from _read(item, source, line, (*where, "items", number), *of_list)
        return
    metadata = part(document, "metadata")
    name = str(metadata.get("name") or f"{metadata.get('generateName') or ''}*")
    group = str(document.get("apiVersion") or version).rpartition("/")[0]
    manifest = Manifest(group, kind, name, str(metadata.get("namespace") or ""), document, source, line, where)
    with blaming(manifest):
        for key in ("labels", "annotations"):
            part(metadata, key)
    yield manifest


def workloads(manifests: Sequence[Manifest]) -> list[Workload]:
    """Return what makes pods, save what another workload of these manifests makes. Raises Misconfigured."""
    known = {(each.kind, each.name, each.namespace) for each in manifests}
    found = []
    for manifest in manifests:
        path = _PODS.get((manifest.group, manifest.kind)) or _path_of_pod(manifest.content)
        if path is None:
            continue
        with blaming(manifest):
            owners = parts(manifest.content, "metadata", "ownerReferences")
            if any((str(each.get("kind")), str(each.get("name")), manifest.namespace) in known for each in owners):
                continue
            pod = part(manifest.content, *path)
            inits, apps = (parts(pod, key) for key in ("initContainers", "containers"))
            if len(inits) + len(apps) > MOST_CONTAINERS:
                raise Misconfigured(f"its pod has more than {MOST_CONTAINERS} containers")
            for container in (*inits, *apps):
                # Read here, so that nothing that comes after can stumble over them.
                parts(container, "env")
                parts(container, "volumeMounts")
                texts(container, "command")
                texts(container, "args")
            found.append(Workload(manifest, pod, inits, apps, path))
    return found


def _path_of_pod(content: Object) -> tuple[str, ...] | None:
    """Return where a kind of somebody's own has its pod's spec: where Deployments have it, None if nothing is there."""
    found: Any = content
    for key in (*_POD, "containers"):
        found = found.get(key) if isinstance(found, dict) else None
    return _POD if isinstance(found, list) and found and all(isinstance(each, dict) for each in found) else None


@contextmanager
def blaming(manifest: Manifest) -> Iterator[None]:
    """Say of whatever is Misconfigured within which manifest it is."""
    try:
        yield
    except _Blamed:
        raise
    except Misconfigured as fault:
        raise _Blamed(f"{manifest}: {fault}; kubectl apply --dry-run=server tells more") from fault


class _Blamed(Misconfigured):
    """Says of which manifest it is."""


def part(content: Object, *path: str) -> Object:
    """Return the object at a path, an empty one where there is none. Raises Misconfigured."""
    for depth, key in enumerate(path, 1):
        content = content.get(key) or {}
        if not isinstance(content, dict):
            raise Misconfigured(f"{'.'.join(path[:depth])} is not an object")
    return content


def parts(content: Object, *path: str) -> list[Object]:
    """Return the objects of a list at a path. Raises Misconfigured."""
    found = _list(content, path)
    if not all(isinstance(each, dict) for each in found):
        raise Misconfigured(f"{'.'.join(path)} is not a list of objects")
    return found


def texts(content: Object, *path: str) -> list[str]:
    """Return the texts of a list at a path. Raises Misconfigured."""
    found = _list(content, path)
    if any(isinstance(each, dict | list) for each in found):
        raise Misconfigured(f"{'.'.join(path)} is not a list of texts")
    return [str(each) for each in found]


def _list(content: Object, path: Sequence[str]) -> list[Any]:
    found = part(content, *path[:-1]).get(path[-1]) or []
    if not isinstance(found, list):
        raise Misconfigured(f"{'.'.join(path)} is not a list")
    return found
