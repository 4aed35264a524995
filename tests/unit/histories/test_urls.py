"""Whose a database URL is, and what is refused of any."""

import pytest

from gatekeeper.gate.settings import Misconfigured
from gatekeeper.histories.urls import is_mysql, key_values, refuse_unexpanded


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (None, False),
        ("", False),
        ("host=db dbname=app", False),
        *(
            (url, False)
            for scheme in ("postgresql", "postgres", "pgsql", "cockroachdb", "jdbc:aws-wrapper:postgresql", "db:pg")
            for url in (f"{scheme}://db/app", f" {scheme}://db:3306/app?x=mysql://")
        ),
        *(
            (url, True)
            for scheme in ("mysql", "mysql2", "mariadb", "maria", "trilogy", "pdo-mysql", "tidb", "db:mysql")
            for url in (f"{scheme}://db/app", f" {scheme}://db:5432/app?x=postgresql://")
        ),
        ("mariadb+mariadbconnector://db/app", True),
        ("jdbc:mysql:loadbalance://a,b/app", True),
        ("jdbc:mariadb:sequential://a,b/app", True),
        ("jdbc:aws-wrapper:mysql://db/app", True),
        ("mysqlx://db/app", False),
        ("app:p@s/s@tcp(db:3306)/app", True),
        ("tcp(db)/app", True),
        ("app:p@s/s@/app?parseTime=true", True),
        ("app@tcp/app", True),
        ("postgresql://app:a@/app", False),
        ("postgresql:app:a@/app", False),
        ("host=db password=a@/app", False),
        ("app://a@/app", False),
        ("mysql:host=db;dbname=app", True),
        ("pgsql:host=db;dbname=app", False),
        ("pgsql:dbname=app", False),
        ("app@unix(/run/my.sock)/app", True),
        ("Host=db;Username=app;Password=a", False),
        ("Server=db;Uid=app;Pwd=a", True),
        ("Server=db;User Id=app;Port=5432", False),
        ("Server=db;User Id=app;Port=3306", True),
    ],
)
def test_is_mysql(url, expected):
    """The scheme says whose URL it is, and where there is none, what one driver alone would write."""
    assert is_mysql(url) == expected


@pytest.mark.parametrize("url", ["ecto://app:hunter2@db/app", "Server=db;User Id=app;Password=hunter2;Database=app"])
def test_neither(url):
    """What may be either database is asked for in words that say which."""
    with pytest.raises(Misconfigured, match="does not say which database it is; write ") as caught:
        is_mysql(url)
    assert "hunter" not in str(caught.value)


@pytest.mark.parametrize(
    ("written", "pairs"),
    [
        ("Host=db;SSL Mode=Require", {"host": "db", "sslmode": "Require"}),
        (" Host = db ; Password = a=b ;", {"host": "db", "password": "a=b"}),
        ("Host=db;Password='a;b''c'", {"host": "db", "password": "a;b'c"}),
        ('Host=db;Password="a;b""c"', {"host": "db", "password": 'a;b"c'}),
        ("Host=db;Password=;Database=app", {"host": "db", "password": "", "database": "app"}),
        ("host=db password=a;b", {}),
        ("host=db password=a;b=c", {}),
        ("password=a;b=c host=db", {}),
        ("Host=db", {}),
        ("Host=db;app", {}),
        ("postgresql://db?a=b;c=d", {}),
    ],
)
def test_key_values(written, pairs):
    """.NET's connection strings are read as .NET reads them, and libpq's are not taken for them."""
    assert key_values(written) == pairs


@pytest.mark.parametrize("url", ["postgresql://$(DB_USER):$(DB_PASSWORD)@db/app", "mysql://a:b@$(DB_USER)/app"])
def test_unexpanded(url):
    """A variable that the kubelet has left as it is gets its reason."""
    with pytest.raises(
        Misconfigured, match=r"\$\(DB_USER\) .* defines it before the one that uses it; move DB_USER up"
    ):
        refuse_unexpanded(url)
    refuse_unexpanded("postgresql://app:$DB_USER$(1)${X}$()@db/app")
