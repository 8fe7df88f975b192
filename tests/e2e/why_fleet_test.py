"""`hunt why` on the real stack: two orchestrators on NATS, two PostgreSQL shards, one of them
behind a gate or in somebody's way. What it names has to be what was done."""
import json
import os
import signal
import socket
import subprocess
import time
import unittest
from datetime import datetime

import small_world
from hunt_process import HUNT, clean_environment
from nats_process import NatsLoadCase
from postgres_process import OwnDatabase
from tcp_gate import TcpGate

NAMED_SECONDS = 60  # a bound; while others have the cores, they may be what is named


class WhyFleet(OwnDatabase, NatsLoadCase):
    """The causes are injected while a rush plays; each has to be named soon."""

    def setUp(self):
        super().setUp()
        self.other_database = self.database + "b"
        self.postgres.make_database(self.other_database)
        self.gate = TcpGate(self.postgres.port)
        self.addCleanup(self.gate.stop)
        self.other = self.store_at(self.gate.port)
        self.assert_exit(
            self.hunt(*small_world.import_words(self.folder, *self.store_words())), 0)
        self.servers = [self.serve_nats(), self.serve_nats()]
        self.relay = self.start("relay", "--bus", self.nats.url, "--store", self.store, "--store",
                                self.store_at(self.postgres.port), listen=False, ready=False)
        self.wait_for(lambda: "tells the changes" in self.relay.output, self.relay)

    def store_at(self, port):
        return f"postgres://hunt@127.0.0.1:{port}/{self.other_database}"

    def store_words(self):
        return ["--store", self.store, "--store", self.other]

    def playing(self):
        process = subprocess.Popen(
            [HUNT, *map(str, self.rush_words(self.servers[0], "--seconds", 300))],
            cwd=self.folder, env=clean_environment(), stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        time.sleep(3)
        return process

    def by_url(self):
        return [word for server in self.servers for word in
                ("--url", f"http://127.0.0.1:{server.port}")]

    def why(self, *words):
        """The one line of JSON that is of the whole fleet."""
        run = self.hunt("why", "--json", *words)
        self.assert_exit(run, 0)
        return json.loads(run.stdout)

    def named(self, wanted, words=None, seconds=NAMED_SECONDS):
        """The first answer for the fleet that says what is wanted."""
        seen = []
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            time.sleep(0.5)
            seen.append(self.why(*(words or self.by_url())))
            if wanted(seen[-1]):
                return seen[-1]
        verdicts = "\n".join(one["verdict"] for one in seen[-8:])
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
             "loot_tiles ORDER BY world, tile_id FOR UPDATE) held; SELECT "
             f"pg_sleep({NAMED_SECONDS}); ROLLBACK"],
            stdout=subprocess.DEVNULL)
        self.addCleanup(human.wait)
        self.addCleanup(human.terminate)
        # The server's end sleeps on without psql, and a new feed elsewhere waits for its
        # transaction.
        self.addCleanup(self.postgres.psql, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                        " WHERE query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()",
                        database="postgres")
        # Before it gives up, a claim has told nothing: that it waits at the server is right, too.
        self.named(lambda why: why["confident"] and why["resource"] == "shard 1" and
                   why["cause"] in ("lock", "server"))
        self.assertIsNone(human.poll(), "psql holds them still")

    def name_of(self, server):
        return f"{socket.gethostname()}:{server.port}"

    def test_the_fleet_in_one_sentence_now_and_afterwards(self):
        bus = ("--bus", self.nats.url)

        def is_it(why):
            return (why["cause"], why["resource"]) == ("round_trip", "shard 1") and why["confident"]

        def spells(past):
            return [spell for spell in past["spells"] if spell["kept"] and is_it(spell)]

        self.playing()
        self.gate.delay_s = 0.2475
        why = self.named(is_it, bus)
        self.assertRegex(why["verdict"], r"^shard 1 holds up .*orchestrators.*round trip to shard")
        self.assertIn("scaling pods will not help", why["next"])
        self.assertEqual((why["answered"]["orchestrators"], why["answered"]["relays"],
                          why["answered"]["absent"]), (2, 1, 0), why)
        self.assertEqual({self.name_of(server) for server in self.servers},
                         {one["name"] for one in why["processes"]
                          if one["kind"] == "orchestrator"})
        place = why["places"][0]
        self.assertEqual(place["resource"], "shard 1")
        self.assertAlmostEqual(1.0, sum(one["share"] for one in why["stages"]), places=6)
        # A look is kept every ten seconds.
        self.named(lambda past: spells(past), (*bus, "--since", "5m"))
        self.gate.delay_s = 0
        after = self.named(lambda past: spells(past) and not is_it(past["spells"][-1]),
                           (*bus, "--since", "5m"), seconds=60)
        spell = spells(after)[-1]
        self.assertLess(spell["to"], after["now"])
        begun, over = map(datetime.fromisoformat, (spell["from"][:19], spell["to"][:19]))
        middle = begun + (over - begun) / 2
        then = self.why(*bus, "--at", f"{middle:%Y-%m-%dT%H:%M:%S}Z")
        self.assertEqual(then["resource"], "shard 1", then["verdict"])
        told = self.hunt("why", *self.by_url(), "--since", "5m").stdout
        self.assert_says(told, "shard 1", "round_trip", "times are UTC")

    def test_grants_that_no_relay_tells(self):
        self.playing()
        self.relay.kill()
        # On a machine without a free core it may be the second cause.
        why = self.named(lambda why: "relay of shard" in why["verdict"], ("--bus", self.nats.url),
                         seconds=2 * NAMED_SECONDS)
        self.assertEqual(0, why["answered"]["relays"], why)

    def test_one_that_is_stopped_is_named(self):
        stopped, other = self.servers
        name = self.name_of(stopped)
        # The other one and the relay have heard of it.
        self.named(lambda why: why["answered"]["orchestrators"] == 2, ("--bus", self.nats.url))
        time.sleep(6)
        os.kill(stopped.process.pid, signal.SIGSTOP)
        self.addCleanup(os.kill, stopped.process.pid, signal.SIGCONT)
        why = self.why("--bus", self.nats.url)
        self.assertEqual((why["answered"]["orchestrators"], why["answered"]["absent"]), (1, 1), why)
        self.assertRegex(why["verdict"], f"{name}.* does not answer")
        self.assertFalse(why["confident"] and why["cause"] == "none", why)
        silent = next(one for one in why["processes"] if one["name"] == name)
        self.assertEqual(silent["absence"], "silent")
        self.assertIn("did not say that it leaves", silent["reason"])
        asked = self.hunt("why", *self.by_url())
        self.assert_exit(asked, 1)
        self.assert_says(asked.stdout, "does not answer", "1 orchestrator and 0 relays answered")
        self.assertIn(str(stopped.port), asked.stderr)
        # Who leaves as it should is missed by nobody.
        self.assertEqual(other.stop(), 0)
        os.kill(stopped.process.pid, signal.SIGCONT)
        left = self.named(lambda why: why["answered"]["orchestrators"] == 1,
                          ("--bus", self.nats.url))
        self.assertEqual(left["answered"]["absent"], 0, left)


if __name__ == "__main__":
    unittest.main()
