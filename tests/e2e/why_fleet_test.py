"""`hunt why` on the real stack: two orchestrators on NATS, two PostgreSQL shards, one of them
behind a gate or in somebody's way. What it names has to be what was done."""
import json
import subprocess
import time
import unittest

from hunt_process import HUNT, clean_environment
from nats_process import NatsLoadCase
from postgres_process import OwnDatabase
from tcp_gate import TcpGate


class WhyFleet(OwnDatabase, NatsLoadCase):
    """The causes are injected while a rush plays; each has to be named soon."""

    def setUp(self):
        super().setUp()
        self.other_database = self.database + "b"
        self.postgres.make_database(self.other_database)
        self.gate = TcpGate(self.postgres.port)
        self.addCleanup(self.gate.stop)
        self.other = self.store_at(self.gate.port)
        # Makes the databases, and splits the demo world over both.
        run = self.hunt("up", *self.store_words(), "--seconds", 1, "--players", 2000, "--rate",
                        2000, "--listen", "127.0.0.1:0", "--json", timeout=60)
        self.assert_exit(run, 0)
        self.servers = [self.serve_nats(), self.serve_nats()]
        relay = self.start("relay", "--bus", self.nats.url, "--store", self.store, "--store",
                           self.store_at(self.postgres.port), listen=False, ready=False)
        self.wait_for(lambda: "tells the changes" in relay.output, relay)

    def store_at(self, port):
        return f"postgres://hunt@127.0.0.1:{port}/{self.other_database}"

    def store_words(self):
        return ["--store", self.store, "--store", self.other]

    def playing(self):
        process = subprocess.Popen(
            [HUNT, *map(str, self.rush_words(self.servers[0], "--demo", "--seconds", 60))],
            cwd=self.folder, env=clean_environment(), stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        time.sleep(3)
        return process

    def whys(self):
        run = self.hunt("why", "--json", *(word for server in self.servers for word in
                                           ("--url", f"http://127.0.0.1:{server.port}")))
        self.assert_exit(run, 0)
        return [json.loads(line) for line in run.stdout.splitlines()]

    def named(self, wanted, seconds=20):
        """The first verdict of an orchestrator that names what is wanted."""
        seen = []
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            time.sleep(0.5)
            for why in self.whys():
                seen.append(why)
                if wanted(why):
                    return why
        verdicts = "\n".join(f"{one['confident']} {one['verdict']}" for one in seen[-8:])
        raise AssertionError(f"never named; the last verdicts:\n{verdicts}")

    def test_a_round_trip_to_one_shard_of_two(self):
        self.playing()
        self.gate.delay_s = 0.2475
        why = self.named(lambda why: why["confident"] and why["resource"] == "shard 1" and
                         why["cause"] == "round_trip")
        self.assertIn("scaling pods will not help", why["next"])

    def test_a_way_that_passes_nothing_any_more(self):
        self.playing()
        self.gate.closed = True
        self.addCleanup(setattr, self.gate, "closed", False)
        self.named(lambda why: why["confident"] and why["resource"] == "shard 1" and
                   why["cause"] == "round_trip")

    def test_rows_that_somebody_holds(self):
        self.playing()
        human = subprocess.Popen(
            ["psql", "-h", "127.0.0.1", "-p", str(self.postgres.port), "-U", "hunt", "-d",
             self.other_database, "-qX", "-c", "BEGIN; SELECT count(*) FROM (SELECT 1 FROM "
             "loot_tiles ORDER BY world, tile_id FOR UPDATE) held; SELECT pg_sleep(20); "
             "ROLLBACK"],
            stdout=subprocess.DEVNULL)
        self.addCleanup(human.wait)
        self.addCleanup(human.terminate)
        # Before it gives up, a claim has told nothing: that it waits at the server is right, too.
        self.named(lambda why: why["confident"] and why["resource"] == "shard 1" and
                   why["cause"] in ("lock", "server"))
        self.assertIsNone(human.poll(), "psql holds them still")


if __name__ == "__main__":
    unittest.main()
