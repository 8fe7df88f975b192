"""`script/bench peers` in small: every contender answers and keeps its books, by counted work.

Nothing is judged by time, but that who waits has waited. The client is tried on servers that cut
their answers, fail, or stand still.
"""
import dataclasses
import json
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import types
import unittest
from pathlib import Path

from hunt_process import HUNT, clean_environment, free_port

BENCH = Path(__file__).resolve().parents[2] / "bench"
sys.path.insert(0, str(BENCH))
import before_sites  # pylint: disable=wrong-import-position
import peers  # pylint: disable=wrong-import-position
import peers_runs  # pylint: disable=wrong-import-position
import peers_sites  # pylint: disable=wrong-import-position
import peers_table  # pylint: disable=wrong-import-position

SMALL = peers.SMOKE
CONTENDERS = {one.name: one for one in peers_sites.CONTENDERS}
FLAGS = types.SimpleNamespace(warm=0, seconds=0.5, connections=8, pipeline=1)
COUNTERS_LATE_S = 0.6  # PostgreSQL's, behind a statement


class Stub(threading.Thread):
    """A server of one thread; `respond` gets a connection and the number of the request."""

    def __init__(self, respond):
        super().__init__(daemon=True)
        self.respond, self.asked, self.bodies = respond, 0, []
        self.port = free_port()
        self.socket = socket.create_server(("127.0.0.1", self.port))
        self.start()

    def run(self):
        while True:
            try:
                link, _ = self.socket.accept()
            except OSError:
                return
            with link:
                self.serve(link)

    def serve(self, link):
        data = b""
        while True:
            end = data.find(b"\r\n\r\n")
            length = int(data.split(b"Content-Length: ")[1].split(b"\r\n")[0]) if end >= 0 else 0
            if end >= 0 and len(data) >= end + 4 + length:
                self.bodies.append(data[end + 4:end + 4 + length])
                data = data[end + 4 + length:]
                self.asked += 1
                if not self.respond(link, self.asked):
                    return
                continue
            more = link.recv(65536)
            if not more:
                return
            data += more


def answer(*outcomes, status=b"200 OK"):
    body = json.dumps({"outcomes": [{"outcome": one} for one in outcomes]},
                      separators=(",", ":")).encode()
    return b"HTTP/1.1 %s\r\ncontent-length: %d\r\n\r\n%s" % (status, len(body), body)


class Client(unittest.TestCase):
    """bench/peers/client.c."""

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="hunt-peers-test-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.program, trouble = peers_sites.build_client()
        self.assertIsNone(trouble)
        (self.folder / "walks").write_bytes(
            b"".join(struct.pack("<Ihh", i, -i, 7 * i) for i in range(100)))

    def run_client(self, respond, **words):
        self.stub = Stub(respond)
        self.addCleanup(self.stub.socket.close)
        settings = {"port": self.stub.port, "connections": 1, "seconds": 0.5, "late": 10,
                    "walks": self.folder / "walks", "acks": self.folder / "acks", **words}
        done = subprocess.run([self.program, *(f"{k}={v}" for k, v in settings.items())],
                              capture_output=True, text=True, check=True, timeout=60)
        return json.loads(done.stdout.splitlines()[-1])["report"]

    def acks(self):
        return list(struct.iter_unpack("<IIhh", (self.folder / "acks").read_bytes()))

    def test_it_sends_the_walks_and_keeps_what_was_granted(self):
        def respond(link, number):
            link.sendall(answer("nothing", "granted", "sold_out", "busy"))
            return True
        report = self.run_client(respond, batch=4, rate=400, seed=3)
        self.assertEqual([report[name] for name in ("due", "ok", "failed", "lost")],
                         [196, 147, 49, 0])
        self.assertEqual((report["granted"], report["sold_out"]), (49, 49))
        first = json.loads(self.stub.bodies[0])
        self.assertEqual(first["positions"][1],
                         {"player": "00000000-0000-4000-8000-000300000001", "x": -1, "y": 7})
        again = json.loads(self.stub.bodies[25])["positions"][0]["player"]
        self.assertEqual(again, "00000000-0000-4000-8000-000400000000", "used up: new players")
        self.assertEqual(self.acks()[:2], [(3, 1, -1, 7), (3, 5, -5, 35)])
        self.assertEqual(len(self.acks()), 49)

    def test_it_reads_answers_wherever_they_are_cut(self):
        def respond(link, number):
            whole = answer(*["hint"] * 20)
            cut = number % len(whole)
            link.sendall(whole[:cut])
            time.sleep(0.002)
            link.sendall(whole[cut:])
            return True
        report = self.run_client(respond, batch=20, rate=4_000, pipeline=4)
        self.assertEqual((report["ok"], report["failed"]), (report["due"], 0), report)

    def test_an_error_and_an_end_are_failures(self):
        def respond(link, number):
            if number % 3 == 0:
                return False
            link.sendall(answer(status=b"503 Busy") if number % 3 == 1 else answer("nothing"))
            return True
        report = self.run_client(respond, rate=120)
        self.assertEqual((report["due"], report["lost"]), (59, 0), report)
        self.assertEqual((report["ok"], report["failed"]), (20, 39), report)
        self.assertEqual(report["reconnects"], 19)

    def test_who_stands_still_is_waited_for_from_when_it_was_due(self):
        """In a closed loop one of them would have waited."""
        def respond(link, number):
            if number == 1:
                time.sleep(0.6)
            link.sendall(answer("nothing"))
            return True
        report = self.run_client(respond, rate=200)
        self.assertEqual(report["ok"], report["due"], report)
        self.assertGreater(report["p50_ms"], 200, report)
        self.assertGreater(report["p99_ms"], 500, report)

    def test_what_is_never_answered_is_lost(self):
        report = self.run_client(lambda link, number: number < 10 and not link.sendall(
            answer("nothing")) or time.sleep(2), rate=100, late=0.2)
        self.assertEqual((report["due"], report["ok"], report["lost"]), (49, 9, 40), report)
        self.assertEqual(report["p99_ms"], 200, "for ever")


class Books(unittest.TestCase):
    """What needs no server."""

    def audit(self, told, ledger):
        site = types.SimpleNamespace(audit=lambda: None, ledger=lambda: ledger)
        runs = peers_runs.Runs(site, None, {}, FLAGS)
        runs.told = set(told)
        return runs.audit({(1, 1): 2})

    def test_the_audit_sees_each_kind_of_wrong_ledger(self):
        rows = [("a", 1, 1), ("b", 1, 1)]
        self.assertEqual(self.audit(rows, rows),
                         {"granted": 2, "told": 2, "lost": 0, "twice": 0, "too_many": 0})
        self.assertEqual(self.audit(rows, rows[:1])["lost"], 1)
        self.assertEqual(self.audit(rows, [*rows, rows[0]])["twice"], 1)
        self.assertEqual(self.audit(rows, [*rows, ("c", 1, 1)])["too_many"], 1)
        self.assertEqual(self.audit([], [("a", 9, 9)])["too_many"], 1, "no loot lies there")

    def test_goals_are_about_the_worst_contender(self):
        def entry(title, singly, cost):
            one = {"per_second": singly, "cpu_s_per_million": cost, "p99_ms": 2.0,
                   "client_was_full": False}
            return {"title": title, "scenes": {"base": {"1": one}}}
        told = {goal["what"]: goal for goal in peers_table.goals({
            "hunt-postgres": entry("ours", 130_000, 8), "map": entry("theirs", 50_000, 16),
            "redis": entry("slow", 10_000, 90)})}
        goal = told["ours, singly: at least 2.5 times every contender"]
        self.assertEqual((goal["measured"], goal["met"]), ("2.60 times map", True))
        goal = told["ours, singly: at most 0.4 of the CPU of every contender"]
        self.assertEqual((goal["measured"], goal["met"]), ("0.50 of map", False))
        self.assertTrue(told["ours, singly: at least 120,000/s"]["met"])

    def test_medians_are_of_each_figure(self):
        rounds = [{"a": {"n": n, "full": n == 3, "p": None if n == 2 else n}} for n in (3, 1, 2)]
        self.assertEqual(peers.median_of(rounds), {"a": {"n": 2, "full": True, "p": None}})


class Contenders(unittest.TestCase):
    """One PostgreSQL, started anew for each contender."""

    @classmethod
    def setUpClass(cls):
        cls.client, trouble = peers_sites.build_client()
        trouble = trouble or before_sites.install()
        if trouble:
            raise unittest.SkipTest(trouble)
        cls.folder = Path(tempfile.mkdtemp(prefix="hunt-peers-test-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.loot = peers_sites.make_loot(cls.folder, SMALL["loot"], SMALL["side"], peers.HOT_TILES,
                                         peers.HOT_BUDGET, peers.BUDGET)
        cls.budgets = peers_runs.budgets_of(cls.loot)
        cls.walks = {one.walk: peers_sites.make_walks(
            cls.folder, one.walk, SMALL["walks"], SMALL["side"], one.players, cls.loot,
            peers.HOT_TILES) for one in peers_runs.SCENES.values()}
        cls.database = before_sites.Database()
        cls.addClassCleanup(cls.database.server.remove)

    def open(self, name, **changed):
        contender = dataclasses.replace(CONTENDERS[name], **changed)
        site = peers_sites.open_site(contender, self.database,
                                     Path(tempfile.mkdtemp(dir=self.folder)), self.loot)
        self.addCleanup(site.close)
        self.site = site
        self.runs = peers_runs.Runs(site, self.client, self.walks, FLAGS)
        time.sleep(COUNTERS_LATE_S)
        return site

    def step(self, scene, batch, rate):
        """All of it was answered; counted are statements, and commands of Redis."""
        site = self.site
        before = site.watcher.counted()["statements"]
        redis = site.redis_calls() if site.contender.redis else 0
        done = self.runs.run(peers_runs.SCENES[scene], batch, rate)
        self.assertEqual(done["ok"], done["due"], done)
        self.assertGreater(done["granted"], 0, done)
        time.sleep(COUNTERS_LATE_S)
        done["statements"] = site.watcher.counted()["statements"] - before
        if site.contender.redis:
            done["redis_calls"] = site.redis_calls() - redis
        return done

    def assert_sound(self):
        """Its ledger has all that it told, none of it twice, also after a restart."""
        self.runs.restarts(1, lambda text: None)
        audit = self.runs.audit(self.budgets)
        self.assertGreater(audit["told"], 100)
        self.assertEqual((audit["lost"], audit["twice"], audit["too_many"]), (0, 0, 0), audit)

    def play(self, name, **changed):
        """Each scene: [singly, batches, half of them claims]; then a hot set until it is sold out,
        and the same positions again."""
        self.open(name, **changed)
        steps = [self.step("base", 1, 400), self.step("base", 100, 10_000),
                 self.step("claims", 100, 2_000)]
        first, hot = (self.step("sold-out", 100, 8_000) for _ in range(2))
        self.assertGreater(first["sold_out"], 500, first)
        self.assertEqual((hot["granted"], hot["sold_out"]), (first["granted"], first["sold_out"]),
                         "a win is for ever, and stock never grows")
        return steps, hot

    def test_map_asks_for_claims_alone_and_each_once(self):
        steps, hot = self.play("map", workers=1)  # each has a memory of its own
        for done in steps:
            self.assertLessEqual(done["statements"], done["granted"] + 5, done)
        self.assertLess(steps[2]["statements"], steps[2]["granted"] / 4, "claims go together")
        self.assertLessEqual(hot["statements"], 5, "each verdict was learned before")
        self.assert_sound()

    def test_redis_and_postgres_look_up_in_redis_and_write_by_the_set(self):
        steps, hot = self.play("redis-postgres")
        for done in steps:
            self.assertLessEqual(done["statements"], done["granted"] + 5, done)
            self.assertGreaterEqual(done["redis_calls"], done["requests"], done)
            self.assertLessEqual(done["redis_calls"],
                                 done["requests"] + 5 * done["granted"] + 10, done)
        self.assertLess(steps[2]["statements"], steps[2]["granted"] / 4, "grants go together")
        self.assertLessEqual(hot["statements"], hot["granted"] + 5, "a refusal writes nothing")
        self.assert_sound()

    def test_postgres_looks_up_for_all_of_a_request(self):
        for done in self.play("postgres")[0]:
            self.assertLessEqual(done["statements"], done["requests"] + done["granted"] + 5, done)
        self.assert_sound()

    def test_redis_alone_writes_its_file(self):
        for done in self.play("redis")[0]:
            self.assertLessEqual(done["statements"], 5, done)
        written = list(self.site.folder.glob("appendonlydir/*.aof"))
        self.assertTrue(any(file.stat().st_size > 1000 for file in written), written)
        self.assert_sound()

    def test_hunt_on_sqlite(self):
        self.play("hunt-sqlite")
        self.assert_sound()

    def test_hunt_on_postgres_grants_by_the_set(self):
        site = self.open("hunt-postgres")
        self.step("base", 100, 5_000)
        done = self.step("claims", 100, 2_000)
        calls, = site.watcher.ask("SELECT sum(calls) FROM pg_stat_statements WHERE toplevel AND"
                                  " query LIKE '%grant_claims%'")
        self.assertGreater(calls, 0)
        self.assertLess(calls, done["granted"] / 2)
        self.step("sold-out", 100, 8_000)
        self.assert_sound()

    def test_the_smoke_writes_every_scene(self):
        with tempfile.TemporaryDirectory(prefix="hunt-peers-test-") as out:
            done = subprocess.run(
                [sys.executable, "-B", BENCH / "peers.py", "--smoke", "--hunt", HUNT, "--only",
                 "map", "--out", out],
                env=clean_environment(), capture_output=True, text=True, timeout=300, check=False)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            results = json.loads((Path(out) / "peers.json").read_text())
            self.assertEqual(list(results["contenders"]), ["map"])
            scenes = results["contenders"]["map"]["scenes"]
            self.assertEqual(sorted(scenes), sorted(peers.SCENES))
            for name, modes in scenes.items():
                for one in modes.values() if name != "restart" else ():
                    self.assertGreater(one["fast"]["ok"], 0, one)
            for words in ("Node, loot in a Map", "first answer after", "cores of the client"):
                self.assertIn(words, done.stdout)


if __name__ == "__main__":
    unittest.main()
