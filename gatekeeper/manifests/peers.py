"""What other programs' arguments wait for: those of `kubectl wait` and of `k8s-wait-for`, in gatekeeper's terms.

What cannot be told from the text alone is said to be a problem, and never guessed: the gate that replaces another one
must wait for the same Jobs, or not be put in its place.

Options are split as kubectl splits them (https://pkg.go.dev/github.com/spf13/pflag#hdr-Command_line_flag_syntax), and
judged as https://github.com/kubernetes/kubectl/blob/master/pkg/cmd/wait/wait.go judges them, save that only Jobs can be
waited for, and only their completion.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from gatekeeper.gate import settings
from gatekeeper.gate.settings import Misconfigured

KUBECTL = "kubectl wait"
K8S_WAIT_FOR = "k8s-wait-for"
SHELL_LOOP = "a shell loop"
KUBECTL_TIMEOUT = "30s"
"""What `kubectl wait` takes for --timeout where none is given; the other programs wait without end.

A negative one is a week for kubectl, and has no end for gatekeeper.
"""
SELECTOR_LENGTH = 2_000
ENTRYPOINT = "kubernetes-entrypoint"
READINESS = "ONAP's readiness"
PROGRAM = "a program of its own"
OWN_NAMESPACE = "${metadata.namespace}"
"""What stands in a text for the name of the pod's own namespace, which needs not be said."""
_EXAMPLE = "gatekeeper wait --for=condition=complete job/db-migrate --timeout=600s"


@dataclass(frozen=True, slots=True)
class JobWait:
    """What another program's gate waits for, in gatekeeper's terms."""

    program: str
    """One of the names above."""
    jobs: tuple[str, ...] = ()
    labels: str = ""
    """A selector, instead of names."""
    namespace: str = ""
    timeout: str = ""
    """As `gatekeeper job --timeout` takes it; empty where the program's own default holds."""
    problem: str = ""
    """Why it cannot be translated, one clause; nothing but the program, and perhaps the Jobs, is told then."""
    readiness: bool = False
    """Whether the problem is that it waits for something else than a Job, which is no gate of a migration."""
    beside: str = ""
    """What else it waits for, one clause, so that nothing can take its place."""
    opens: str = ""
    """What opens it although a wait has failed, one clause."""
    absent: bool = False
    """Whether it opens where there is no such Job."""
    by_pods: bool = False
    """Whether it asks for the Jobs' pods, which have their names as a label."""
    others: "tuple[JobWait, ...]" = ()
    """What it waits for after that: Jobs of other namespaces or selectors, which takes a gate for each."""


class NotAJob(Misconfigured):
    """What is waited for is something else than a Job."""


def wait_for(argv: Sequence[str]) -> JobWait:
    """Return what a whole command line of `kubectl` or `k8s-wait-for` waits for. Raises Misconfigured."""
    word, rest = (argv[0], argv[1:]) if argv else ("", ())
    if word == "wait":
        return kubectl_wait(rest)
    if word == "job":
        raise Misconfigured(
            "job is gatekeeper's own command, with options of its own; "
            "write for example gatekeeper job db-migrate --timeout 10m"
        )
    return k8s_wait_for(argv)


def kubectl_wait(argv: Sequence[str]) -> JobWait:
    """Return what `kubectl wait ARGV` waits for. Raises Misconfigured for what is no Job's completion."""
    words, options = split(argv)
    found = job_wait(KUBECTL, words, options)
    _judge_conditions([value or "" for name, value in options if name == "for"])
    return found


def job_wr(argv: Sequence[str]) -> JobWait:
    """Return what `k8s-wait-for job-wr ARGV` waits for. Raises Misconfigured.

    Its script runs `kubectl describe jobs "$1" ${*}`: all but the first argument are split once more, at spaces. There,
    the beginning of a Job's name is enough; here it is the whole name.
    """
    words, options = split(["job", *argv[:1], *" ".join(argv[1:]).split()])
    if any(name == "for" for name, _ in options):
        raise Misconfigured(f"--for is kubectl's option, not k8s-wait-for's; write for example {_EXAMPLE}")
    return job_wait(K8S_WAIT_FOR, words, options)


Options = list[tuple[str, str | None]]
"""Options by their long name, in their order; None for a value that is missing."""
_SHORT = {
    "A": "all-namespaces", "L": "label-columns", "R": "recursive", "f": "filename", "k": "kustomize",
    "l": "selector", "n": "namespace", "o": "output", "s": "server", "v": "v", "w": "watch",
}  # fmt: skip
_SWITCHES = frozenset({
    "all", "all-namespaces", "allow-missing-template-keys", "alsologtostderr", "disable-compression",
    "ignore-not-found", "insecure-skip-tls-verify", "local", "logtostderr", "match-server-version", "no-headers",
    "output-watch-events", "recursive", "server-print", "show-events", "show-kind", "show-labels",
    "show-managed-fields", "warnings-as-errors", "watch", "watch-only",
})  # fmt: skip
"""Options that take no value, unless after an equals sign."""
_WITHOUT_MEANING = _SWITCHES | {
    "cache-dir", "chunk-size", "kuberc", "label-columns", "log-flush-frequency", "output", "profile", "profile-output",
    "request-timeout", "sort-by", "stderrthreshold", "subresource", "template", "v", "vmodule",
}  # fmt: skip
"""Options that say how kubectl prints, logs and asks, not what it waits for; those below are looked up first."""
_MEANING = ("for", "namespace", "selector", "timeout")
_ELSEWHERE = (
    "gatekeeper asks the cluster that its pod runs in, and people at a desk have gatekeeper job; "
    "write for example gatekeeper job db-migrate --kubeconfig ~/.kube/config --context staging"
)
_ACCOUNT = (
    "gatekeeper asks as the pod's ServiceAccount; "
    "write for example serviceAccountName: migration-gate into the pod's spec"
)
_BY_NAME = "gatekeeper takes Jobs by name or by label; write for example job/db-migrate, or job -l app=shop"
_REFUSED = {
    "all": "every Job of a namespace is also those of other releases and of CronJobs, so name them; "
    "write for example job/db-migrate, or job -l app=shop",
    "all-namespaces": "a gate looks into one namespace; write for example -n shop",
    "local": "what is local proves nothing of the cluster; write for example job/db-migrate alone",
    **dict.fromkeys(("field-selector", "filename", "kustomize", "raw"), _BY_NAME),
    **dict.fromkeys(("cluster", "context", "kubeconfig", "server", "user"), _ELSEWHERE),
    **dict.fromkeys(("certificate-authority", "insecure-skip-tls-verify", "tls-server-name"), _ELSEWHERE),
    **dict.fromkeys(("as", "as-group", "as-uid", "as-user-extra", "token", "username", "password"), _ACCOUNT),
    **dict.fromkeys(("client-certificate", "client-key"), _ACCOUNT),
}
JOB = re.compile(r"jobs?((\.v1)?\.batch)?", re.IGNORECASE)


def split(argv: Sequence[str]) -> tuple[list[str], Options]:
    """Return the words and the options, wherever they stand; several one-letter options may share a dash."""
    words: list[str] = []
    options: Options = []
    left = list(reversed(argv))
    while left:
        word = left.pop()
        if word == "--":
            return words + left[::-1], options
        if word == "-" or not word.startswith("-"):
            words.append(word)
            continue
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            name = name.replace("_", "-")
        else:
            name, value = _SHORT.get(word[1], word[1]), word[2:]
            equals = value[:1]
            if equals and equals != "=" and name in _SWITCHES:
                left.append(f"-{value}")
                equals = ""
            value = value.removeprefix("=")
        if equals:
            options.append((name, value))
        elif name in _SWITCHES or not (name in _MEANING or name in _REFUSED or name in _WITHOUT_MEANING):
            options.append((name, "true"))
        else:
            options.append((name, left.pop() if left else None))
    return words, options


def selector(text: str) -> str:
    """Return a label selector, of a length that somebody may have written. Raises Misconfigured."""
    if len(text) > SELECTOR_LENGTH:
        raise Misconfigured(
            f"its selector has more than {SELECTOR_LENGTH} characters; write for example job -l app=shop"
        )
    return settings.selector(text)


def job_wait(program: str, words: Sequence[str], options: Options) -> JobWait:
    """Judge what is waited for, where and how long; as in kubectl, the last of several equal options wins."""
    names = _names(words)
    last: dict[str, str] = {}
    for name, value in options:
        if name in _REFUSED and not (name in _SWITCHES and value == "false"):
            raise Misconfigured(f"--{name}: {_REFUSED[name]}")
        if value is None:
            raise Misconfigured(f"--{name} has no value; write for example {_EXAMPLE}")
        if name not in _MEANING and name not in _WITHOUT_MEANING:
            shown = f"--{name}" if len(name) > 1 else f"-{name}"
            raise Misconfigured(f"{shown} is not an option that is known; write for example {_EXAMPLE}")
        last[name] = value
    labels = last.get("selector", "").strip()
    if bool(names) == bool(labels):
        raise Misconfigured(
            "a Job's name and --selector exclude each other; write for example job/db-migrate, or job -l app=shop"
            if names
            else f"no Job is named; write for example {_EXAMPLE}"
        )
    namespace, timeout = last.get("namespace", ""), last.get("timeout", "")
    namespace = "" if namespace == OWN_NAMESPACE else namespace
    if namespace:
        settings.namespace("--namespace", namespace)
    if "timeout" in last:
        settings.duration(timeout)
    return JobWait(
        program,
        jobs=tuple(dict.fromkeys(map(settings.job_name, names))),
        labels=selector(labels) if labels else "",
        namespace=namespace,
        timeout=timeout,
    )


def _names(words: Sequence[str]) -> list[str]:
    """Return the names in `KIND/NAME...` or `KIND NAME...`, where every kind must be Job."""
    slashed = [word for word in words if "/" in word]
    if slashed and len(slashed) < len(words):
        raise Misconfigured(f"{' '.join(words)} mixes two spellings; write for example job/db-migrate job/db-seed")
    pairs = [word.partition("/")[::2] for word in slashed] or [(words[0] if words else "job", "")]
    for kind, _ in pairs:
        if "$" in kind:
            raise Misconfigured(f"{kind} is known only in the pod; write for example {_EXAMPLE}")
        if not JOB.fullmatch(kind):
            raise NotAJob(f"it waits for {kind}, and only a Job can prove a migration; write for example {_EXAMPLE}")
    return [name for _, name in pairs] if slashed else list(words[1:])


def _judge_conditions(conditions: Sequence[str]) -> None:
    """Raise unless all that is waited for is completion.

    Several conditions must all hold, as in kubectl since 1.36; before, the last one won. Beside completion, `create`
    adds nothing: gatekeeper waits for a Job that does not exist yet.
    """
    if not conditions:
        raise Misconfigured(f"--for is missing; write for example {_EXAMPLE}")
    for condition in conditions:
        if _is_complete(condition) or (condition.lower() == "create" and any(map(_is_complete, conditions))):
            continue
        why = next((why for start, why in _NO_PROOF.items() if condition.lower().startswith(start)), _OTHER_CONDITION)
        kind = NotAJob if condition.lower() == "create" else Misconfigured
        raise kind(f"--for={condition}: {why}; write for example {_EXAMPLE}")


_COMPLETE = re.compile(
    r"""jsonpath='?\{\.status\.conditions\[\?\(@\.type\s*==\s*(\\?["'])Complete\1\)\]\.status\}'?=(["']?)True\2"""
)
"""The same condition, by its path."""


def _is_complete(condition: str) -> bool:
    """Return whether this is `condition=complete[=true]`; kubectl compares name and value without case."""
    key, _, wanted = condition.partition("=")
    return (key == "condition" and wanted.lower() in {"complete", "complete=true"}) or bool(
        _COMPLETE.fullmatch(condition)
    )


NOT_ENDED = "a Job that exists has not ended yet"
FAILED = "a gate opens only when the Job is Complete, and ends with exit code 3 when it has failed"
_NO_PROOF = {
    "delete": "a Job that is gone proves nothing",
    "create": NOT_ENDED,
    "jsonpath": "fields and counters do not tell how a Job ended, its condition Complete does",
    "condition=failed": FAILED,
}
_OTHER_CONDITION = "the one condition that proves a migration is complete"

_POD = "a pod that is ready or has ended does not tell that a migration succeeded"
_NOT_JOBS = {
    "job-we": "it counts a failed Job as ready, and gatekeeper opens only when a Job is Complete",
    "pod": _POD,
    "pod-we": _POD,
    "pod-wr": _POD,
    "service": "a Service that answers may have the pods of the last release behind it",
}


def k8s_wait_for(argv: Sequence[str]) -> JobWait:
    """Return what a whole command line of k8s-wait-for waits for; Complete is what its `job` means, too."""
    word = argv[0] if argv else ""
    if word in {"job", "job-wr"}:
        return job_wr(argv[1:])
    why = f"{word}: {_NOT_JOBS.get(word, 'it is not a command that is known')}" if word else "it is given no arguments"
    kind = NotAJob if word in _NOT_JOBS and word != "job-we" else Misconfigured
    raise kind(f"{why}; write for example gatekeeper job-wr db-migrate")
