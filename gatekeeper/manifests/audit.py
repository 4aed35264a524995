"""Judge the gates in rendered manifests, each workload by itself (`judge`), and what they show together.

Pure: manifests in, facts and findings out; no cluster is asked. What the documents do not show, such as a Job or a
binding that is applied on its own, is not guessed: sentences then say "in these documents".
"""

import re
from collections.abc import Iterator, Sequence

from gatekeeper.manifests import containers, waits
from gatekeeper.manifests.beside import Beside
from gatekeeper.manifests.findings import RULES, Audit, Finding, GateFacts
from gatekeeper.manifests.judge import Case
from gatekeeper.manifests.objects import Manifest, Workload, blaming, parts, workloads
from gatekeeper.manifests.others import Kind, Other, recognise
from gatekeeper.manifests.places import placed


def audit(manifests: Sequence[Manifest], namespace: str = "", images: Sequence[str] = ()) -> Audit:
    """Judge every gate. A namespace is that of objects that name none, as for `kubectl apply -n`. Raises Misconfigured.

    Where none is given, it is the only one that the manifests name. These images are known to be gatekeeper's.
    """
    everything = placed(manifests, namespace, images)
    # Judged beside a workload; not looked through anew for each of thousands.
    beside = Beside(everything)
    gates: list[GateFacts] = []
    findings: list[Finding] = []
    others: list[tuple[Workload, str, Other]] = []
    gated: list[Workload] = []
    without: list[Workload] = []
    for workload in workloads(everything):
        with blaming(workload.manifest):
            place = workload.manifest.namespace
            of_each = [(each, waits.gates(each, place, images)) for each in workload.inits]
            found = [gate for _, those in of_each for gate in those]
            if found:
                case = Case(workload, found, beside)
                gates += case.facts()
                # Two gates of one container have some faults in common.
                findings += dict.fromkeys(case.judge())
            rest = [(each, other) for each, those in of_each if not those and (other := recognise(each))]
            others += [(workload, str(each.get("name")), other) for each, other in rest]
            is_gated = found or any(other.kind is not Kind.READINESS for _, other in rest)
            (gated if is_gated else without).append(workload)
            findings += _wrong_list(workload, images)
    findings += [_told_of(*each) for each in others if each[2].kind in _OTHERS]
    findings += _siblings(gated, without)
    if not gates and not gated:
        findings.append(_none(manifests[0], others, without))
    return Audit(tuple(gates), tuple(findings))


def _finding(slug: str, workload: Workload, container: str, sentence: str, cure: str) -> Finding:
    manifest = workload.manifest
    return Finding(RULES[slug], str(manifest), sentence, cure, container, manifest.source, manifest.line)


_NAMED = re.compile(r"migrat|schema", re.IGNORECASE)
"""What init containers are called that have to do with a migration."""


def _none(first: Manifest, others: Sequence[tuple[Workload, str, Other]], without: Sequence[Workload]) -> Finding:
    waiting = [f"{name} of {workload.manifest} ({other.name})" for workload, name, other in others]
    beside = f" What waits there waits for something else: {', '.join(waiting[:6])}." if waiting else ""
    strange = next((each for workload in without for each in workload.inits if containers.may_be_gate(each)), None)
    unread = [
        f"{each.get('name')} of {workload.manifest} ({file})"
        for workload in without
        for each in workload.inits
        if (file := containers.runs_file(each))
    ]
    if unread:
        beside += f" What a file makes these run cannot be read here: {', '.join(unread[:6])}."
    named = [
        f"{each.get('name')} of {workload.manifest}"
        for workload in without
        for each in workload.inits
        if _NAMED.search(str(each.get("name"))) and not recognise(each)
    ]
    if named:
        beside += (
            f" By their names these may be one, or migrate, and what they run does not tell: {', '.join(named[:6])}."
        )
    if strange:
        beside += (
            f" {strange.get('name')} may be one, of an image that is not known: where it is gatekeeper's, write "
            f"--image {containers.repository(str(strange.get('image')))}."
        )
    return Finding(
        RULES["no-gate"],
        "",
        f"No workload in these documents has a gate.{beside}",
        "add the gate to a workload, for example by gatekeeper inject - --job NAME; a kustomize patch whose "
        "target matches nothing is silently left out.",
        source=first.source,
        line=first.line,
    )


_OTHERS = {Kind.CHECK: "tool-check", Kind.MIGRATES: "self-migrating"}


def _told_of(workload: Workload, name: str, other: Other) -> Finding:
    """Return what is to be known of a gate that is a tool's own, or of a pod that migrates itself."""
    tool = f" --tool {other.tool}" if other.tool else ""
    if other.kind is Kind.CHECK:
        sentence = (
            f"{name} asks the migration tool itself ({other.name}), with the app's image and rights: it does not tell "
            "a migration that failed from one that is not done, and a fault of the database looks like either."
        )
        return _finding("tool-check", workload, name, sentence, f"put gatekeeper schema{tool} in its place.")
    sentence = (
        f"{name} migrates in each pod ({other.name}): several pods migrate at once, where the tool holds no lock, and "
        "each pod that starts again does so again."
    )
    return _finding(
        "self-migrating",
        workload,
        name,
        sentence,
        f"let a Job migrate, and put gatekeeper job, or schema{tool}, there.",
    )


def _wrong_list(workload: Workload, images: Sequence[str]) -> Iterator[Finding]:
    """Yield gates that stand beside an app instead of before it."""
    ephemeral = parts(workload.pod, "ephemeralContainers")
    gates = [each for each in (*workload.apps, *ephemeral) if containers.is_gatekeeper(each, images)]
    if len(gates) < len(workload.apps) + len(ephemeral):
        for each in gates:
            name = str(each.get("name"))
            yield _finding(
                "not-blocking",
                workload,
                name,
                f"{name} stands beside the app's containers, which start at the same time: it holds nothing.",
                f"move {name} to initContainers.",
            )


def _siblings(gated: Sequence[Workload], without: Sequence[Workload]) -> Iterator[Finding]:
    """Yield the workloads that run the image of one that has a gate, and have none."""
    images = {image: workload for workload in gated for image in _images(workload)}
    for workload in without:
        like = next((images[image] for image in _images(workload) if image in images), None)
        if like and workload.manifest.kind not in _MAY_MIGRATE:
            yield _finding(
                "ungated-sibling",
                workload,
                "",
                f"{workload.manifest} has no gate, and {like.manifest}, which runs the same image, has one.",
                "give it the same gate, for example by gatekeeper inject - --all --job NAME, unless it needs none.",
            )


_MAY_MIGRATE = ("CronJob", "Job", "Pod")


def _images(workload: Workload) -> set[str]:
    return {containers.repository(str(each.get("image"))) for each in workload.apps if each.get("image")}
