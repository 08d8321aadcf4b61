#!/usr/bin/env python3
"""Looks at the NAS once a day and prints one line per problem; cron mails the output.

Silence means that everything is fine. On the first of the month it prints a line anyway,
so that I notice when cron itself is dead.
"""

import datetime
import re
import subprocess
import sys

WARN_TEMPERATURE = 46     # degrees Celsius of a disk
WARN_FREE = 0.15          # part of the pool
MAX_SNAPSHOT_AGE = 3      # hours since the newest snapshot


def run(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, timeout=60).stdout


def pool_problems(status: str) -> list[str]:
    """Everything in `zpool status` that is not ONLINE, and every counter above zero."""
    problems = []
    for line in status.splitlines():
        words = line.split()
        if len(words) >= 5 and words[1].isupper() and words[0] != "NAME":
            name, state, *counters = words[:5]
            if state != "ONLINE":
                problems.append(f"{name} is {state}")
            if any(c != "0" for c in counters):
                problems.append(f"{name} has errors {'/'.join(counters)}")
    return problems


def disk_problems(smart: str, disk: str) -> list[str]:
    """Temperature, and the two attributes that announced the death of bay 2 in June 2025."""
    problems = []
    for attribute, limit in ((197, 0), (198, 0), (194, WARN_TEMPERATURE)):
        found = re.search(rf"^\s*{attribute}\s.*?(\d+)(?: \(.*\))?$", smart, re.MULTILINE)
        if found and int(found.group(1)) > limit:
            problems.append(f"{disk}: attribute {attribute} is {found.group(1)}")
    return problems


def free_problems(size: int, free: int) -> list[str]:
    if free / size < WARN_FREE:
        return [f"only {free / size:.0%} of the pool is free"]
    return []


def snapshot_problems(newest: datetime.datetime, now: datetime.datetime) -> list[str]:
    hours = (now - newest).total_seconds() / 3600
    if hours > MAX_SNAPSHOT_AGE:
        return [f"newest snapshot is {hours:.0f} h old"]
    return []


def main() -> int:
    now = datetime.datetime.now()
    problems = pool_problems(run("zpool", "status", "tank"))
    for disk in ("/dev/disk/by-bay/1", "/dev/disk/by-bay/2"):
        problems += disk_problems(run("smartctl", "-A", disk), disk)
    size, free = (int(x) for x in run("zpool", "list", "-Hpo", "size,free", "tank").split())
    problems += free_problems(size, free)
    stamp = run("zfs", "list", "-Hpo", "creation", "-t", "snapshot", "-s", "creation").split()[-1]
    problems += snapshot_problems(datetime.datetime.fromtimestamp(int(stamp)), now)
    for problem in problems:
        print(problem)
    if not problems and now.day == 1:
        print("monthly sign of life, nothing wrong")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
