"""What the machine does beside a trial: who has the cores, and who waits for one; CPU quotas."""
import os
import time
from pathlib import Path

INSTRUMENT_NICE = -10
TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds_of_machine():
    """Of all cores, without idle and waiting for disks."""
    user, nice, system, _, _, irq, soft, steal = map(
        int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9])
    return (user + nice + system + irq + soft + steal) / TICKS


def put_first(task):
    """Gives a process or a thread its turn before others, where that is allowed: an instrument that
    waits for a core would show a wait that is none of the fleet's."""
    try:
        os.setpriority(os.PRIO_PROCESS, task, INSTRUMENT_NICE)
    except OSError:
        pass


def family():
    """CPU seconds so far of this process and all that it started, and of those that ended."""
    stats = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        stats[int(stat.parent.name)] = (int(fields[1]), sum(map(int, fields[11:15])) / TICKS)
    ours, grew = {os.getpid()}, True
    while grew:
        more = {pid for pid, (parent, _) in stats.items() if parent in ours} - ours
        ours |= more
        grew = bool(more)
    return sum(stats[pid][1] for pid in ours if pid in stats)


class Others:
    """Cores that nobody of ours had since it was made."""

    def __init__(self):
        self.machine, self.ours, self.at = cpu_seconds_of_machine(), family(), time.monotonic()

    def cores(self):
        seconds = max(0.01, time.monotonic() - self.at)
        took = cpu_seconds_of_machine() - self.machine - (family() - self.ours)
        return max(0.0, took / seconds)


def starved_seconds(pid):
    """How long the thread that waited longest was ready and had no core, so far."""
    longest = 0
    for task in Path(f"/proc/{pid}/task").glob("[0-9]*/schedstat"):
        try:
            longest = max(longest, int(task.read_text().split()[1]))
        except OSError:
            continue
    return longest / 1e9


class Quota:
    """A control group of its own that lets some processes have a part of a core.

    Needs the right to make one: usable() says so. Control groups of either version.
    """

    ONE = Path("/sys/fs/cgroup/cpu")  # version 1
    TWO = Path("/sys/fs/cgroup")
    PERIOD_US = 100_000

    def __init__(self, name, pids, share):
        quota_us = int(self.PERIOD_US * share)
        self.pids = pids
        if (self.ONE / "cpu.cfs_quota_us").exists():
            self.root = self.ONE
            self.group = self.ONE / name
            self.group.mkdir()
            (self.group / "cpu.cfs_period_us").write_text(str(self.PERIOD_US))
            (self.group / "cpu.cfs_quota_us").write_text(str(quota_us))
        else:
            self.root = self.TWO
            self.group = self.TWO / name
            self.group.mkdir()
            (self.group / "cpu.max").write_text(f"{quota_us} {self.PERIOD_US}")
        for pid in pids:
            (self.group / "cgroup.procs").write_text(str(pid))

    def end(self):
        for pid in self.pids:
            (self.root / "cgroup.procs").write_text(str(pid))
        self.group.rmdir()

    @classmethod
    def usable(cls):
        try:
            cls(f"hunt-why-try-{os.getpid()}", [], 0.5).end()
        except OSError:
            return False
        return True
