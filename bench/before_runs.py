"""What is done to a contender: a step of load, the ladder of steps, the rush.

The generator is bench/before/rush.mjs for all of them. While it runs, each second is looked at from
outside: CPU and memory of each part, connections to PostgreSQL.
"""
import json
import subprocess
import time
from pathlib import Path

import before_sites
from progress import bar
from stack import cpu_of_parts
from why_machine import cpu_seconds_of_machine

STEADY_RATE = 300  # a second, as at the launch
PLAYERS = (3_000, 28_000)
STEADY_S, RAMP_S = 60, 360
P99_MS_MAX = 1000  # of a step of the ladder that still counts as kept up
GOOD_SHARE_LEAST = 0.99
SETTLE_S_MAX, SETTLED_CORES = 20, 0.2
LATE_MS = 5000  # after the end: without an answer by then it is lost
BUSY_SHARE = 0.9  # of what its processes can use: flat


def memory_mib(parts):
    """{part: MiB of its processes and their children, shared pages counted once}."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    out = {}
    for name, pids in parts.items():
        total_kib = 0
        for pid in [*pids, *(pid for pid, parent in parents.items() if parent in pids)]:
            try:
                text = Path(f"/proc/{pid}/smaps_rollup").read_text()
            except OSError:
                continue
            total_kib += int(text.split("\nPss:", 1)[1].split(None, 1)[0])
        out[name] = total_kib / 1024
    return out


class Look:
    """A moment of a site."""

    def __init__(self, site):
        self.at = time.monotonic()
        self.cpu = cpu_of_parts(site.parts)
        self.machine = cpu_seconds_of_machine()

    def since(self, before):
        """Cores that each part had, and the machine, since that look."""
        seconds = max(0.001, self.at - before.at)
        cores = {part: (cpu - before.cpu[part]) / seconds for part, cpu in self.cpu.items()}
        return {"cores": cores, "machine": (self.machine - before.machine) / seconds}


def generate(site, phases, seed, each_second=None, late_ms=LATE_MS):
    """Runs the generator to its end; its report."""
    settings = {"wire": site.contender.wire, "url": site.url, "channels": site.channels(),
                "batch": site.contender.batch, "seed": seed, "side": site.side,
                "late_ms": late_ms, "phases": phases}
    process = subprocess.Popen(
        [before_sites.NODE, before_sites.BEFORE / "rush.mjs", json.dumps(settings)],
        stdout=subprocess.PIPE, text=True, env=before_sites.clean_environment())
    try:
        for line in process.stdout:
            told = json.loads(line)
            if "report" in told:
                return told["report"]
            if each_second and "second" in told:
                each_second(told)
        raise SystemExit(f"bench/before/rush.mjs ended early with {process.wait()}")
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def flat(rate, seconds):
    return [{"seconds": seconds, "rate": [rate, rate], "players": [PLAYERS[1], PLAYERS[1]]}]


def step(site, rate, seconds, seed):
    """One step of load at a constant rate: what came of it, and what it cost."""
    before, counted = Look(site), site.watcher.counted()
    redis = site.redis_calls()
    most = {"connections": 0, "idle_in_transaction": 0}

    def see(_):
        most["connections"], most["idle_in_transaction"] = map(
            max, zip((most["connections"], most["idle_in_transaction"]),
                     site.watcher.connections()))

    report = generate(site, flat(rate, seconds), seed, see)
    look = Look(site)
    time.sleep(0.6)  # PostgreSQL's counters come late
    after = site.watcher.counted()
    answered = max(1, report["ok"])
    good = report["ok"] / max(1, report["due"])
    return {
        "rate": rate, "seconds": seconds, "good_share": good,
        **{name: report[name] for name in ("due", "ok", "granted", "failed", "lost", "unsent",
                                           "p50_ms", "p99_ms", "generator_cpu_s")},
        "kept_up": good >= GOOD_SHARE_LEAST and report["p99_ms"] <= P99_MS_MAX
        and report["unsent"] == 0,
        "cpu_s": {part: cpu - before.cpu[part] for part, cpu in look.cpu.items()},
        "cpu_s_per_million": 1e6 * sum(look.cpu[part] - before.cpu[part]
                                       for part in look.cpu) / answered,
        "machine_cores": look.since(before)["machine"],
        "memory_mib": memory_mib(site.parts),
        "statements": after["statements"] - counted["statements"],
        "sessions": after["sessions"] - counted["sessions"],
        "redis_calls": site.redis_calls() - redis,
        "bytes": report["sent_bytes"] + report["received_bytes"], **most,
    }


def ladder(site, seconds, say, most, pause):
    """Steps of growing load until one is not kept up with."""
    rate, steps = min(site.contender.first_rate, most), []
    while rate <= most:
        steps.append(step(site, int(rate), seconds, seed=1 + len(steps)))
        last = steps[-1]
        say(f"{last['rate']:>9,}/s  {100 * last['good_share']:6.2f} % answered,"
            f" p99 {last['p99_ms']:7.1f} ms, {last['cpu_s_per_million']:9.1f} CPU-s a million")
        if not last["kept_up"] or site.service.poll() is not None:
            break
        rate *= site.contender.factor
        time.sleep(pause)
    return steps


def settle(site):
    """Waits until what the last step left behind is done, for a while at most."""
    for _ in range(SETTLE_S_MAX):
        before = Look(site)
        time.sleep(1)
        if sum(Look(site).since(before)["cores"].values()) < SETTLED_CORES:
            return


def rush(site, speed, scale, say):
    """The story: 300 requests a second, then 3,000 to 28,000 players of a step a second each;
    `scale` makes the load smaller."""
    phases = [
        {"seconds": STEADY_S / speed, "rate": [STEADY_RATE * scale] * 2,
         "players": [PLAYERS[0]] * 2},
        {"seconds": RAMP_S / speed, "rate": [scale * players for players in PLAYERS],
         "players": list(PLAYERS)},
    ]
    rows, looks = [], [Look(site)]
    total = sum(phase["seconds"] for phase in phases)

    def see(told):
        connections, idle = site.watcher.connections()
        looks.append(Look(site))
        rows.append({"second": told["second"], "connections": connections,
                     "idle_in_transaction": idle, **looks[-1].since(looks[-2])})
        say(f"{bar(told['second'] / total)} {told['second']:>3} s  {told['ok']:>9,} answered,"
            f" {told['failed'] + told['lost']:>9,} not yet or never,"
            f" {connections:>4} connections")

    report = generate(site, phases, 101, see)
    seconds = report["seconds"]
    return {
        **{name: report[name] for name in ("due", "ok", "granted", "failed", "lost", "unsent",
                                           "p50_ms", "p99_ms")},
        "speed": speed, "seconds": seconds, "seen": rows,
        "memory_mib": memory_mib(site.parts),
        "broke": broke(site, report, rows), "ended_with": site.service.poll(),
    }


def broke(site, report, rows):
    """The first second of which a part was not answered in time; None where there is none."""
    for i, second in enumerate(report["seconds"]):
        good = second["ok"] >= GOOD_SHARE_LEAST * second["due"]
        if second["due"] and (not good or second["p99_ms"] > P99_MS_MAX):
            seen = rows[min(i, len(rows) - 1)]
            return {"second": i, "rate": second["due"], "p99_ms": second["p99_ms"],
                    "good_share": second["ok"] / second["due"],
                    "connections": max(row["connections"] for row in rows),
                    "service_cores": seen["cores"]["service"], "machine": seen["machine"]}
    return None


def flat_seconds(site, run):
    """How many seconds the service used up the cores that its processes can use."""
    most = min(site.contender.workers, 2)
    return sum(row["cores"]["service"] >= BUSY_SHARE * most for row in run["seen"])
