"""The throw-away PostgreSQL server and the real migration runs that other tests build on."""

import socket
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from servers.migrations import ALEMBIC_REVISIONS, DJANGO_MIGRATIONS, alembic, django
from servers.postgres import Postgres

OWNER = """
import os
from servers.postgres import Postgres
with Postgres() as server:
    print(server.socket_directory, server.port, flush=True)
    os.kill(os.getpid(), 9)
"""


def test_restart_keeps_port_and_data():
    """A stopped server refuses connections; started again, it has its data on the same port."""
    with Postgres(max_connections=17) as server:
        server.create_database("shop")
        server.stop()
        with pytest.raises(psycopg.OperationalError, match="refused"):
            server.connect("shop")
        server.start()
        with server.connect("shop") as connection:
            assert connection.execute("SHOW max_connections").fetchone() == ("17",)
    assert not server.socket_directory.exists()


def test_failed_start_leaves_nothing():
    """A server that cannot start says why in its own words and leaves no files."""
    server = Postgres(no_such_setting=1)
    with pytest.raises(RuntimeError, match='unrecognized configuration parameter "no_such_setting"'), server:
        pass
    assert not server.socket_directory.exists()


def test_killed_owner_leaves_nothing():
    """A server whose test process is killed stops and removes its files."""
    tests = Path(__file__).parents[1]
    run = subprocess.run([sys.executable, "-c", OWNER], cwd=tests, stdout=subprocess.PIPE, text=True, check=False)
    folder, port = run.stdout.split()
    deadline = time.monotonic() + 10
    while Path(folder).exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(port)))


def test_unix_socket(postgres):
    """The server answers on its unix socket too."""
    with postgres.connect("postgres", host=str(postgres.socket_directory)) as connection:
        assert connection.execute("SELECT inet_server_addr()").fetchone() == (None,)


def test_environment(postgres, monkeypatch):
    """Libpq's variables alone are enough to connect."""
    for name, value in postgres.environment("postgres").items():
        monkeypatch.setenv(name, value)
    with psycopg.connect() as connection:
        assert connection.info.user == "postgres"


def test_passwords_and_grants_are_enforced(postgres, database):
    """A role connects with its own password only, and reads only what it was granted."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE TABLE granted (); CREATE TABLE kept ()")
        name = connection.info.dbname
    postgres.create_role("reader", "r/d:@%", "SELECT ON granted", database=name)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(postgres.url(name, "reader", "wrong"))
    with psycopg.connect(postgres.url(name, "reader"), autocommit=True) as connection:
        connection.execute("SELECT FROM granted")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT FROM kept")


def test_alembic(database):
    """A real Alembic run ends with the head revision as the only row of alembic_version."""
    with alembic(database, "upgrade", "head") as run:
        output, _ = run.communicate()
    assert run.returncode == 0, output
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(ALEMBIC_REVISIONS[-1],)]


def test_django(database):
    """A real Django run writes a row for each of the app's migrations."""
    with django(database, "migrate") as run:
        output, _ = run.communicate()
    assert run.returncode == 0, output
    with psycopg.connect(database) as connection:
        rows = connection.execute("SELECT app, name FROM django_migrations ORDER BY id").fetchall()
    assert rows == [("shop", name) for name in DJANGO_MIGRATIONS]
