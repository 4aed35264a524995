"""A gate that waits is in nobody's way: its sessions are short, and no statement of a migration queues behind it."""

import threading
import time
from contextlib import contextmanager
from itertools import cycle

import psycopg

HOLD_SECONDS = 30
TABLE = """
CREATE TABLE schema_migrations (version bigint NOT NULL PRIMARY KEY, dirty boolean NOT NULL)
WITH (autovacuum_enabled = false)"""
MIGRATION = {
    "alter": [
        "ALTER TABLE schema_migrations ADD CONSTRAINT small CHECK (version < 5)",
        "ALTER TABLE schema_migrations DROP CONSTRAINT small",
    ],
    "index": ["CREATE INDEX CONCURRENTLY later ON schema_migrations (dirty)", "DROP INDEX CONCURRENTLY later"],
    "replace": ["TRUNCATE schema_migrations", "INSERT INTO schema_migrations VALUES (4, false)"],
}
SESSIONS = """
SELECT coalesce(extract(epoch FROM clock_timestamp() - state_change), 0)::float8, state = 'idle in transaction'
FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'gatekeeper'"""

EVER = "SELECT sessions FROM pg_stat_database WHERE datname = current_database()"


class Sampler:
    """What was seen of the gate's sessions: how many there were each time, and how long one sat idle in transaction."""

    def __init__(self, connection):
        self._connection = connection
        self._ended = threading.Event()
        self.counts = []
        self.idle_in_transaction = 0.0

    @contextmanager
    def sampling(self):
        thread = threading.Thread(target=self._sample)
        thread.start()
        try:
            yield self
        finally:
            self._ended.set()
            thread.join()

    def _sample(self):
        while not self._ended.wait(0.01):
            rows = self._connection.execute(SESSIONS).fetchall()
            self.counts.append(len(rows))
            self.idle_in_transaction = max([self.idle_in_transaction, *(age for age, idle in rows if idle)])


def test_gate_blocks_no_migration(gate, postgres, database):
    """For as long as a gate holds, statements that lock its history table hard succeed at once, again and again."""
    with (
        psycopg.connect(database, autocommit=True) as migration,
        psycopg.connect(database, autocommit=True) as watcher,
        Sampler(watcher).sampling() as seen,
    ):
        migration.execute(f"{TABLE}; SET lock_timeout = '1s'")
        gatekeeper = gate(
            *("schema", "--tool", "golang-migrate", "--revision", "5", "--timeout", f"{HOLD_SECONDS}s"),
            environment={"DATABASE_URL": database},
            secrets=[postgres.password, database],
        )
        gatekeeper.until("has nothing applied")
        taken = {name: [] for name in MIGRATION}
        until = time.monotonic() + HOLD_SECONDS - 1
        for name, statements in cycle(MIGRATION.items()):
            began = time.monotonic()
            for statement in statements:
                migration.execute(statement)
            taken[name].append(time.monotonic() - began)
            if began > until:
                break
        assert gatekeeper.end() == 124
        [(sessions,)] = watcher.execute(EVER).fetchall()
    assert min(map(len, taken.values())) >= 10
    assert max(map(max, taken.values())) < 1
    assert max(seen.counts) <= 1
    assert sessions >= 5 + len((migration, watcher))  # it looked again and again, however few of its looks were sampled
    assert seen.counts.count(0) > 0.9 * len(seen.counts)
    assert seen.idle_in_transaction < 1
