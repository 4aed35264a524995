"""What a container of a manifest runs: gatekeeper, another program's gate, or something else that asks the cluster.

Pure. Text is read and never run. What the manifest itself says of a variable is put in its place, as the kubelet does.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from pathlib import PurePosixPath
from urllib.parse import unquote

from gatekeeper.gate.durations import format_duration, parse_duration
from gatekeeper.gate.settings import Misconfigured
from gatekeeper.manifests import endings, peers, scripts
from gatekeeper.manifests.peers import JobWait
from gatekeeper.manifests.scripts import Command

Container = Mapping[str, object]

# What it is given.


def texts(container: Container, key: str) -> list[str]:
    """Return a list of texts of a container, an empty one for what is no list."""
    value = container.get(key)
    return [str(each) for each in value] if isinstance(value, list) else []


def image_name(container: Container) -> str:
    """Return the last part of the image's path, without tag and digest."""
    return repository(str(container.get("image") or "")).rpartition("/")[2]


def repository(image: str) -> str:
    """Return an image's name without tag and digest."""
    path, slash, name = image.partition("@")[0].rpartition("/")
    return f"{path}{slash}{name.partition(':')[0]}"


def variables(container: Container) -> dict[str, str | None]:
    """Return the environment: values that the manifest has, None for what only the pod knows."""
    listed = container.get("env")
    found: dict[str, str | None] = {}
    known: dict[str, str] = {}
    for each in listed if isinstance(listed, list) else ():
        if isinstance(each, dict):
            name, value = str(each.get("name")), _value(each, known)
            known.pop(name, None)
            found[name] = value
            if value is not None:
                known[name] = value
    return found


def _value(entry: Container, known: Mapping[str, str]) -> str | None:
    value, source = entry.get("value"), entry.get("valueFrom")
    if value is not None or source is None:
        expanded = expand("" if value is None else str(value), known)
        # Variables of variables make as much of a few lines as one likes.
        return expanded if len(expanded) <= scripts.LENGTH else None
    field = source.get("fieldRef") if isinstance(source, dict) else None
    is_place = field in ({"fieldPath": "metadata.namespace"}, {"apiVersion": "v1", "fieldPath": "metadata.namespace"})
    return peers.OWN_NAMESPACE if is_place else None


def expand(text: str, known: Mapping[str, str]) -> str:
    """Return an argument with its $(NAME) replaced, as the kubelet does it; $$(NAME) is left for the program."""
    return re.sub(
        r"\$\$|\$\(([^()]*)\)",
        lambda found: "$" if found[0] == "$$" else known.get(found[1], found[0]),
        text,
    )


def known_variables(container: Container) -> dict[str, str]:
    """Return those of the environment whose values the manifest has."""
    return {name: value for name, value in variables(container).items() if value is not None}


# Whether it is gatekeeper.

_GATES: dict[str, tuple[str, ...]] = {
    "job": ("--if-absent", "--log-format", "--on-failure", "--require", "--termination-log", "--timeout"),
    "schema": ("--tool",),
    "wait": (),
    "job-wr": (),
}
"""gatekeeper's commands that hold a pod, and options that no other program with such a command has."""
_ASKS = ("--help", "--version", "-h")


@dataclass(frozen=True, slots=True)
class Own:
    """A container that runs gatekeeper."""

    argv: tuple[str, ...]
    """What follows the program's own name."""
    program: tuple[str, ...] = ()
    """What stands before that, as a command; nothing where the image's entry point is meant."""
    problem: str = ""
    """What the text around it does, one clause, where that may open it."""


def own(container: Container, images: Sequence[str] = ()) -> Own | None:
    """Return what gatekeeper is given in a container, None where it is another program's.

    It is known by its program, its image's name or one of these images, or by options that are its alone.
    """
    command, args = texts(container, "command"), texts(container, "args")
    if command:
        return _called((*command, *args))
    name = repository(str(container.get("image") or ""))
    is_ours = bool(name) and name in map(repository, images)
    named = "gatekeeper" in name.lower()
    first = args[0] if args else ""
    if first not in _GATES:
        # OPA's policy controller has this name too: the arguments tell them apart.
        words = (*_ASKS, *(word for word in args if word in _GATES)) if named or is_ours else ()
        return Own(tuple(args)) if first.startswith("-") and {*words} & {*args} else None
    marks = any(arg.partition("=")[0] in _GATES[first] for arg in args)
    variables_are = any(name.startswith("GATEKEEPER_") for name in variables(container))
    return Own(tuple(args)) if named or is_ours or marks or variables_are else None


def may_be_gate(container: Container) -> bool:
    """Return whether a container is given what a gate is given, and nothing tells whose it is."""
    args = texts(container, "args")
    return not container.get("command") and args[:1] in (["job"], ["schema"]) and len(args) > 1


def is_gatekeeper(container: Container, images: Sequence[str] = ()) -> bool:
    """Return whether a container is gatekeeper's own gate, also under another image name."""
    return own(container, images) is not None


def _called(words: Sequence[str]) -> Own | None:
    """Return what gatekeeper is given in a command line, be it within other programs or a script."""
    rest = list(_program(words))
    before = list(words[: len(words) - len(rest)])
    name = PurePosixPath(rest[0]).name if rest else ""
    if name == "gatekeeper":
        return Own(tuple(rest[1:]), (*before, rest[0]))
    if re.fullmatch(r"python[\d.]*", name):
        at = next((at for at, word in enumerate(rest) if at and not re.fullmatch(r"-[A-Za-ln-z]+", word)), 0)
        if rest[at : at + 2] == ["-m", "gatekeeper"]:
            return Own(tuple(rest[at + 2 :]), (*before, *rest[: at + 2]))
    script, given = _script(rest) if name in _SHELLS else (None, {})
    if not script or "gatekeeper" not in script:
        return None
    try:
        commands = scripts.read(script, given)
    except ValueError:
        return None
    found = [(at, each) for at, command in enumerate(commands) if (each := _called(command.words))]
    if len(found) != 1:
        return None
    at, inner = found[0]
    return Own(inner.argv, ("gatekeeper",), endings.endings(rest, commands, {at: ""}).opens.get(at, ""))


# Whether it is another program's gate.


def recognise(container: Container, images: Sequence[str] = ()) -> JobWait | None:
    """Return what a container of a manifest waits for, None where it is no other program's gate."""
    if own(container, images):
        return None
    known = known_variables(container)
    command, args = ([expand(each, known) for each in texts(container, key)] for key in ("command", "args"))
    entry = image_name(container)
    if any(each in known for each in _JOBS):
        return _entrypoint(known)
    if not command:
        if entry.endswith(peers.K8S_WAIT_FOR) or args[:1] in _ONLY_K8S_WAIT_FOR:
            return _attempt(peers.K8S_WAIT_FOR, peers.k8s_wait_for, args)
        if args[:1] and re.fullmatch("-[a-z]*c", args[0]):
            args = ["sh", *args]
    words = (*command, *args)
    if not _READINESS.isdisjoint(words) and (
        entry == "readiness" or any(word.endswith("ready.py") for word in command)
    ):
        return _readiness(words, known)
    found = _merge(_read(Command(words), known))
    if found is None and not command and (entry.endswith("kubectl") or any(arg.startswith("--for") for arg in args)):
        found = _merge(_read(Command(("kubectl", *args)), known))
    if found is None:
        return _unread(entry, "\n".join(words))
    if not (found.problem or found.readiness) and (file := _left_behind(container, words)):
        return JobWait(found.program, problem=f"it also writes {file}, which would be missed")
    return found


def _unread(entry: str, text: str) -> JobWait | None:
    """Return what is surely a gate and cannot be read, None where nothing tells that."""
    if entry.endswith(peers.K8S_WAIT_FOR):
        return JobWait(peers.K8S_WAIT_FOR, problem="its command is not k8s-wait-for's own")
    if _ASKS_FOR_JOBS.search(text) and not _CHANGES_JOBS.search(text):
        return JobWait(peers.PROGRAM, problem="how it asks the Kubernetes API for Jobs is not read")
    return None


def _left_behind(container: Container, words: Iterable[str]) -> str:
    """Return a file that scripts write where another container may read it: in a volume of the pod."""
    listed = container.get("volumeMounts")
    mounts = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    places = [str(each.get("mountPath")) for each in mounts if not each.get("readOnly")]
    files = [file.strip("'\"") for word in words if places for file in scripts.written(word)]
    return next(
        (each for each in files if "$" in each or any(PurePosixPath(each).is_relative_to(place) for place in places)),
        "",
    )


_ONLY_K8S_WAIT_FOR = (["job-wr"], ["job-we"], ["pod-we"], ["pod-wr"])
"""First arguments that no other program has, so that they are known under any image name."""


def _entrypoint(known: Mapping[str, str]) -> JobWait | None:
    """Return what kubernetes-entrypoint waits for: Jobs by name, one that has a namespace as NAMESPACE:NAME.

    See https://github.com/airshipit/kubernetes-entrypoint
    """
    pairs = [each.strip().rpartition(":")[::2] for each in known.get("DEPENDENCY_JOBS", "").split(",") if each.strip()]
    asked = [[name, *(["-n", place] if place else [])] for place, name in pairs]
    try:
        for each in json.loads(known.get("DEPENDENCY_JOBS_JSON") or "[]"):
            labels = ",".join(f"{key}={value}" for key, value in (each.get("labels") or {}).items())
            which = [str(each["name"])] if each.get("name") else ["-l", labels]
            asked.append([*which, *(["-n", str(each["namespace"])] if each.get("namespace") else [])])
    except (ValueError, AttributeError, TypeError, RecursionError):
        return JobWait(peers.ENTRYPOINT, problem="its DEPENDENCY_JOBS_JSON cannot be read")

    def parse(argv: Sequence[str]) -> JobWait:
        return peers.job_wait(peers.ENTRYPOINT, *peers.split(["job", *argv, "--timeout", "-1s"]))

    waits = [_attempt(peers.ENTRYPOINT, parse, each) for each in asked]
    if not waits:
        return None
    others = [name for name, value in known.items() if name in _DEPENDENCIES and value.strip() not in {"", "[]"}]
    if others:
        waits.append(JobWait(peers.ENTRYPOINT, problem=f"it waits for what {', '.join(others)} says", readiness=True))
    return _merge(waits)


_ASKS_FOR_JOBS = re.compile(r"/apis/batch/v1/|\b(?:BatchV1Api|BatchV1\(\)|(?:list|read)_namespaced_job)")
_CHANGES_JOBS = re.compile(
    r"\b(?:create|delete|patch|replace)_?namespaced_?job|\b(?:DELETE|PATCH|POST|PUT)\b", re.IGNORECASE
)


def without_jobs(container: Container, program: str) -> dict[str, object] | None:
    """Return a container without the Jobs that it waits for, None where its program's text has them."""
    if program == peers.ENTRYPOINT:
        env = container.get("env")
        each_of = [each for each in env if isinstance(each, dict)] if isinstance(env, list) else []
        # What is empty is nothing to it.
        emptied = [{"name": each["name"], "value": ""} if each.get("name") in _JOBS else each for each in each_of]
        return {**container, "env": emptied}
    if program == peers.READINESS:
        return {
            **container,
            **{key: _without(texts(container, key)) for key in ("command", "args") if key in container},
        }
    return None


def _without(words: Sequence[str]) -> list[str]:
    return [word for before, word in pairwise(["", *words]) if not {word, before} & _OF_JOBS]


_OF_JOBS = frozenset({"-j", "--job-name"})
_READINESS = _OF_JOBS | {
    "--app-name", "--container-name", "--pod-name", "--service-mesh-check", "--service-name", "--url",
}  # fmt: skip


def _readiness(args: Sequence[str], known: Mapping[str, str]) -> JobWait | None:
    """Return what ONAP's readiness waits for, whose time is in minutes.

    Its version in Go asks for the last of several Jobs alone. See https://github.com/onap/oom-readiness
    """
    pairs = list(pairwise([*args, ""]))
    jobs = [value for name, value in pairs if name in _OF_JOBS]
    others = sorted({name for name in args if name in _READINESS - _OF_JOBS})
    beside = f"it waits for what {', '.join(others)} says"
    if not jobs:
        return JobWait(peers.READINESS, problem=beside, readiness=True)
    minutes = next((value for name, value in pairs if name in {"-t", "--timeout"}), "10")
    place = next((value for name, value in pairs if name in {"-n", "--namespace"}), known.get("NAMESPACE", ""))

    def parse(argv: Sequence[str]) -> JobWait:
        return peers.job_wait(peers.READINESS, *peers.split(argv))

    found = _attempt(
        peers.READINESS, parse, ["job", *jobs, "--timeout", f"{minutes}m", *(["-n", place] if place else [])]
    )
    return replace(found, beside=beside) if others and not found.problem else found


_JOBS = ("DEPENDENCY_JOBS", "DEPENDENCY_JOBS_JSON")
_DEPENDENCIES = tuple(
    f"DEPENDENCY_{each}"
    for each in ("CONFIG", "CONTAINER", "CUSTOM_RESOURCE", "DAEMONSET", "POD_JSON", "SERVICE", "SOCKET")
)

_CLIENTS = (
    "argocd", "flux", "helm", "k8s-sidecar", "k8s-wait-for", "k8s_wait_for.sh", "kubectl", "kubernetes-entrypoint",
    "oc", "wait_for.sh",
)  # fmt: skip
"""Programs that ask the Kubernetes API with the pod's token."""
_CLIENT = re.compile(
    rf"(?<![\w.])(?:{'|'.join(map(re.escape, _CLIENTS))})(?![\w-]|\.\w)|/var/run/secrets/kubernetes\.io/serviceaccount"
    r"|^DEPENDENCY_",
    re.MULTILINE,
)


def asks_api(container: Container) -> bool:
    """Return whether a container asks the Kubernetes API with the pod's token, as its image or command line tells."""
    words = [image_name(container), *texts(container, "command"), *texts(container, "args")]
    return bool(_CLIENT.search("\n".join(words))) or any(
        name.startswith("DEPENDENCY_") for name in variables(container)
    )


# What its command line waits for.

_SHELLS = frozenset({"ash", "bash", "dash", "ksh", "sh", "zsh"})
_WRAPPERS = frozenset({
    "--", "busybox", "command", "dumb-init", "env", "exec", "k3s", "microk8s", "nohup", "tini", "time",
})  # fmt: skip
_IDLE = frozenset({
    ":", "[", "[[", "awk", "break", "continue", "cut", "date", "declare", "done", "echo", "egrep", "exit", "export",
    "expr", "false", "fi", "grep", "head", "jobs", "jq", "kill", "let", "local", "printf", "readonly", "return", "sed",
    "seq", "set", "shift", "sleep", "tail", "test", "tr", "trap", "true", "wait", "wc", "}",
})  # fmt: skip
"""What a gate's script does beside waiting, and what is not missed when gatekeeper is in its place."""
_IDLE_KUBECTL = frozenset({"api-resources", "auth", "cluster-info", "describe", "events", "get", "logs", "version"})
_DURATION = re.compile(r"[\d.]+[smhd]?", re.ASCII)
_WITH_VALUE = frozenset({"-k", "-s", "--kill-after", "--signal"})


_OF_EVERY_POD = {
    "KUBERNETES_SERVICE_HOST": "kubernetes.default.svc",
    "KUBERNETES_SERVICE_PORT": "443",
    "KUBERNETES_SERVICE_PORT_HTTPS": "443",
}
"""What every container knows of the API server, as an address."""


def _read(command: Command, known: Mapping[str, str]) -> Iterator[JobWait]:
    """Return what a command waits for; a look at Jobs has no program, and work that is no waiting only a problem."""
    words = _program(command.words)
    name = PurePosixPath(words[0]).name if words else ""
    limit = _limit(command.words)
    if name in _SHELLS:
        script, given = _script(words)
        if script is None:
            yield JobWait("", problem=f"it runs {' '.join(words)[:80]}, which cannot be read here")
        else:
            values = frozenset({**_OF_EVERY_POD, **known, **given}.items())
            for found in _read_script(script, tuple(words), command.loops, values):
                # `kubectl wait` has a time of its own, which is up before.
                endless = found.timeout == "-1s" or (not found.timeout and found.program == peers.K8S_WAIT_FOR)
                yield replace(found, timeout=limit) if limit and endless else found
    elif name in {"kubectl", "oc"}:
        for found in _read_kubectl(words[1:], command):
            yield replace(found, timeout=limit) if limit and found.program == peers.SHELL_LOOP else found
    elif name in {"wait_for.sh", "k8s_wait_for.sh"}:
        found = _attempt(peers.K8S_WAIT_FOR, peers.k8s_wait_for, words[1:])
        yield found if found.problem else replace(found, timeout=limit)
    elif name:
        yield from _read_other(name, words, command, limit)


def _read_other(name: str, words: Sequence[str], command: Command, limit: str) -> Iterator[JobWait]:
    if scripts.ENDLESS.intersection(command.loops) and _asks_for_file(name, words):
        yield JobWait(peers.SHELL_LOOP, problem="it waits for a file", readiness=True)
    elif name in {"eval", "xargs"} and _WAITS.search(" ".join(words)):
        yield JobWait(peers.KUBECTL, problem=f"what {name} makes it run is known only in the pod")
    elif name in {"curl", "wget"} and command.loops and (asked := _of_a_url(words)):
        found = _named(peers.SHELL_LOOP, asked)
        yield found if found.problem else replace(found, timeout=limit or "-1s")
    elif (name in _READY and "--" not in words) or (name in _PING and "ping" in map(str.lower, words)):
        yield _beside(name)
    elif name not in _IDLE and not (name == "cat" and all(map(_OF_THE_ACCOUNT.match, words[1:]))):
        yield JobWait("", problem=f"it also runs {name}, which would be missed")


_READY = frozenset({
    "dig", "getent", "nc", "ncat", "netcat", "nslookup", "pg_isready", "wait-for", "wait-for-it", "wait-for-it.sh",
    "wait-for.sh", "wait4x",
})  # fmt: skip
"""Programs that ask whether something answers, and change nothing, unless they start another one after `--`."""
_PING = frozenset({"mariadb-admin", "mysqladmin", "redis-cli"})


def _beside(what: str) -> JobWait:
    """Return a wait for something else, which a script has beside that for a Job."""
    return JobWait("", problem=f"it waits for what {what} tells", readiness=True)


_WAITS = re.compile(r"\b(?:kubectl|oc)\b(?=.*\bwait\b|.*\bget\b.*\bjobs?\b)")
_OF_THE_ACCOUNT = re.compile(r"(?:/var)?/run/secrets/kubernetes\.io/serviceaccount/")
_WRITES = re.compile(r"(?:^|\s)(?:-d|--data|--json|--post|(?:-[a-zA-Z]*X|--request|--method)[\s=]*+(?!GET\b))")
_URL = re.compile(r"/apis/batch/v1/namespaces/([^/\s]+)/jobs(?:/([^/?\s]+)|\?(?:[^\s]*&)?labelSelector=([^&\s]+))")


def _of_a_url(words: Sequence[str]) -> list[str]:
    """Return what kubectl would be given for the Jobs at a URL of the API server, nothing where there are none."""
    found = next((found for word in words if (found := _URL.search(word))), None)
    if not found or _WRITES.search(" ".join(words)):
        return []
    return ["job", *([found[2]] if found[2] else ["-l", unquote(found[3])]), "-n", found[1]]


def _named(program: str, argv: Sequence[str]) -> JobWait:
    """Return the Jobs that a command of kubectl's names, whatever it asks of them, or the problem that it has."""
    return _attempt(program, lambda words: peers.job_wait(program, *peers.split(words)), argv)


def _asks_for_file(name: str, words: Sequence[str]) -> bool:
    """Return whether a command tests for a file, or looks into one."""
    if name in {"[", "[[", "test"}:
        return not _FILE_TESTS.isdisjoint(words)
    return name in {"egrep", "grep"} and any(word.startswith("/") for word in words[2:])


_FILE_TESTS = frozenset({"-d", "-e", "-f", "-r", "-s", "-S"})


@lru_cache(maxsize=256)
def _read_script(
    script: str, shell: tuple[str, ...], loops: tuple[str, ...], variables: frozenset[tuple[str, str]]
) -> tuple[JobWait, ...]:
    """Return what a script waits for. Whoever judges a pod asks more than once, and pods share their scripts."""
    return tuple(_waits_of(script, shell, loops, dict(variables)))


def _waits_of(script: str, shell: Sequence[str], loops: tuple[str, ...], known: Mapping[str, str]) -> Iterator[JobWait]:
    try:
        commands = scripts.read(script, known, loops)
    except ValueError as fault:
        program = peers.KUBECTL if re.search(r"kubectl\s.*\bwait\b", script) else ""
        yield JobWait(program, problem=f"its script cannot be read: {str(fault).lower()}")
        return
    found = [[*_read_trapped(command, known)] if command.trapped else [*_read(command, known)] for command in commands]
    asked = {at: _asked(found[at]) for at, each in enumerate(commands) if not (each.substituted or each.trapped)}
    waits = {at: jobs for at, jobs in asked.items() if any(each.program and not each.problem for each in found[at])}
    ended = {at: jobs for at, jobs in asked.items() if any(each.problem.endswith(peers.FAILED) for each in found[at])}
    looks: dict[int, tuple[object, int]] = {
        at: (jobs, 1) for at, jobs in asked.items() if jobs and at not in waits and at not in ended
    }
    looks |= {at: test for at in asked if (test := _tests_for_job(commands[at], known))}
    ends = endings.endings(shell, commands, waits, ended, looks)
    is_open = any({*map(waits.get, one)} != {*map(waits.get, other)} for one, other in ends.either)
    for at, (command, following) in enumerate(pairwise([*commands, Command(())])):
        endless = scripts.ENDLESS.intersection(command.loops)
        shrugs = command.end.strip() == "||" and not endless and _shrugs(following.words)
        for each in found[at]:
            if not each.program or each.problem:
                yield each
            elif shrugs:
                yield JobWait(each.program, problem=f"|| {following.words[0]} opens it although the wait failed")
            elif at in ends.never or is_open:
                yield JobWait(each.program, problem="which of several Jobs it waits for is decided in the pod")
            else:
                opens, absent = each.opens or ends.opens.get(at, ""), each.absent or at in ends.absent
                yield replace(each, opens=opens, absent=absent)


def _tests_for_job(command: Command, known: Mapping[str, str]) -> tuple[object, int] | None:
    """Return the Jobs of which a command tests whether anything is printed, and what it comes to without them."""
    words = _program(command.words)
    looks = [each for each in command.asked if each.words not in {("true",), (":",)}]
    if words[:1] not in (("[",), ("[[",), ("test",)) or words[1:2] not in (("-n",), ("-z",)) or len(looks) != 1:
        return None
    jobs = _asked(_read(looks[0], known))
    return (jobs, int(words[1] == "-n")) if jobs else None


def _read_trapped(command: Command, known: Mapping[str, str]) -> Iterator[JobWait]:
    """Return what is wrong with a command that a trap runs: a wait there is none, and an exit may open anything."""
    for each in _read(command, known):
        if each.program or each.problem:
            yield JobWait(each.program, problem=each.problem or "it waits when it ends, and that proves nothing")
    if command.trapped == "ERR" and "exit" in command.words:
        yield JobWait("", problem="what its trap for ERR ends with is decided in the pod")


def _asked(waits: Iterable[JobWait]) -> tuple[tuple[object, ...], ...]:
    """Return which Jobs are waited for, or looked at."""
    return tuple((each.jobs, each.labels, each.namespace) for each in waits if each.jobs or each.labels)


def _shrugs(words: Sequence[str]) -> bool:
    return words[:1] in {(":",), ("echo",), ("printf",), ("true",)} or words[:2] == ("exit", "0")


def _read_kubectl(words: Sequence[str], command: Command) -> Iterator[JobWait]:
    verb, *objects = [*peers.split(words)[0], ""]
    # The verb is the first word; options may stand before it.
    rest = list(words)
    if verb:
        rest.remove(verb)
    if verb in {"describe", "get", "wait"} and any("$" in each for each in objects):
        rest = _of_an_answer(rest, command) or rest
        objects = [*peers.split(rest)[0], ""]
    endless = bool(scripts.ENDLESS.intersection(command.loops))
    if (verb == "wait" or (verb == "get" and command.loops)) and (job := _of_pods(objects[0], rest)):
        program = peers.KUBECTL if verb == "wait" else peers.SHELL_LOOP
        found = _named(program, job)
        found = replace(found, by_pods=not found.problem)
        yield replace(found, timeout="-1s") if endless and not found.problem else found
    elif verb == "wait":
        found = _attempt(peers.KUBECTL, peers.kubectl_wait, rest)
        if found.problem.endswith(peers.FAILED):
            found = replace(_named(peers.KUBECTL, rest), problem=found.problem)
        yield replace(found, timeout="-1s") if endless and not found.problem else found
    elif verb in {"get", "describe"} and peers.JOB.fullmatch(objects[0].partition("/")[0]):
        yield _look(rest, objects, command)
    elif verb == "rollout" and objects[:1] == ["status"]:
        yield _beside("kubectl rollout status")
    elif verb not in _IDLE_KUBECTL:
        yield JobWait("", problem=f"it also runs kubectl {verb}, which would be missed")


def _look(argv: Sequence[str], objects: Sequence[str], command: Command) -> JobWait:
    """Return what a command that asks for Jobs waits for in a loop; it has no program where it only looks."""
    found = _named(peers.SHELL_LOOP, argv)
    if not command.loops:
        return replace(found, program="", problem="")
    if _takes_last(argv):
        found = JobWait(peers.SHELL_LOOP, problem="which of the Jobs that it lists it waits for is decided in the pod")
    while_there = command.words[0] == "while" and command.words[1:2] != ("!",)
    if (while_there or command.words[:2] == ("until", "!")) and command.end.strip() in {";", ""}:
        found = JobWait(peers.SHELL_LOOP, problem="it waits until the Job is gone, and that proves nothing")
    if scripts.ENDLESS.intersection(command.loops) and not found.problem:
        is_head = command.words[0] in scripts.ENDLESS and command.end.strip() in {";", ""}
        opens = _IS_THERE if is_head and objects[1:] else ""
        found = replace(found, timeout="-1s", opens="" if command.substituted else opens)
    return found


_CHOOSES = frozenset({"awk", "egrep", "grep", "sed", "sort", "tail"})
"""Programs that take some of the Jobs that a selector names."""
_IS_THERE = "it ends as soon as there is such a Job, whatever that comes to"


def _takes_last(words: Sequence[str]) -> bool:
    """Return whether a command prints of the last one of a list alone."""
    return any(".items[-" in word for word in words)


def _of_an_answer(argv: Sequence[str], command: Command) -> list[str]:
    """Return what would be given for the Jobs that another command names, nothing where no single one does so."""
    listings = []
    for each in command.asked:
        program, *words = [*_program(each.words), ""]
        if program in _CHOOSES or _takes_last(words):
            return []
        named, options = peers.split(words)
        if PurePosixPath(program).name in {"kubectl", "oc"} and named[:1] == ["get"] and peers.JOB.fullmatch(named[1]):
            kept = [f"--{name}={value}" for name, value in options if name in {"namespace", "selector"}]
            listings.append(["job", *filter(None, named[2:]), *kept])
    own = [f"--{name}={value}" for name, value in peers.split(argv)[1]]
    return [*listings[0], *own] if len(listings) == 1 else []


_PODS = re.compile(r"pods?|po", re.IGNORECASE)
_JOB_OF_POD = re.compile(r"(?:.*,\s*)?(?:batch\.kubernetes\.io/)?job-name\s*==?\s*([^\s,]+)(?:,.*)?")
_SUCCEEDED = re.compile(r"jsonpath='?\{\.status\.phase\}'?=Succeeded")


def _of_pods(kind: str, argv: Sequence[str]) -> list[str]:
    """Return what would be given for the Job whose pods are asked for, nothing where they are no Job's.

    To wait for one that is ready is to wait until it runs, which proves nothing.
    """
    options = peers.split(argv)[1]
    labels = next((_JOB_OF_POD.fullmatch(value or "") for name, value in options if name == "selector"), None)
    ends = [value for name, value in options if name == "for"]
    if not (_PODS.fullmatch(kind) and labels and all(_SUCCEEDED.fullmatch(each or "") for each in ends)):
        return []
    kept = [f"--{name}={value}" for name, value in options if name in {"namespace", "timeout"}]
    return ["job", labels[1], *kept]


def _program(words: Sequence[str]) -> Sequence[str]:
    """Return the words from the program on: without keywords, assignments and programs that only run another."""
    while words:
        name = PurePosixPath(words[0]).name
        if name == "timeout":
            words = words[_timeout_words(words) :]
        elif words[0] == "for":
            return ()
        elif name in scripts.KEYWORDS | _WRAPPERS or scripts.assignment(words[0]):
            words = words[1:]
        else:
            break
    return words


def _timeout_words(words: Sequence[str]) -> int:
    """Return how many words `timeout` takes, itself included."""
    at = 1
    while at < len(words) and words[at].startswith("-"):
        at += 2 if words[at] in {*_WITH_VALUE, "-t"} else 1
    return at + 1 if at < len(words) and _DURATION.fullmatch(words[at]) else at


def _limit(words: Sequence[str]) -> str:
    """Return the time that `timeout` gives to a program, nothing where it is not there."""
    at = next((at for at, word in enumerate(words) if PurePosixPath(word).name == "timeout"), None)
    if at is None or len(_program(words)) >= len(words) - at:
        return ""
    taken = words[at : at + _timeout_words(words[at:])]
    last = taken[-1]
    if not _DURATION.fullmatch(last):
        return ""
    seconds = float(last.rstrip("smhd")) * {"m": 60, "h": 3600, "d": 86400}.get(last[-1], 1)
    return format_duration(seconds)


def runs_file(container: Container) -> str:
    """Return the file whose commands a shell runs in a container, nothing where all is in its text."""
    words = _program((*texts(container, "command"), *texts(container, "args")))
    if not words:
        return ""
    name = PurePosixPath(words[0]).name
    if name not in _SHELLS:
        return words[0] if name.endswith(".sh") else ""
    script, _ = _script(words)
    if script is None:
        return next((word for word in words[1:] if not word.startswith("-")), "")
    try:
        commands = [_program(each.words) for each in scripts.read(script, {})]
    except ValueError:
        return ""
    reads = {".", "source", *_SHELLS}
    return next((each[1] for each in commands if len(each) > 1 and each[0] in reads and each[1][0] != "-"), "")


def _script(words: Sequence[str]) -> tuple[str | None, dict[str, str]]:
    """Return the script in `sh -c SCRIPT NAME WORDS`, None where the shell reads a file, and what it is given."""
    is_text = False
    left = list(words[:0:-1])
    while left and re.match("[-+].", left[-1]):
        option = left.pop()
        is_text |= "c" in option and not option.startswith("--")
        if option.endswith("o") and left:
            left.pop()
    if not (is_text and left):
        return None, {}
    script, *rest = reversed(left)
    return script, scripts.given(rest[1:]) | dict(zip("0", rest, strict=False))


def _attempt(program: str, parse: Callable[[Sequence[str]], JobWait], argv: Sequence[str]) -> JobWait:
    """Return what is parsed, or the problem that it has."""
    readiness = False
    try:
        return parse(argv)
    except peers.NotAJob as fault:
        problem, readiness = str(fault).partition("; write ")[0], True
    except Misconfigured as fault:
        problem = str(fault).partition("; write ")[0]
    if readiness:
        return JobWait(program, problem=problem, readiness=True)
    if "{{" in problem:
        problem = "its text is a template that is not rendered yet"
    elif "$" in problem:
        problem = f"{next(word for word in argv if '$' in word)} is known only in the pod"
    return JobWait(program, problem=problem)


def _merge(found: Iterable[JobWait]) -> JobWait | None:
    """Return one wait for all that a container waits for, in one place."""
    everything = list(found)
    if any(each.program == peers.KUBECTL and not each.problem for each in everything):
        # Beside it, a second `kubectl wait` for the failure, or one for the Job to be there: gatekeeper does both.
        beside = (peers.FAILED, peers.NOT_ENDED)
        everything = [each for each in everything if not each.problem.endswith(beside)]
    waits = [each for each in everything if each.program]
    if not waits:
        return None
    program = next((each.program for each in waits if each.program != peers.SHELL_LOOP), peers.SHELL_LOOP)
    problem = next((each.problem for each in everything if each.problem and not each.readiness), "")
    readiness = next((each.problem for each in everything if each.readiness), "")
    if readiness and all(each.readiness for each in waits):
        return JobWait(program, problem=readiness, readiness=True)
    if problem:
        return JobWait(program, problem=problem)
    by_place: dict[tuple[object, ...], list[JobWait]] = {}
    for each in waits:
        if not each.readiness:
            by_place.setdefault((each.namespace, each.labels, bool(each.jobs)), []).append(each)
    first, *others = [replace(_of_one_place(each), program=program) for each in by_place.values()]
    return replace(first, beside=readiness, others=tuple(others))


def _of_one_place(waits: Sequence[JobWait]) -> JobWait:
    """Return one wait for several that differ in their names alone."""
    proven = {job for each in waits if each.opens != _IS_THERE for job in each.jobs or (each.labels,)}
    waits = [each for each in waits if each.opens != _IS_THERE or not proven.issuperset(each.jobs or (each.labels,))]
    jobs = dict.fromkeys(job for each in waits for job in each.jobs)
    opens = next((each.opens for each in waits if each.opens), "")
    absent = any(each.absent for each in waits)
    return replace(waits[0], jobs=tuple(jobs), timeout=_total(waits), opens=opens, absent=absent)


def _total(waits: Sequence[JobWait]) -> str:
    """Return the time that waits one after another may take; a loop before `kubectl wait` has none of its own."""
    own = [each.timeout for each in waits if each.program == peers.KUBECTL]
    if len(own) == 1 or len(waits) == 1 or not any(each.timeout for each in waits):
        return own[0] if own else waits[0].timeout
    given = [each or peers.KUBECTL_TIMEOUT for each in own]
    if not given:
        return "-1s" if any(each.timeout == "-1s" for each in waits) else max(map(_time, waits), key=_seconds)
    return "-1s" if any(each.startswith("-") for each in given) else format_duration(sum(map(parse_duration, given)))


def _time(wait: JobWait) -> str:
    return wait.timeout


def _seconds(timeout: str) -> float:
    return parse_duration(timeout) if timeout else 0.0
