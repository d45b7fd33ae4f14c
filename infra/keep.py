"""Keep a command running: started again when it dies, ended when this process is asked to end.

    python -m infra.keep [--user NAME] -- COMMAND…

A command that dies at once, three times in a row, is given up: something is wrong that another start will
not mend.
"""

import argparse
import signal
import subprocess
import sys
import time

AT_ONCE_S = 10.0
TIMES = 3


def keep(command: list[str], user: str | None) -> int:
    """Run `command` until SIGTERM; gives its last exit status."""
    is_ending = False
    child: subprocess.Popen[bytes] | None = None

    def end(_: int, __: object) -> None:
        nonlocal is_ending
        is_ending = True
        if child is not None:
            child.send_signal(signal.SIGINT)  # to all of our servers: finish what you do, quickly

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    deaths_at_once = 0
    while not is_ending:
        started = time.monotonic()
        child = subprocess.Popen(command, user=user, group=user and _group(user), extra_groups=[] if user else None)
        if is_ending:  # asked between the loop's question and the start
            child.send_signal(signal.SIGINT)
        status = child.wait()
        if is_ending:
            return status
        deaths_at_once = deaths_at_once + 1 if time.monotonic() - started < AT_ONCE_S else 0
        print(f"{command[0]} ended with status {status}", file=sys.stderr, flush=True)
        if deaths_at_once == TIMES:
            print(f"given up: it died at once {TIMES} times in a row", file=sys.stderr, flush=True)
            return status or 1
        time.sleep(1)
    return 0


def _group(user: str) -> int:
    import pwd

    return pwd.getpwnam(user).pw_gid


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m infra.keep", description=__doc__.splitlines()[0])
    parser.add_argument("--user", help="run the command as this user; needs root")
    parser.add_argument("command", nargs="+")
    arguments = parser.parse_args()
    sys.exit(keep(arguments.command, arguments.user))
