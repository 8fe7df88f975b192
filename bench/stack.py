"""The benchmark `stack`: the whole of it on one machine, 7 Redis nodes and 2 PostgreSQL shards.

First the reference load on the bus in process (`hunt up`), with what a grant costs in rows, log and
cache operations. Then the Starlight Rush over NATS, with the relay and 500 tile changes a second:
cold, with an empty cache, and with everything read ahead. Each figure is one run.
"""
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/chaos"))
from parts import Stack  # pylint: disable=wrong-import-position
from hunt_process import HuntProcess, clean_environment  # pylint: disable=wrong-import-position

REDIS_NODES = 7
TICKS = os.sysconf("SC_CLK_TCK")
WARM_SECONDS = 5  # of a run, not in the figures of CPU


def fields_of(stat):
    return [int(field) for field in stat.read_text().rpartition(")")[2].split()[1:]]


def cpu_seconds(pid):
    return sum(fields_of(Path(f"/proc/{pid}/stat"))[10:12]) / TICKS


def cpu_by_parent():
    """{pid: (its parent, CPU seconds of it and of its children that ended)} of this machine."""
    out = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = fields_of(stat)
        except OSError:
            continue
        out[int(stat.parent.name)] = (fields[0], sum(fields[10:14]) / TICKS)
    return out


def cpu_of_parts(parts):
    """{part: CPU seconds so far}; a part is the processes of some pids and their children."""
    processes = cpu_by_parent()
    return {name: sum(cpu for pid, (parent, cpu) in processes.items()
                      if pid in pids or parent in pids) for name, pids in parts.items()}


class Watch(threading.Thread):
    """Looks each second: CPU of a process, and connections to PostgreSQL."""

    def __init__(self, stack, pid):
        super().__init__(daemon=True)
        self.stack, self.pid = stack, pid
        self.over = threading.Event()
        self.cores, self.connections = [], []
        self.start()

    def run(self):
        cpu, at = cpu_seconds(self.pid), time.monotonic()
        while not self.over.wait(1):
            try:
                cpu_now, now = cpu_seconds(self.pid), time.monotonic()
            except OSError:
                return
            self.cores.append((cpu_now - cpu) / (now - at))
            self.connections.append(connections(self.stack))
            cpu, at = cpu_now, now

    def stop(self):
        self.over.set()
        self.join()


def connections(stack):
    """Of clients to both shards, without those that look."""
    return sum(int(server.psql("SELECT count(*) FROM pg_stat_activity WHERE datname = 'hunt' AND"
                               " backend_type IN ('client backend', 'walsender') AND"
                               " application_name <> 'psql'").stdout)
               for server in stack.postgres)


def written(stack):
    """(rows inserted or updated, bytes of log) of both shards so far."""
    rows = log_bytes = 0
    for server in stack.postgres:
        rows += int(server.psql("SELECT sum(n_tup_ins + n_tup_upd) FROM pg_stat_user_tables"
                                " WHERE relname <> 'feed'").stdout)
        log_bytes += int(server.psql("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')").stdout)
    return rows, log_bytes


def redis_commands(stack):
    """Commands that clients gave, without those of the cluster itself."""
    count = 0
    for node in stack.redis:
        count += sum(int(calls) for name, calls in
                     re.findall(r"^cmdstat_([\w|]+):calls=(\d+)",
                                node.command("INFO", "commandstats"), re.M)
                     if name in ("eval", "evalsha", "hgetall", "hget", "hmget", "hset", "pexpire"))
    return count


def metrics(server):
    """{line without its value: value} of /metrics."""
    text = server.get("/metrics").body.decode()
    out = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            out[name] = float(value)
    return out


def hit_ratio(before, after, level):
    """Of look-ups in between."""
    counts = {result: after.get(name, 0) - before.get(name, 0) for result in ("hit", "miss")
              for name in [f'hunt_cache_lookups_total{{level="{level}",result="{result}"}}']}
    total = sum(counts.values())
    return 100 * counts["hit"] / total if total else 100.0


def say(text):
    print(f"  stack: {text}", flush=True)


def run_in_process(stack, seconds, small):
    """The reference load on `hunt up` with the cluster and both shards."""
    rows, log_bytes = written(stack)
    commands = redis_commands(stack)
    process = HuntProcess(stack.folder, "up", *stack.store_words, "--cache", stack.cache,
                          "--seconds", seconds, "--json", *small)
    watch = Watch(stack, process.process.pid)
    try:
        code = process.wait_exit(seconds + 120)
    finally:
        watch.stop()
        process.kill()
    if code != 0:
        raise SystemExit(f"hunt up failed with {code}:\n{process.output[-2000:]}")
    report = json.loads(next(line for line in process.lines if line.startswith("{")))
    time.sleep(2)  # PostgreSQL's counters come late
    more_rows, more_bytes = written(stack)
    grants = max(1, report["grants"])
    return {
        "report": report, "connections": watch.connections,
        "rows_per_grant": (more_rows - rows) / grants,
        "wal_per_grant": (more_bytes - log_bytes) / grants,
        "redis_per_grant": (redis_commands(stack) - commands) / grants,
    }


def run_rush(stack, seconds, small, flags):
    """The rush over NATS on one orchestrator that was started for it."""
    stack.start_hunt(1, flags)
    server = stack.orchestrators[0]
    try:
        before_players = connections(stack)
        before = metrics(server)
        watch = Watch(stack, server.process.pid)
        parts = {"orchestrator": [server.process.pid], "relay": [stack.relay.process.pid],
                 "nats-server": [stack.nats.process.pid],
                 "Redis": [node.process.pid for node in stack.redis],
                 "PostgreSQL": [one.process.pid for one in stack.postgres]}
        cpu_before = cpu_of_parts(parts)
        rush = subprocess.run(
            [str(ROOT / "build/hunt"), "rush", "--json", "--target", stack.nats.url, "--url",
             f"http://127.0.0.1:{server.port}", "--admin-token-file",
             str(stack.folder / "admin-token"), "--scenario",
             str(ROOT / "examples/scenarios/starlight.yaml"), "--seconds", str(seconds),
             *map(str, small)],
            cwd=stack.folder, env=clean_environment(), capture_output=True, text=True, check=False)
        watch.stop()
        if rush.returncode != 0:
            raise SystemExit(f"hunt rush failed with {rush.returncode}:\n{rush.stderr[-2000:]}")
        after = metrics(server)
        cpu = {name: seconds_after - cpu_before[name]
               for name, seconds_after in cpu_of_parts(parts).items()}
        time.sleep(1)
        return {
            "report": json.loads(rush.stdout), "cores": watch.cores[WARM_SECONDS:],
            "cpu_seconds": cpu,
            "connections": [before_players, *watch.connections, connections(stack)],
            "l1": hit_ratio(before, after, "l1"), "l2": hit_ratio(before, after, "l2"),
        }
    finally:
        for process in [server, stack.relay]:
            process.stop()


def run_drain(stack, rounds):
    """Changed tiles per second that a relay catches up with, after nobody relayed for a while."""
    changes = 0
    for i in range(rounds):
        for server in stack.postgres:
            # Each row by itself is a change; a thousand of them a transaction.
            server.psql(f"""DO $$ DECLARE at bigint; BEGIN
                FOR at IN SELECT n FROM generate_series(0, 63) n LOOP
                  UPDATE loot_tiles SET closes_us = {i + 1} WHERE spawn % 64 = at;
                  COMMIT;
                END LOOP; END $$""")
            changes += int(server.psql("SELECT count(*) FROM loot_tiles WHERE spawn <> 0").stdout)
    ends = [server.psql("SELECT pg_current_wal_lsn()").stdout.strip() for server in stack.postgres]
    begun = time.monotonic()
    relay = HuntProcess(stack.folder, "relay", *stack.words, listen=False)
    try:
        for server, end in zip(stack.postgres, ends):
            while server.psql("SELECT count(*) FROM pg_replication_slots WHERE"
                              f" confirmed_flush_lsn >= '{end}'").stdout.strip() != "1":
                if time.monotonic() > begun + 300:
                    raise SystemExit("the relay did not catch up in 300 s:\n" + relay.output)
                time.sleep(0.05)
        return changes / (time.monotonic() - begun)
    finally:
        relay.stop()


def ms(summary, quantile):
    return 1e3 * summary[quantile]


def together(l1, l2):
    """Per cent of look-ups that memory had, or the cache of what memory lacked."""
    return 100 - (100 - l1) * (100 - l2) / 100


def rows_of(inproc, cold, warm, drain):
    """{row id: [value]}."""
    report, seen = inproc["report"], inproc["connections"]
    hits = {level: 100 * report["hit_ratio"][level] for level in ("l1", "l2")}
    rows = {
        "relay/drain": drain,
        "inproc/both": together(hits["l1"], hits["l2"]), "inproc/l2": hits["l2"],
        "inproc/p50": ms(report["latency_seconds"], "p50"),
        "inproc/p99": ms(report["latency_seconds"], "p99"),
        "inproc/l1": hits["l1"],
        "inproc/loot": 100 * report["hit_ratio"]["l1_loot"],
        "inproc/load_p99": ms(report["store_seconds"], "p99"),
        "inproc/grant_p99": ms(report["grant_seconds"], "p99"),
        "inproc/busy": report["outcomes"]["busy"],
        "inproc/rate": report["positions_per_second"],
        "inproc/rows": inproc["rows_per_grant"], "inproc/wal": inproc["wal_per_grant"],
        "inproc/redis": inproc["redis_per_grant"],
        "inproc/connections": max(seen),
    }
    for name, run in (("cold", cold), ("warm", warm)):
        report = run["report"]
        seconds = report["seconds"]
        before, *during, after = run["connections"]
        rows |= {
            f"{name}/p50": ms(report["latency_seconds"], "p50"),
            f"{name}/p99": ms(report["latency_seconds"], "p99"),
            f"{name}/l1": run["l1"], f"{name}/l2": run["l2"],
            f"{name}/both": together(run["l1"], run["l2"]),
            f"{name}/loot": 100 * report["hit_ratio"]["l1_loot"],
            f"{name}/l2_p50": ms(report["cache_seconds"], "p50"),
            f"{name}/l2_p99": ms(report["cache_seconds"], "p99"),
            f"{name}/load_p50": ms(report["store_seconds"], "p50"),
            f"{name}/load_p99": ms(report["store_seconds"], "p99"),
            f"{name}/grant_p50": ms(report["grant_seconds"], "p50"),
            f"{name}/grant_p99": ms(report["grant_seconds"], "p99"),
            f"{name}/change_p50": ms(report["invalidation_seconds"], "p50"),
            f"{name}/change_p99": ms(report["invalidation_seconds"], "p99"),
            f"{name}/cores_max": max(run["cores"], default=0),
            f"{name}/cores": run["cpu_seconds"]["orchestrator"] / seconds,
            f"{name}/cores_all": sum(run["cpu_seconds"].values()) / seconds
            + report["cpu_seconds"]["generator"] / seconds,
            f"{name}/busy": report["outcomes"]["busy"], f"{name}/lost": report["lost"],
            f"{name}/changes": report["tile_changes"] / seconds,
            f"{name}/grants": report["grants"],
            f"{name}/connections_before": before, f"{name}/connections_after": after,
            f"{name}/connections": max(during, default=0),
        }
    return {row: [value] for row, value in rows.items()}


def measure(smoke=False):
    """All values of the `stack` benchmark, by row id."""
    seconds, rush_seconds, small = 60, 360, []
    if smoke:
        seconds, rush_seconds, small = 3, 3, ["--players", 500, "--rate", 2_000]
    with tempfile.TemporaryDirectory(prefix="hunt-stack-") as name:
        stack = Stack(Path(name), 3 if smoke else REDIS_NODES)
        try:
            stack.bury_demo()
            say("the reference load in one process")
            inproc = run_in_process(stack, seconds, small)
            stack.break_flushall()
            say("the Starlight Rush over NATS, cold")
            cold = run_rush(stack, rush_seconds, small, ["--no-prewarm"])
            say("the Starlight Rush over NATS, read ahead")
            warm = run_rush(stack, rush_seconds, small, [])
            say("a relay that has to catch up")
            drain = run_drain(stack, 1 if smoke else 5)
            audit = stack.hunt("audit", *stack.store_words)
            if audit.returncode != 0:
                raise SystemExit(f"hunt audit: {audit.stdout}{audit.stderr}")
            return rows_of(inproc, cold, warm, drain)
        finally:
            stack.close()
