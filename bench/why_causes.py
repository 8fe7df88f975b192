"""What `script/bench why` breaks, and what `hunt why` may call it.

A cause is a context manager: it breaks something of a fleet, with size and place from a seeded
generator, yields a Plant that says what, and mends it. EXPECTED is the table by which verdicts are
judged, written down before any was seen: a delay on the way to a shard is right only as the round
trip to that shard, a held row only as a lock of it. In a pattern * stands for any text.
"""
import math
import os
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from why_fleet import ORCHESTRATORS, REDIS_NODES, SHARDS, Flood
from why_machine import Quota

# An orchestrator whose own ways are well may wait for what another one, which is struck, reads for
# both (cache_miss), or holds of the stream (bus). That is what it can know.
ELSEWHERE = [("none", "*"), ("cache_miss", "cache"), ("bus", "bus")]
# Planted cause: (cause, resource) that are right where it strikes.
EXPECTED = {
    "none": [("none", "*")],
    "shard_delay": [("round_trip", "shard {shard}")],
    "shard_blackhole": [("round_trip", "shard {shard}")],
    "shard_resets": [("round_trip", "shard {shard}")],
    "shard_bandwidth": [("round_trip", "shard {shard}")],
    "redis_delay": [("round_trip", "cache"), ("round_trip", "cache {node}")],
    "redis_flush": [("cache_miss", "cache*")],
    "bus_delay": [("bus", "bus")],
    "bus_backlog": [("bus", "bus")],
    "tenant": [("cpu", "*")],
    "quota": [("cpu", "*"), ("throttle", "*")],
    "stopped": [("throttle", "lanes")],
    "row_lock": [("lock", "shard {shard}")],
    "table_lock": [("lock", "shard {shard}")],
    "convoy": [("lock", "shard {shard}")],
    "slow_standby": [("commit", "shard {shard}")],
    "slow_flush": [("commit", "shard {shard}")],
    "slow_statement": [("server", "shard {shard}")],
    "slow_reads": [("server", "shard {shard}")],
    # A call takes 64 claims, so that one at a time is too few only where each is slow: either is so.
    "few_calls": [("limit", "shard {shard}"), ("round_trip", "shard {shard}")],
    "http_front": [("cpu", "*")],
    "two_shards": [("round_trip", "shard 0"), ("round_trip", "shard 1")],
    "shard_and_redis": [("round_trip", "shard {shard}"), ("round_trip", "cache*")],
}
BOTH = tuple(range(ORCHESTRATORS))
LOCK_PATIENCE_SECONDS = 600
RESTARTED_SECONDS = 8  # what was under way when the processes were ended has come again by then


@dataclass
class Plant:
    """What was broken: shown figures, what fills the patterns, and where it strikes."""
    size: dict
    where: dict = field(default_factory=dict)
    at: tuple = BOTH
    flood: Flood = None  # more load, at at[0], which knows what its players felt


def accepted(cause, plant, orchestrator):
    """The (cause, resource) patterns that are right of an orchestrator."""
    rows = EXPECTED[cause] if orchestrator in plant.at else ELSEWHERE
    if cause == "http_front":  # the load fills the machine for both
        rows = EXPECTED[cause] + rows
    return [(name, resource.format(**{"node": "", **plant.where})) for name, resource in rows]


def log_uniform(random, low, high):
    """As often between 20 and 40 as between 200 and 400."""
    return math.exp(random.uniform(math.log(low), math.log(high)))


def some(random):
    """Both orchestrators, or in one of three trials one of them."""
    return random.choice([BOTH, BOTH, BOTH, BOTH, (0,), (1,)])


@contextmanager
def nothing(_fleet, _random):
    yield Plant({})


@contextmanager
def gates(fleet, names, mend, **what):
    fleet.gates.set(names, **what)
    try:
        yield
    finally:
        fleet.gates.set(names, **mend)


@contextmanager
def shard_delay(fleet, random):
    shard, at, rtt_ms = random.randrange(SHARDS), some(random), log_uniform(random, 20, 500)
    with gates(fleet, fleet.shard_gates(shard, at), {"delay_s": 0}, delay_s=rtt_ms / 2e3):
        yield Plant({"rtt_ms": round(rtt_ms)}, {"shard": shard}, at)


@contextmanager
def shard_blackhole(fleet, random):
    shard, at = random.randrange(SHARDS), some(random)
    with gates(fleet, fleet.shard_gates(shard, at), {"closed": False}, closed=True):
        yield Plant({}, {"shard": shard}, at)


@contextmanager
def shard_resets(fleet, random):
    shard, at, every_s = random.randrange(SHARDS), some(random), log_uniform(random, 0.05, 0.5)
    with gates(fleet, fleet.shard_gates(shard, at), {"reset_every_s": 0}, reset_every_s=every_s):
        yield Plant({"every_ms": round(1e3 * every_s)}, {"shard": shard}, at)


@contextmanager
def shard_bandwidth(fleet, random):
    shard, at, rate = random.randrange(SHARDS), some(random), round(log_uniform(random, 1e4, 4e4))
    with gates(fleet, fleet.shard_gates(shard, at), {"bytes_per_second": 0}, bytes_per_second=rate):
        yield Plant({"kB_per_s": round(rate / 1e3)}, {"shard": shard}, at)


@contextmanager
def redis_delay(fleet, random):
    """To one node or to all. An operation has 50 ms: beyond that a node is as good as gone."""
    rtt_ms = log_uniform(random, 10, 200)
    node = random.choice([None, None, *range(REDIS_NODES)])
    names = fleet.redis_gates if node is None else [fleet.redis_gates[node]]
    where = {"node": "*" if node is None else f"*{fleet.gate_ports[names[0]]}"}
    with gates(fleet, names, {"delay_s": 0}, delay_s=rtt_ms / 2e3):
        yield Plant({"rtt_ms": round(rtt_ms), "nodes": len(names)}, where)


@contextmanager
def flushes(fleet, every_s):
    over = threading.Event()

    def loop():
        while not over.wait(every_s):
            for node in fleet.redis:
                node.command("FLUSHALL")

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@contextmanager
def redis_flush(fleet, random):
    every_s = log_uniform(random, 0.02, 0.2)
    with flushes(fleet, every_s):
        yield Plant({"every_ms": round(1e3 * every_s)})


@contextmanager
def bus_delay(fleet, random):
    at, rtt_ms = some(random), log_uniform(random, 20, 300)
    names = [fleet.bus_gates[one] for one in at]
    with gates(fleet, names, {"delay_s": 0}, delay_s=rtt_ms / 2e3):
        yield Plant({"rtt_ms": round(rtt_ms)}, at=at)


@contextmanager
def bus_backlog(fleet, random):
    """Nobody takes what is stored for a while; then all of it comes at once."""
    away_s = log_uniform(random, 2, 6)
    with gates(fleet, fleet.bus_gates, {"closed": False}, closed=True):
        time.sleep(away_s)
    yield Plant({"away_s": round(away_s, 1)})


@contextmanager
def tenant(_fleet, random):
    """Somebody else's programs on every core."""
    count = (os.cpu_count() or 1) * random.choice([2, 3, 4, 6])
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield Plant({"loops": count})
    finally:
        for one in busy:
            one.kill()
            one.wait()


@contextmanager
def quota(fleet, random):
    """Less of a core than an orchestrator needs."""
    at, share = some(random), random.uniform(0.02, 0.06)
    with ExitStack() as stack:
        for one in at:
            group = Quota(f"hunt-why-{os.getpid()}-{one}", [fleet.pid(one)], share)
            stack.callback(group.end)
        yield Plant({"cores": round(share, 3)}, at=at)


@contextmanager
def stopped(fleet, random):
    """One of the orchestrators stands still for a part of each period."""
    one, period_s = random.randrange(ORCHESTRATORS), log_uniform(random, 0.3, 3)
    share = random.uniform(0.4, 0.8)
    over = threading.Event()

    def loop():
        while not over.is_set():
            fleet.signal(one, "SIGSTOP")
            over.wait(period_s * share)
            fleet.signal(one, "SIGCONT")
            over.wait(period_s * (1 - share))

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield Plant({"stopped_ms": round(1e3 * period_s * share),
                     "of_ms": round(1e3 * period_s)}, at=(one,))
    finally:
        over.set()
        thread.join()
        fleet.signal(one, "SIGCONT")


@contextmanager
def session(fleet, shard, sql, count=1):
    """People in psql, who are sent away at the end."""
    server = fleet.postgres[shard]
    people = [subprocess.Popen(
        ["psql", "-h", "127.0.0.1", "-p", str(server.port), "-U", "hunt", "-d", "hunt", "-qX",
         "-c", sql], env={**os.environ, "PGAPPNAME": "lunch"}, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in range(count)]
    try:
        yield
    finally:
        server.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE application_name = 'lunch'")
        for one in people:
            one.kill()
            one.wait()


@contextmanager
def row_lock(fleet, random):
    """A transaction of a human that keeps rows."""
    shard, percent = random.randrange(SHARDS), random.choice([20, 50, 100])
    sql = (f"BEGIN; SELECT count(*) FROM (SELECT 1 FROM loot_tiles WHERE spawn % 100 < {percent}"
           f" FOR UPDATE) held; SELECT pg_sleep({LOCK_PATIENCE_SECONDS})")
    with session(fleet, shard, sql):
        yield Plant({"percent": percent}, {"shard": shard})


@contextmanager
def table_lock(fleet, random):
    shard = random.randrange(SHARDS)
    with session(fleet, shard, "BEGIN; LOCK TABLE loot_tiles;"
                 f" SELECT pg_sleep({LOCK_PATIENCE_SECONDS})"):
        yield Plant({}, {"shard": shard})


@contextmanager
def convoy(fleet, random):
    """Several writers in turn on one tile, where players dig, too."""
    shard, count = random.randrange(SHARDS), random.choice([1, 2, 4])
    hold_s = log_uniform(random, 0.1, 0.5)
    x, y = fleet.hot[shard]
    sql = f"""DO $$ BEGIN LOOP
        PERFORM 1 FROM loot_tiles WHERE budget = 1000000 FOR UPDATE;
        PERFORM pg_sleep({hold_s}); COMMIT; PERFORM pg_sleep(0.002); END LOOP; END $$"""
    fleet.client.hot, fleet.client.hot_digs = (x, y), 50
    try:
        with session(fleet, shard, sql, count):
            yield Plant({"hold_ms": round(1e3 * hold_s), "writers": count}, {"shard": shard})
    finally:
        fleet.client.hot = None


@contextmanager
def setting(fleet, shard, **values):
    """Settings of a shard's server, as ALTER SYSTEM makes them; of lists a tuple."""
    server = fleet.postgres[shard]

    def shown(value):
        return ", ".join(value) if isinstance(value, tuple) else f"'{value}'"

    def change(sql):
        for name in values:
            server.psql(sql(name), database="postgres")
        server.psql("SELECT pg_reload_conf()", database="postgres")

    change(lambda name: f"ALTER SYSTEM SET {name} = {shown(values[name])}")
    try:
        yield
    finally:
        change(lambda name: f"ALTER SYSTEM RESET {name}")


@contextmanager
def slow_standby(fleet, random):
    """Commits wait for a standby far away: pg_receivewal behind a gate."""
    shard, rtt_ms = random.randrange(SHARDS), log_uniform(random, 30, 400)
    gate = f"standby{time.monotonic_ns()}"
    port = fleet.gates.add(gate, fleet.postgres[shard].port)
    folder = fleet.folder / gate
    folder.mkdir()
    standby = subprocess.Popen(
        ["pg_receivewal", "--synchronous", "-h", "127.0.0.1", "-p", str(port), "-U", "hunt", "-D",
         str(folder)], env={**os.environ, "PGAPPNAME": "far"}, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL)
    try:
        time.sleep(1)
        fleet.gates.set([gate], delay_s=rtt_ms / 2e3)
        with setting(fleet, shard, synchronous_standby_names="far"):
            yield Plant({"rtt_ms": round(rtt_ms)}, {"shard": shard})
    finally:
        standby.kill()
        standby.wait()


@contextmanager
def slow_flush(fleet, random):
    """A slow fsync: commit_delay, which waits before each of them."""
    shard, delay_ms = random.randrange(SHARDS), log_uniform(random, 30, 100)
    with setting(fleet, shard, commit_delay=round(1e3 * delay_ms), commit_siblings=0):
        yield Plant({"delay_ms": round(delay_ms)}, {"shard": shard})


@contextmanager
def slow_statement(fleet, random):
    """Each insertion into the ledger takes its time."""
    shard, sleep_ms = random.randrange(SHARDS), log_uniform(random, 30, 400)
    server = fleet.postgres[shard]
    server.psql(f"""CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN PERFORM pg_sleep({sleep_ms / 1e3}); RETURN NULL; END $$;
        CREATE TRIGGER dawdle BEFORE INSERT ON grants EXECUTE FUNCTION dawdle()""")
    try:
        yield Plant({"sleep_ms": round(sleep_ms)}, {"shard": shard})
    finally:
        server.psql("DROP FUNCTION dawdle CASCADE")


@contextmanager
def slow_reads(fleet, random):
    """Each statement that reads chunks takes its time, and the cache is cold again and again. What
    it calls is found in another schema first: the hunt's own functions are made again when somebody
    changes them."""
    shard, sleep_ms = random.randrange(SHARDS), log_uniform(random, 30, 300)
    server = fleet.postgres[shard]
    # Once for each statement; grants ask for ranges by others.
    server.psql(f"""CREATE SCHEMA lunch;
        CREATE FUNCTION lunch.range_of(the_world bigint, tile bigint)
        RETURNS TABLE (id bigint, owned boolean, epoch bigint) LANGUAGE plpgsql STABLE AS $$
        BEGIN
          IF current_query() LIKE '%BETWEEN k.low AND k.high%' AND current_setting('lunch.at', true)
              IS DISTINCT FROM statement_timestamp()::text THEN
            PERFORM set_config('lunch.at', statement_timestamp()::text, false);
            PERFORM pg_sleep({sleep_ms / 1e3});
          END IF;
          RETURN QUERY SELECT * FROM public.range_of(the_world, tile);
        END $$""")
    try:
        with setting(fleet, shard, search_path=("lunch", "public")), flushes(fleet, 3):
            yield Plant({"sleep_ms": round(sleep_ms)}, {"shard": shard})
    finally:
        server.psql("DROP SCHEMA lunch CASCADE")


@contextmanager
def http_front(fleet, random):
    """More single positions over HTTP than one thread reads and answers."""
    rate = random.choice([30_000, 45_000, 60_000])
    one = random.randrange(ORCHESTRATORS)
    flood = Flood(f"http://127.0.0.1:{fleet.orchestrators[one].port}", rate)
    try:
        yield Plant({"rate": rate}, at=(one,), flood=flood)
    finally:
        flood.end()


@contextmanager
def few_calls(fleet, random):
    """One grant call at a time and lane, to a shard in another region, and a rush on one tile of it:
    more claims than go into these calls."""
    shard, rtt_ms = random.randrange(SHARDS), random.uniform(200, 400)
    fleet.start_orchestrators("--grant-calls", "1")
    time.sleep(RESTARTED_SECONDS)
    fleet.client.forget()
    fleet.client.hot, fleet.client.hot_digs = fleet.hot[shard], 1_500
    try:
        with gates(fleet, fleet.shard_gates(shard), {"delay_s": 0}, delay_s=rtt_ms / 2e3):
            yield Plant({"calls": 1, "rtt_ms": round(rtt_ms)}, {"shard": shard})
    finally:
        fleet.client.hot = None
        fleet.start_orchestrators()


@contextmanager
def two_shards(fleet, random):
    rtts_ms = [log_uniform(random, 100, 400) for _ in range(SHARDS)]
    with ExitStack() as stack:
        for shard, rtt_ms in enumerate(rtts_ms):
            stack.enter_context(gates(fleet, fleet.shard_gates(shard), {"delay_s": 0},
                                      delay_s=rtt_ms / 2e3))
        yield Plant({"rtt_ms": [round(rtt_ms) for rtt_ms in rtts_ms]})


@contextmanager
def shard_and_redis(fleet, random):
    shard, rtt_ms = random.randrange(SHARDS), log_uniform(random, 100, 400)
    redis_ms = log_uniform(random, 20, 48)
    with gates(fleet, fleet.shard_gates(shard), {"delay_s": 0}, delay_s=rtt_ms / 2e3), \
            gates(fleet, fleet.redis_gates, {"delay_s": 0}, delay_s=redis_ms / 2e3):
        yield Plant({"rtt_ms": round(rtt_ms), "redis_ms": round(redis_ms)}, {"shard": shard})


CAUSES = {"none": nothing, **{name: globals()[name] for name in EXPECTED if name != "none"}}
# Which way the load has to go; the others take one by the seed.
PATHS = {"bus_backlog": "stored", "http_front": "http", "bus_delay": "ask", "few_calls": "ask"}
# How long the evidence gathers, where it is not the whole time: a backlog passes.
EVIDENCE_SECONDS = {"bus_backlog": 3}


def skipped(fleet):
    """{cause: why it cannot be planted here}."""
    out = {}
    if not Quota.usable():
        out["quota"] = "no control group for CPU can be made here"
    if not fleet.has_flag("serve", "--grant-calls"):
        out["few_calls"] = "hunt serve has no --grant-calls"
    return out
