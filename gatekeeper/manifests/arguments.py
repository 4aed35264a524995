"""A gate's command line: what is there, also in another program's words, and what is wanted of it instead.

Pure. What is not given stays as it is in the gate that is there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from gatekeeper.gate.settings import Misconfigured
from gatekeeper.manifests import containers, peers, waits
from gatekeeper.manifests.objects import Manifest, Object

EXAMPLE = "kustomize build . | gatekeeper inject - --job db-migrate"


@dataclass(frozen=True, slots=True)
class Arguments:
    """A gate's command line, by its parts."""

    command: str
    words: Sequence[str] = ()
    options: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Values by the option's name; a switch has none."""

    @property
    def argv(self) -> list[str]:
        """Return what the container is given."""
        named = [[f"--{name}", value] for name, values in self.options.items() for value in values]
        switches = [f"--{name}" for name, values in self.options.items() if not values]
        return [self.command, *self.words, *(word for pair in named for word in pair), *switches]

    @property
    def reads_jobs(self) -> bool:
        """Return whether it asks for Jobs."""
        return self.command == "job" or "job" in self.options


def names_proof(options: Mapping[str, Sequence[str]]) -> bool:
    """Return whether options say what a gate waits for."""
    return not options.keys().isdisjoint({"job", "selector", "tool"})


def found(container: Object, images: Sequence[str] = (), *, proves: bool = False) -> tuple[list[Arguments], Object]:
    """Return the arguments of each gate that a container is, translated where it is another program's, and its rest.

    The rest is the container without what they wait for, empty where that is all. A wait for something else than a Job
    is no gate; nor is one that also waits for a Job, where another one proves what is asked for. Raises Misconfigured,
    in one clause, for what cannot be read.
    """
    if own := containers.own(container, images):
        return [_parsed(waits.written(container, own))], {}
    wait = containers.recognise(container, images)
    if wait is None or wait.readiness or (wait.beside and proves):
        return [], {}
    rest = containers.without_jobs(container, wait.program) if wait.beside else {}
    if wait.problem or rest is None:
        raise Misconfigured(wait.problem or f"{wait.beside}, and for Jobs, too")
    return [_translated(each) for each in (wait, *wait.others)], rest


def _translated(wait: peers.JobWait) -> Arguments:
    # What has no end where it is stays so: only `kubectl wait` and a `for` loop have one without being told.
    endless = wait.program in {peers.K8S_WAIT_FOR, peers.ENTRYPOINT}
    return _parsed(waits.as_job(replace(wait, timeout=wait.timeout or ("-1s" if endless else "")), {}))


def _parsed(argv: Sequence[str]) -> Arguments:
    return Arguments(argv[0] if argv else "", *waits.words_and_options(argv[1:]))


_ONE_OF = ({"revision", "revision-file", "migrations"}, {"database", "database-file"}, {"job", "selector"})
"""Options that say the same in several ways: what is given replaces what was said in another one."""


def merged(manifest: Manifest, there: Arguments | None, given: Mapping[str, Sequence[str]]) -> Arguments:
    """Return the arguments that are wanted of a workload's gate. Raises Misconfigured."""
    if there and there.command == "schema" and "tool" not in given and names_proof(given):
        raise Misconfigured(f"{manifest} has a schema gate; write --tool, too, or take it out to wait for a Job alone")
    command = "schema" if "tool" in given else there.command if there else "job"
    if there and (
        there.command != command or given.get("tool", there.options.get("tool")) != there.options.get("tool")
    ):
        if "timeout" in there.options:  # another proof is waited for as long
            given = {"timeout": there.options["timeout"], **given}
        there = None
    words = there.words if there else []
    kept = dict(there.options) if there else {}
    for group in _ONE_OF:
        if not group.isdisjoint(given):
            kept = {name: values for name, values in kept.items() if name not in group or name in given}
            words = [] if "job" in group and command == "job" else words
    given = dict(given)
    if command == "job":
        words = words or list(given.pop("job", ()))
    if command == "job" and not (there or words or "selector" in given):
        raise Misconfigured(f"what the gate is to wait for is not told; write for example {EXAMPLE}")
    return Arguments(command, words, kept | given)
