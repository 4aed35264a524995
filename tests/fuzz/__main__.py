"""Fuzz each target for some seconds, guided by coverage: `python -m fuzz [--seconds N] [TARGET...]`.

Needs atheris, which is libFuzzer for Python. A target ends with its first fault, whose text is then told in Base64.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path


def main() -> int:
    """Fuzz the targets in turn, each in a process of its own, which libFuzzer ends."""
    from fuzz.targets import TARGETS  # noqa: PLC0415 - each process of a target must instrument it first

    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("targets", nargs="*", choices=[*TARGETS, []], help="all if none is named")
    given = parser.parse_args()
    failed = False
    for name in given.targets or TARGETS:
        with tempfile.TemporaryDirectory() as corpus:
            for number, seed in enumerate(TARGETS[name].seeds):
                Path(corpus, str(number)).write_bytes(seed.encode())
            limits = [f"-max_total_time={given.seconds}", "-timeout=10", "-max_len=2000", f"-artifact_prefix={corpus}/"]
            code = "import sys; from fuzz.__main__ import fuzz; fuzz(sys.argv)"
            ended = subprocess.run(
                [sys.executable, "-c", code, name, *limits, "-print_final_stats=1", corpus],
                check=False, stdout=sys.stdout, stderr=subprocess.PIPE, text=True, errors="replace",
            )  # fmt: skip
        runs = re.search(r"stat::number_of_executed_units: (\d+)", ended.stderr)
        covered = re.findall(r"cov: (\d+)", ended.stderr)
        print(f"{name:14} {runs[1] if runs else '?':>9} texts, {covered[-1] if covered else '?':>5} edges")
        if ended.returncode:
            print("\n".join(line for line in ended.stderr.splitlines() if not line.startswith("#")))
            failed = True
    return int(failed)


def fuzz(argv: list[str]) -> None:
    """Fuzz one target. Never returns."""
    import atheris  # noqa: PLC0415 - tests of the targets need none

    with atheris.instrument_imports(include=["gatekeeper"]):
        from fuzz.targets import TARGETS  # noqa: PLC0415
    run = TARGETS[argv[1]].run

    def one(content: bytes) -> None:
        run(content.decode(errors="replace"))

    atheris.Setup([argv[0], *argv[2:]], one)
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
