"""What the command line loads before it knows what is asked of it."""

import subprocess
import sys

HEAVY = {
    *("kubernetes", "urllib3", "psycopg", "pymysql", "yaml"),
    *(f"gatekeeper.{module}" for module in ("catalogue", "directories", "kube", "mysql", "postgres")),
}


def test_command_line_is_light():
    """The command line loads no client library: each command imports its own."""
    program = "import gatekeeper.cli, sys; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-I", "-c", program], stdout=subprocess.PIPE, text=True, check=True)
    assert HEAVY & set(run.stdout.split()) == set()
