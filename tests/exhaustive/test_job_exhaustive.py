"""The verdict on a Job, held against its specification: every combination of what counts, and any JSON in its place."""

import copy
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import condition, job, written
from gatekeeper.gate.verdict import Open, Shut, Verdict, Waiting
from gatekeeper.jobs.judge import JobPolicy, judge_job, judge_jobs
from specification import JUNK, OPEN, SHUT, WAITING, is_passed_over, job_facts, job_verdict, near_misses

KINDS = ("Complete", "Failed", "FailureTarget", "SuccessCriteriaMet", "Suspended")
STATUSES = (None, "True", "False", "Unknown", "true")
"""Of a condition; None is for one that is not there."""
REQUIRE = (("release", "7"),)
LATER = "2024-05-01T09:30:00Z"
"""Than a Job was created."""
MARKS = {
    "label": ({"labels": {"release": "7"}}, True),
    "annotation": ({"annotations": {"release": "7"}}, True),
    "both": ({"labels": {"release": "7"}, "annotations": {"release": "7"}}, True),
    "annotation beside another label": ({"labels": {"release": "6"}, "annotations": {"release": "7"}}, False),
    "label that was moved": (
        {"labels": {"release": "7"}, "managedFields": [written("labels", "release", at=LATER)]},
        False,
    ),
    "label without a record": ({"labels": {"release": "7"}, "managedFields": None}, False),
    "another label": ({"labels": {"release": "6"}}, False),
    "another annotation": ({"labels": None, "annotations": {"release": "6"}}, False),
    "none": ({}, False),
}
"""Metadata, and whether they meet REQUIRE."""
POLICIES = [
    JobPolicy(require, if_absent, on_failure, datetime(2024, 5, 1, 12, 30, tzinfo=UTC))
    for require, if_absent, on_failure in product(((), REQUIRE), ("wait", "open", "fail"), ("exit", "wait"))
]
IF_PRESENT = [policy for policy in POLICIES if policy.if_absent == "open"]
"""Those that differ where there is a Job, with the most careless way to take its absence."""
NAMES: dict[type[Verdict], str] = {Open: OPEN, Waiting: WAITING, Shut: SHUT}

specified = cache(job_verdict)


def expected(seen: Any, policy: JobPolicy) -> str:
    """Return the verdict that one Job is to have."""
    facts = job_facts(seen, dict(policy.require))
    return specified(**facts, if_absent=policy.if_absent, on_failure=policy.on_failure)


@pytest.mark.parametrize("deletion", [{}, {"deletionTimestamp": "2024-05-01T10:05:00Z"}], ids=["there", "deleted"])
@pytest.mark.parametrize(("marks", "is_met"), MARKS.values(), ids=MARKS)
def test_every_combination(marks, is_met, deletion):
    """Every combination of condition types and statuses, deletion and requirement has the verdict of the table."""
    for statuses in product(STATUSES, repeat=len(KINDS)):
        found = job(*(condition(*pair) for pair in zip(KINDS, statuses, strict=True) if pair[1]), **marks, **deletion)
        complete, *failed = (status == "True" for status in statuses[:3])
        for policy in IF_PRESENT:
            verdict = specified(
                exists=True,
                understood=True,
                deleted=bool(deletion),
                required=is_met or not policy.require,
                complete=complete,
                failed=any(failed),
                on_failure=policy.on_failure,
            )
            assert NAMES[type(judge_job(found, policy))] == verdict, (statuses, policy)


@pytest.mark.parametrize("policy", POLICIES, ids=str)
def test_absence(policy):
    """A Job that is not there is judged by the policy alone, be it asked for by name or by label."""
    assert NAMES[type(judge_job(None, policy))] == NAMES[type(judge_jobs([], policy))] == expected(None, policy)


SAMPLES = [
    job(condition("SuccessCriteriaMet"), condition("Complete", lastTransitionTime="2024-05-01T10:00:00Z")),
    job(condition("Complete"), condition("Failed", "False"), labels={"release": "7"}, annotations={"stage": "live"}),
    job(condition("Complete"), labels={"release": "7"}, managedFields=None)
    | {"spec": {"template": {"metadata": {"annotations": {"release": "7"}}}}},
    job(
        *(condition("Suspended", "False"), condition("Complete")),
        status={"startTime": LATER},
        annotations={"release": "7"},
        managedFields=[written("annotations", "release", at=LATER)],
    ),
    job(condition("FailureTarget"), condition("Failed", reason="BackoffLimitExceeded", message="Job has failed")),
    job(condition("Complete", "Unknown"), status={"active": 1, "failed": 2}, labels={"release": "7"}),
    job(condition("Suspended"), deletionTimestamp="2024-05-01T10:05:00Z", annotations=None),
]
INSTEAD = [
    *(each for each in JUNK if not isinstance(each, bytes | tuple)),
    *("True", "Job", [1], [[]], [{}], {"a": 1}),
    *("2024-05-01", "2024-05-01T10:00:00", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"),
]


def paths(part: Any, path: tuple = ()) -> Iterator[tuple]:
    """Yield the way to each part of a JSON value."""
    yield path
    for key, value in part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ():
        yield from paths(value, (*path, key))


def spoiled(value: Any, path: tuple, instead: list[Any]) -> Iterator[Any]:
    """Yield a JSON value with the part at a path removed, there twice, and replaced."""
    if not path:
        yield from instead
        return
    whole = copy.deepcopy(value)
    above = whole
    for key in path[:-1]:
        above = above[key]
    old = above[path[-1]]
    for new in (*instead, *near_misses(old)):
        above[path[-1]] = new
        yield whole
    above[path[-1]] = old
    if isinstance(above, list):
        above.insert(path[-1], old)
        yield whole
        del above[path[-1]]
    else:
        above[f"{path[-1]} "] = old
    del above[path[-1]]
    yield whole


@pytest.mark.parametrize(
    "sample",
    SAMPLES,
    ids=[
        "complete",
        "marked",
        "marked in its template",
        "marked before it was resumed",
        "failed",
        "running",
        "being deleted",
    ],
)
def test_every_spoiled_part(sample):
    """A Job of which one part is missing, there twice, or of any other type has the verdict of the specification."""
    policies = POLICIES[::5]
    for path in paths(sample):
        for seen in spoiled(sample, path, INSTEAD):
            for policy in policies:
                assert NAMES[type(judge_job(seen, policy))] == expected(seen, policy), (seen, policy)


words = st.sampled_from(
    [
        *(*KINDS, *STATUSES[1:], "type", "status", "kind", "Job", "metadata", "name", "conditions", "release", "7"),
        *("labels", "annotations", "spec", "template", "managedFields", "time", "fieldsV1", "startTime", LATER),
    ]
)
json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words | st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def jobs(draw) -> Any:
    """Any JSON, or a Job of which some parts are any JSON."""
    whole = copy.deepcopy(draw(st.sampled_from(SAMPLES)))
    for _ in range(draw(st.integers(0, 3))):
        path = draw(st.sampled_from(list(paths(whole))))
        value = draw(json)
        if not path:
            return value
        above = whole
        for key in path[:-1]:
            above = above[key]
        above[path[-1]] = value
    return whole


@given(jobs(), st.sampled_from(POLICIES))
def test_any_json(seen, policy):
    """Any JSON in place of a Job, or of any part of one, has the verdict of the specification."""
    assert NAMES[type(judge_job(seen, policy))] == expected(seen, policy)


@given(st.lists(jobs(), min_size=1, max_size=3), st.sampled_from(POLICIES), st.booleans())
def test_any_list(seen, policy, by_label):
    """Of several Jobs the worst verdict holds, and null among them is no absence; labels match other releases' too."""
    counted = [{} if one is None else one for one in seen]
    if by_label:
        policy = policy._replace(selector="app=web")
        counted = [one for one in counted if not is_passed_over(one, dict(policy.require))] or [None]
    each = {expected(one, policy) for one in counted}
    worst = next(name for name in (SHUT, WAITING, OPEN) if name in each)
    assert NAMES[type(judge_jobs(seen, policy))] == worst
