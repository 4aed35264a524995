"""Hundreds of gates of one rollout on one PostgreSQL with few connections, and a migrator that needs one too."""

import re
import statistics
import threading
import time
from contextlib import ExitStack

import psycopg

from benchmarks.plan import Plan
from benchmarks.programs import Gates, Program
from benchmarks.report import Row, Spread
from servers.migrations import ALEMBIC_REVISIONS, alembic
from servers.postgres import Postgres

CONNECTIONS = 100
LIMIT = 15
"""Seconds from the migration within which nearly all gates are to be open."""
MIGRATION_SECONDS = 5
OBSERVE = """
SELECT to_regclass('alembic_version') IS NOT NULL,
       (SELECT count(*) FROM pg_stat_activity WHERE application_name = 'gatekeeper')
"""
APPLIED = "SELECT count(*) FROM alembic_version WHERE version_num = %s"
REFUSED = re.compile(r"FATAL: .*(?:too many clients|connection slots)")


class Rollout:
    """What one rollout showed."""

    def __init__(self) -> None:
        self.attempts = 0
        self.refused = 0
        """Of the migrator's short connections."""
        self.gates_refused = 0
        self.sessions = 0
        """Of gates, at most at once."""
        self.starting = 0.0
        self.opened: list[float] = []
        """Seconds from the last revision's commit, of each gate."""


def measure(gates: Gates, plan: Plan) -> list[Row]:
    """Return the rows of several rollouts."""
    runs = [_roll_out(gates, plan) for _ in range(plan.rollout_runs)]
    figure = f"{plan.rollout} gates, max_connections={CONNECTIONS}"
    opened = Spread([float(len(run.opened)) for run in runs])
    refused = sum(run.refused for run in runs)
    slowest = Spread([_percentile(run.opened, 99) for run in runs], "s")
    sessions = Spread([float(run.sessions) for run in runs])
    gates_refused = Spread([float(run.gates_refused) for run in runs])
    attempts = sum(run.attempts for run in runs)
    return [
        Row(f"{figure}: open, none failed", "all", opened, met=min(opened.values) == plan.rollout),
        Row(f"{figure}: migrator refused a connection", "never", f"{refused} of {attempts}", met=not refused),
        Row(f"{figure}: migrated -> open, p99", f"<= {LIMIT} s", slowest, met=slowest.median <= LIMIT),
        Row(
            f"{figure}: migrated -> open, median",
            "reported",
            Spread([_percentile(run.opened, 50) for run in runs], "s"),
        ),
        Row(
            f"{figure}: gates' sessions at most at once; looks refused one", "reported", f"{sessions}; {gates_refused}"
        ),
        Row(f"{figure}: starting them all here", "reported", Spread([run.starting for run in runs], "s")),
    ]


def _percentile(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def _roll_out(gates: Gates, plan: Plan) -> Rollout:
    """Start the gates, migrate, and wait until they are open."""
    seen = Rollout()
    ended = threading.Event()
    with Postgres(max_connections=CONNECTIONS) as postgres, ExitStack() as stack:
        postgres.create_database("shop")
        postgres.create_role("migrator", "not-a-secret", "ALL ON DATABASE shop", database="postgres")
        with postgres.connect("shop") as connection:
            connection.execute("GRANT ALL ON SCHEMA public TO migrator")
        postgres.create_role("web", "not-a-secret", "pg_read_all_data")
        migrator = postgres.url("shop", "migrator")

        def connect_often() -> None:
            while not ended.wait(0.1):
                seen.attempts += 1
                try:
                    psycopg.connect(migrator, autocommit=True).close()
                except psycopg.OperationalError:
                    seen.refused += 1

        observer = stack.enter_context(postgres.connect("shop"))
        thread = threading.Thread(target=connect_often)
        thread.start()
        stack.callback(thread.join)
        stack.callback(ended.set)

        began = time.monotonic()
        programs = [stack.enter_context(_gate(gates, postgres)) for _ in range(plan.rollout)]
        for program in programs:
            program.until("waiting:", 600)
        seen.starting = time.monotonic() - began

        migrated = _migrate(migrator, observer, seen)
        seen.opened = [program.end(300).ended - migrated for program in programs]
        seen.gates_refused = len(REFUSED.findall(postgres.log.read_text()))
    return seen


def _gate(gates: Gates, postgres: Postgres) -> Program:
    options = ["--tool", "alembic", "--revision", ALEMBIC_REVISIONS[-1], "--timeout", "1h"]
    return gates.start("schema", *options, DATABASE_URL=postgres.url("shop", "web"))


def _migrate(url: str, observer: psycopg.Connection, seen: Rollout) -> float:
    """Run Alembic once for each revision and return the instant at which the last one was there."""
    for revision in ALEMBIC_REVISIONS:
        with alembic(url, "upgrade", revision, seconds=MIGRATION_SECONDS) as upgrade:
            while upgrade.poll() is None:
                there, sessions = observer.execute(OBSERVE).fetchone()
                seen.sessions = max(seen.sessions, sessions)
                if there and observer.execute(APPLIED, [ALEMBIC_REVISIONS[-1]]).fetchone()[0]:
                    break
                time.sleep(0.01)
            instant = time.monotonic()
            said, _ = upgrade.communicate()
            assert upgrade.returncode == 0, said
    return instant
