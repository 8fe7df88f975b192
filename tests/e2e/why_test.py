"""`hunt why` beside a running hunt: it names an injected cause, and says when nothing is wrong."""
import json
import threading
import time
import unittest
import uuid
from pathlib import Path

from hunt_process import HuntTest, RedisServer

SMALL = ["--players", "2000", "--rate", "20000"]

ALONE = True  # Where other tests had the cores, these would be the cause, and tests be skipped.


def run_delays_ns(pid):
    """How long each thread of a process was ready and had no core, by thread."""
    delays = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            delays[task.name] = int((task / "schedstat").read_text().split()[1])
        except (OSError, IndexError):
            continue
    return delays


class Why(HuntTest):
    """Runs `hunt up` with a small crowd and asks why beside it.

    Where other programs have the cores that is what `hunt why` has to say, or that it is unclear.
    The tests look at the scheduler themselves: where no thread waited, only the wound will do.
    """

    def why_of(self, *flags, load=SMALL, begin=lambda server: None, until):
        """The first verdict that `until` is content with, or the last within ten seconds."""
        server = self.start("up", "--store", self.store, *load, *flags)
        begin(server)
        url = f"http://127.0.0.1:{server.port}"
        begun = time.monotonic()
        deadline = begun + 10
        delays = run_delays_ns(server.process.pid)
        found = {}
        while time.monotonic() < deadline:
            time.sleep(0.5)
            run = self.hunt("why", "--json", "--url", url)
            self.assert_exit(run, 0)
            found = json.loads(run.stdout)
            if until(found):
                break
        passed_ns = (time.monotonic() - begun) * 1e9
        self.starved = max((after - delays.get(thread, 0)) / passed_ns
                           for thread, after in run_delays_ns(server.process.pid).items())
        text = self.hunt("why", "--url", url)
        self.assert_exit(text, 0)
        self.assertIn("shares are of the slowest", text.stdout)
        self.assertAlmostEqual(1.0, sum(s["share"] for s in found["stages"]), places=6)
        self.metrics = server.get("/metrics").body.decode()
        return found

    def says_no_core(self, why):
        """True, and that is right: the process had to wait for cores, and the verdict says so."""
        if self.starved < 0.05 or why["cause"] not in ("cpu", "unclear"):
            return False
        return not why["confident"] or "gets no core" in why["next"] or \
            "the cores here are all taken" in why["next"]

    def assert_names(self, why, stage, cause):
        if (stage, cause) != (why["stage"], why["cause"]) and self.says_no_core(why):
            self.skipTest(f"others have the cores, as it says: {why['verdict']}")
        self.assertTrue(why["confident"], why)
        self.assertEqual((stage, cause), (why["stage"], why["cause"]), why)
        self.assertIn(f'hunt_bottleneck{{stage="{stage}",resource="{why["resource"]}"',
                      self.metrics)
        self.assertIn(f'hunt_bottleneck_stage{{stage="{stage}"}} 1\n', self.metrics)
        self.assertIn(f'hunt_bottleneck_cause{{cause="{cause}"}} 1\n', self.metrics)

    def test_a_slow_store_is_a_round_trip_and_no_case_for_pods(self):
        why = self.why_of("--slow-store", "495ms",
                          # In the first moments no claim has waited for long yet.
                          until=lambda why: (why["timeline"] == "claims" and why["confident"]
                                             and why["cause"] != "none"))
        self.assert_names(why, "store_grant", "round_trip")
        self.assertEqual("shard 0", why["resource"])
        self.assertIn("scaling pods will not help", why["next"])

    def test_a_slow_cache_is_the_way_to_the_cache(self):
        redis = RedisServer(self.folder)
        self.addCleanup(redis.stop)
        # Everything in the demo world is in memory: far away each batch needs a chunk of its own.
        over = threading.Event()

        def walk(server):
            player = str(uuid.UUID(int=7))
            x = 1_000_000
            while not over.wait(0.005):
                x += 64
                server.post("/v1/positions", {"world": 1, "positions": [
                    {"player": player, "x": x, "y": 0}]})

        def begin(server):
            walker = threading.Thread(target=walk, args=(server,))
            walker.start()
            self.addCleanup(walker.join)
            self.addCleanup(over.set)

        why = self.why_of("--cache", redis.url, "--slow-cache", "40ms",
                          load=["--players", "100", "--rate", "100"], begin=begin,
                          until=lambda why: why["cause"] == "round_trip" and why["confident"])
        over.set()
        self.assert_names(why, "l2", "round_trip")
        self.assertEqual("cache", why["resource"])
        self.assertIn("network to the cache", why["next"])
        self.assertRegex(self.metrics, r'hunt_cache_lookups_total{level="l2",result="miss"} [1-9]')

    def test_a_busy_cpu_is_a_case_for_pods(self):
        # A batch in 20 ms of CPU, 200 of them a second: the lane's core is taken.
        why = self.why_of("--busy-cpu", "20ms", until=lambda why: why["cause"] == "cpu")
        self.assert_names(why, "queue", "cpu")
        # On a machine where others have the cores, that is said.
        self.assertRegex(why["next"], "Add (lanes or pods|pods or raise|pods on other)")

    def test_a_small_limit_is_a_limit(self):
        # One call at a time, and each 10 ms: the finds of a large crowd wait for their turn.
        why = self.why_of("--grant-calls", "1", "--slow-store", "10ms",
                          load=["--players", "28000", "--rate", "60000"],
                          until=lambda why: why["cause"] == "limit")
        self.assert_names(why, "claim_wait", "limit")
        self.assertIn("Allow more grant calls", why["next"])

    def test_without_a_wound_nothing_is_wrong(self):
        why = self.why_of(until=lambda why: why["samples"] > 500 and why["cause"] == "none")
        if not self.says_no_core(why):
            self.assertEqual("none", why["cause"], why)
            self.assertIn("nothing is wrong", why["verdict"])
        for stage, phase, of in (("queue", "waited", "answer"), ("l1", "worked", "answer"),
                                 ("store_grant", "waited", "claim")):
            self.assertRegex(self.metrics, f'hunt_stage_seconds_count{{stage="{stage}",.*'
                                           f'phase="{phase}",timeline="{of}"}} [1-9]')

    def test_an_unreachable_and_an_idle_server_are_told(self):
        gone = self.hunt("why", "--url", "http://127.0.0.1:1")
        self.assert_exit(gone, 1)
        self.assertIn("is the server running", gone.stderr)
        server = self.serve()
        url = f"http://127.0.0.1:{server.port}"
        idle = self.hunt("why", "--url", url)
        self.assert_exit(idle, 0)
        self.assertIn("nothing was asked", idle.stdout)

    def test_the_past_of_one_process(self):
        server = self.serve()
        url = ("--url", f"http://127.0.0.1:{server.port}")
        since = self.hunt("why", *url, "--since", "20m")
        self.assert_exit(since, 0)
        self.assert_says(since.stdout, "since", "UTC", "times are UTC, by the clock of this")
        for words, code, says in (
                (("--at", "noon"), 2, "\"noon\" is no time"),
                (("--since", "-5m"), 2, "is no time"),
                (("--at", "2126-01-01T00:00Z"), 2, "is in the future"),
                (("--at", "1m", "--since", "1m"), 2, "expected one"),
                (("--at", "1m", "--watch"), 2, "the past does not change"),
                (("--at", "50m"), 1, "this process started at")):
            with self.subTest(words):
                run = self.hunt("why", *url, *words)
                self.assert_exit(run, code)
                self.assertIn(says, run.stderr)
        deadline = time.monotonic() + 30
        while self.hunt("why", *url, "--at", "1s").returncode != 0:
            self.assertLess(time.monotonic(), deadline, "a look is kept every ten seconds")
            time.sleep(1)
        then = self.hunt("why", *url, "--at", "1s")
        self.assert_says(then.stdout, "ago: nothing was asked of")
        self.assertEqual(server.get("/v1/why?at=soon").status, 400)
        self.assertEqual(server.get("/v1/why?at=50m").status, 404)
        self.assertIn("spells", server.get("/v1/why?since=20m").json)


if __name__ == "__main__":
    unittest.main()
