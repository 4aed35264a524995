"""What the command line loads before it knows what is asked of it."""

import subprocess
import sys

HEAVY = {
    *("kubernetes", "urllib3", "psycopg", "pymysql", "yaml"),
    *(f"gatekeeper.cli.{module}" for module in ("catalogue", "desk")),
    *(f"gatekeeper.histories.{module}" for module in ("directories", "mysql", "postgres")),
    *("gatekeeper.jobs.kube", "gatekeeper.manifests.documents"),
}


def test_command_line_is_light():
    """The command line loads no client library: each command imports its own."""
    program = "import gatekeeper.cli.main, sys; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-I", "-c", program], stdout=subprocess.PIPE, text=True, check=True)
    assert HEAVY & set(run.stdout.split()) == set()
