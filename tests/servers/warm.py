"""The program in processes that have its modules already: for many short runs, starting would be most of the time."""

import multiprocessing
import os
import sys
from pathlib import Path

from gatekeeper.__main__ import main

CONTEXT = multiprocessing.get_context("forkserver")
EDGES = [f"gatekeeper.histories.{name}" for name in ("directories", "mysql", "postgres")]
CONTEXT.set_forkserver_preload(["gatekeeper.cli.main", *EDGES])


def start(argv: list[str], url: str, termination_log: Path) -> multiprocessing.process.BaseProcess:
    """Start the program; its exit code is the process's."""
    process = CONTEXT.Process(target=_run, args=(argv, url, str(termination_log)))
    process.start()
    return process


def _run(argv: list[str], url: str, termination_log: str) -> None:
    os.environ.update(DATABASE_URL=url, GATEKEEPER_TERMINATION_LOG=termination_log)
    sys.argv[1:] = argv
    sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - until the process ends
    main()
