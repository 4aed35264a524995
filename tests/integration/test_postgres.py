"""The throw-away PostgreSQL server and the real migration runs that other tests build on."""

import re
import socket
import struct
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from gatekeeper.gate.verdict import Denied, Unreachable
from gatekeeper.histories.postgres import PostgresDatabase, connection_parameters
from servers.certificate import certificate
from servers.migrations import ALEMBIC_REVISIONS, DJANGO_MIGRATIONS, alembic, django
from servers.postgres import Postgres
from servers.rogue import Rogue
from servers.tls import TlsFront

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


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://app:S3CRET@{}/shop?sslmode=require",
        "postgresql://app:S3CRET@{}/shop?sslmode=no-verify",
        "postgresql+asyncpg://app:S3CRET@{}/shop?ssl=require",
        "postgresql+asyncpg://app:S3CRET@{}/shop?ssl=verify-full",
        "postgresql://app:S3CRET@{}/shop?ssl=true",
        "postgresql://app:S3CRET@{}/shop?ssl=1",
        "postgresql://app:S3CRET@{}/shop?ssl=no-verify",
        "postgres://app:S3CRET@{}/shop?ssl-mode=VERIFY-CA",
        "postgresql://app:S3CRET@{}/shop?sslaccept=strict",
        "jdbc:postgresql://{}/shop?user=app&password=S3CRET&ssl=true",
        "jdbc:postgresql://{}/shop?user=app&password=S3CRET&ssl",
        "jdbc:postgresql://{}/shop?user=app&password=S3CRET&ssl=true&sslfactory=org.postgresql.ssl.NonValidatingFactory",
        "Server={};Database=shop;Username=app;Password=S3CRET;SSL Mode=VerifyFull",
    ],
)
def test_no_password_without_tls(url):
    """Whatever word demands TLS, a server that has none is told no password."""
    with Rogue() as server:
        database = PostgresDatabase(lambda: connection_parameters(url.format(f"{server.host}:{server.port}")))
        with pytest.raises((Denied, Unreachable)), database.session(10):
            pass
    assert server.asked
    assert b"S3CRET" not in server.heard


def test_password_without_tls():
    """Where nothing demands TLS that server is told the password, as libpq tells it."""
    with Rogue() as server:
        url = f"postgresql://app:S3CRET@{server.host}:{server.port}/shop"
        with pytest.raises(Unreachable), PostgresDatabase(lambda: connection_parameters(url)).session(10):
            pass
    assert b"S3CRET" in server.heard


def refusal(sqlstate, severity, message):
    """Return what a server says that refuses a connection."""
    fields = b"".join(
        kind + text.encode() + b"\0"
        for kind, text in ((b"S", severity), (b"V", "FATAL"), (b"C", sqlstate), (b"M", message))
    )
    return b"E" + struct.pack("!I", len(fields) + 5) + fields + b"\0"


@pytest.mark.parametrize(
    ("sqlstate", "severity", "message", "fault"),
    [
        ("28P01", "FATAL", "Passwort-Authentifizierung f\xfcr Benutzer \xbbapp\xab fehlgeschlagen", Denied),
        ("28000", "FATAL", "Rolle \xbbapp\xab existiert nicht", Denied),
        ("28000", "FATAL", "pg_hba.conf weist Verbindung ab f\xfcr Host \xbb::1\xab", Denied),
        ("3D000", "FATAL", "la base de donn\xe9es \xab shop \xbb n'existe pas", Denied),
        ("28P01", "\u81f4\u547d\u7684\u30a8\u30e9\u30fc", "\u30d1\u30b9\u30ef\u30fc\u30c9", Denied),
        ("42501", "FATAL", "keine Berechtigung f\xfcr Datenbank \xbbshop\xab", Denied),
        ("57P03", "FATAL", "das Datenbanksystem startet", Unreachable),
        ("53300", "FATAL", 'zu viele Verbindungen C "28P01"', Unreachable),
    ],
)
def test_refused_in_other_languages(sqlstate, severity, message, fault):
    """What a server refuses for good is denied by its SQLSTATE, and a text is heard twice but once."""
    with Rogue(refusal(sqlstate, severity, message)) as server:
        url = f"postgresql://app:S3CRET@{server.host}:{server.port}/shop?sslmode=disable"
        database = PostgresDatabase(lambda: connection_parameters(url))
        for asked in (2, 3, 4):
            with pytest.raises(fault, match=re.escape(f"{severity}: {message}")), database.session(10):
                pass
            assert server.asked == asked


def asked(kind, more=b""):
    """Return how a server asks for a way to log in."""
    return b"R" + struct.pack("!II", len(more) + 8, kind) + more


@pytest.mark.parametrize(
    ("answer", "query", "words"),
    [
        (asked(7), "", "GSSAPI|method 7 not supported"),
        (asked(6), "", "authentication method 6 not supported"),
        (asked(10, b"OAUTHBEARER\0\0"), "", "OAuth|SASL authentication mechanisms are supported"),
        (asked(10, b"SCRAM-SHA-512\0\0"), "", "none of the server's SASL authentication mechanisms are supported"),
        (asked(10, b"SCRAM-SHA-256\0\0"), "channel_binding=require", "channel binding required, but SSL not in use"),
        (asked(5, b"salt"), "channel_binding=require", "channel binding required but not supported"),
        (asked(5, b"salt"), "require_auth=scram-sha-256", 'requirement "scram-sha-256" failed'),
    ],
)
def test_no_way_to_log_in(monkeypatch, answer, query, words):
    """A way to log in that the gate has not, or is not to take, is denied as one that has failed is."""
    monkeypatch.setenv("KRB5CCNAME", "FILE:/nowhere")
    with Rogue(answer) as server:
        url = f"postgresql://app:S3CRET@{server.host}:{server.port}/shop?{query}"
        with pytest.raises(Denied, match=words), PostgresDatabase(lambda: connection_parameters(url)).session(10):
            pass
    assert b"S3CRET" not in server.heard


def test_told_once(postgres):
    """A refusal that comes with TLS and again without is told once."""
    with TlsFront(postgres.host, postgres.port) as front:
        url = f"postgresql://postgres:wrong@localhost:{front.port}/postgres"
        with pytest.raises(Denied) as caught, PostgresDatabase(lambda: connection_parameters(url)).session(10):
            pass
    assert str(caught.value).count("password authentication failed") == 1


def test_silent_hosts(postgres, database):
    """Of several hosts the last is asked in time though all the others are silent."""
    url = urlsplit(database)
    with (
        closing(socket.create_server(("127.0.0.1", 0))) as first,
        closing(socket.create_server(("127.0.0.1", 0))) as second,
    ):
        silent = [f"{listener.getsockname()[0]}:{listener.getsockname()[1]}" for listener in (first, second)]
        login, _, live = url.netloc.rpartition("@")
        several = (
            url._replace(netloc=f"{login}@{','.join([*silent, live])}"),
            url._replace(netloc=f"{login}@", query="&".join(f"host={place}" for place in [silent[0], live])),
        )
        for each in several:
            began = time.monotonic()
            with PostgresDatabase(lambda: connection_parameters(each.geturl())).session(10) as session:  # noqa: B023 - at once
                assert list(session.query("SELECT 'here'")) == [("here",)]
            assert time.monotonic() - began < 9


def test_password_file(postgres, tmp_path, capfd, monkeypatch):
    """A file of passwords is used, and if libpq does not use it, that is told in the reason alone."""
    monkeypatch.delenv("PGPASSWORD", raising=False)
    passwords = tmp_path / "pgpass"
    escaped = postgres.password.replace(":", r"\:")
    passwords.write_text(f"{postgres.host}:{postgres.port}:*:postgres:{escaped}\n")
    url = f"host={postgres.host} port={postgres.port} user=postgres passfile={passwords}"
    database = PostgresDatabase(lambda: connection_parameters(url))
    passwords.chmod(0o644)
    told = rf"no password supplied; .* {passwords} has mode 0644, write --password-file"
    with pytest.raises(Denied, match=told), database.session(10):
        pass
    passwords.chmod(0o600)
    with database.session(10):
        pass
    assert capfd.readouterr() == ("", "")


def test_tls_files(postgres, tmp_path):
    """TLS files that cannot be used are denied, in words that stay the same."""
    crt, key = certificate(tmp_path)
    (tmp_path / "no.key").write_bytes(b"none")
    (tmp_path / "no.key").chmod(0o600)
    key.chmod(0o644)
    with TlsFront(postgres.host, postgres.port) as front:
        for query in (
            "sslmode=verify-full&sslrootcert=/none",
            f"sslmode=require&sslcert={crt}&sslkey=/none",
            f"sslmode=require&sslcert={crt}&sslkey={key}",
            f"sslmode=require&sslcert={crt}&sslkey={tmp_path}/no.key",
        ):
            url = f"postgresql://postgres@{postgres.host}:{front.port}/postgres?{query}"
            database = PostgresDatabase(lambda: connection_parameters(url))  # noqa: B023 - at once
            told = set()
            for _ in range(3):
                with pytest.raises(Denied, match=r"the TLS files cannot be used .* mount them") as caught:
                    database.session(10).__enter__()
                told.add(str(caught.value))
            assert len(told) == 1


def test_secret_renewed(postgres):
    """A URL that is broken between two looks is waited for, and nothing of it is told, not by libpq either."""
    urls = [postgres.url(), "sslmode=require&x=x://app:hunter2@db/app", "postgresql://hunter2@@"]
    database = PostgresDatabase(lambda: connection_parameters(urls.pop(0)))
    for _ in range(2):
        with pytest.raises(Unreachable, match="for example") as caught, database.session(10):
            pass
        assert "hunter2" not in str(caught.value)
