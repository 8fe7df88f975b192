"""The whole stack on real servers: PostgreSQL, Redis, NATS, orchestrators and a relay."""
import json
import time
import unittest

from hunt_process import RedisServer, player
from nats_load_test import NatsLoad as NatsLoadTests
from nats_process import NatsCase
from postgres_process import PostgresServer


class PostgresCase(NatsCase):
    """A database, and what the load tests of NATS can do."""

    rush_words = NatsLoadTests.rush_words
    rush = NatsLoadTests.rush
    rush_meanwhile = NatsLoadTests.rush_meanwhile
    report_of = NatsLoadTests.report_of
    demo_world = NatsLoadTests.demo_world
    assert_balanced = NatsLoadTests.assert_balanced
    ledger = NatsLoadTests.ledger
    told_grants = NatsLoadTests.told_grants
    assert_all_told = NatsLoadTests.assert_all_told

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.postgres = PostgresServer()
        cls.addClassCleanup(cls.postgres.remove)
        cls.databases = 0

    def setUp(self):
        super().setUp()
        type(self).databases += 1
        self.database = f"hunt{self.databases}"
        self.store = self.postgres.make_database(self.database)
        self.redis = RedisServer(self.folder)
        self.addCleanup(self.redis.stop)

    def psql(self, sql):
        return self.postgres.psql(sql, self.database).stdout


class Postgres(PostgresCase):
    """One shard."""

    def test_up_plays_on_postgres(self):
        run = self.hunt("up", "--store", self.store, "--seconds", 3, "--players", 2000, "--rate",
                        5000, "--listen", "127.0.0.1:0", "--json", timeout=120)
        self.assert_exit(run, 0)
        report = json.loads(run.stdout)
        self.assertEqual(report["lost"], 0, report)
        self.assertGreater(report["grants"], 0, report)
        self.assert_audit_clean()
        self.assertEqual(int(self.psql("SELECT count(*) FROM grants")), report["grants"])

    def test_a_change_in_psql_reaches_who_digs(self):
        server = self.start("serve", "--store", self.store)
        empty = server.dig((player(1), 5, 5))
        self.assertEqual(empty.json["outcomes"][0]["outcome"], "nothing", empty)
        self.assertEqual(server.bury([{"x": 5, "y": 5, "table": "starlight", "budget": 1}]).status,
                         200)
        self.psql("UPDATE loot_tiles SET closes_us = 1")
        self.wait_for(lambda: server.dig((player(2), 5, 5)).json["outcomes"][0]["outcome"] ==
                      "closed", seconds=5)
        self.psql("UPDATE loot_tiles SET closes_us = NULL")
        self.wait_for(lambda: server.dig((player(3), 5, 5)).json["outcomes"][0]["outcome"] ==
                      "granted", seconds=5)
        self.assertEqual(server.stop(), 0, server.output)
        self.assert_audit_clean()

    def test_a_whole_stack_whose_parts_die_in_turn_grants_and_tells_everything_once(self):
        cache = ["--cache", self.redis.url]
        server, victim = self.serve_nats(*cache), self.serve_nats(*cache)
        relay = self.relay(*cache)
        self.demo_world(server)
        before = self.ledger()
        rush = self.rush_meanwhile(server, "--stored", "--seconds", 8)
        time.sleep(1)
        victim.kill()
        time.sleep(1)
        relay.kill()
        relay = self.relay(*cache)
        time.sleep(1)
        self.postgres.crash()
        time.sleep(0.5)
        self.postgres.start()
        report = self.report_of(rush)
        self.assert_balanced(report)
        self.assert_all_told(server)
        self.assertEqual(server.stop(), 0, server.output)
        self.assertEqual(relay.stop(), 0, relay.output)
        self.assertEqual(self.ledger() - before, report["grants"])

    def test_what_is_wrong_is_said_without_the_password(self):
        missing = self.store.replace(self.database, "nowhere").replace("hunt@", "hunt:s3cret@")
        run = self.hunt("serve", "--store", missing)
        self.assert_exit(run, 1)
        self.assert_says(run.stderr, "nowhere", "create it first")
        self.postgres.psql("CREATE TABLE other (id int)", self.database)
        strange = self.hunt("serve", "--store", self.store)
        self.assert_exit(strange, 1)
        self.assert_says(strange.stderr, "another program")
        self.assertNotIn("s3cret", run.stdout + run.stderr)


if __name__ == "__main__":
    unittest.main()
