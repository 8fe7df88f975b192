"""Incidents that other hunts had, played against a whole stack; docs/INCIDENTS.md has the numbers.

What can be counted is: connections, messages, writes, reads of a table. No wall time is asserted.
"""
import contextlib
import functools
import os
import random
import re
import subprocess
import threading
import time
import unittest
from pathlib import Path

from hunt_process import HUNT, clean_environment, player
from postgres_test import PostgresCase, sql_tile_id

CROWD = 1000
TILES = 20_000
# The wall clock of a process is this much off, and what waits by it waits as long as ever.
WRONG_CLOCK = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
static int error(void) { return atoi(getenv("CLOCK_ERROR_SECONDS")); }
int clock_gettime(clockid_t clock, struct timespec* at) {
  static int (*real)(clockid_t, struct timespec*);
  if (real == NULL) real = (int (*)(clockid_t, struct timespec*))dlsym(RTLD_NEXT, "clock_gettime");
  const int said = real(clock, at);
  if (clock == CLOCK_REALTIME) at->tv_sec += error();
  return said;
}
int gettimeofday(struct timeval* at, void* zone) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  at->tv_sec = now.tv_sec;
  at->tv_usec = now.tv_nsec / 1000;
  return 0;
}
int pthread_cond_timedwait(pthread_cond_t* cond, pthread_mutex_t* mutex,
                           const struct timespec* until) {
  static int (*real)(pthread_cond_t*, pthread_mutex_t*, const struct timespec*);
  if (real == NULL) {
    void* found = dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
    if (found == NULL) found = dlsym(RTLD_NEXT, "pthread_cond_timedwait");
    real = (int (*)(pthread_cond_t*, pthread_mutex_t*, const struct timespec*))found;
  }
  const struct timespec then = {until->tv_sec - error(), until->tv_nsec};
  return real(cond, mutex, &then);
}
"""


def connections_of(processes, ports):
    """How many connections they have to the servers on these ports, as the kernel says."""
    held = set()
    for one in processes:
        folder = Path(f"/proc/{one.process.pid}/fd")
        for file in list(folder.iterdir()):
            with contextlib.suppress(FileNotFoundError):  # it was closed meanwhile
                held.add(os.readlink(file))
    rows = [line.split() for line in Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]]
    to = [int(row[2].rpartition(":")[2], 16) for row in rows if f"socket:[{row[9]}]" in held]
    return tuple(to.count(port) for port in ports)


def outcomes_of(reply):
    """What each position came to."""
    return [one["outcome"] for one in reply.json["outcomes"]]


class Incidents(PostgresCase):
    """Orchestrators on PostgreSQL, Redis and NATS."""

    def serve_one(self, *arguments, **keywords):
        return self.serve_nats("--cache", self.redis.url, *arguments, **keywords)

    def bury_all(self, server, tiles, budget):
        for at in range(0, len(tiles), 1000):
            reply = server.bury([{"x": x, "y": y, "table": "starlight", "budget": budget}
                                 for x, y in tiles[at:at + 1000]])
            self.assertEqual(reply.status, 200, reply)

    def grants(self):
        return int(self.psql("SELECT count(*) FROM grants"))

    @contextlib.contextmanager
    def session(self):
        """A person in psql, who stays: gives what asks for the one value of a statement."""
        psql = subprocess.Popen(
            ["psql", "-h", "127.0.0.1", "-p", str(self.postgres.port), "-U", "hunt", "-d",
             self.database, "-AtXq"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

        def ask(sql):
            psql.stdin.write(sql + ";\n")
            psql.stdin.flush()
            return psql.stdout.readline().strip()

        try:
            yield ask
        finally:
            psql.communicate()

    def play(self, server, players, rate):
        """A rush over HTTP, so that none of the connections to the servers is its own."""
        rush = subprocess.Popen(
            [str(HUNT), "rush", "--json", "--target", f"http://127.0.0.1:{server.port}",
             "--players", str(players), "--rate", str(rate), "--seconds", "3"],
            cwd=self.folder, env=clean_environment(), text=True, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)
        self.addCleanup(rush.kill)
        return rush

    def test_players_add_no_connection(self):
        """Incidents 2 and 11: 28,000 sessions in a transaction that nobody ended, and a Redis that
        took no more clients."""
        server, relay = self.serve_one(), self.relay("--cache", self.redis.url)
        self.bury_all(server, [(x, y) for x in range(0, 300, 5) for y in range(0, 300, 5)], 50)
        ports = self.postgres.port, self.redis.port, self.nats.port
        count = functools.partial(connections_of, (server, relay), ports)
        with self.session() as ask:
            ask("SELECT 1")
            for x in range(0, 300, 5):  # each lane connects when it first has to
                server.dig((player(1), x, 5))
            time.sleep(1)
            before = count()
            self.assertGreater(min(before), 0, before)
            seen, held = set(), 0
            rush = self.play(server, 3000, 4000)
            while rush.poll() is None:
                seen.add(count())
                held = max(held, int(ask(
                    "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in trans%' "
                    "AND now() - state_change > interval '1 second'")))
                time.sleep(0.02)
            self.assert_balanced(self.report_of(rush))
            # Whoever looks at the figures of a world has a connection meanwhile, all together one.
            looks = (before[0] + 1, *before[1:])
            self.assertLessEqual(seen, {before, looks}, "PostgreSQL, Redis, NATS")
            self.assertEqual(count(), before)
            self.assertEqual(held, 0)

    def test_two_players_want_each_tile_at_once(self):
        """Incident 12: `deadlock detected`, and every fourth claim was repeated."""
        tiles = [(x, y) for x in range(100) for y in range(100)]
        servers = self.serve_one(), self.serve_one()
        self.bury_all(servers[0], tiles, 1)
        meet = threading.Barrier(2)
        told = [{}, {}]

        def claim(which):
            order = random.Random(which)
            for at in range(0, len(tiles), 500):
                batch = tiles[at:at + 500]
                order.shuffle(batch)
                meet.wait(60)
                reply = servers[which].dig(*[(player(which + 1), x, y) for x, y in batch])
                told[which].update(zip(batch, outcomes_of(reply)))

        both = [threading.Thread(target=claim, args=(which,)) for which in range(2)]
        for one in both:
            one.start()
        for one in both:
            one.join()
        pairs = {tuple(sorted((told[0][tile], told[1][tile]))) for tile in tiles}
        self.assertEqual(pairs, {("granted", "sold_out")})
        self.assertEqual(self.grants(), len(tiles))
        won = sum(outcome == "granted" for outcome in told[0].values())
        self.assertTrue(0 < won < len(tiles), "they did not meet")
        self.assertNotIn("deadlock", (self.postgres.folder / "log").read_text())
        retries = sum(one.get("/v1/stats").json["claim_retries"] for one in servers)
        self.assertLess(retries, 10, "of some 300 calls")

    def grant_calls(self, server):
        for line in server.get("/metrics").body.decode().splitlines():
            if line.startswith("hunt_store_grant_latency_seconds_count"):
                return float(line.split()[-1])
        return self.fail("no metric of grant calls")

    def test_a_crowd_on_one_tile_is_a_few_calls_and_holds_up_nobody(self):
        """Incident 15: everybody waited for the lock of one row."""
        self.store += "?options=-c%20lock_timeout%3D200ms"
        hot, other = (5, 5), (500, 500)
        server = self.serve_one("--lanes", 1)
        self.bury_all(server, [hot, other], 100_000)
        self.assertEqual(outcomes_of(server.dig((player(1), *hot), (player(1), *other))),
                         ["granted"] * 2)
        before = self.grant_calls(server)
        crowd = server.dig(*[(player(10 + i), *hot) for i in range(CROWD)])
        self.assertEqual(outcomes_of(crowd), ["granted"] * CROWD)
        self.assertLess(self.grant_calls(server) - before, CROWD / 10)
        with self.session() as ask:
            ask(f"BEGIN; SELECT 1 FROM loot_tiles WHERE tile_id = {sql_tile_id(*hot)} FOR UPDATE")
            crowd = server.dig(*[(player(5000 + i), *hot) for i in range(CROWD)], wait=False)
            self.assertEqual(outcomes_of(crowd), ["found"] * CROWD)
            one = server.dig((player(2), *other), wait=False).json["outcomes"][0]
            self.assertEqual(one["outcome"], "found")
            self.wait_for(lambda: server.get(f"/v1/claims/{one['claim']}").status == 200, server,
                          60)
            self.assertEqual(self.grants(), CROWD + 3, "the crowd still waits")
        self.wait_for(lambda: self.grants() == 2 * CROWD + 3, server, 60)
        self.assertEqual(outcomes_of(server.dig((player(2), *other))), ["granted"])
        self.assert_audit_clean()

    def wrong_clock(self, seconds):
        """The environment of a process whose wall clock is so much off."""
        source, library = self.folder / "clock.c", self.folder / "clock.so"
        source.write_text(WRONG_CLOCK)
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
        return clean_environment(LD_PRELOAD=str(library), CLOCK_ERROR_SECONDS=str(seconds))

    def test_wrong_clocks_grant_nothing_twice(self):
        """Incident 16: two workers each held the lock, one by a clock that was wrong."""
        servers = [self.serve_one(), self.serve_one(env=self.wrong_clock(300)),
                   self.serve_one(env=self.wrong_clock(-300))]
        self.relay("--cache", self.redis.url, env=self.wrong_clock(120))
        tile, budget = (5, 5), 20
        self.bury_all(servers[0], [tile], budget)
        told = [None] * len(servers)

        def dig(which):
            told[which] = servers[which].dig(*[(player(i), *tile) for i in range(60)])

        for turn in range(2):
            threads = [threading.Thread(target=dig, args=(i,)) for i in range(len(servers))]
            for one in threads:
                one.start()
            for one in threads:
                one.join()
            for reply in told:
                self.assertLessEqual(set(outcomes_of(reply)), {"granted", "sold_out", "nothing"})
            self.assertEqual(self.grants(), budget, f"turn {turn}")
            claims = {}
            for one in (one for reply in told for one in reply.json["outcomes"]
                        if one["outcome"] == "granted"):
                self.assertEqual(claims.setdefault(one["player"], one["claim"]), one["claim"])
            self.assertEqual(len(claims), budget)
        self.assert_audit_clean()

    def test_a_cache_without_room_costs_reads_alone(self):
        """Incident 17: `OOM command not allowed when used memory > maxmemory`."""
        self.redis.command("CONFIG", "SET", "maxmemory", "1")
        server = self.serve_one()
        self.relay("--cache", self.redis.url)
        self.bury_all(server, [(5, 5)], 2)
        self.assertIn("OOM", self.redis.command("SET", "a", "b"))
        for number in (1, 2):
            self.assertEqual(outcomes_of(server.dig((player(number), 5, 5))), ["granted"])
        self.wait_for(lambda: outcomes_of(server.dig((player(3), 5, 5), wait=False)) ==
                      ["sold_out"], server)
        self.assertEqual(server.get("/v1/stats").json["l2"]["hits"], 0)
        self.assertEqual(server.get("/readyz").status, 200)

    def test_a_copy_of_before_gives_nothing_away(self):
        """Incident 18: the window of the cache was longer than the hunt, and a chest opened
        twice."""
        first, second = self.serve_one(), self.serve_one()  # and no relay tells what happened
        self.bury_all(first, [(5, 5)], 1)
        self.wait_for(lambda: outcomes_of(second.dig((player(2), 5, 6), wait=False)) == ["hint"])
        self.assertEqual(outcomes_of(first.dig((player(1), 5, 5))), ["granted"])
        self.assertEqual(outcomes_of(second.dig((player(2), 5, 6), wait=False)), ["hint"],
                         "its copy still has the loot")
        self.assertEqual(outcomes_of(second.dig((player(2), 5, 5))), ["sold_out"])
        self.assertEqual(self.grants(), 1)

    def test_the_same_find_by_any_way_is_one_claim(self):
        """Incidents 26 and 34: two pods told one player two results; and after he came back he saw
        another loot."""
        servers = self.serve_one(), self.serve_one()
        self.bury_all(servers[0], [(5, 5)], 9)
        body = {"world": 1, "wait": "terminal",
                "positions": [{"player": player(7), "x": 5, "y": 5, "kind": "dig"}]}
        told = []
        ask = [threading.Thread(target=lambda one=one: told.append(
            one.post("/v1/positions", body).json["outcomes"][0])) for one in servers * 4]
        for one in ask:
            one.start()
        for one in ask:
            one.join()
        for one in servers:
            one.kill()
        self.redis.command("FLUSHALL")
        later = self.serve_one()
        told.append(later.post("/v1/positions", body).json["outcomes"][0])
        told.append(self.client().request("hunt.ask.any", body).json["outcomes"][0])
        self.assertEqual({(one["outcome"], one["claim"], str(one["items"])) for one in told},
                         {("granted", told[0]["claim"], str(told[0]["items"]))})
        self.assertTrue(told[-1]["repeat"] and told[-2]["repeat"])
        self.assertEqual(self.grants(), 1)

    def written(self):
        """What changes with a write: PostgreSQL's next transaction, Redis' changes, streams."""
        changes = next(line for line in self.redis.command("INFO", "persistence").splitlines()
                       if line.startswith("rdb_changes_since_last_save"))
        client = self.client()
        streams = [client.request(f"$JS.API.STREAM.INFO.HUNT_{name}").json["state"]["last_seq"]
                   for name in ("POS", "CLAIMS", "DLQ")]
        return self.psql("SELECT pg_snapshot_xmax(pg_current_snapshot())"), changes, streams

    def written_at_last(self):
        """When what was read is in the cache, too."""
        seen = None
        for _ in range(60):
            before, seen = seen, self.written()
            if seen == before:
                return seen
            time.sleep(0.3)
        raise AssertionError(f"something writes on and on: {seen}")

    def test_a_look_that_finds_nothing_writes_nothing(self):
        """Incident 35: each step wrote three rows."""
        server = self.serve_one()
        self.relay("--cache", self.redis.url)
        self.bury_all(server, [(0, 0)], 5)
        tiles = [(x, y) for x in range(-40, 40, 2) for y in range(1, 60, 2)]
        looks = [(player(i), *tile) for i, tile in enumerate(tiles)]
        self.wait_for(lambda: "hint" in outcomes_of(server.dig(*looks)), server)
        before = self.written_at_last()
        for _ in range(5):
            self.assertEqual(set(outcomes_of(server.dig(*looks))), {"nothing", "hint"})
        self.assertEqual(self.written(), before)
        self.assertEqual(outcomes_of(server.dig((player(1), 0, 0))), ["granted"])
        self.assertNotEqual(self.written(), before, "a grant is seen")

    def plans(self):
        """How PostgreSQL ran each statement of loads and grants, those within functions too."""
        log = (self.postgres.folder / "log").read_text()
        return [entry for entry in re.split(r"^(?=\S)", log, flags=re.M)
                if entry.startswith(("hunt chunks|", "hunt grants|")) and " plan:\n" in entry]

    def test_no_read_of_players_grows_with_the_table(self):
        """Incident 31: the table grew past the memory, and everybody was slow from then on."""
        self.assert_exit(self.hunt("world", "create", "other", "--store", self.store), 0)
        same = ", ".join(f"array_fill({value}, ARRAY[{TILES}])" for value in (
            "'starlight'::text", "1::bigint", "NULL::bigint", "NULL::bigint", "NULL::text"))
        self.psql(f"SELECT count(*) FROM bury(1, (SELECT array_agg({sql_tile_id(0, 0)} + i) "
                  f"FROM generate_series(0, {TILES - 1}) AS i), {same})")
        self.psql("ANALYZE")
        self.psql("ALTER SYSTEM SET log_line_prefix = '%a|'")
        self.psql("SELECT pg_reload_conf()")
        self.store += ("?options=" + " ".join((
            "-c session_preload_libraries=auto_explain", "-c auto_explain.log_min_duration=0",
            "-c auto_explain.log_nested_statements=on")).replace("=", "%3D").replace(" ", "%20"))
        server = self.serve_one("--no-prewarm")
        digs = [(player(1), x, y) for x in range(0, 120, 6) for y in range(0, 120, 6)]
        for _ in range(2):
            self.assertEqual(set(outcomes_of(server.dig(*digs))), {"granted"})
        self.assertEqual(server.stop(), 0, server.output)
        plans = self.plans()
        for table in ("loot_tiles", "stock", "grants"):
            used = [plan for plan in plans if re.search(rf" on {table}\b", plan)]
            self.assertGreater(len(used), 0, f"{table} is read")
            scans = [plan for plan in used if f"Seq Scan on {table}" in plan]
            self.assertEqual(scans, [])


if __name__ == "__main__":
    unittest.main()
