"""What the gates in manifests wait for: gatekeeper's own, by its command line, and those that `peers` recognises.

Pure. What only the pod knows, such as a variable from a Secret, is unknown where it decides, and never guessed.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from gatekeeper.gate import settings
from gatekeeper.gate.settings import Misconfigured
from gatekeeper.manifests import containers, peers
from gatekeeper.manifests.grants import Need
from gatekeeper.manifests.objects import Object


@dataclass(frozen=True, slots=True)
class Gate:
    """An init container that waits for a migration."""

    container: Object
    program: str
    own: bool = True
    """Whether the program is gatekeeper."""
    schema: str = ""
    """The migration tool, in schema mode."""
    jobs: tuple[str, ...] = ()
    labels: str = ""
    namespace: str = ""
    verbs: tuple[str, ...] = ("list", "watch")
    """What it asks of these Jobs; nothing, if it asks another cluster."""
    timeout: float = math.nan
    """Seconds; not a number where only the pod knows it."""
    require: tuple[str, ...] = ()
    if_absent: str = "wait"
    problem: str = ""
    """Why all of this could not be read."""
    opens: str = ""
    """What opens it although it has failed, one clause."""
    by_pods: bool = False
    """Whether it asks for the pods of its Jobs, on which rights are not judged."""

    @property
    def name(self) -> str:
        """Return the container's name."""
        return str(self.container.get("name") or "")

    @property
    def need(self) -> Need | None:
        """Return what it asks of the API server, None for a schema gate without a Job."""
        return Need(self.verbs, self.namespace, self.jobs) if self.verbs and (self.jobs or self.labels) else None

    @property
    def proves_by_job(self) -> bool:
        """Return whether a Job is its proof; a schema gate's Jobs are only messengers."""
        return bool(self.jobs or self.labels) and not self.schema


def gates(container: Object, namespace: str, images: Sequence[str] = ()) -> list[Gate]:
    """Return the gates that an init container is: none, one, or one for each place in which another program looks.

    These images are known to be gatekeeper's.
    """
    if own := containers.own(container, images):
        try:
            return [_own_gate(container, own, namespace)]
        except Misconfigured as fault:
            return [Gate(container, "gatekeeper", problem=str(fault).partition("; write ")[0])]
    wait = containers.recognise(container, images)
    if wait is None or wait.readiness:
        return []
    return [_gate(container, each, namespace) for each in (wait, *wait.others)]


def _gate(container: Object, wait: peers.JobWait, namespace: str) -> Gate:
    gate = Gate(container, wait.program, own=False, problem=wait.problem, opens=wait.opens, by_pods=wait.by_pods)
    return replace(
        gate,
        jobs=wait.jobs,
        labels=wait.labels,
        namespace=wait.namespace or namespace,
        verbs=_verbs(wait),
        timeout=_timeout(wait),
        if_absent="open" if wait.absent else "wait",
    )


def _verbs(wait: peers.JobWait) -> tuple[str, ...]:
    """Return what a program asks of its Jobs: `kubectl wait` gets each before it lists and watches it."""
    if wait.by_pods:
        return ()
    if wait.program == peers.KUBECTL:
        return ("get", "list", "watch")
    if wait.program in {peers.K8S_WAIT_FOR, peers.ENTRYPOINT} and wait.labels:
        return ("get", "list")
    return ("list",) if wait.labels else ("get",)


def _timeout(wait: peers.JobWait) -> float:
    """Return seconds; programs other than `kubectl wait` have no limit unless one is given."""
    given = wait.timeout or (peers.KUBECTL_TIMEOUT if wait.program == peers.KUBECTL else "-1s")
    return settings.duration(given)


def _own_gate(container: Object, own: containers.Own, namespace: str) -> Gate:
    """Return what gatekeeper's own command line asks for. Raises Misconfigured."""
    env = containers.variables(container)
    known = {name: value for name, value in env.items() if value is not None}
    argv = _in_own_words([containers.expand(text, known) for text in own.argv], env)
    command = own.argv[0] if own.argv else ""
    names, options = words_and_options(argv[1:])

    def given(option: str) -> list[str]:
        """Return an option's values; a flag wins over the environment."""
        variable = settings.variable(option)
        if option in options or variable not in env:
            return options.get(option, [])
        return known[variable].split() if variable in known else [f"$({variable})"]

    def last(option: str, otherwise: str = "") -> str:
        return [otherwise, *given(option)][-1]

    schema = last("tool", "the directory's" if given("migrations") else "") if command == "schema" else ""
    jobs = tuple(dict.fromkeys(given("job") if command == "schema" else names))
    labels = "" if command == "schema" else last("selector")
    given_place = last("namespace").replace(peers.OWN_NAMESPACE, "")
    place = given_place or namespace
    unknown = next((text for text in (*jobs, labels, place) if "$(" in text), "")
    if unknown:
        raise Misconfigured(f"{unknown} is known only in the pod")
    if given_place:
        settings.namespace("--namespace", given_place)
    if command != "schema" and bool(jobs) == bool(labels):
        raise Misconfigured("it has to be given names of Jobs, or --selector, one of both")
    if command == "schema" and not schema:
        raise Misconfigured("--tool is missing")
    timeout, require = last("timeout", settings.TIMEOUT), given("require")
    settings.requirements([each for each in require if "$(" not in each], {})
    elsewhere = given("kubeconfig") or given("context")
    return Gate(
        container,
        f"gatekeeper {command}",
        schema=schema,
        jobs=tuple(map(settings.job_name, jobs)),
        labels=peers.selector(labels) if labels else "",
        namespace=place,
        verbs=() if elsewhere else ("list", "watch"),
        timeout=math.nan if "$(" in timeout else settings.duration(timeout),
        require=tuple(require),
        if_absent=settings.choice("--if-absent", last("if-absent", "wait"), settings.IF_ABSENT),
        opens=own.problem,
    )


_OTHER_ARGUMENTS = ("wait", "job-wr")
"""The commands that take another program's arguments, and the environment of `gatekeeper job`."""


def written(container: Object, own: containers.Own) -> list[str]:
    """Return gatekeeper's command line as a container has it, in gatekeeper's own words. Raises Misconfigured."""
    return _in_own_words(own.argv, containers.variables(container))


def _in_own_words(argv: Sequence[str], env: Mapping[str, object]) -> list[str]:
    command = argv[0] if argv else ""
    if command.startswith("-"):
        raise Misconfigured(f"{command} stands before its command: it prints something and ends, or is refused")
    return as_job(peers.wait_for(argv), env) if command in _OTHER_ARGUMENTS else list(argv)


def as_job(wait: peers.JobWait, env: Mapping[str, object]) -> list[str]:
    """Return another program's arguments as `gatekeeper job` takes them, with `kubectl wait`'s own time limit."""
    limit = peers.KUBECTL_TIMEOUT if wait.program == peers.KUBECTL and "GATEKEEPER_TIMEOUT" not in env else ""
    given = {"--selector": wait.labels, "--namespace": wait.namespace, "--timeout": wait.timeout or limit}
    return ["job", *wait.jobs, *(word for option, value in given.items() if value for word in (option, value))]


_ASKS = ("-h", "--help", "--version")
_SHORT = {"-n": "namespace", "-l": "selector"}
_SWITCHES = ("trust-history",)


def words_and_options(argv: Sequence[str]) -> tuple[list[str], dict[str, list[str]]]:
    """Return the words, and each option's values, of gatekeeper's own command line."""
    words: list[str] = []
    options: dict[str, list[str]] = {}
    left = list(reversed(argv))
    while left:
        word = left.pop()
        if word == "--":
            return words + left[::-1], options
        if word in _ASKS:
            raise Misconfigured(f"{word} is among its arguments: a gate is told nothing by that, and may hold nothing")
        if not word.startswith("-") or word == "-":
            words.append(word)
            continue
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
        else:
            name, value = _SHORT.get(word[:2], word[1:2]), word[2:]
            equals = value
        if name in _SWITCHES:
            options[name] = []
            continue
        if not equals:
            if not left:
                raise Misconfigured(f"{word} has no value")
            value = left.pop()
        options.setdefault(name, []).append(value)
    return words, options
