"""Start a program as a container would, and tell when it began and ended, and what the kernel counted of it.

    python -I -S launch.py ROOT USER PROGRAM [ARGUMENT...]

A process of its own, and a small one: the peak memory that wait4(2) tells of a child is at least its parent's at the
fork, so the benchmark, which is larger than a gate, cannot start one itself. What the program writes goes to stderr.
"""

import json
import os
import sys
import time
import warnings  # noqa: F401 - execvp imports it, and could not once the root is another


def main(root: str, user: int, command: list[str]) -> None:
    """Run the command in this root as this user, and print one JSON object once it has ended."""
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        os.dup2(2, 1)
        if root != "/":
            os.chroot(root)
            os.chdir("/")
        if user != os.getuid():
            os.setgroups([])
            os.setgid(user)
            os.setuid(user)
        try:
            os.execvp(command[0], command)
        except OSError as fault:
            os.write(2, f"{command[0]}: {fault}\n".encode())
        os._exit(127)
    _, status, usage = os.wait4(child, 0)
    told = {
        "began": began,
        "ended": time.monotonic(),
        "code": os.waitstatus_to_exitcode(status),
        "cpu": usage.ru_utime + usage.ru_stime,
        "rss": usage.ru_maxrss / 1024,
    }
    print(json.dumps(told))


main(sys.argv[1], int(sys.argv[2]), sys.argv[3:])
