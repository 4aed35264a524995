"""Real runs of real migration tools, as subprocesses on the projects in tests/integration/projects."""

import os
import subprocess
import sys
from pathlib import Path

PROJECTS = Path(__file__).parents[1] / "integration" / "projects"

ALEMBIC_REVISIONS = ("1b3c5ad80f42", "8e27f61c9d05", "c94a02be7d13")
DJANGO_MIGRATIONS = ("0001_initial", "0002_product_price", "0003_product_stock")


def alembic(url: str, *args: str, seconds: float = 0) -> subprocess.Popen[str]:
    """Start alembic, whose second revision takes this many seconds; each revision is a transaction of its own."""
    return _start("alembic", ["-m", "alembic", "-c", "alembic.ini", *args], url, seconds)


def django(url: str, *args: str, seconds: float = 0) -> subprocess.Popen[str]:
    """Start manage.py, whose second migration takes this many seconds; its own are those of the app shop."""
    return _start("django", ["manage.py", *args], url, seconds)


def _start(project: str, args: list[str], url: str, seconds: float) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *args],
        cwd=PROJECTS / project,
        env={**os.environ, "DATABASE_URL": url, "MIGRATION_SECONDS": str(seconds)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # Ctrl-C is for whoever started it, not a traceback of the tool's
    )
