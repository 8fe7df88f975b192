"""The whole stack on real servers: PostgreSQL, Redis, NATS, orchestrators and a relay."""
import json
import time
import unittest

import small_world
from hunt_process import clean_environment, player
from nats_process import NatsLoadCase
from postgres_process import OwnServers


def sql_tile_id(x, y):
    """The Z-order code of a tile less 2^63, as the tables have it."""
    spread = lambda value: sum((value >> bit & 1) << (2 * bit) for bit in range(32))
    return (spread(x + 2**31) | spread(y + 2**31) << 1) - 2**63


class PostgresCase(OwnServers, NatsLoadCase):
    """A database, and a rush over NATS."""

    def psql(self, sql):
        return self.postgres.psql(sql, self.database).stdout

    def bury_in_psql(self, tile, budget, table="starlight"):
        self.psql(f"SELECT bury(1, ARRAY[{sql_tile_id(*tile)}], ARRAY['{table}'], ARRAY[{budget}],"
                  " ARRAY[NULL]::bigint[], ARRAY[NULL]::bigint[], ARRAY[NULL]::text[])")


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

    def test_changes_in_psql_are_seen_without_a_relay_when_the_copies_end(self):
        """30 seconds at most. What a lane has seen once does not go back; two lanes are two
        copies, and one may be up to a second behind the other."""
        rules = self.folder / "rules.yaml"
        rules.write_text("event: sky\ntrigger: dig\ntables:\n  sunlight:\n    - {item: sun, "
                         "weight: 1}\n  moonlight:\n    - {item: moon, weight: 1}\n")
        new, changed, emptied = (2, 5), (14, 5), (26, 5)
        self.assert_exit(self.hunt("world", "stats", "--store", self.store), 1)  # no tables yet
        self.assert_exit(self.hunt("world", "create", "other", "--store", self.store), 0)
        for tile in (changed, emptied):
            self.bury_in_psql(tile, 100_000, "sunlight")
        server = self.serve_nats("--cache", self.redis.url, "--lanes", 1, "--rules", rules)
        digs = iter(range(1, 100_000))

        def found(tile):
            one = server.dig((player(next(digs)), *tile)).json["outcomes"][0]
            return one.get("item", one["outcome"])

        tiles = (new, changed, emptied)
        self.assertEqual([found(tile) for tile in tiles], ["nothing", "sun", "sun"])
        begun = time.monotonic()
        self.bury_in_psql(new, 2, "sunlight")
        self.psql(f"UPDATE loot_tiles SET loot_table = 'moonlight' WHERE tile_id = "
                  f"{sql_tile_id(*changed)}")
        self.psql("UPDATE loot_tiles SET spawn = 0, budget = 0, loot_table = '' WHERE tile_id = "
                  f"{sql_tile_id(*emptied)}")
        self.wait_for(lambda: found(new) == "sun", server, 32)
        self.wait_for(lambda: found(changed) == "moon", server, 32)
        self.wait_for(lambda: found(emptied) == "nothing", server, 32)
        self.assertLess(time.monotonic() - begun, 31)
        for tile, seen in ((new, ["sun"] + ["sold_out"] * 19), (changed, ["moon"] * 20),
                           (emptied, ["nothing"] * 20)):
            self.assertEqual([found(tile) for _ in range(20)], seen)
        self.assertEqual(server.stop(), 0, server.output)
        self.assert_audit_clean()

    def test_a_whole_stack_whose_parts_die_in_turn_grants_and_tells_everything_once(self):
        cache = ["--cache", self.redis.url]
        server, victim = self.serve_nats(*cache), self.serve_nats(*cache)
        relay = self.relay(*cache)
        small_world.bury(server)
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


class PostgresShards(PostgresCase):
    """Two shards, each a database of its own."""

    def setUp(self):
        super().setUp()
        self.names = [self.database, self.database + "b"]
        self.other = self.postgres.make_database(self.names[1])

    def store_words(self):
        return ["--store", self.store, "--store", self.other]

    def both(self, sql):
        """The number that each shard answers."""
        return [int(self.postgres.psql(sql, name).stdout) for name in self.names]

    def assert_both_clean(self):
        self.assert_exit(self.hunt("audit", *self.store_words()), 0)

    def import_loot(self, tiles, budget=3):
        path = self.folder / "loot.csv"
        path.write_text("x,y,table,budget\n" +
                        "".join(f"{x},{y},starlight,{budget}\n" for x, y in tiles))
        run = self.hunt("world", "import", path, "--world", "demo", *self.store_words())
        self.assert_exit(run, 0)

    def test_up_plays_on_both_and_splits_the_loot_evenly(self):
        run = self.hunt("up", *self.store_words(), "--seconds", 3, "--players", 2000, "--rate",
                        5000, "--listen", "127.0.0.1:0", "--json", timeout=120)
        self.assert_exit(run, 0)
        report = json.loads(run.stdout)
        self.assertEqual(report["lost"], 0, report)
        tiles = self.both("SELECT count(*) FROM loot_tiles")
        self.assertLess(abs(tiles[0] - tiles[1]), sum(tiles) / 10, tiles)
        grants = self.both("SELECT count(*) FROM grants")
        self.assertGreater(min(grants), 0, grants)
        self.assertEqual(sum(grants), report["grants"])
        seeds = self.both("SELECT seed_id FROM meta")
        self.assertEqual(seeds[0], seeds[1], "one seed rolls for the event")
        self.assert_both_clean()
        by_flags = self.hunt("world", "stats", "--json", *self.store_words())
        by_environment = self.hunt("world", "stats", "--json", env=clean_environment(
            HUNT_STORE=f"{self.store}  {self.other}"))
        self.assert_exit(by_environment, 0)
        self.assertEqual(by_environment.stdout, by_flags.stdout)

    def test_what_is_buried_and_granted_comes_together_over_http(self):
        self.assert_exit(self.hunt("world", "create", "north", *self.store_words()), 0)
        self.import_loot([(x * 64, 0) for x in range(40)])
        self.assertEqual(self.both("SELECT count(*) FROM loot_tiles"), [20, 20])
        server = self.start("serve", *self.store_words())
        ranges = server.get("/v1/map").json["ranges"]
        self.assertEqual({entry["shard"] for entry in ranges}, {0, 1}, ranges)
        digs = [(player(x), x * 64, 0) for x in range(40)]
        outcomes = server.dig(*digs).json["outcomes"]
        self.assertEqual({one["outcome"] for one in outcomes}, {"granted"}, outcomes)
        claims, after = [], "0"
        while True:
            page = server.get(f"/v1/grants?limit=7&after={after}").json
            if not page["grants"]:
                break
            claims += [grant["claim"] for grant in page["grants"]]
            after = page["next"]
        self.assertEqual(sorted(claims), sorted(one["claim"] for one in outcomes))
        # Two cursors, each with what it says of its ledger and its row.
        self.assertEqual(len(after.split(".")), 4, after)
        claim = server.get("/v1/claims/" + outcomes[39]["claim"])
        self.assertEqual(claim.json["item"], outcomes[39]["item"])
        self.assertEqual(server.stop(), 0, server.output)

    def test_a_wrong_list_of_shards_is_refused(self):
        self.import_loot([(0, 0), (4096, 0)])
        fewer = self.hunt("serve", "--store", self.store)
        self.assert_exit(fewer, 1)
        self.assert_says(fewer.stderr, "2 shards", "--store")
        swapped = self.hunt("serve", "--store", self.other, "--store", self.store)
        self.assert_exit(swapped, 1)
        self.assert_says(swapped.stderr, "put them in order")
        twice = self.hunt("serve", "--store", self.store, "--store", self.store)
        self.assert_exit(twice, 2)
        self.assert_says(twice.stderr, "given twice")
        mixed = self.hunt("serve", "--store", self.store, "--store", "sqlite:x.db")
        self.assert_exit(mixed, 2)
        self.assert_says(mixed.stderr, "sqlite:x.db", "one of several")

    def test_a_map_set_elsewhere_is_followed(self):
        """Shard 1 is behind and gets it; the server goes by it within seconds."""
        server = self.start("serve", *self.store_words())
        self.assertEqual(len(server.get("/v1/map").json["ranges"]), 1)
        self.import_loot([(0, -100), (0, 100)])
        self.wait_for(lambda: len(server.get("/v1/map").json["ranges"]) == 2, server, 10)
        outcome = server.dig((player(1), 0, 100)).json["outcomes"][0]
        self.assertEqual(outcome["outcome"], "granted", outcome)
        self.assertEqual(self.both("SELECT count(*) FROM grants"), [0, 1])
        self.assertEqual(server.stop(), 0, server.output)

    def test_the_whole_stack_grants_and_tells_everything_once_whatever_dies(self):
        self.assert_exit(
            self.hunt(*small_world.import_words(self.folder, *self.store_words())), 0)
        server, victim = self.serve_nats(), self.serve_nats()
        relay = self.relay()
        rush = self.rush_meanwhile(server, "--stored", "--seconds", 6)
        time.sleep(1)
        victim.kill()
        time.sleep(1)
        relay.kill()
        relay = self.relay()
        time.sleep(1)
        self.postgres.crash()
        time.sleep(0.5)
        self.postgres.start()
        self.assert_balanced(self.report_of(rush))
        self.assert_all_told(server)
        self.assertEqual(server.stop(), 0, server.output)
        self.assertEqual(relay.stop(), 0, relay.output)
        self.assertGreater(min(self.both("SELECT count(*) FROM grants")), 0)
        self.assert_both_clean()


if __name__ == "__main__":
    unittest.main()
