"""What other programs' gates wait for: arguments of `kubectl wait` and `k8s-wait-for`, and shell scripts around them.

Text is read and never run. What cannot be told from the text alone is said to be a problem, and never guessed: the gate
that replaces another one must wait for the same Jobs, or not be put in its place.

Options are split as kubectl splits them (https://pkg.go.dev/github.com/spf13/pflag#hdr-Command_line_flag_syntax), and
judged as https://github.com/kubernetes/kubectl/blob/master/pkg/cmd/wait/wait.go judges them, save that only Jobs can be
waited for, and only their completion.
"""

import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import PurePosixPath

from gatekeeper.gate import settings
from gatekeeper.gate.durations import format_duration, parse_duration
from gatekeeper.gate.settings import Misconfigured

KUBECTL = "kubectl wait"
K8S_WAIT_FOR = "k8s-wait-for"
SHELL_LOOP = "a shell loop"
KUBECTL_TIMEOUT = "30s"
"""What `kubectl wait` takes for --timeout where none is given; the other programs wait without end.

A negative one is a week for kubectl, and has no end for gatekeeper.
"""
_EXAMPLE = "gatekeeper wait --for=condition=complete job/db-migrate --timeout=600s"


@dataclass(frozen=True, slots=True)
class JobWait:
    """What another program's gate waits for, in gatekeeper's terms."""

    program: str
    """`KUBECTL`, `K8S_WAIT_FOR` or `SHELL_LOOP`."""
    jobs: tuple[str, ...] = ()
    labels: str = ""
    """A selector, instead of names."""
    namespace: str = ""
    timeout: str = ""
    """As `gatekeeper job --timeout` takes it; empty where the program's own default holds."""
    problem: str = ""
    """Why it cannot be translated, one clause; all but the program is then empty."""


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
    return _k8s_wait_for(argv)


def kubectl_wait(argv: Sequence[str]) -> JobWait:
    """Return what `kubectl wait ARGV` waits for. Raises Misconfigured for what is no Job's completion."""
    words, options = _split(argv)
    found = _job_wait(KUBECTL, words, options)
    _judge_conditions([value or "" for name, value in options if name == "for"])
    return found


def job_wr(argv: Sequence[str]) -> JobWait:
    """Return what `k8s-wait-for job-wr ARGV` waits for. Raises Misconfigured.

    Its script runs `kubectl describe jobs "$1" ${*}`: all but the first argument are split once more, at spaces. There,
    the beginning of a Job's name is enough; here it is the whole name.
    """
    words, options = _split(["job", *argv[:1], *" ".join(argv[1:]).split()])
    if any(name == "for" for name, _ in options):
        raise Misconfigured(f"--for is kubectl's option, not k8s-wait-for's; write for example {_EXAMPLE}")
    return _job_wait(K8S_WAIT_FOR, words, options)


def recognise(container: Mapping[str, object]) -> JobWait | None:
    """Return what a container of a manifest waits for, None where it is no other program's gate."""
    if is_gatekeeper(container):
        return None
    command, args = _texts(container.get("command")), _texts(container.get("args"))
    entry = _image_name(container)
    if not command:
        if entry.endswith(K8S_WAIT_FOR) or args[:1] in _ONLY_K8S_WAIT_FOR:
            return _attempt(K8S_WAIT_FOR, _k8s_wait_for, args)
        if args[:1] and re.fullmatch("-[a-z]*c", args[0]):
            args = ["sh", *args]
    found = _merge(_read(_Command((*command, *args))))
    if found is None and not command and (entry.endswith("kubectl") or any(arg.startswith("--for") for arg in args)):
        found = _merge(_read(_Command(("kubectl", *args))))
    if found is None and entry.endswith(K8S_WAIT_FOR):
        return JobWait(K8S_WAIT_FOR, problem="its command is not k8s-wait-for's own")
    return found


def is_gatekeeper(container: Mapping[str, object]) -> bool:
    """Return whether a container is gatekeeper's own gate, also under another image name."""
    command, args = _texts(container.get("command")), _texts(container.get("args"))
    if command:
        return PurePosixPath(command[0]).name == "gatekeeper" or command[1:3] == ["-m", "gatekeeper"]
    own = _GATES.get(args[0]) if args else None
    if own is None:
        return False
    # OPA's policy controller has this name too: the first argument tells them apart.
    if _image_name(container).endswith("gatekeeper"):
        return True
    return any(arg.startswith(own) for arg in args) or any(name.startswith("GATEKEEPER_") for name in _env(container))


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
_JOB = re.compile(r"jobs?((\.v1)?\.batch)?", re.IGNORECASE)
_NAMESPACE = re.compile(r"(?=.{1,63}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?")


def _split(argv: Sequence[str]) -> tuple[list[str], Options]:
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


def _job_wait(program: str, words: Sequence[str], options: Options) -> JobWait:
    """Judge what is waited for, where and how long; as in kubectl, the last of several equal options wins."""
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
    names, labels = _names(words), last.get("selector", "").strip()
    if bool(names) == bool(labels):
        raise Misconfigured(
            "a Job's name and --selector exclude each other; write for example job/db-migrate, or job -l app=shop"
            if names
            else f"no Job is named; write for example {_EXAMPLE}"
        )
    namespace, timeout = last.get("namespace", ""), last.get("timeout", "")
    if namespace and not _NAMESPACE.fullmatch(namespace):
        raise Misconfigured(f"--namespace: {namespace!r} is not the name of a namespace; write for example -n shop")
    if "timeout" in last:
        settings.duration(timeout)
    return JobWait(
        program,
        jobs=tuple(dict.fromkeys(map(settings.job_name, names))),
        labels=settings.selector(labels) if labels else "",
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
        if not _JOB.fullmatch(kind):
            raise Misconfigured(
                f"it waits for {kind}, and only a Job can prove a migration; write for example {_EXAMPLE}"
            )
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
        raise Misconfigured(f"--for={condition}: {why}; write for example {_EXAMPLE}")


def _is_complete(condition: str) -> bool:
    """Return whether this is `condition=complete[=true]`; kubectl compares name and value without case."""
    key, _, wanted = condition.partition("=")
    return key == "condition" and wanted.lower() in {"complete", "complete=true"}


_FAILED = "a gate opens only when the Job is Complete, and ends with exit code 3 when it has failed"
_NO_PROOF = {
    "delete": "a Job that is gone proves nothing",
    "create": "a Job that exists has not ended yet",
    "jsonpath": "fields and counters do not tell how a Job ended, its condition Complete does",
    "condition=failed": _FAILED,
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
_ONLY_K8S_WAIT_FOR = (["job-wr"], ["job-we"], ["pod-we"], ["pod-wr"])
"""First arguments that no other program has, so that they are known under any image name."""


def _k8s_wait_for(argv: Sequence[str]) -> JobWait:
    """Return what a whole command line of k8s-wait-for waits for; Complete is what its `job` means, too."""
    word = argv[0] if argv else ""
    if word in {"job", "job-wr"}:
        return job_wr(argv[1:])
    why = f"{word}: {_NOT_JOBS.get(word, 'it is not a command that is known')}" if word else "it is given no arguments"
    raise Misconfigured(f"{why}; write for example gatekeeper job-wr db-migrate")


_GATES: dict[str, tuple[str, ...]] = {
    "job": ("--if-absent", "--log-format", "--on-failure", "--require", "--termination-log", "--timeout"),
    "schema": ("--tool",),
    "wait": (),
    "job-wr": (),
}
"""gatekeeper's commands that hold a pod, and options that no other program with such a command has."""


def _texts(value: object) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else []


def _image_name(container: Mapping[str, object]) -> str:
    """Return the last part of the image's path, without tag and digest."""
    return str(container.get("image") or "").partition("@")[0].rpartition("/")[2].partition(":")[0]


def _env(container: Mapping[str, object]) -> list[str]:
    env = container.get("env")
    return [str(each.get("name")) for each in env if isinstance(each, dict)] if isinstance(env, list) else []


@dataclass(frozen=True, slots=True)
class _Command:
    """One simple command of a script."""

    words: tuple[str, ...]
    loops: tuple[str, ...] = ()
    """The loops that it is in, by their keyword."""
    end: str = ""
    """What separates it from the next one."""


_SHELLS = frozenset({"ash", "bash", "dash", "ksh", "sh", "zsh"})
_KEYWORDS = frozenset({"!", "do", "elif", "else", "for", "if", "then", "until", "while", "{"})
_ENDLESS = frozenset({"until", "while"})
_LOOPS = _ENDLESS | {"for"}
_WRAPPERS = frozenset({"--", "busybox", "command", "dumb-init", "env", "exec", "nohup", "tini", "time"})
_ASSIGNMENT = re.compile(r"\w+\+?=.*", re.ASCII | re.DOTALL)
_TIMEOUT_ARGUMENT = re.compile(r"-.*|[\d.]+[smhd]?|[A-Z]+", re.ASCII)
_IDLE = frozenset({
    ":", "[", "[[", "awk", "break", "continue", "cut", "date", "done", "echo", "egrep", "exit", "export", "expr",
    "false", "fi", "grep", "head", "jq", "kill", "let", "local", "printf", "return", "sed", "seq", "set", "sleep",
    "tail", "test", "tr", "trap", "true", "wait", "wc", "}",
})  # fmt: skip
"""What a gate's script does beside waiting, and what is not missed when gatekeeper is in its place."""
_IDLE_KUBECTL = frozenset({"api-resources", "auth", "cluster-info", "describe", "events", "get", "logs", "version"})
_QUOTED = r"""'[^']*' | "(?:\\.|[^"\\])*" | \\."""
_GAPS = re.compile(
    rf"""(?P<gap> \\\n                                                      # a line that goes on
             | (?<![^\s;&|()]) \#[^\n]*                                  # a comment
             | \$?\(\([^()]*\)\)                                         # arithmetic
             | (?:(?<!\S)\d+|&)? (?:>>|[<>]&|>\||[<>]) \s* [^\s;&|()<>]+  # a redirection
      ) | {_QUOTED}""",
    re.VERBOSE | re.DOTALL,
)
_PARENTHESES = re.compile(rf"{_QUOTED} | [()]", re.VERBOSE | re.DOTALL)
_SUBSTITUTIONS = re.compile(r"\$\(\([^()]*\)\) | \$\( | ` | \\. | \" | '[^']*'", re.VERBOSE | re.DOTALL)
_SEPARATORS = ";&|()\n"


def _commands(script: str, loops: tuple[str, ...] = ()) -> Iterator[_Command]:
    """Return the simple commands of a script, before each those that are substituted in it. Raises ValueError."""
    text, substituted = _lift(_GAPS.sub(lambda found: " " if found["gap"] else found[0], script))
    lexer = shlex.shlex(text, posix=True, punctuation_chars=_SEPARATORS)
    lexer.whitespace, lexer.whitespace_split, lexer.commenters = " \t\r", True, ""
    words: list[str] = []
    end = ""
    stack = list(loops)
    for token in [*lexer, "\n", ""]:
        if token and not token.strip(_SEPARATORS):
            end += token
            continue
        if end and words:
            for word in words:
                stack += [word] if word in _LOOPS else []
                if word not in _KEYWORDS:
                    break
            for _ in range(min("".join(words).count(_LIFTED), len(substituted))):
                yield from _commands(substituted.pop(0), tuple(stack))
            yield _Command(tuple(words), tuple(stack), end)
            if words[0] == "done" and stack:
                stack.pop()
        if end:
            words, end = [], ""
        words.append(token)


_LIFTED = "$..."
"""What stands in a word where a command substitution was."""
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")
"""In `$(...)`, what the kubelet replaces by an environment variable's value before the shell runs."""


def _lift(script: str) -> tuple[str, list[str]]:
    """Return a script without its command substitutions, and these; what is in single quotes is none."""
    text, substituted, at, quoted = "", [], 0, False
    while found := _SUBSTITUTIONS.search(script, at):
        start, end = found.span()
        text += script[at:start]
        if found[0] == "$(" or found[0] == "`":
            close = script.find("`", end) if found[0] == "`" else _closing(script, end)
            if close < 0:
                raise ValueError("No closing parenthesis")
            inner = script[end:close]
            if _VARIABLE.fullmatch(inner):
                text += f"${{{inner}}}"
            else:
                text += _LIFTED
                substituted.append(inner)
            end = close + 1
        elif quoted and found[0].startswith("'"):
            # An apostrophe between double quotes is only text.
            text, end = text + "'", start + 1
        else:
            text += found[0]
            quoted ^= found[0] == '"'
        at = end
    return text + script[at:], substituted


def _closing(script: str, start: int) -> int:
    """Return where the parenthesis that opened before `start` is closed, -1 if it is not."""
    depth = 1
    for found in _PARENTHESES.finditer(script, start):
        depth += {"(": 1, ")": -1}.get(found[0], 0)
        if not depth:
            return found.start()
    return -1


def _read(command: _Command) -> Iterator[JobWait]:
    """Return what a command waits for; work that is no waiting has no program, only a problem."""
    words = _program(command.words)
    name = PurePosixPath(words[0]).name if words else ""
    if name in _SHELLS:
        script = _script(words)
        if script is None:
            yield JobWait("", problem=f"it runs {' '.join(words)[:80]}, which cannot be read here")
        else:
            yield from _read_script(script, command.loops)
    elif name in {"kubectl", "oc"}:
        yield from _read_kubectl(words[1:], command.loops)
    elif name in {"wait_for.sh", "k8s_wait_for.sh"}:
        yield _attempt(K8S_WAIT_FOR, _k8s_wait_for, words[1:])
    elif name and name not in _IDLE:
        yield JobWait("", problem=f"it also runs {name}, which would be missed")


def _read_script(script: str, loops: tuple[str, ...]) -> Iterator[JobWait]:
    try:
        commands = list(_commands(script, loops))
    except ValueError as fault:
        program = KUBECTL if re.search(r"kubectl\s.*\bwait\b", script) else ""
        yield JobWait(program, problem=f"its script cannot be read: {str(fault).lower()}")
        return
    for command, following in pairwise([*commands, _Command(())]):
        shrugs = command.end.strip() == "||" and not _ENDLESS.intersection(command.loops) and _shrugs(following.words)
        for found in _read(command):
            if found.program and not found.problem and shrugs:
                yield JobWait(found.program, problem=f"|| {following.words[0]} opens it although the wait failed")
            else:
                yield found


def _shrugs(words: Sequence[str]) -> bool:
    return words[:1] in {(":",), ("echo",), ("printf",), ("true",)} or words[:2] == ("exit", "0")


def _read_kubectl(words: Sequence[str], loops: tuple[str, ...]) -> Iterator[JobWait]:
    verb, *objects = [*_split(words)[0], ""]
    # The verb is the first word; options may stand before it.
    rest = list(words)
    if verb:
        rest.remove(verb)
    if verb == "wait":
        found = _attempt(KUBECTL, kubectl_wait, rest)
        endless = not found.problem and _ENDLESS.intersection(loops)
        yield replace(found, timeout="-1s") if endless else found
    elif verb in {"get", "describe"} and loops and _JOB.fullmatch(objects[0].partition("/")[0]):
        yield _attempt(SHELL_LOOP, lambda argv: _job_wait(SHELL_LOOP, *_split(argv)), rest)
    elif verb not in _IDLE_KUBECTL:
        yield JobWait("", problem=f"it also runs kubectl {verb}, which would be missed")


def _program(words: Sequence[str]) -> Sequence[str]:
    """Return the words from the program on: without keywords, assignments and programs that only run another."""
    while words:
        name = PurePosixPath(words[0]).name
        if name == "timeout":
            words = words[1:]
            while words and _TIMEOUT_ARGUMENT.fullmatch(words[0]):
                words = words[1:]
        elif words[0] == "for":
            return ()
        elif name in _KEYWORDS | _WRAPPERS or _ASSIGNMENT.fullmatch(words[0]):
            words = words[1:]
        else:
            break
    return words


def _script(words: Sequence[str]) -> str | None:
    """Return the script in `sh -c SCRIPT`, None where the shell reads a file."""
    given = False
    left = list(words[:0:-1])
    while left and re.match("[-+].", left[-1]):
        option = left.pop()
        given |= "c" in option and not option.startswith("--")
        if option.endswith("o") and left:
            left.pop()
    return left[-1] if given and left else None


def _attempt(program: str, parse: Callable[[Sequence[str]], JobWait], argv: Sequence[str]) -> JobWait:
    """Return what is parsed, or the problem that it has."""
    try:
        return parse(argv)
    except Misconfigured as fault:
        problem = str(fault).partition("; write ")[0]
    if "{{" in problem:
        problem = "its text is a template that is not rendered yet"
    elif "$" in problem:
        problem = f"{next(word for word in argv if '$' in word)} is known only in the pod"
    return JobWait(program, problem=problem)


def _merge(found: Iterable[JobWait]) -> JobWait | None:
    """Return one wait for all that a container waits for, in one place."""
    everything = list(found)
    if any(each.program == KUBECTL and not each.problem for each in everything):
        # A second `kubectl wait` beside it, for the failure: gatekeeper always looks for both.
        everything = [each for each in everything if not each.problem.endswith(_FAILED)]
    waits = [each for each in everything if each.program]
    if not waits:
        return None
    program = next((each.program for each in waits if each.program != SHELL_LOOP), SHELL_LOOP)
    problem = next((each.problem for each in everything if each.problem), "")
    if not problem and len({(each.namespace, each.labels, bool(each.jobs)) for each in waits}) > 1:
        problem = "it waits for Jobs in several namespaces or by several selectors, which takes a gate for each"
    if problem:
        return JobWait(program, problem=problem)
    jobs = dict.fromkeys(job for each in waits for job in each.jobs)
    return replace(waits[0], program=program, jobs=tuple(jobs), timeout=_total(waits))


def _total(waits: Sequence[JobWait]) -> str:
    """Return the time that waits one after another may take; a loop has none of its own."""
    given = [each.timeout or KUBECTL_TIMEOUT for each in waits if each.program == KUBECTL]
    if len(given) == 1 or not any(each.timeout for each in waits):
        return next((each.timeout for each in waits if each.timeout), "")
    total = sum(map(parse_duration, given))
    return "-1s" if any(each.startswith("-") for each in given) else format_duration(total)
