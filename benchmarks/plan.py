"""How often and how long: the plan of a recorded run, and a quick one to try the benchmark itself."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """Numbers of runs and seconds."""

    runs: int = 15
    """Of each program, one after the other in turn."""
    hold: float = 5
    """Seconds from a program's start to the Job's completion."""
    long_job: float = 600
    long_schema: float = 300
    """Seconds of the waits that are run for their CPU and their requests, side by side."""
    long_runs: int = 3
    polled: int = 40
    """Gates that are all there when a revision is applied, each with a pace of its own."""
    settle: float = 20
    """Seconds until a revision is applied: then no gate has waited for as long as 50 s, after which it is slower."""
    idle: float = 60
    """Seconds until the pace of a gate that looks at a database is at its slowest."""
    rollout: int = 300
    rollout_runs: int = 3
    watches: int = 1000
    watch_gates: int = 200
    """Of the watches, those that are held by real processes; the others by the gate's own reader, in threads."""
    watch_window: float = 65
    """Seconds over which the API server is observed, longer than one watch lasts."""
    watch_runs: int = 3
    polling_gates: int = 30
    cold_starts: int = 10


QUICK = Plan(
    runs=3,
    hold=2,
    long_job=65,
    long_schema=20,
    long_runs=2,
    polled=8,
    settle=8,
    idle=8,
    rollout=30,
    rollout_runs=1,
    watches=60,
    watch_gates=6,
    watch_window=10,
    watch_runs=1,
    polling_gates=3,
    cold_starts=2,
)
