"""Long waits, many side by side: what a wait costs that lasts for minutes, in CPU and in requests."""

import time
from contextlib import ExitStack

from benchmarks.job import GATEKEEPER, KUBECTL_WAIT, JobBench, Jobs, discovery
from benchmarks.plan import Plan
from benchmarks.programs import Peers, Program
from benchmarks.report import Row, Spread
from benchmarks.schema import SchemaBench
from gatekeeper.jobs.kube import WATCH_SECONDS

LOOPS = {"alembic, polled": Peers.alembic, "django, polled": Peers.django, "psql, polled": Peers.psql}


def measure(jobs: Jobs, job_bench: JobBench, schema_bench: SchemaBench, peers: Peers, plan: Plan) -> list[Row]:
    """Return the rows of the long waits."""
    with ExitStack() as stack:
        url, apply = stack.enter_context(schema_bench.database())
        stack.enter_context(jobs.job())
        before = {name: len(jobs.requests(name)) for name in job_bench.programs()}
        job_waits: dict[str, list[Program]] = {}
        for name, start in job_bench.programs().items():
            number = plan.long_runs if name in (GATEKEEPER, KUBECTL_WAIT) else 1
            job_waits[name] = [stack.enter_context(start()) for _ in range(number)]
        schema_waits = {GATEKEEPER: [stack.enter_context(schema_bench.gate(url)) for _ in range(plan.long_runs)]}
        schema_waits |= {name: [stack.enter_context(start(peers, url))] for name, start in LOOPS.items()}
        began = time.monotonic()

        time.sleep(plan.long_schema)
        apply()
        schema = {name: [each.end() for each in programs] for name, programs in schema_waits.items()}
        time.sleep(began + plan.long_job - time.monotonic())
        jobs.complete()
        job = {name: [each.end() for each in programs] for name, programs in job_waits.items()}

        # Programs of one kind share an account: the audit log tells only what all of them asked.
        asked = {name: jobs.requests(name)[before[name] :] for name in job}
        mean = {name: len(uris) / len(job[name]) for name, uris in asked.items()}
        others = {name: discovery(uris) / len(job[name]) for name, uris in asked.items()}

    cpu = {name: Spread([1000 * end.cpu for end in ends], "ms") for name, ends in job.items()}
    rss = {name: Spread([end.rss for end in ends], "MiB") for name, ends in schema.items()}
    work = {name: Spread([end.cpu for end in ends], "s") for name, ends in schema.items()}
    minutes, schema_minutes = f"{plan.long_job / 60:.3g} minutes", f"{plan.long_schema / 60:.3g} minutes"
    most = 3 + plan.long_job // WATCH_SECONDS
    return [
        _row(f"job gate: requests in a wait of {minutes}", f"<= {most:.0f}", mean, met=mean[GATEKEEPER] <= most),
        _row("job gate: of these, discovery", "0", others, met=not others[GATEKEEPER]),
        _row(f"job gate: CPU of a whole wait of {minutes}", "reported", cpu),
        _row("schema gate: peak RSS", "<= 28 MiB", rss, met=rss[GATEKEEPER].median <= 28),
        _row(f"schema gate: CPU of a whole wait of {schema_minutes}", "<= 1 s", work, met=work[GATEKEEPER].median <= 1),
    ]


def _row(figure: str, goal: str, measured: dict, *, met: bool | None = None) -> Row:
    told = {name: f"{value:g}" if isinstance(value, float) else value for name, value in measured.items()}
    return Row(figure, goal, told.pop(GATEKEEPER), told, met)
