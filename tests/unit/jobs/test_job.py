"""What is concluded of a Job."""

from datetime import UTC, datetime
from typing import Any

import pytest

from fakes import CREATED, FakeClock, condition, job, written
from gatekeeper.gate.verdict import Denied, Open, Shut, Unreachable, Verdict, Waiting
from gatekeeper.jobs.judge import ABSENT_CAUSES, JobCheck, JobPolicy, judge_job, judge_jobs

COMPLETE = condition("Complete", lastTransitionTime="2024-05-01T10:00:00Z")
FAILED = condition("Failed", reason="BackoffLimitExceeded", message="Job has reached the specified backoff limit")
FAILURE_TARGET = condition("FailureTarget", reason="DeadlineExceeded")
ANY = JobPolicy()
RELEASE = JobPolicy(require=(("release", "7"),))
HOLD = JobPolicy(on_failure="wait")
BEGAN = datetime(2024, 5, 1, 12, 30, tzinfo=UTC)
DELETED = "2024-05-01T10:05:00Z"
LATER = "2024-05-01T09:30:00Z"
SEVEN = {"release": "7"}

SEE_PODS = "; see kubectl get pods -l job-name=migrate -n shop; awaiting condition Complete"
SEE_EVENTS = "; see kubectl describe job/migrate -n shop; awaiting condition Complete"

ROWS = [
    # Complete
    ("complete", job(COMPLETE), ANY, Open, ["Complete since 2024-05-01T10:00:00Z"]),
    ("complete, criteria met before", job(condition("SuccessCriteriaMet"), COMPLETE), ANY, Open, ["Complete"]),
    ("complete, without a time", job(condition("Complete")), ANY, Open, ["is Complete"]),
    ("complete, counters say otherwise", job(COMPLETE, status={"active": 1, "failed": 3}), ANY, Open, ["Complete"]),
    ("complete, without a run", job(COMPLETE) | {"spec": {"completions": 0}}, ANY, Open, ["0 completions: no pod"]),
    ("complete, no longer suspended", job(condition("Suspended", "False"), COMPLETE), ANY, Open, ["Complete"]),
    ("required label", job(COMPLETE, labels={"release": "7"}), RELEASE, Open, ["Complete"]),
    ("required annotation", job(COMPLETE, annotations={"release": "7"}), RELEASE, Open, ["Complete"]),
    (
        "required annotation beside another label",
        job(COMPLETE, labels={"release": "6"}, annotations={"release": "7"}),
        RELEASE,
        Waiting,
        ["of release its labels say 6 and its annotations say 7", "awaiting release=7 alone"],
    ),
    (
        "label and annotation, neither required",
        job(COMPLETE, labels={"release": "6"}, annotations={"release": "5"}),
        RELEASE,
        Waiting,
        ["another release", "release is 6 and 5"],
    ),
    ("required label and annotation", job(COMPLETE, labels=SEVEN, annotations=SEVEN), RELEASE, Open, ["Complete"]),
    # a mark that may have been moved
    (
        "label written after it began",
        job(COMPLETE, labels=SEVEN, managedFields=[written("labels", "release", at=LATER)]),
        RELEASE,
        Waiting,
        [
            "marked anew",
            f"release=7 since {LATER}, while it began at {CREATED}",
            "template of its pods",
            "name the Job",
        ],
    ),
    (
        "annotation written after it began",
        job(COMPLETE, annotations=SEVEN, managedFields=[written("annotations", "release", at=LATER)]),
        RELEASE,
        Waiting,
        ["marked anew"],
    ),
    (
        "failed, label written after it began",
        job(FAILED, labels=SEVEN, managedFields=[written("labels", "release", at=LATER)]),
        RELEASE,
        Waiting,
        ["marked anew"],
    ),
    (
        "label written before it was resumed",
        job(
            *(condition("Suspended", "False"), COMPLETE),
            status={"startTime": LATER},
            labels=SEVEN,
            managedFields=[written("labels", "release", at=LATER)],
        ),
        RELEASE,
        Open,
        ["Complete"],
    ),
    (
        "label written before it started by a fast clock",
        job(
            COMPLETE, status={"startTime": LATER}, labels=SEVEN, managedFields=[written("labels", "release", at=LATER)]
        ),
        RELEASE,
        Waiting,
        [f"release=7 since {LATER}, while it began at {CREATED}"],
    ),
    (
        "label written at first, and again as it was",
        job(
            COMPLETE, labels=SEVEN, managedFields=[written("labels", "release", at=LATER), written("labels", "release")]
        ),
        RELEASE,
        Open,
        ["Complete"],
    ),
    (
        "another label written at first",
        job(COMPLETE, labels=SEVEN, managedFields=[written("labels", "release", at=LATER), written("labels", "app")]),
        RELEASE,
        Waiting,
        ["marked anew"],
    ),
    (
        "annotation of that name written at first",
        job(COMPLETE, labels=SEVEN, managedFields=[written("annotations", "release")]),
        RELEASE,
        Waiting,
        ["release=7 since a time that it does not tell"],
    ),
    ("label without a record", job(COMPLETE, labels=SEVEN, managedFields=None), RELEASE, Waiting, ["marked anew"]),
    (
        "record without a time",
        job(COMPLETE, labels=SEVEN, managedFields=[written("labels", "release", at=None)]),
        RELEASE,
        Waiting,
        ["marked anew"],
    ),
    (
        "no time of creation",
        job(COMPLETE, labels=SEVEN, creationTimestamp=None),
        RELEASE,
        Waiting,
        ["release=7 since a time that it does not tell"],
    ),
    ("record that is no list", job(COMPLETE, labels=SEVEN, managedFields={}), RELEASE, Waiting, ["marked anew"]),
    (
        "mark in the template of its pods",
        job(COMPLETE, labels=SEVEN, managedFields=None) | {"spec": {"template": {"metadata": {"labels": SEVEN}}}},
        RELEASE,
        Open,
        ["Complete"],
    ),
    (
        "another mark in the template of its pods",
        job(COMPLETE, labels=SEVEN, managedFields=None)
        | {"spec": {"template": {"metadata": {"labels": {"release": "6"}}}}},
        RELEASE,
        Waiting,
        ["marked anew"],
    ),
    (
        "mark in the template of its pods alone",
        job(COMPLETE) | {"spec": {"template": {"metadata": {"labels": SEVEN}}}},
        RELEASE,
        Waiting,
        ["release is no label or annotation of it"],
    ),
    (
        "one of two requirements differs",
        job(COMPLETE, labels={"release": "7"}),
        JobPolicy(require=(("release", "7"), ("stage", "live"))),
        Waiting,
        ["another release", "stage is no label or annotation of it", "awaiting stage=live"],
    ),
    (
        "required label differs",
        job(COMPLETE, labels={"release": "6"}),
        RELEASE,
        Waiting,
        ["another release", "release is 6", "awaiting release=7"],
    ),
    (
        "required label is missing",
        job(COMPLETE),
        RELEASE,
        Waiting,
        ["another release", "release is no label or annotation of it"],
    ),
    ("required label is the key of none", job(COMPLETE, labels={"7": "release"}), RELEASE, Waiting, ["no label"]),
    ("complete and being deleted", job(COMPLETE, deletionTimestamp=DELETED), ANY, Waiting, ["being deleted"]),
    # failed
    (
        "failed",
        job(FAILED),
        ANY,
        Shut,
        [
            *("has failed", "BackoffLimitExceeded", "reached the specified backoff limit"),
            *("read kubectl logs job/migrate -n shop", "--on-failure wait the pod is held"),
        ],
    ),
    ("failed, target before", job(FAILURE_TARGET, FAILED), ANY, Shut, ["has failed", "BackoffLimitExceeded"]),
    ("failed, without a reason", job(condition("Failed")), ANY, Shut, ["has failed"]),
    ("failed, though it met its criteria", job(condition("SuccessCriteriaMet"), FAILED), ANY, Shut, ["has failed"]),
    ("failing", job(FAILURE_TARGET), ANY, Shut, ["is failing", "DeadlineExceeded"]),
    (
        "failed, on_failure wait",
        job(FAILED),
        HOLD,
        Waiting,
        ["has failed", "BackoffLimitExceeded", "--on-failure wait"],
    ),
    ("failing, on_failure wait", job(FAILURE_TARGET), HOLD, Waiting, ["is failing", "--on-failure wait"]),
    ("failed, of another release", job(FAILED, labels={"release": "6"}), RELEASE, Waiting, ["another release"]),
    ("failed, of this release", job(FAILED, labels={"release": "7"}), RELEASE, Shut, ["has failed"]),
    ("failed and being deleted", job(FAILED, deletionTimestamp=DELETED), ANY, Waiting, ["being deleted"]),
    # neither
    (
        "criteria met alone",
        job(condition("SuccessCriteriaMet"), status={"terminating": 1}),
        ANY,
        Waiting,
        ["success criteria", "when its last pods have ended (pods: 1 terminating)", SEE_PODS],
    ),
    ("suspended", job(condition("Suspended")), ANY, Waiting, ["is suspended", SEE_EVENTS]),
    (
        "resumed",
        job(condition("Suspended", "False"), status={"active": 1, "ready": 1}),
        ANY,
        Waiting,
        ["is running (pods: 1 active); awaiting"],
    ),
    (
        "resumed, not ready",
        job(condition("Suspended", "False"), status={"active": 1, "ready": 0}),
        ANY,
        Waiting,
        ["has no pod that is ready (pods: 1 active)", SEE_PODS],
    ),
    ("no pod ready", job(status={"active": 1, "ready": 0}), ANY, Waiting, ["has no pod that is ready", SEE_PODS]),
    (
        "between two tries",
        job(status={"startTime": LATER, "failed": 1, "ready": 0}),
        ANY,
        Waiting,
        ["waits before it tries again (pods: 1 failed), and fails after more than 3 of them", SEE_EVENTS],
    ),
    (
        "between two tries, limit unknown",
        job(status={"failed": 1}) | {"spec": None},
        ANY,
        Waiting,
        ["fails after more than backoffLimit of them"],
    ),
    (
        "last pod is ending",
        job(status={"startTime": LATER, "failed": 1, "terminating": 1}),
        ANY,
        Waiting,
        ["waits for the end of its last pods (pods: 1 failed, 1 terminating)", SEE_PODS],
    ),
    (
        "no pod could be made",
        job(status={"startTime": LATER, "ready": 0}),
        ANY,
        Waiting,
        [f"has started at {LATER}, and no pod could be made", SEE_EVENTS],
    ),
    (
        "no pod is wanted",
        job(status={"startTime": LATER, "ready": 0, "failed": 1}) | {"spec": {"parallelism": 0}},
        ANY,
        Waiting,
        ["has parallelism 0, so that no pod is made (pods: 1 failed)", SEE_EVENTS],
    ),
    (
        "pod has just ended",
        job(status={"startTime": LATER, "ready": 0, "uncountedTerminatedPods": {"failed": ["7c1"]}}),
        ANY,
        Waiting,
        ["has pods that have just ended; awaiting condition Complete"],
    ),
    ("counter is true", job(status={"active": True}), ANY, Waiting, ["no condition yet; awaiting"]),
    ("no condition", job(), ANY, Waiting, ["no condition", "awaiting condition Complete"]),
    ("running", job(status={"active": 2, "failed": 1}), ANY, Waiting, ["running", "2 active", "1 failed"]),
    ("all pods succeeded, no condition", job(status={"succeeded": 1}), ANY, Waiting, ["no condition"]),
    ("unknown condition", job(condition("Sunny")), ANY, Waiting, ["Sunny=True"]),
    ("status Unknown", job(condition("Complete", "Unknown")), ANY, Waiting, ["Complete=Unknown"]),
    ("status False", job(condition("Complete", "False")), ANY, Waiting, ["Complete=False"]),
    ("status true", job(condition("Complete", "true")), ANY, Waiting, ["Complete=true"]),
    ("failed status False", job(condition("Failed", "False")), ANY, Waiting, ["Failed=False"]),
    ("condition complete", job(condition("complete")), ANY, Waiting, ["complete=True"]),
    ("empty status", job() | {"status": {}}, ANY, Waiting, ["no condition"]),
    ("null status", job() | {"status": None}, ANY, Waiting, ["no condition"]),
    ("no status", {"kind": "Job", "metadata": {"name": "migrate"}}, ANY, Waiting, ["no condition"]),
    ("null conditions", job(status={"conditions": None}), ANY, Waiting, ["no condition"]),
    # absent
    ("absent", None, ANY, Waiting, ["does not exist", "awaiting its creation"]),
    ("absent, open", None, JobPolicy(if_absent="open"), Open, ["does not exist", "UNPROVEN"]),
    ("absent, fail", None, JobPolicy(if_absent="fail"), Shut, ["does not exist", "--if-absent"]),
    # malformed
    ("status is boolean", job(condition("Complete", True)), ANY, Waiting, ["cannot be understood", "malformed"]),
    ("status is null", job(condition("Complete", None)), ANY, Waiting, ["cannot be understood"]),
    ("condition without type", job({"status": "True"}), ANY, Waiting, ["cannot be understood"]),
    ("condition is text", job("Complete"), ANY, Waiting, ["cannot be understood"]),
    ("one condition of two malformed", job(COMPLETE, None), ANY, Waiting, ["cannot be understood"]),
    ("complete twice", job(COMPLETE, COMPLETE), ANY, Waiting, ["cannot be understood", "twice"]),
    (
        "complete and not",
        job(COMPLETE, condition("Complete", "False")),
        ANY,
        Waiting,
        ["cannot be understood", "twice"],
    ),
    ("complete and failed", job(COMPLETE, FAILED), ANY, Waiting, ["cannot be understood", "both"]),
    ("complete and failing", job(COMPLETE, FAILURE_TARGET), ANY, Waiting, ["cannot be understood", "both"]),
    ("conditions are an object", job(status={"conditions": COMPLETE}), ANY, Waiting, ["conditions are not a list"]),
    ("conditions are text", job(status={"conditions": "Complete"}), ANY, Waiting, ["conditions are not a list"]),
    ("status is text", job() | {"status": "Complete"}, ANY, Waiting, ["status is not an object"]),
    ("status is a list", job() | {"status": [COMPLETE]}, ANY, Waiting, ["status is not an object"]),
    ("label is a number", job(COMPLETE, labels={"release": 7}), RELEASE, Waiting, ["labels or annotations"]),
    ("labels are a list", job(COMPLETE, labels=["release"]), RELEASE, Waiting, ["labels or annotations"]),
    ("annotations are text", job(COMPLETE, annotations="release=7"), RELEASE, Waiting, ["labels or annotations"]),
    ("another kind", job(COMPLETE) | {"kind": "CronJob"}, ANY, Waiting, ["not a Job"]),
    ("no kind", {"metadata": {"name": "migrate"}, "status": {"conditions": [COMPLETE]}}, ANY, Waiting, ["not a Job"]),
    ("a Status", {"kind": "Status", "status": "Success"}, ANY, Waiting, ["not a Job"]),
    ("no metadata", {"kind": "Job", "status": {"conditions": [COMPLETE]}}, ANY, Waiting, ["metadata are missing"]),
    ("null metadata", job(COMPLETE) | {"metadata": None}, ANY, Waiting, ["metadata are missing"]),
    ("no name", job(COMPLETE) | {"metadata": {"uid": "6e1"}}, ANY, Waiting, ["metadata are missing"]),
    ("a list", [job(COMPLETE)], ANY, Waiting, ["not a Job"]),
    ("text", "Complete", ANY, Waiting, ["not a Job"]),
    ("true", True, ANY, Waiting, ["not a Job"]),
    # age
    (
        "complete before the gate began",
        job(COMPLETE),
        JobPolicy(gate_began=BEGAN),
        Open,
        ["2h30m before this gate began", "--require"],
    ),
]


@pytest.mark.parametrize(("seen", "policy", "kind", "words"), [pytest.param(*row, id=name) for name, *row in ROWS])
def test_judge_job(seen, policy: JobPolicy, kind: type[Verdict], words: list[str]):
    """Each thing that may be seen in place of a Job has its verdict, and a reason that says what was seen."""
    verdict = judge_job(seen, policy)
    assert type(verdict) is kind
    assert [word for word in words if word not in verdict.reason] == []


@pytest.mark.parametrize(
    ("at", "policy"),
    [
        pytest.param("2024-05-01T10:00:00Z", JobPolicy(gate_began=None), id="a gate of no age"),
        pytest.param("2024-05-01T12:30:05Z", JobPolicy(gate_began=BEGAN), id="complete after it began"),
        pytest.param("yesterday", JobPolicy(gate_began=BEGAN), id="not a time"),
        pytest.param(1714557600, JobPolicy(gate_began=BEGAN), id="a number"),
        pytest.param(None, JobPolicy(gate_began=BEGAN), id="no time"),
    ],
)
def test_no_age(at, policy):
    """A Job that completed while the gate held, or at an unknown time, has no age to tell."""
    verdict = judge_job(job(condition("Complete", lastTransitionTime=at)), policy)
    assert isinstance(verdict, Open)
    assert "--require" not in verdict.reason


def test_no_age_of_a_required_job():
    """A Job that carries what was required may be as old as it likes."""
    policy = JobPolicy(require=(("release", "7"),), gate_began=BEGAN)
    verdict = judge_job(job(COMPLETE, labels={"release": "7"}), policy)
    assert verdict == Open("is Complete since 2024-05-01T10:00:00Z")


ONE = job(COMPLETE, name="one", uid="1")


@pytest.mark.parametrize(
    ("jobs", "policy", "kind", "words"),
    [
        pytest.param([], ANY, Waiting, ["does not exist"], id="none"),
        pytest.param([], JobPolicy(if_absent="fail"), Shut, ["does not exist"], id="none, fail"),
        pytest.param([ONE], ANY, Open, ["is Complete"], id="one"),
        pytest.param([ONE, job(COMPLETE, name="two")], ANY, Open, ["all 2 are Complete"], id="all complete"),
        pytest.param([ONE, job(name="two")], ANY, Waiting, ["two has no condition"], id="one unfinished"),
        pytest.param([ONE, job(FAILED, name="two"), job()], ANY, Shut, ["two has failed"], id="one failed"),
        pytest.param([ONE, {}], ANY, Waiting, ["an object without a name cannot be understood"], id="one malformed"),
        pytest.param(
            [ONE, job(COMPLETE, name="two", labels={"release": "7"})],
            RELEASE,
            Waiting,
            ["one is a Job of another"],
            id="one of another release",
        ),
        pytest.param(
            [ONE, job(COMPLETE, name="two")],
            JobPolicy(gate_began=BEGAN),
            Open,
            ["2h30m before", "--require"],
            id="complete before the gate began",
        ),
    ],
)
def test_judge_jobs(jobs, policy, kind, words):
    """Of several Jobs every one must be Complete, and the reason names those that are not."""
    verdict = judge_jobs(jobs, policy)
    assert type(verdict) is kind
    assert [word for word in words if word not in verdict.reason] == []


CHOOSING = JobPolicy(require=(("release", "7"),), selector="app=web")
OTHER = job(FAILED, name="other", uid="o", labels={"release": "6"})
MINE = job(COMPLETE, name="mine", uid="m", labels=SEVEN)


@pytest.mark.parametrize(
    ("jobs", "policy", "kind", "words"),
    [
        pytest.param([OTHER, MINE], CHOOSING, Open, ["is Complete"], id="one of this release"),
        pytest.param([OTHER, job(labels=SEVEN)], CHOOSING, Waiting, ["has no condition"], id="one that runs"),
        pytest.param(
            [OTHER, ONE], CHOOSING, Waiting, ["does not exist with release=7 (2 without)"], id="none of this release"
        ),
        pytest.param([OTHER], CHOOSING._replace(if_absent="open"), Open, ["UNPROVEN"], id="none, open"),
        pytest.param([OTHER], CHOOSING._replace(if_absent="fail"), Shut, ["--if-absent is fail"], id="none, fail"),
        pytest.param([MINE, {}], CHOOSING, Waiting, ["cannot be understood"], id="one that may be of any release"),
        pytest.param(
            [MINE, job(COMPLETE, name="moved", labels=SEVEN, managedFields=None)],
            CHOOSING,
            Waiting,
            ["moved may be a Job of another release"],
            id="one that was marked anew",
        ),
        pytest.param(
            [ONE], JobPolicy(gate_began=BEGAN, selector="app=web"), Open, ["2h30m before", "let the selector"], id="age"
        ),
    ],
)
def test_choose_among_jobs(jobs, policy, kind, words):
    """Of the Jobs that labels match, those without the mark are other releases', and none of this one is absence."""
    verdict = judge_jobs(jobs, policy)
    assert type(verdict) is kind
    assert [word for word in words if word not in verdict.reason] == []
    assert "--require" not in verdict.reason


def test_known_causes_of_absence_beside_other_releases():
    """Where all that labels match is of other releases, the known causes of absence are told too."""
    look = JobCheck("Jobs", FakeReader(OTHER), CHOOSING, FakeClock().now).look
    assert look(10, fresh=True).hint == ABSENT_CAUSES


class FakeReader:
    """Tells what it is given, and keeps what it was asked. Implements job.JobReader."""

    def __init__(self, *jobs: Any) -> None:
        self.jobs: list[Any] = list(jobs)
        self.told: list[Any] = []
        self.asked: list[str] = []
        self.limits: list[float] = []
        self.fault: Exception | None = None
        self.followed = False

    def read(self, limit: float, *, fresh: bool) -> list[Any]:
        self.asked.append("fresh read" if fresh else "read")
        self.limits.append(limit)
        return self.jobs

    def take_told(self) -> list[Any]:
        told, self.told = self.told, []
        return told

    def follow(self, limit: float) -> None:
        self.asked.append("follow")
        self.limits.append(limit)
        if self.fault:
            raise self.fault


@pytest.mark.parametrize(
    ("seen", "asked"),
    [
        pytest.param(COMPLETE, ["read"], id="open"),
        pytest.param(FAILED, ["read"], id="shut"),
        pytest.param(condition("Suspended"), ["read", "follow"], id="waiting"),
    ],
)
def test_follows_only_what_is_pending(seen, asked):
    """A first look that already opens or shuts asks for nothing more; else changes are followed."""
    reader = FakeReader(job(seen))
    JobCheck("Job", reader, ANY, FakeClock().now).look(10, fresh=False)
    assert reader.asked == asked


def test_follows_what_was_open_before():
    """A Job that is looked at again, because another check holds the gate, is followed too."""
    reader = FakeReader(job(COMPLETE))
    check = JobCheck("Job", reader, ANY, FakeClock().now)
    check.look(10, fresh=False)
    check.look(10, fresh=False)
    assert reader.asked == ["read", "read", "follow"]


def test_fresh_look_follows_nothing():
    """The look at the deadline reads afresh, and opens no watch."""
    reader = FakeReader()
    JobCheck("Job", reader, ANY, FakeClock().now).look(1, fresh=True)
    assert reader.asked == ["fresh read"]


def test_fresh_look_remembers_a_denial():
    """The look at the deadline tells that the right to watch is missing, unless the Job is Complete by then."""
    reader = FakeReader(job())
    check = JobCheck("Job", reader, ANY, FakeClock().now)
    reader.fault = Denied("may not watch")
    for fresh in (False, True):
        with pytest.raises(Denied):
            check.look(10, fresh=fresh)
    reader.jobs = [job(COMPLETE)]
    assert isinstance(check.look(10, fresh=True), Open)


@pytest.mark.parametrize("fault", [Denied("may not watch"), Unreachable("refused")])
def test_proof_outlives_a_lost_watch(fault):
    """A Job that is seen to be Complete is Open, though it can no longer be followed."""
    reader = FakeReader(job())
    check = JobCheck("Job", reader, ANY, FakeClock().now)
    check.look(10, fresh=False)
    reader.jobs, reader.fault = [job(COMPLETE)], fault
    assert isinstance(check.look(10, fresh=False), Open)


GONE: list[Any] = []
DONE, GOING = job(COMPLETE), job(COMPLETE, deletionTimestamp=DELETED)
ANEW = job(uid="6e2")


@pytest.mark.parametrize(
    ("told", "now", "kind"),
    [
        pytest.param([DONE], GONE, Open, id="complete, then gone"),
        pytest.param([job(), DONE, GOING], GONE, Open, id="complete, then being deleted, then gone"),
        pytest.param([DONE], [GOING], Open, id="complete, then being deleted"),
        pytest.param([DONE, ANEW, job(COMPLETE, uid="6e2")], GONE, Open, id="complete, then another one too"),
        pytest.param([GOING], GONE, Waiting, id="complete when it was being deleted"),
        pytest.param([], [GOING], Waiting, id="complete and being deleted when it is first seen"),
        pytest.param([job()], GONE, Waiting, id="not complete, then gone"),
        pytest.param([DONE, ANEW], GONE, Waiting, id="complete, then another one, then gone"),
        pytest.param([DONE], [ANEW], Waiting, id="complete, then another one"),
        pytest.param([DONE], [job(FAILED, uid="6e2")], Shut, id="complete, then another one that failed"),
        pytest.param([DONE], [job(COMPLETE) | {"status": []}], Waiting, id="complete, then not understood"),
        pytest.param([job(COMPLETE, uid=None)], GONE, Waiting, id="complete, without a uid"),
    ],
)
def test_proof_that_is_gone(told, now, kind):
    """A Job that was seen to be Complete is proof though it is gone, until another Job of its name is seen."""
    reader = FakeReader(*now)
    check = JobCheck("Job", reader, JobPolicy(if_absent="wait"), FakeClock().now)
    reader.told = told
    assert type(check.look(10, fresh=False)) is kind
    assert type(check.look(10, fresh=True)) is kind


def test_proof_of_another_release_that_is_gone():
    """A Job that was Complete without the mark of this release is no proof when it is gone."""
    reader = FakeReader()
    reader.told = [DONE]
    assert isinstance(JobCheck("Job", reader, RELEASE, FakeClock().now).look(10, fresh=False), Waiting)


def test_proof_that_is_gone_among_others():
    """Of several Jobs, one that was Complete and is gone counts as Complete, and the others are awaited."""
    reader = FakeReader(job(name="two", uid="2"))
    check = JobCheck("Jobs", reader, ANY, FakeClock().now)
    reader.told = [ONE]
    assert check.look(10, fresh=False).reason.startswith("two has no condition yet")
    reader.jobs = [job(COMPLETE, name="two", uid="2")]
    assert check.look(10, fresh=False).reason.startswith("all 2 are Complete")


def test_known_causes_of_absence():
    """After a minute of absence, and not before, the known causes are added; a Job that appears resets it."""
    reader, clock = FakeReader(), FakeClock()
    check = JobCheck("Job", reader, ANY, clock.now)
    hints = []
    for seconds, reader.jobs in ((0, []), (59.5, []), (0.5, []), (1, [job()]), (1, []), (59.5, []), (0.5, [])):
        clock.receive(seconds)
        verdict = check.look(10, fresh=False)
        hints.append(verdict.hint)
    assert verdict.reason == "does not exist; awaiting its creation"
    assert hints == ["", "", ABSENT_CAUSES, "", "", "", ABSENT_CAUSES]


def test_known_causes_of_absence_at_the_deadline():
    """The last look tells the known causes however short the absence was, and nothing of a Job that is there."""
    for jobs, hint in (([], ABSENT_CAUSES), ([job()], "")):
        assert JobCheck("Job", FakeReader(*jobs), ANY, FakeClock().now).look(10, fresh=True).hint == hint


def test_messenger_may_be_absent():
    """An absent Job that only brings news is nothing to explain."""
    clock = FakeClock()
    check = JobCheck("Job", FakeReader(), ANY, clock.now, messenger=True)
    check.look(10, fresh=False)
    clock.receive(600)
    assert check.look(10, fresh=False) == Waiting("does not exist; awaiting its creation")


def test_check_has_its_name_and_limit():
    """A check is told of by its name, and its reader has the look's time."""
    reader = FakeReader()
    check = JobCheck("Job shop/migrate", reader, ANY, FakeClock().now)
    check.look(7, fresh=False)
    assert (check.name, reader.limits) == ("Job shop/migrate", [7, 7])


def test_fresh_look_forgets_a_lost_watch():
    """The look at the deadline tells what it sees, though the server could not be watched before."""
    reader = FakeReader(job())
    check = JobCheck("Job", reader, ANY, FakeClock().now)
    reader.fault = Unreachable("refused")
    with pytest.raises(Unreachable):
        check.look(10, fresh=False)
    assert check.look(10, fresh=True) == Waiting("has no condition yet; awaiting condition Complete")
