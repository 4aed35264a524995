"""What is understood of a MySQL URL, whichever driver's it is."""

import traceback

import pytest

from gatekeeper.gate.settings import Misconfigured
from gatekeeper.histories.mysql import MySQLDatabase, connection_parameters
from gatekeeper.histories.mysql_url import read_url, url_of_variables

SHOP = {"user": "app", "password": "pw", "host": "db.shop.svc", "port": "3306", "database": "shop"}


@pytest.mark.parametrize(
    "url",
    [
        "mysql://app:pw@db.shop.svc:3306/shop",
        "mariadb://app:pw@db.shop.svc:3306/shop",
        "mysql2://app:pw@db.shop.svc:3306/shop?encoding=utf8mb4&pool=5",
        "mysql+pymysql://app:pw@db.shop.svc:3306/shop?charset=utf8mb4",
        "mysql+mysqldb://app:pw@db.shop.svc:3306/shop",
        "mariadb+mariadbconnector://app:pw@db.shop.svc:3306/shop",
        "jdbc:mysql://db.shop.svc:3306/shop?user=app&password=pw&serverTimezone=Europe/Berlin",
        "jdbc:mariadb://db.shop.svc:3306/shop?user=app&password=pw&autoReconnect",
        "mysql://app:pw@tcp(db.shop.svc:3306)/shop?multiStatements=true",
        "mysql://app:pw@tcp4(db.shop.svc:3306)/shop",
        "mysql://app:pw@(db.shop.svc:3306)/shop",
        "app:pw@tcp(db.shop.svc:3306)/shop?parseTime=true",
        "maria://app:pw@db.shop.svc:3306/shop",
        "trilogy://app:pw@db.shop.svc:3306/shop",
        "pdo-mysql://app:pw@db.shop.svc:3306/shop",
        "tidb://app:pw@db.shop.svc:3306/shop",
        "mysqlgis://app:pw@db.shop.svc:3306/shop",
        "mysql-connector://app:pw@db.shop.svc:3306/shop",
        "mysql:host=db.shop.svc;port=3306;dbname=shop;user=app;password=pw;charset=utf8mb4",
        "mysql+pymysql://app:pw@/?host=db.shop.svc&port=3306&database=shop",
        "mysql+pymysql://app:pw@db.shop.svc:3306/shop?host=db.shop.svc&port=3306&database=shop",
        "db:mysql://app:pw@db.shop.svc:3306/shop",
        "jdbc:aws-wrapper:mysql://db.shop.svc:3306/shop?user=app&password=pw",
        "jdbc:mariadb://address=(host=db.shop.svc)(port=3306)(type=master)/shop?user=app&password=pw",
        "Server=db.shop.svc;Port=3306;Database=shop;Uid=app;Pwd=pw;SslMode=None",
        "Data Source=db.shop.svc;Port=3306;Initial Catalog=shop;User Id=app;Password=pw;",
        "  mysql://app:pw@db.shop.svc:3306/shop\n",
    ],
)
def test_same(url):
    """One database has the same parameters however it is written."""
    told = connection_parameters(url)
    assert told.pop("ssl_mode", "disabled") == "disabled"
    assert told == SHOP


@pytest.mark.parametrize(
    ("url", "parameters"),
    [
        pytest.param("mysql:///shop", {"database": "shop"}, id="database alone"),
        pytest.param("mysql://db/shop", {"host": "db", "database": "shop"}, id="no user"),
        pytest.param("mysql://app@db/shop", {"user": "app", "host": "db", "database": "shop"}, id="no password"),
        pytest.param("mysql://[::1]:3307/shop", {"host": "::1", "port": "3307", "database": "shop"}, id="IPv6"),
        pytest.param(
            "mysql://tcp([::1]:3307)/shop", {"host": "::1", "port": "3307", "database": "shop"}, id="Go, IPv6"
        ),
        pytest.param("mysql://my_db/a%2Fb", {"host": "my_db", "database": "a/b"}, id="escaped database"),
        pytest.param("mysql:///shop?unix_socket=/run/my", {"unix_socket": "/run/my", "database": "shop"}, id="socket"),
        pytest.param(
            "mysql2://localhost/shop?socket=/run/my",
            {"host": "localhost", "unix_socket": "/run/my", "database": "shop"},
            id="Ruby's socket",
        ),
        pytest.param("mysql://%2Frun%2Fmy/shop", {"unix_socket": "/run/my", "database": "shop"}, id="socket as host"),
        pytest.param(
            "mysql://app:pw@unix(/run/my.sock)/shop",
            {"user": "app", "password": "pw", "unix_socket": "/run/my.sock", "database": "shop"},
            id="Go's socket",
        ),
        pytest.param(
            "mysql://app%40azure:p%40s%2Fs%25%2B+@db/shop",
            {"user": "app@azure", "password": "p@s/s%++", "host": "db", "database": "shop"},
            id="escaped",
        ),
        pytest.param(
            "mysql://app:p#s:s@db/shop",
            {"user": "app", "password": "p#s:s", "host": "db", "database": "shop"},
            id="harmless # and :",
        ),
        pytest.param(
            "mysql://app:p@s/s?a%2B+b@tcp(db:3306)/shop",
            {"user": "app", "password": "p@s/s?a+ b", "host": "db", "port": "3306", "database": "shop"},
            id="golang-migrate's password",
        ),
        pytest.param(
            "app:p@s/s?a%2B+b:$%@tcp(db:3306)/shop",
            {"user": "app", "password": "p@s/s?a%2B+b:$%", "host": "db", "port": "3306", "database": "shop"},
            id="Go's password",
        ),
        pytest.param(
            "app:p/s@s:$@/shop?parseTime=true",
            {"user": "app", "password": "p/s@s:$", "database": "shop"},
            id="Go, of this machine",
        ),
        pytest.param("app@tcp/shop", {"user": "app", "database": "shop"}, id="Go, of this machine by its network"),
        pytest.param(
            "mysql2://app@db/shop?socketPath=/run/my",
            {"user": "app", "host": "db", "unix_socket": "/run/my", "database": "shop"},
            id="Node's socket",
        ),
        pytest.param(
            "maria+unix://app:pw@/run/my.sock?database=shop",
            {"user": "app", "password": "pw", "unix_socket": "/run/my.sock", "database": "shop"},
            id="Atlas' socket",
        ),
        pytest.param(
            "mysql:unix_socket=/run/my;dbname=shop", {"unix_socket": "/run/my", "database": "shop"}, id="PHP's socket"
        ),
        pytest.param(
            "Server=fd00::1;Uid=app;Database=shop",
            {"user": "app", "host": "fd00::1", "database": "shop"},
            id=".NET's IPv6",
        ),
        pytest.param(
            "Server=/run/my;Uid=app;Database=shop",
            {"user": "app", "unix_socket": "/run/my", "database": "shop"},
            id=".NET's socket",
        ),
        pytest.param("mysql://a,b/shop", {"host": "a,b", "database": "shop"}, id="two hosts"),
        pytest.param(
            "jdbc:mysql:loadbalance://a:1,b/shop", {"host": "a,b", "port": "1,3306", "database": "shop"}, id="a port"
        ),
        pytest.param(
            "jdbc:mysql:replication://a:1,b:2/shop", {"host": "a,b", "port": "1,2", "database": "shop"}, id="two ports"
        ),
        pytest.param(
            "jdbc:mariadb:sequential://address=(host=a)(port=1),address=(host=::1)/shop",
            None,
            id="MariaDB's way, with an IPv6 address that has no brackets",
        ),
        pytest.param(
            "jdbc:mariadb:sequential://address=(host=a)(port=1)(type=replica),b/shop",
            {"host": "a,b", "port": "1,3306", "database": "shop"},
            id="MariaDB's way",
        ),
        pytest.param(
            "jdbc:mysql://db/shop?user=app&password=a%2Bb+c",
            {"user": "app", "password": "a+b c", "host": "db", "database": "shop"},
            id="JDBC's password",
        ),
        pytest.param(
            "jdbc:mariadb://db/shop?user=app&password=a+b",
            {"user": "app", "password": "a+b", "host": "db", "database": "shop"},
            id="MariaDB's JDBC's password",
        ),
        pytest.param(
            "mysql://app@db/shop?ssl-ca=&autoReconnect",
            {"user": "app", "host": "db", "database": "shop"},
            id="nothing said",
        ),
        pytest.param(
            "mysql://db/shop?ssl_ca=/ca&ssl_cert=/c&ssl_key=/k",
            {
                "host": "db",
                "database": "shop",
                "ssl_ca": "/ca",
                "ssl_cert": "/c",
                "ssl_key": "/k",
                "ssl_mode": "verify_ca",
            },
            id="certificates",
        ),
        pytest.param(
            "mysql://db/shop?sslcert=/ca&sslaccept=strict",
            {"host": "db", "database": "shop", "ssl_ca": "/ca", "ssl_mode": "verify_identity"},
            id="Prisma's",
        ),
    ],
)
def test_parameters(url, parameters):
    """Parameters are what the URL's driver would understand, and the rest is left out.

    Go's were checked with go-sql-driver/mysql 1.9.3's ParseDSN, JDBC's with Connector/J 9.1.0 and MariaDB's 3.5.1.
    """
    if parameters is None:
        with pytest.raises(Misconfigured):
            connection_parameters(url)
    else:
        assert connection_parameters(url) == parameters


@pytest.mark.parametrize(
    ("query", "mode"),
    [
        ("charset=utf8mb4", None),
        ("tls=", None),
        ("ssl-mode=", None),
        ("ssl-mode=DISABLED", "disabled"),
        ("sslmode=disable", "disabled"),
        ("ssl_mode=preferred", "preferred"),
        ("ssl-mode=REQUIRED", "required"),
        ("ssl-mode=REQUIRED&ssl-ca=/ca", "required"),
        ("sslMode=trust", "required"),
        ("sslMode=VERIFY_CA", "verify_ca"),
        ("sslMode=verify-full", "verify_identity"),
        ("ssl_mode=verify_identity", "verify_identity"),
        ("sslrootcert=/ca", "verify_ca"),
        ("sslca=/ca", "verify_ca"),
        ("serverSslCert=/ca", "verify_ca"),
        ("ssl_ca=/ca&ssl_verify_identity=true", "verify_identity"),
        ("ssl_verify_cert=true", "verify_ca"),
        ("useSSL=false", "disabled"),
        ("useSSL=true", "required"),
        ("useSSL=true&requireSSL=true", "required"),
        ("useSSL=true&verifyServerCertificate=true", "verify_ca"),
        ("useSSL=true&verifyServerCertificate=false", "required"),
        ("useSsl=true&trustServerCertificate=true&serverSslCert=/ca", "required"),
        ("verifyServerCertificate=false", "preferred"),
        ("useSSL=false&requireSSL=false&verifyServerCertificate=false", "disabled"),
        ("tls=true", "verify_identity"),
        ("tls=false", "disabled"),
        ("tls=preferred", "preferred"),
        ("tls=skip-verify", "required"),
        ("tls=custom&x-tls-ca=/ca", "verify_identity"),
        ("tls=custom&x-tls-ca=/ca&x-tls-insecure-skip-verify=true", "required"),
        ("sslaccept=strict", "verify_identity"),
        ("sslaccept=accept_invalid_certs", "preferred"),
        ("ssl_verify_server_cert=true", "verify_identity"),
        ("ssl_disabled=true", "disabled"),
        ("enabledTLSProtocols=TLSv1.2&sslMode=REQUIRED", "required"),
        ("ssl=true", "required"),
        ("ssl=%7B%22rejectUnauthorized%22:true%7D", "verify_identity"),
        ('ssl={"rejectUnauthorized": false}', "required"),
    ],
)
def test_tls(query, mode):
    """Every driver's words for TLS mean one of MySQL's five modes."""
    assert connection_parameters(f"mysql://db/shop?{query}").get("ssl_mode") == mode


@pytest.mark.parametrize(
    ("query", "mode"),
    [
        ("useSsl=true", "verify_identity"),
        ("useSSL=1", "verify_identity"),
        ("useSsl", "verify_identity"),
        ("useSSL=true&sslMode=disable", "verify_identity"),
        ("useSsl=true&disableSslHostnameVerification=true", "verify_ca"),
        ("useSsl=true&disableSslHostnameVerification=false", "verify_identity"),
        ("useSsl=true&trustServerCertificate=true", "required"),
        ("useSsl=false", "disabled"),
        ("sslMode=trust", "required"),
    ],
)
def test_mariadbs_jdbc_tls(query, mode):
    """MariaDB's JDBC driver verifies where useSsl says no more; checked with mariadb-java-client 3.5.1's sslMode()."""
    assert connection_parameters(f"jdbc:mariadb://db/shop?{query}").get("ssl_mode") == mode


@pytest.mark.parametrize(
    ("query", "key"),
    [
        ("ssl", "ssl"),
        ("useSSL", "usessl"),
        ("requireSSL=", "requiressl"),
        ("ssl-mode=maybe", "sslmode"),
        ("tls=hunter2", "tls"),
        ("sslaccept=no", "sslaccept"),
        ("ssl=Amazon%20RDS", "ssl"),
        ("useSSL=2", "usessl"),
        ("ssl_capath=/hunter2", "sslcapath"),
        ("sslcrl=/hunter2", "sslcrl"),
        ("tlsAllowInvalidCertificates=hunter2", "tlsallowinvalidcertificates"),
    ],
)
def test_unknown_tls(query, key):
    """What is asked for and not understood is no TLS to go without; its parameter is named, not its value."""
    with pytest.raises(
        Misconfigured, match=f"by its parameter {key} is not understood; write for example mysql:"
    ) as caught:
        connection_parameters(f"mysql://db/shop?{query}")
    assert "hunter" not in str(caught.value)


@pytest.mark.parametrize(
    ("query", "part"),
    [("host=other", "host"), ("port=3307", "port"), ("database=other", "database"), ("dbname=other", "dbname")],
)
def test_two_places(query, part):
    """SQLAlchemy and Rails take the parameter, Node and Phinx the place: what differs is nobody's.

    Checked with the arguments that SQLAlchemy 2.1.9 gives to PyMySQL.
    """
    with pytest.raises(Misconfigured, match=f"says two {part}s, in its place and by a parameter"):
        connection_parameters(f"mysql://db:3306/shop?{query}")


def test_repeated():
    """What is said twice is nobody's, here too."""
    with pytest.raises(Misconfigured, match=r"says sslMode twice, .*; leave one out, and write for example mysql:"):
        connection_parameters("mysql://db/shop?ssl-mode=VERIFY_CA&sslMode=DISABLED")


def test_other_ways():
    """A way to connect that the gate does not have is none to go without."""
    with pytest.raises(Misconfigured, match=r"cannot connect by .* cloudsqlinstance; .*, or mysql://app@/app\?socket="):
        connection_parameters("jdbc:mysql:///shop?cloudSqlInstance=p:r:i&socketFactory=x.SocketFactory&user=app")


@pytest.mark.parametrize("url", ["mysql://app@db.shop.svc", "mysql://app@db:3306/", "jdbc:mysql://db/?user=app"])
def test_no_database(url):
    """A URL names its database, for histories have no other place."""
    with pytest.raises(Misconfigured, match="names no database; write for example mysql:"):
        connection_parameters(url)


SPECIAL = [
    "hunter2@hunter2",
    "hunter2/hunter2",
    "hunter2?hunter2",
    "hunter2%hunter2",
    "hunter2/?#hunter2@:%hunter2",
    "777/hunter2",
    "777?hunter2",
    "777?hunter2=hunter2",
    "777#hunter2/hunter2",
]


@pytest.mark.parametrize(
    "url",
    [
        *(f"mysql://app:{password}@db.shop.svc:3306/shop" for password in SPECIAL),
        *(f"jdbc:mysql://app:{password}@db.shop.svc/shop?useSSL=true" for password in SPECIAL),
        "postgresql://app:hunter2@db/shop",
        "mysql:app:hunter2@db/shop",
        "mysqlx://app:hunter2@db/shop",
        "mysql:app:hunter2@/shop",
        "jdbc:tc:mysql:8://app:hunter2@/shop",
        "mysql://app:hunter2@a,hunter2:b/shop",
        "jdbc:mariadb://address=(host=a)(password=hunter2)/shop?user=app",
        "app:hunter2@tcp(a,b)/shop",
        "mysql://db/shop?user=app&password=hunter2@hunter2",
        "mysql://app:hunter2%@tcp(db:3306)/shop",
        "hunter2",
        "",
        "mysql://app:hunter2@db:hunter2/shop",
        "mysql://app:hunter2@db:99999/shop",
        "mysql://app:hunter2@[::1/shop",
        "mysql://app:hunter2@db/shop/hunter2",
    ],
)
def test_malformed(url):
    """A URL that cannot be parsed is answered by an example, and nothing of it is quoted, not even by a traceback."""
    with pytest.raises(Misconfigured) as caught:
        connection_parameters(url)
    assert "write for example mysql://app@db.shop.svc:3306/app" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "hunter" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("mysql://app:hunter2@db.svc/shop", "database shop on db.svc:3306"),
        ("mysql://app:hunter2@db.svc:3307/shop?ssl-mode=REQUIRED", "database shop on db.svc:3307"),
        ("mysql://app@a,b:3307/shop", "database shop on a:3306,b:3307"),
        ("mysql://app@a,b/shop", "database shop on a:3306,b:3306"),
        ("mysql://app@/shop?socket=/run/my.sock", "database shop on /run/my.sock"),
        ("mysql://app@/shop", "database shop on localhost:3306"),
    ],
)
def test_name(url, name):
    """A database is named by its place alone."""
    assert MySQLDatabase(lambda: connection_parameters(url)).name == name


@pytest.mark.parametrize(
    ("variables", "url"),
    [
        ({}, ""),
        ({"MYSQL_USER": "app", "MYSQL_PASSWORD": "hunter2"}, ""),
        ({"MYSQL_HOST": "db", "MYSQL_DATABASE": "shop"}, "mysql://@db/shop"),
        (
            {
                "MYSQL_HOST": "db",
                "MYSQL_PORT": "3307",
                "MYSQL_USER": "a:b",
                "MYSQL_PASSWORD": "p@s/s",
                "MYSQL_DB": "shop",
            },
            "mysql://a%3Ab:p%40s%2Fs@db:3307/shop",
        ),
        ({"MYSQL_HOST": "db", "MYSQL_DATABASE": "shop", "MYSQL_DB": "other"}, "mysql://@db/shop"),
        ({"MYSQL_HOST": "fd00::a:1", "MYSQL_PORT": "3307", "MYSQL_DB": "shop"}, "mysql://@[fd00::a:1]:3307/shop"),
        ({"MYSQL_HOST": "::ffff:10.0.0.1", "MYSQL_DB": "shop"}, "mysql://@[::ffff:10.0.0.1]/shop"),
        ({"MYSQL_HOST": "[::1]", "MYSQL_DB": "shop"}, "mysql://@[::1]/shop"),
        ({"MYSQL_HOST": "/run/my.sock", "MYSQL_DB": "shop"}, "mysql://@%2Frun%2Fmy.sock/shop"),
    ],
)
def test_variables(variables, url):
    """Parts of a URL may be variables of their own."""
    assert url_of_variables(variables) == url


def test_variables_of_a_service():
    """What the kubelet sets for a Service is no port."""
    with pytest.raises(Misconfigured, match=r"MYSQL_PORT is not a port, .* write for example MYSQL_PORT=3306"):
        url_of_variables({"MYSQL_HOST": "db", "MYSQL_PORT": "tcp://10.0.0.1:3306"})


def test_left():
    """What is not understood is kept as the URL spells it."""
    assert read_url("mysql://u:p@tcp(db)/shop?x-migrations-table=billing&tls=true").left == {
        "x-migrations-table": "billing"
    }
