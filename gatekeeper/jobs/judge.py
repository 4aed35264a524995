"""Judge a Job, from its conditions only.

`judge_job` is pure and total: any JSON value in place of a Job gets a verdict, and only a proof gets Open. Counters say
how a Job is doing, never how it ended: they are wrong while pods end, with several completions, and after retries. See
https://kubernetes.io/docs/concepts/workloads/controllers/job/#terminal-job-conditions
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol

from gatekeeper.gate.durations import format_duration
from gatekeeper.gate.verdict import Denied, Open, Shut, Unreachable, Verdict, Waiting

ABSENT_CAUSES_AFTER = 60.0
"""Seconds of absence after which its known causes are told; at the deadline they are told however short it was."""
ABSENT_CAUSES = (
    "known causes: a Helm post-install or post-upgrade hook is not created while --wait waits for this pod; "
    "ttlSecondsAfterFinished or a hook-delete-policy removed it after it ended, then use schema mode; "
    "its name is generated, as a CronJob's are, then use --selector with --require for the release; "
    "or it is in another namespace, then use -n"
)
PODS = "active", "succeeded", "failed", "terminating"
"""Counters of a Job's status, which say how it is doing."""
MARKS = "labels", "annotations"
"""What can mark the Job of a release."""
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)


class JobPolicy(NamedTuple):
    """What a Job must be, and what follows when it is absent or failed."""

    require: tuple[tuple[str, str], ...] = ()
    """Labels or annotations that mark the Job of this release."""
    if_absent: str = "wait"
    on_failure: str = "exit"
    gate_began: datetime | None = None
    """A Job that was Complete before this may be another release's; its age is then told."""
    selector: str = ""
    """Labels by which the Jobs were asked for, instead of by name: then `require` chooses among those that match."""


def judge_job(job: Any, policy: JobPolicy) -> Verdict:
    """Judge one Job as the API gives it, None where it does not exist."""
    return _judge_absent(policy) if job is None else _judge_found(job, policy)


def _judge_found(job: Any, policy: JobPolicy) -> Verdict:
    state = _read(job)
    if isinstance(state, str):
        return Waiting(f"cannot be understood: {state}; awaiting a Job that can")
    if state.deleted:
        return Waiting("is being deleted; awaiting its successor")
    for key, value in policy.require:
        if wrong := _judge_mark(state, key, value):
            return wrong
    for failure in ("Failed", "FailureTarget"):
        if state.true(failure):
            return _judge_failed(state, failure, policy)
    if state.true("Complete"):
        return Open(_describe_complete(state, policy))
    return Waiting(f"{_describe_unfinished(state)}; awaiting condition Complete")


def judge_jobs(jobs: Sequence[Any], policy: JobPolicy) -> Verdict:
    """Judge all Jobs that one check matches: none of this release is absence, and every one must be Open."""
    chosen = choose(jobs, policy)
    if not chosen:
        return _judge_absent(policy, len(jobs))
    if len(chosen) == 1:
        return _judge_found(chosen[0], policy)
    verdicts = [(_name(job), _judge_found(job, policy)) for job in chosen]
    for kind in (Shut, Waiting):
        those = [f"{name} {verdict.reason}" for name, verdict in verdicts if isinstance(verdict, kind)]
        if those:
            return kind("; ".join(sorted(those)))
    return Open(
        f"all {len(verdicts)} are Complete: " + "; ".join(f"{name} {verdict.reason}" for name, verdict in verdicts)
    )


def keep_proofs(proofs: dict[str, Any], seen: Sequence[Any], policy: JobPolicy) -> None:
    """Keep those of the Jobs that are proof, by name, until a new Job of that name is seen; the oldest sight is first.

    A hook-delete-policy or a TTL may remove a Job in the moment in which it is Complete, and what it did stays done.
    """
    for job in seen:
        name, uid = _identity(job)
        if uid != _identity(proofs.get(name))[1]:
            proofs.pop(name, None)
        if uid and isinstance(_judge_found(job, policy), Open):
            proofs[name] = job


def with_proofs(jobs: Sequence[Any], proofs: Mapping[str, Any]) -> list[Any]:
    """Return the Jobs with what proves them in place of those that are gone or being deleted."""
    names = [_identity(job)[0] for job in jobs]
    there = [proofs.get(name, job) if _is_going(job) else job for name, job in zip(names, jobs, strict=True)]
    return there + [proofs[name] for name in proofs.keys() - set(names)]


def _identity(job: Any) -> tuple[str, str]:
    """Return name and uid, empty where there is none."""
    match job:
        case {"metadata": {"name": str(name), "uid": str(uid)}}:
            return name, uid
        case _:
            return "", ""


def _is_going(job: Any) -> bool:
    state = _read(job)
    return isinstance(state, _State) and state.deleted


def choose(jobs: Sequence[Any], policy: JobPolicy) -> Sequence[Any]:
    """Return the Jobs that count: what labels match may be Jobs of other releases, what a name matches is the Job."""
    return [job for job in jobs if not _is_of_another_release(job, policy)] if policy.selector else jobs


def _is_of_another_release(job: Any, policy: JobPolicy) -> bool:
    state = _read(job)
    return isinstance(state, _State) and any(value not in state.marks(key).values() for key, value in policy.require)


class _State(NamedTuple):
    """What is judged of a Job."""

    name: str
    namespace: str
    metadata: dict[str, Any]
    spec: Any
    """Of any form: only its status counts for how it ended."""
    deleted: bool
    conditions: dict[str, dict[str, Any]]
    counters: dict[str, Any]

    def marks(self, key: str) -> dict[str, str]:
        """Return what the label and the annotation of that name say, by their kind."""
        given = ((kind, _given(self.metadata, kind, {})) for kind in MARKS)
        return {kind: marks[key] for kind, marks in given if key in marks}

    def count(self, kind: str) -> int:
        """Return how many of its pods are so, -1 where that is not told."""
        return _count(self.counters.get(kind))

    @property
    def has_uncounted_pods(self) -> bool:
        """Tell whether pods have ended that are in no counter yet: for a moment it looks as if there had been none."""
        return any(_at(self.counters, "uncountedTerminatedPods", end) for end in ("succeeded", "failed"))

    @property
    def address(self) -> str:
        """Return how kubectl is told of it."""
        return f"job/{self.name} -n {self.namespace}"

    def true(self, condition: str) -> bool:
        return condition in self.conditions and self.conditions[condition]["status"] == "True"


def _read(job: Any) -> _State | str:
    """Return the state, or what is wrong with this Job."""
    match job:
        case {"kind": "Job", "metadata": {"name": str()} as metadata}:
            status = _given(job, "status", {})
        case {"kind": "Job"}:
            return "its metadata are missing"
        case _:
            return "it is not a Job"
    if not all(_all_text(_given(metadata, kind, {})) for kind in MARKS):
        return "its labels or annotations are not text"
    if not isinstance(status, dict):
        return "its status is not an object"
    listed = _given(status, "conditions", [])
    if not isinstance(listed, list):
        return "its conditions are not a list"
    conditions: dict[str, dict[str, Any]] = {}
    for condition in listed:
        match condition:
            case {"type": str(kind), "status": str()} if kind not in conditions:
                conditions[kind] = condition
            case _:
                return "a condition is malformed or there twice"
    name, namespace = metadata["name"], metadata.get("namespace", "default")
    deleted = metadata.get("deletionTimestamp") is not None
    state = _State(name, namespace, metadata, job.get("spec"), deleted, conditions, status)
    if state.true("Complete") and (state.true("Failed") or state.true("FailureTarget")):
        return "it is both Complete and failed"
    return state


def _judge_mark(state: _State, key: str, value: str) -> Waiting | None:
    """Return why the Job is not known to be of the release that the mark names, None where it is.

    A mark says what a Job is called now, and `kubectl apply` of the next release moves it in place where the template
    of its pods stays the same. So it counts where it was there when the Job began, which the Job tells in two ways: the
    template has it too, which is immutable since; or the server's record of who wrote which field when
    (https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management) has an owner of it that has
    written nothing since. An owner loses a field to whoever changes its value.

    A Job begins when it is created, by the clock of the server that also wrote the record. When it started counts where
    it was suspended until then: the controller that tells of it may run on another node, whose clock may be fast.
    """
    marks = state.marks(key)
    if value not in marks.values():
        seen = " and ".join(marks.values()) or "no label or annotation of it"
        return Waiting(f"is a Job of another release: {key} is {seen}; awaiting {key}={value}")
    if len(set(marks.values())) > 1:
        told = " and ".join(f"its {kind} say {said}" for kind, said in marks.items())
        return Waiting(f"is a Job of two releases: of {key} {told}; awaiting {key}={value} alone")
    if any(_at(state.spec, "template", "metadata", kind, key) == value for kind in MARKS):
        return None
    written = min(_times(at for kind in marks for at in _written(state.metadata, kind, key)), default="")
    resumed = state.counters.get("startTime") if "Suspended" in state.conditions else None
    began = max(_times((state.metadata.get("creationTimestamp"), resumed)), default="")
    if "" < written <= began:
        return None
    since = f"since {written}, while it began at {began}" if written and began else "since a time that it does not tell"
    return Waiting(
        f"may be a Job of another release that was marked anew: it has {key}={value} {since}; awaiting a Job that has "
        f"it from the start: put {key} into the template of its pods too, or name the Job after the release"
    )


def _written(metadata: dict[str, Any], kind: str, key: str) -> list[Any]:
    """Return when each owner of this label or annotation last wrote any of what it owns."""
    entries = metadata.get("managedFields")
    return [
        _at(entry, "time")
        for entry in (entries if isinstance(entries, list) else ())
        if _at(entry, "fieldsV1", "f:metadata", f"f:{kind}", f"f:{key}") is not None
    ]


def _times(values: Iterable[Any]) -> list[str]:
    """Return what is a time as the server writes it: text of one length, whose order is that of time."""
    return [value for value in values if isinstance(value, str) and _TIME.fullmatch(value)]


def _at(part: Any, *path: str) -> Any:
    """Return what is at this path of any JSON, None where nothing is."""
    for key in path:
        part = part.get(key) if isinstance(part, dict) else None
    return part


def _judge_absent(policy: JobPolicy, others: int = 0) -> Verdict:
    """Judge that no Job is there but those of other releases."""
    marks = " and ".join(f"{key}={value}" for key, value in policy.require)
    seen = f"does not exist with {marks} ({others} without)" if others else "does not exist"
    match policy.if_absent:
        case "open":
            return Open(f"{seen}; opened UNPROVEN, as --if-absent open says")
        case "fail":
            return Shut(f"{seen}, and --if-absent is fail")
        case _:
            return Waiting(f"{seen}; awaiting its creation")


def _judge_failed(state: _State, failure: str, policy: JobPolicy) -> Verdict:
    condition = state.conditions[failure]
    why, message = (str(condition.get(key) or "")[:500] for key in ("reason", "message"))
    reason = "has failed" if failure == "Failed" else "is failing"
    reason += f": {why}" * bool(why) + f" ({message})" * bool(message)
    if policy.on_failure == "wait":
        return Waiting(f"{reason}; awaiting a new Job, as --on-failure wait says")
    return Shut(
        f"{reason}; read kubectl logs {state.address}, then run the migration again; with --on-failure wait the pod is "
        "held for that, and not restarted at ever longer intervals"
    )


def _describe_complete(state: _State, policy: JobPolicy) -> str:
    at = state.conditions["Complete"].get("lastTransitionTime")
    text = f"is Complete since {at}" if isinstance(at, str) else "is Complete"
    if _count(_at(state.spec, "completions")) == 0:
        text += ", of 0 completions: no pod of it ran"
    if policy.gate_began and not policy.require and isinstance(at, str):
        age = (policy.gate_began - _instant(at, policy.gate_began)).total_seconds()
        if age >= 1:
            text += f", {format_duration(age)} before this gate began: {_advise(policy)}"
    return text


def _advise(policy: JobPolicy) -> str:
    if policy.selector:
        return "if Jobs of other releases match too, let the selector name the release"
    return "if releases share this Job's name, mark it and add --require KEY=VALUE"


_SIGNS: tuple[tuple[Callable[[_State], bool], str], ...] = (
    (
        lambda job: job.true("SuccessCriteriaMet"),
        "has met its success criteria, and is Complete when its last pods have ended{pods}; {see_pods}",
    ),
    (lambda job: job.true("Suspended"), "is suspended; {see_events}"),
    (lambda job: bool(job.conditions.keys() - {"Suspended"}), "has {conditions}{pods}"),
    (lambda job: job.count("active") > 0 and job.count("ready") == 0, "has no pod that is ready{pods}; {see_pods}"),
    (lambda job: job.count("active") > 0, "is running{pods}"),
    (lambda job: job.has_uncounted_pods, "has pods that have just ended{pods}"),
    (lambda job: job.count("terminating") > 0, "waits for the end of its last pods{pods}; {see_pods}"),
    (
        lambda job: _count(_at(job.spec, "parallelism")) == 0,
        "has parallelism 0, so that no pod is made{pods}; {see_events}",
    ),
    (
        lambda job: job.count("failed") > 0,
        "waits before it tries again{pods}, and fails after more than {limit} of them; {see_events}",
    ),
    (
        lambda job: bool(_times([job.counters.get("startTime")])) and job.count("succeeded") <= 0,
        "has started at {started}, and no pod could be made for it yet; {see_events}",
    ),
    (lambda _: True, "has no condition yet{pods}"),
)
"""Why a Job does not get on, as far as its own object tells, and which command tells more; the first that applies.

The events of a Job tell of quotas, webhooks, accounts and queues that keep it from having pods; its pods tell of
images, nodes and volumes that keep them from running.
"""


def _describe_unfinished(state: _State) -> str:
    counts = ", ".join(f"{count} {kind}" for kind in PODS if (count := state.count(kind)) > 0)
    limit = _count(_at(state.spec, "backoffLimit"))
    words = next(words for applies, words in _SIGNS if applies(state))
    return words.format(
        pods=f" (pods: {counts})" if counts else "",
        conditions=", ".join(f"{kind}={each['status']}" for kind, each in sorted(state.conditions.items())),
        started=state.counters.get("startTime"),
        limit=limit if limit >= 0 else "backoffLimit",
        see_events=f"see kubectl describe {state.address}",
        see_pods=f"see kubectl get pods -l job-name={state.name} -n {state.namespace}",
    )


def _given(part: dict[str, Any], key: str, otherwise: Any) -> Any:
    """Return what an object says, null being the same as nothing."""
    return otherwise if (value := part.get(key)) is None else value


def _count(value: Any) -> int:
    """Return a 32-bit count of the API, -1 where this is none."""
    return value if type(value) is int and 0 <= value < 2**31 else -1


def _all_text(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(item, str) for pair in value.items() for item in pair)


def _name(job: Any) -> str:
    match job:
        case {"metadata": {"name": str(name)}}:
            return name
        case _:
            return "an object without a name"


def _instant(text: str, otherwise: datetime) -> datetime:
    """Return a metav1.Time as a datetime, or `otherwise` where it is none."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return otherwise
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


class JobReader(Protocol):
    """Where Jobs come from: plain JSON objects. Implemented by `kube`."""

    def read(self, limit: float, *, fresh: bool) -> Sequence[Any]:
        """Return the matching Jobs as of now, or as an open watch last told unless `fresh`. Raises as Check.look."""

    def take_told(self) -> Sequence[Any]:
        """Return each state of a Job that a watch told of since this was last asked, oldest first."""

    def follow(self, limit: float) -> None:
        """Open a watch from where `read` left off, unless one is open. Raises as Check.look."""

    @property
    def followed(self) -> bool:
        """Whether a watch is open and current."""


class JobCheck:
    """Looks at the Jobs that one reader matches."""

    awaits = "condition Complete"

    def __init__(
        self, name: str, reader: JobReader, policy: JobPolicy, now: Callable[[], float], *, messenger: bool = False
    ) -> None:
        self.name = name
        self.messenger = messenger
        self._reader = reader
        self._policy = policy
        self._now = now
        self._looked = False
        self._proofs: dict[str, Any] = {}
        """Jobs as they were when they were proof, by name."""
        self._denied: Denied | None = None
        """Why the Jobs may not be watched."""
        self._absent_since = math.inf

    @property
    def followed(self) -> bool:
        """Whether a watch tells of every change."""
        return self._reader.followed

    def look(self, limit: float, *, fresh: bool) -> Verdict:
        """Read and judge, and ask to be told of changes."""
        seen = self._reader.read(limit, fresh=fresh)
        keep_proofs(self._proofs, (*self._reader.take_told(), *seen), self._policy)
        jobs = with_proofs(seen, self._proofs)
        verdict = judge_jobs(jobs, self._policy)
        absent = not choose(jobs, self._policy)
        if not fresh:
            self._follow(limit, verdict)
        elif isinstance(verdict, Waiting) and self._denied:
            raise self._denied
        self._looked = True
        self._absent_since = min(self._absent_since, self._now()) if absent else math.inf
        explained = fresh or self._now() - self._absent_since >= ABSENT_CAUSES_AFTER
        if isinstance(verdict, Waiting) and absent and explained and not self.messenger:
            return Waiting(verdict.reason, ABSENT_CAUSES)
        return verdict

    def _follow(self, limit: float, verdict: Verdict) -> None:
        """Ask to be told of changes, unless the first look already ends it. What is proven needs no right to watch."""
        if not (self._looked or isinstance(verdict, Waiting)):
            return
        self._denied = None
        try:
            self._reader.follow(limit)
        except (Unreachable, Denied) as fault:
            self._denied = fault if isinstance(fault, Denied) else None
            if isinstance(verdict, Waiting):
                raise
