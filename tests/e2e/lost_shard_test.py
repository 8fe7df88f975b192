"""A shard that hangs, is gone, or is another hunt's: at the start of `hunt serve` and of `hunt
relay`, and at their end."""
import signal
import threading
import time
import unittest

from hunt_process import free_port, player
from nats_process import NatsCase
from postgres_process import OwnDatabase
from tcp_gate import TcpGate

WAITS = True  # For deadlines.
FIRST, SECOND = 0, 39 * 64  # of the loot below: x of a tile of shard 0 and of shard 1
# How long a process drains, and what a busy machine may need on top of it.
DRAIN_SECONDS = 5
PATIENCE_SECONDS = 6


class LostShard(OwnDatabase, NatsCase):
    def setUp(self):
        super().setUp()
        self.other_database = self.database + "b"
        self.postgres.make_database(self.other_database)
        self.gate = TcpGate(self.postgres.port)
        self.addCleanup(self.gate.stop)
        self.other = self.store_at(self.gate.port)
        self.import_loot()

    def store_at(self, port, database=None):
        return f"postgres://hunt@127.0.0.1:{port}/{database or self.other_database}"

    def store_words(self):
        return ["--store", self.store, "--store", self.other]

    def import_loot(self, *stores):
        loot = self.folder / "loot.csv"
        loot.write_text("x,y,table,budget\n" +
                        "".join(f"{x * 64},0,starlight,9\n" for x in range(40)))
        run = self.hunt("world", "import", loot, "--world", "demo",
                        *(stores or self.store_words()))
        self.assert_exit(run, 0)

    def lose(self):
        self.gate.closed = True
        self.addCleanup(setattr, self.gate, "closed", False)

    def outcome(self, server, number, x):
        """What a dig on the tile came to; the error's code where it was none."""
        reply = server.dig((player(number), x, 0))
        if reply.status != 200:
            return reply.json["error"]["code"]
        return reply.json["outcomes"][0]["outcome"]

    def warning(self, server):
        self.assertEqual(server.get("/livez").status, 200)
        reply = server.get("/readyz")
        self.assertEqual(reply.status, 200, reply)
        return reply.json.get("warning", "")

    def test_a_start_without_a_shard_serves_the_others_until_it_comes(self):
        self.lose()
        server = self.start("serve", *self.store_words())
        self.assertEqual(self.outcome(server, 1, FIRST), "granted")
        self.assertIn(self.outcome(server, 1, SECOND), ("unavailable", "busy"))
        self.wait_for(lambda: "not open yet" in self.warning(server), server)
        self.assert_says(self.warning(server), "shard 1", self.other_database)
        parts = {one["part"]: one for one in server.get("/readyz").json["parts"]}
        self.assertEqual(set(parts), {"process", "store of shard 0", "store of shard 1", "relays"})
        self.assertFalse(parts["store of shard 1"]["ready"])
        self.assertIn("not open yet", parts["store of shard 1"]["waits_for"])
        self.assertTrue(parts["process"]["ready"] and parts["store of shard 0"]["ready"], parts)
        self.wait_for(lambda: "not open yet" in server.output, server)
        self.assertIn("not open yet", server.get("/v1/why").json["warning"])
        self.gate.closed = False
        self.wait_for(lambda: self.outcome(server, 1, SECOND) == "granted", server, 60)
        self.assertEqual(self.outcome(server, 1, SECOND), "granted", "a repeat")
        self.wait_for(lambda: self.warning(server) == "", server)
        self.assertEqual(server.stop(), 0, server.output)
        self.assert_exit(self.hunt("audit", *self.store_words()), 0)

    def test_hunt_why_of_a_fleet_does_not_call_a_lost_shard_fine(self):
        self.relay()
        fleet = [self.serve_nats(), self.serve_nats()]
        for number in range(30):
            for server in fleet:
                for x in (FIRST, SECOND):
                    self.outcome(server, number, x)
        self.postgres.psql(f'ALTER DATABASE "{self.other_database}" ALLOW_CONNECTIONS false',
                           "postgres")
        self.postgres.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                           f" WHERE datname = '{self.other_database}'", "postgres")
        urls = [word for one in fleet for word in ("--url", f"http://127.0.0.1:{one.port}")]
        warned = []
        end = time.monotonic() + 8
        while time.monotonic() < end:  # what was asked of it before is remembered for a while
            why = self.hunt("why", *urls).stdout
            if "the store of shard 1 refuses" in why:
                warned += [line for line in why.splitlines() if line.startswith("  shard 1 ")]
        self.assertTrue(warned)
        for row in warned:
            self.assertNotIn("fine", row)

    def test_a_server_that_is_not_there_is_tried_again(self):
        port = free_port()
        server = self.start("serve", "--store", self.store, "--store", self.store_at(port))
        self.assertEqual(self.outcome(server, 1, FIRST), "granted")
        self.wait_for(lambda: f"127.0.0.1:{port}" in self.warning(server), server)
        self.assertEqual(server.stop(), 0, server.output)

    def test_a_shard_of_another_hunt_stays_closed_however_late_it_comes(self):
        theirs = [self.database + "c", self.database + "d"]
        stores = [self.postgres.make_database(name) for name in theirs]
        self.import_loot("--store", stores[0], "--store", stores[1])
        named = self.start("serve", "--store", stores[0], "--store", stores[1])
        self.assertEqual(named.stop(), 0, named.output)
        words = ["--store", self.store, "--store", self.store_at(self.gate.port, theirs[1])]
        at_once = self.hunt("serve", *words, "--listen", "127.0.0.1:0")
        self.assert_exit(at_once, 1)
        self.assert_says(at_once.stderr, "place 1", "another hunt")
        self.lose()
        server = self.start("serve", *words)
        self.gate.closed = False
        self.wait_for(lambda: "another hunt" in self.warning(server), server, 60)
        self.assertIn(self.outcome(server, 1, SECOND), ("unavailable", "busy"))
        self.assertEqual(self.outcome(server, 1, FIRST), "granted")
        self.assertEqual(server.stop(), 0, server.output)
        grants = self.postgres.psql("SELECT count(*) FROM grants", database=theirs[1])
        self.assertEqual(grants.stdout.strip(), "0")

    def test_a_relay_begins_without_a_shard_and_tells_its_grants_later(self):
        server = self.serve_nats()
        self.assertEqual(self.outcome(server, 1, SECOND), "granted")
        self.lose()
        relay = self.relay()
        told = f"relay tells the changes of postgres://127.0.0.1:{self.gate.port}"
        self.assert_says(relay.output, "shard 1: hunt relay waits: ", "is not open yet")
        self.assertNotIn(told, relay.output)
        self.gate.closed = False
        self.wait_for(lambda: told in relay.output, relay, 60)
        self.assertEqual(relay.stop(), 0, relay.output)

    def assert_ends_in_time(self, process):
        began = time.monotonic()
        process.process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait_exit(60), 0, process.output)
        self.assertLess(time.monotonic() - began, DRAIN_SECONDS + PATIENCE_SECONDS, process.output)

    def test_draining_ends_at_its_deadline_while_a_shard_hangs(self):
        server = self.serve_nats()
        relay = self.relay()
        self.assertEqual(self.outcome(server, 1, SECOND), "granted")
        self.lose()
        # Claims, a chunk that is in nobody's memory, and a long read.
        asks = [threading.Thread(target=lambda ask=ask: self.quietly(ask)) for ask in (
            lambda: server.dig((player(2), SECOND, 0)),
            lambda: server.dig((player(3), SECOND + 5_000, 0)),
            lambda: server.get("/v1/worlds/demo"))]
        for ask in asks:
            ask.start()
        time.sleep(1)
        self.assert_ends_in_time(server)
        self.assert_ends_in_time(relay)
        for ask in asks:
            ask.join()

    def test_draining_ends_at_its_deadline_when_a_shard_never_opened(self):
        self.lose()
        server = self.start("serve", *self.store_words())
        self.assert_ends_in_time(server)

    @staticmethod
    def quietly(ask):
        try:
            ask()
        except OSError:
            pass  # the server has ended


if __name__ == "__main__":
    unittest.main()
