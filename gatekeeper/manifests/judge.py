"""Judge the gates of one workload: what each needs, is granted, has in excess, and what may keep it shut or open."""

import math
import re
import shlex
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from gatekeeper.gate.durations import format_duration
from gatekeeper.gate.settings import SERVICE_ACCOUNT
from gatekeeper.manifests import peers, quotas, rbac, security
from gatekeeper.manifests.beside import Beside
from gatekeeper.manifests.containers import asks_api
from gatekeeper.manifests.findings import RULES, Finding, GateFacts
from gatekeeper.manifests.grants import Granted, Need, missing
from gatekeeper.manifests.objects import Manifest, Object, Workload, part, parts
from gatekeeper.manifests.waits import Gate

PROGRESS_DEADLINE = 600
"""Seconds, where a Deployment or a Rollout does not say."""
_VERSION = "app.kubernetes.io/version"
_ROLLED_OUT = ("Deployment", "Rollout")


@dataclass(frozen=True, slots=True)
class _Wrong:
    """What a finding is made of."""

    slug: str
    gate: Gate | None
    """None where it is the whole pod's."""
    sentence: str
    cure: str


class Case:
    """One workload, its gates, and what the documents say of its account and its Jobs."""

    def __init__(self, workload: Workload, gates: Sequence[Gate], beside: Beside) -> None:
        self.workload = workload
        self.gates = gates
        self.beside = beside
        self.namespace = workload.manifest.namespace
        self.account = workload.account
        self.needs = [gate.need for gate in gates if gate.need]
        self.grants = beside.grants.to(self.namespace, self.account)
        named = beside.grants.by_namespace(self.account)
        self.elsewhere = [] if self.namespace else named
        reached = {str(each.binding) for each in self.grants}
        self.of_namesakes = [each for each in named if self.namespace and each not in reached]
        self.limits = beside.limits(self.namespace)
        flags = beside.accounts.get((self.namespace, self.account), ())
        automount = [each.get("automountServiceAccountToken") for each in (workload.pod, *flags)]
        # The pod's own word wins; without any, the token is mounted.
        self.automount = next((each for each in automount if each is not None), True) is not False
        tokens = beside.tokens.get((self.namespace, self.account), set())
        self.token_volumes = {
            str(each.get("name")) for each in parts(workload.pod, "volumes") if _has_token(each, tokens)
        }
        # To whom the token is no surprise.
        self.clients = {str(each.get("name")) for each in (*workload.inits, *workload.apps) if asks_api(each)}
        self.token_in = [str(each.get("name")) for each in (*workload.inits, *workload.apps) if self._token_paths(each)]

    def facts(self) -> Iterator[GateFacts]:
        """Yield what is to be known of each gate."""
        for gate in self.gates:
            lacks = security.unrestricted(gate.container, self.workload.pod)
            yield GateFacts(
                str(self.workload.manifest),
                gate.name,
                gate.program,
                _waits_for(gate),
                _needs(gate),
                tuple(_told(each) for each in self.grants if not each.is_default),
                tuple(self.token_in),
                f"not restricted, which wants {'; '.join(lacks)}" if lacks else "restricted",
            )

    def judge(self) -> Iterator[Finding]:
        """Yield what is wrong, in the order of the rules."""
        wrong = [
            *(each for gate in self.gates for each in self._container(gate)),
            *self._rights(),
            *self._tokens(),
            *(each for gate in self.gates if not gate.problem for each in self._waiting(gate)),
            *(each for gate in self.gates for each in self._security(gate)),
        ]
        manifest = self.workload.manifest
        for each in sorted(wrong, key=lambda each: RULES[each.slug].id):
            rule, container = RULES[each.slug], each.gate.name if each.gate else ""
            yield Finding(rule, str(manifest), each.sentence, each.cure, container, manifest.source, manifest.line)

    # The container.

    def _container(self, gate: Gate) -> Iterator[_Wrong]:
        if gate.problem:
            cure = (
                "correct its command line: gatekeeper job --help and gatekeeper schema --help show a right one."
                if gate.own
                else "put gatekeeper job, or gatekeeper schema, in its place."
            )
            yield _Wrong(
                "unreadable-gate", gate, f"What {gate.program} waits for cannot be told: {gate.problem}.", cure
            )
        if gate.container.get("restartPolicy") == "Always":
            yield _Wrong(
                "not-blocking",
                gate,
                f"restartPolicy: Always makes {gate.name} a sidecar: the app starts as soon as the gate has started.",
                f"take restartPolicy out of the init container {gate.name}.",
            )
        if not gate.own and not gate.problem:
            yield _Wrong("other-gate", gate, _FAULTS[gate.program], _replacement(gate))

    # Rights.

    def _rights(self) -> Iterator[_Wrong]:
        for gate in self.gates:
            lack = missing(gate.need, self.grants) if gate.need else None
            if lack:
                yield _Wrong("missing-right", gate, self._lack(lack), self._cure_lack(gate))
        if self.elsewhere:
            yield _Wrong(
                "unknown-namespace",
                None,
                f"Where {self.workload.manifest} is applied is not told, and {', '.join(self.elsewhere)} gives rights "
                "by namespace: which of them its account has is not known.",
                "say where, for example gatekeeper audit -n shop.",
            )
        for each in self.grants:
            if not each.known:
                yield _Wrong(
                    "unknown-role",
                    None,
                    f"{each.binding} gives {each.role} to {each.subject}, and that role is not in these documents.",
                    "give its manifest to this audit, too.",
                )
            # What an unreadable gate needs is not known, nor what is too much for it.
            excess = [] if each.is_default else each.excess(self.needs)
            if excess and not any(gate.problem or gate.by_pods for gate in self.gates):
                yield _Wrong("excess-right", None, self._excess(each, excess), self._cure_excess(each))
        bound = [each for each in self.grants if not each.subject.startswith("group ")]
        if self.account == "default" and (self.needs or bound):
            those = ", ".join(str(each.binding) for each in bound)
            yield _Wrong(
                "default-account",
                None,
                "The pod runs as the ServiceAccount default"
                + (f", to which {those} gives rights" if those else "")
                + ": every pod of the namespace that names no other account has the rights of this one.",
                f"give it an account of its own, serviceAccountName: {self.workload.manifest.name}"
                + (f", and delete {those}." if those else "."),
            )

    def _account(self) -> str:
        return f"ServiceAccount {f'{self.namespace}/' if self.namespace else ''}{self.account}"

    def _lack(self, lack: Need) -> str:
        unjudged = [each.role for each in self.grants if not each.known]
        unless = f", unless {' or '.join(unjudged)} does" if unjudged else ""
        namesake = (
            f" {', '.join(self.of_namesakes)} names an account {self.account} of another namespace: if this is applied "
            "there, say so by -n."
            if self.of_namesakes
            else ""
        )
        return f"Nothing in these documents grants {lack} to {self._account()}{unless}.{namesake}"

    def _cure_lack(self, gate: Gate) -> str:
        """Return the command that prints what is missing, or the rule where another program needs another one."""
        rule = rbac.rule(gate.jobs) | {"verbs": list(gate.verbs)}
        if not gate.own:
            return f"add to a Role{_in(gate.namespace)} that is bound to the account: {rbac.flow(rule)}."
        return f"apply what this prints: {self._rbac(gate)}"

    def _rbac(self, gate: Gate) -> str:
        account = self.workload.manifest.name if self.account == "default" else self.account
        argv = ["gatekeeper", "rbac"]
        argv += ["--selector", gate.labels] if gate.labels else [each for job in gate.jobs for each in ("--job", job)]
        argv += ["--service-account", account, *(["-n", self.namespace] if self.namespace else [])]
        argv += ["--job-namespace", gate.namespace] if gate.namespace != self.namespace else []
        return shlex.join(argv)

    def _excess(self, each: Granted, excess: Sequence[str]) -> str:
        shown = "; ".join(excess[:6]) + (f"; and {len(excess) - 6} more" if len(excess) > 6 else "")
        via = "" if each.subject == self._account() else f" by way of {each.subject}"
        need = "the gate does not need" if self.needs else "no gate needs"
        what = f"{shown}{_EVERYWHERE * each.everywhere}"
        return f"{each.binding} gives {self._account()}{via} what {need}, through {each.role}: {what}."

    def _cure_excess(self, each: Granted) -> str:
        served = [gate for gate in self.gates if gate.need and any(_serves(each, verb, gate) for verb in gate.verbs)]
        only = "" if self._token_elsewhere() else " no other container of the pod has the token to use it."
        if each.subject.startswith("group "):
            return f"bind the ServiceAccounts that need it by name instead of the {each.subject}."
        if not served:
            return f"delete {each.binding}" + (f":{only}" if only else ", unless the app itself needs it.")
        if each.role.startswith("Role ") and not any(gate.labels for gate in served):
            jobs = tuple(dict.fromkeys(job for gate in served for job in gate.jobs))
            verbs = list(dict.fromkeys(verb for gate in served for verb in gate.verbs))
            rule = rbac.flow(rbac.rule(jobs) | {"verbs": verbs})
            return f"leave this one rule in {each.role}{'' if only else ', beside what the app needs'}: {rule}."
        return f"replace {each.binding} by what this prints: {self._rbac(served[0])}"

    # Tokens.

    def _token_paths(self, container: Object) -> list[str]:
        """Return where a container has a token for the API server."""
        mounts = {
            str(each.get("mountPath")).rstrip("/"): str(each.get("name")) for each in parts(container, "volumeMounts")
        }
        found = [path for path, name in mounts.items() if name in self.token_volumes]
        # What is mounted there already takes the place of the automounted token.
        return [*found, SERVICE_ACCOUNT] if self.automount and SERVICE_ACCOUNT not in mounts else found

    def _token_elsewhere(self) -> list[str]:
        needing = {gate.name for gate in self.gates if gate.need}
        return [name for name in self.token_in if name not in needing]

    def _tokens(self) -> Iterator[_Wrong]:
        others = [name for name in self._token_elsewhere() if name not in self.clients]
        for gate in self.gates:
            if gate.need and SERVICE_ACCOUNT not in self._token_paths(gate.container):
                yield _Wrong(
                    "no-token",
                    gate,
                    f"The gate reads a Job, and no token is mounted at {SERVICE_ACCOUNT}.",
                    "mount a projected serviceAccountToken there, as manifests/job/deployment.yaml does.",
                )
        if others and self.needs:
            how = "automountServiceAccountToken is not false" if self.automount else "the volume is mounted there, too"
            yield _Wrong(
                "token-in-app",
                None,
                f"The token of {self._account()} is mounted in {', '.join(others)}: {how}.",
                "set automountServiceAccountToken: false in the pod's spec, and mount a projected token in the gate "
                "alone, as manifests/job/deployment.yaml does; unless the app itself asks the API server.",
            )
        elif others and all(gate.own and not gate.problem for gate in self.gates):
            yield _Wrong(
                "needless-token",
                None,
                f"A schema gate asks nothing of Kubernetes, and a token is mounted in {', '.join(others)}.",
                "set automountServiceAccountToken: false in the pod's spec, unless the app itself asks the API server.",
            )

    # Jobs and time.

    def _waiting(self, gate: Gate) -> Iterator[_Wrong]:
        if gate.proves_by_job:
            those = self.beside.awaited(gate)
            if self.workload.manifest in those:
                yield _Wrong(
                    "waits-for-itself",
                    gate,
                    f"The gate waits for {self.workload.manifest}, of which it is a part: neither ever ends.",
                    "take the gate out of that Job, or let it wait for another one.",
                )
                return
            yield from self._stale(gate, those)
            for job in those:
                yield from self._lifetime(gate, job)
            yield from self._renamed(gate)
            yield from self._unmarked(gate)
            if gate.if_absent == "open" and (gate.own or not gate.opens):
                what, cure = (
                    ("--if-absent open", "take --if-absent out") if gate.own else (gate.name, _replacement(gate))
                )
                yield _Wrong(
                    "unproven",
                    gate,
                    f"{what} lets the app start whenever there is no Job, also before it is created.",
                    f"let gatekeeper schema be the proof, which needs no Job, or {cure}.",
                )
        if gate.opens:
            yield _Wrong(
                "unproven",
                gate,
                f"{gate.name} ends with success although its wait has failed: {gate.opens}.",
                "let gatekeeper be its program, without a shell; gatekeeper inject writes that.",
            )
        yield from self._deadline(gate)

    def _stale(self, gate: Gate, those: Sequence[Manifest]) -> Iterator[_Wrong]:
        """Judge the Jobs' names: one of which the last part has a digit is taken for one release's own."""
        for job in those:
            for key, _, value in (each.partition("=") for each in gate.require):
                marks = [str(each[key]) for each in (job.labels, job.annotations) if key in each]
                if "$(" not in key + value and value not in marks:
                    seen = " and ".join(marks) or "missing"
                    yield _Wrong(
                        "unmet-require",
                        gate,
                        f"--require demands {key}={value} of {job}, where it is {seen}: the gate never opens.",
                        f"give the Job the label {key}: {rbac.flow(value)}, or correct --require.",
                    )
        before = {(each.namespace, each.name) for each in those if _runs_before(each)}
        constant = [
            name for name in gate.jobs if not rbac.is_of_a_release(name) and (gate.namespace, name) not in before
        ]
        if gate.labels and not gate.require and not _chooses_a_release(gate.labels):
            yield _Wrong(
                "stale-job",
                gate,
                f"The Job that the last release left behind opens this gate, as long as the new one is not there: "
                f"{gate.labels} matches both, and nothing else is demanded.",
                "add a label of the release to the Job and to the selector, or --require, or name the Job.",
            )
        if constant and not gate.require:
            version = next((str(each.labels[_VERSION]) for each in those if _VERSION in each.labels), "")
            one = f"label the Job with the release, and add --require {_VERSION}={version or 'VERSION'}"
            yield _Wrong(
                "stale-job",
                gate,
                f"The Job that the last release left behind opens this gate: {', '.join(constant)} has the same name "
                "in each release, and nothing else is demanded of it.",
                f"{one if gate.own else f'put gatekeeper in its place, {one}'}; or let its name end in the release.",
            )

    def _lifetime(self, gate: Gate, job: Manifest) -> Iterator[_Wrong]:
        ttl = part(job.content, "spec").get("ttlSecondsAfterFinished")
        told = f"ttlSecondsAfterFinished: {ttl}" if ttl is not None else _hook_removal(job)
        if told and gate.if_absent != "open":
            yield _Wrong(
                "removed-job",
                gate,
                f"{told} removes {job} when it has ended: a pod that starts later, by a scale-up or on another node, "
                "waits for it in vain.",
                f"take it out of {job}, or let gatekeeper schema be the proof, which needs no Job.",
            )
        late = _runs_late(job)
        if late and gate.if_absent != "open":
            yield _Wrong(
                "late-job",
                gate,
                f"{late} creates {job} after the workload is ready, and the workload is not ready before this Job is "
                "Complete: with helm --wait, and always with Argo CD, neither ends.",
                "make it a pre-install,pre-upgrade or PreSync hook, or no hook at all.",
            )

    def _renamed(self, gate: Gate) -> Iterator[_Wrong]:
        for name in gate.jobs:
            like = self.beside.like(name, gate.namespace)
            if like:
                yield _Wrong(
                    "renamed-job",
                    gate,
                    f"The gate waits for Job {name}, and these documents have {', '.join(like)} instead: "
                    "namePrefix and nameSuffix do not reach arguments by themselves.",
                    "use manifests/components, which tell kustomize of the reference, or write the name that it gets.",
                )

    def _unmarked(self, gate: Gate) -> Iterator[_Wrong]:
        """Judge what --require takes from a mark of the pod: kustomize gives a Rollout's pods no label of its own."""
        template = part(self.workload.manifest.content, *self.workload.path[:-1], "metadata")
        for name, kind, key in _marks(gate.container):
            used = next((each for each in gate.require if f"$({name})" in each), "")
            if used and not part(template, f"{kind}s").get(key):
                yield _Wrong(
                    "unmet-require",
                    gate,
                    f"--require demands {used}, and {name} is the pod's {kind} {key}, which its template does not "
                    "have: the gate never opens.",
                    f"give the pods' template the {kind} {key}; kustomize's labels reach a Rollout's by fields alone.",
                )

    def _deadline(self, gate: Gate) -> Iterator[_Wrong]:
        manifest = self.workload.manifest
        if manifest.kind not in _ROLLED_OUT:
            return
        given = part(manifest.content, "spec").get("progressDeadlineSeconds")
        limit = given if isinstance(given, int) else PROGRESS_DEADLINE
        if gate.timeout >= limit:
            told = "waits without end" if math.isinf(gate.timeout) else f"waits {format_duration(gate.timeout)}"
            yield _Wrong(
                "deadline",
                gate,
                f"The gate {told}, and progressDeadlineSeconds is {limit}{'' if given else ' by default'}: the "
                "rollout is called failed before the gate has said why it is shut.",
                f"set --timeout below {format_duration(limit)}, or progressDeadlineSeconds above the timeout.",
            )

    # What its node and its namespace make of it.

    def _security(self, gate: Gate) -> Iterator[_Wrong]:
        for sentence, cure in quotas.refusals(gate.container, self.workload.pod, self.limits):
            yield _Wrong("not-admitted", gate, f"No pod with this gate is created: {sentence}.", cure)
        if gate.own and security.is_windows(self.workload.pod):
            yield _Wrong(
                "never-starts",
                gate,
                f"{gate.name} has an image for Linux, and its pods run on Windows.",
                "put it into a workload that runs on Linux, such as a Job before it.",
            )
            return
        if security.never_starts(gate.container, self.workload.pod):
            yield _Wrong(
                "never-starts",
                gate,
                f"{gate.name} has runAsNonRoot: true and is to run as user 0: the kubelet never starts it.",
                f"write into its securityContext: runAsUser: {security.USER}.",
            )
            return
        lacks = security.unrestricted(gate.container, self.workload.pod)
        if lacks:
            yield _Wrong(
                "pod-security",
                gate,
                f"A namespace that enforces Pod Security restricted does not admit {gate.name}.",
                f"write into its securityContext: {'; '.join(lacks)}.",
            )


_FAULTS = {
    peers.KUBECTL: "kubectl wait fails at once while the Job does not exist, and sits out its timeout when the Job has "
    "failed.",
    peers.K8S_WAIT_FOR: "k8s-wait-for reads counters in text that is made for people, which has opened it before its "
    "time, and it waits without end when the Job has failed.",
    peers.ENTRYPOINT: "kubernetes-entrypoint waits without end when the Job has failed, and does not ask which "
    "release it is of.",
    peers.READINESS: "ONAP's readiness waits for the last Job alone where several are named, and sits out its timeout "
    "when the Job has failed.",
    peers.SHELL_LOOP: "A shell loop takes each fault, be it a missing right, for a Job that is not Complete yet.",
}
_EVERYWHERE = ", in every namespace"
_RELEASES_KEY = re.compile(r"(?:.*[/._-])?(?:commit|revision|sha|tag|version)(?:-\w+)?", re.IGNORECASE)


def _chooses_a_release(selector: str) -> bool:
    """Return whether a pair of a selector looks like a release."""
    pairs = [re.split(r"\s*==?\s*", each.strip(), maxsplit=1) for each in selector.split(",")]
    return any(
        _RELEASES_KEY.fullmatch(key) or re.fullmatch(r"v?\d[\w.]*", value) or rbac.is_of_a_release(value)
        for key, value in (pair for pair in pairs if len(pair) == 2)
    )


_MARK = re.compile(r"metadata\.(label|annotation)s\['(.+)'\]")


def _marks(container: Object) -> Iterator[tuple[str, str, str]]:
    """Yield the variables that have a label or an annotation of the pod, with the kind and the key of that."""
    for each in parts(container, "env"):
        found = _MARK.fullmatch(str(part(each, "valueFrom", "fieldRef").get("fieldPath")))
        if found:
            yield str(each.get("name")), found[1], found[2]


def _waits_for(gate: Gate) -> str:
    jobs = f"Job{'s' * (len(gate.jobs) != 1)} {', '.join(gate.jobs) or gate.labels}" * bool(gate.jobs or gate.labels)
    if gate.schema:
        return f"{gate.schema} schema{f', told by {jobs}' if jobs else ''}"
    return jobs or "unknown"


def _needs(gate: Gate) -> str:
    if gate.problem:
        return f"cannot be told: {gate.problem}"
    return f"{gate.need or 'nothing'}{', for RBAC knows no labels' if gate.need and gate.labels else ''}"


def _told(each: Granted) -> str:
    rights = "; ".join(each.excess(())) or ("nothing" if each.known else f"what is in {each.role}")
    return f"{rights}{_EVERYWHERE * each.everywhere} by {each.binding}"


def _in(namespace: str) -> str:
    return f" in namespace {namespace}" if namespace else ""


def _replacement(gate: Gate) -> str:
    argv = ["job", *(["--selector", gate.labels] if gate.labels else gate.jobs)]
    argv += ["--timeout", f"{gate.timeout:.0f}s"] if math.isfinite(gate.timeout) else []
    args = rbac.flow(argv)
    return f"let gatekeeper inject replace it, or make it gatekeeper's image, without a command and with args: {args}"


def _serves(grant: Granted, verb: str, gate: Gate) -> bool:
    every, names = grant.allowed(verb, gate.namespace)
    return bool(gate.jobs) and (every or not names.isdisjoint(gate.jobs))


_AUDIENCES = ("", "https://kubernetes.default.svc", "https://kubernetes.default.svc.cluster.local", "kubernetes")
"""Those that API servers take for their own; a cluster's --api-audiences may have others."""


def _has_token(volume: Object, secrets: Collection[str]) -> bool:
    """Return whether a volume holds a token for the API server, and not one for somebody else."""
    sources = parts(volume, "projected", "sources")
    named = [part(volume, "secret").get("secretName"), *(part(each, "secret").get("name") for each in sources)]
    return any(name in secrets for name in named if name) or any(
        "serviceAccountToken" in each and (part(each, "serviceAccountToken").get("audience") or "") in _AUDIENCES
        for each in sources
    )


# Hooks: https://helm.sh/docs/topics/charts_hooks/ and https://argo-cd.readthedocs.io/en/stable/user-guide/resource_hooks/
_HELM, _ARGO = "helm.sh/hook", "argocd.argoproj.io/hook"


def _words(job: Manifest, key: str) -> set[str]:
    return {word.strip() for word in str(job.annotations.get(key) or "").split(",")} - {""}


def _hook_removal(job: Manifest) -> str:
    """Return the annotation that removes a Job when it has succeeded, nothing if there is none."""
    policies = ((_HELM, "hook-succeeded"), (_ARGO, "HookSucceeded"))
    return next(
        (f"{key}-delete-policy: {word}" for key, word in policies if word in _words(job, f"{key}-delete-policy")), ""
    )


def _runs_before(job: Manifest) -> bool:
    """Return whether a tool runs a Job anew, and to its end, before it applies the workload."""
    return "pre-upgrade" in _words(job, _HELM) or "PreSync" in _words(job, _ARGO)


def _runs_late(job: Manifest) -> str:
    """Return the annotation by which a Job is created only after its workload, nothing if there is none."""
    late = ((_HELM, {"post-install", "post-upgrade"}), (_ARGO, {"PostSync"}))
    found = [f"{key}: {','.join(sorted(words & _words(job, key)))}" for key, words in late if words & _words(job, key)]
    return found[0] if found else ""
