"""`hunt audit` over rows that no store could have written, in SQLite and in PostgreSQL."""
import json
import sqlite3
import time
import unittest

from hunt_process import HuntTest, player
from postgres_process import OwnDatabase

# Rules that see them, by what somebody does who may write everything.
PLANTS = (
    ("grant_in_place", "UPDATE spawns_done SET tile_id = tile_id + 4096"),
    ("grant_in_place", "UPDATE spawns_done SET world = world + 1"),
    ("world_exists", "UPDATE spawns_done SET world = world + 1"),
    ("grant_in_place", "UPDATE loot_tiles SET tile_id = tile_id + 4096 WHERE loot_table = 'half'"),
    ("world_exists", "UPDATE loot_tiles SET world = 999 WHERE loot_table = 'lonely'"),
    ("stock_has_tile", "INSERT INTO stock (spawn, remaining) SELECT max(spawn) + 5000, 3 "
                       "FROM stock"),
    ("spawn_once", "INSERT INTO stock (spawn, remaining) SELECT spawn, remaining FROM spawns_done"),
    ("spawn_once", "INSERT INTO spawns_done (spawn, world, tile_id, budget, remaining) "
                   "SELECT t.spawn, t.world, t.tile_id, t.budget, s.remaining FROM loot_tiles t "
                   "JOIN stock s ON s.spawn = t.spawn WHERE t.loot_table = 'lonely'"),
    ("as_of_in_time", "UPDATE grants SET as_of_us = at_us + 1000001"),
)


RULES = """event: e
tables:
  crown: [{item: a, weight: 1}, {item: b, weight: 1}]
  gone: [{item: c, weight: 1}, {item: d, weight: 1}]
  half: [{item: f, weight: 1}]
  lonely: [{item: g, weight: 1}]
"""

# Of a grant by the rules, which the plain audit does not see.
FAIR_PLANTS = (
    ("as_of_in_time", "UPDATE grants SET as_of_us = 1"),
    ("item_true", "UPDATE grants SET item = 'crown'"),
)


class Audit:
    """Loot that is open, sold out, replaced and never found; then each plant in a copy."""

    def play(self):
        self.rules = self.folder / "rules.yaml"
        self.rules.write_text(RULES)
        server = self.serve("--rules", self.rules)
        self.assertEqual(server.bury(
            [{"x": x, "y": 0, "table": table, "budget": 3}
             for x, table in enumerate(("crown", "gone", "half", "lonely"))]).status, 200)
        for x in range(3):
            reply = server.dig(*[(player(i), x, 0) for i in range(3 if x == 0 else 2)])
            self.assertEqual({one["outcome"] for one in reply.json["outcomes"]}, {"granted"})
        self.assertEqual(server.bury([{"x": 1, "y": 0, "table": "crown", "budget": 3}]).status, 200)
        deadline = time.monotonic() + 30
        while server.dig((player(9), 1, 0)).json["outcomes"][0]["outcome"] != "granted":
            self.assertLess(time.monotonic(), deadline)
        self.assertEqual(server.stop(), 0, server.output)

    def test_it_is_clean_until_somebody_plants_a_row(self):
        self.play()
        self.assert_exit(self.hunt("audit", "--store", self.store), 0)
        for number, (rule, sql) in enumerate(PLANTS):
            with self.subTest(rule=rule, sql=sql):
                store = self.planted(number, sql)
                run = self.hunt("audit", "--store", store, "--json")
                self.assert_exit(run, 1)
                told = json.loads(run.stdout)["stores"][0]["violations"]
                self.assertIn(rule, {one["rule"] for one in told}, told)
        fair = ("--fair", "--rules", self.rules, "--json")
        self.assert_exit(self.hunt("audit", "--store", self.store, *fair), 0)
        for number, (rule, sql) in enumerate(FAIR_PLANTS, len(PLANTS)):
            with self.subTest(rule=rule, sql=sql):
                run = self.hunt("audit", "--store", self.planted(number, sql), *fair)
                self.assert_exit(run, 1)
                told = json.loads(run.stdout)["stores"][0]["fair"]["violations"]
                self.assertIn(rule, {one["rule"] for one in told}, told)


class Sqlite(Audit, HuntTest):
    def planted(self, number, sql):
        path = self.folder / f"planted{number}.db"
        copy = sqlite3.connect(path)
        with sqlite3.connect(self.folder / "hunt.db") as original:
            original.backup(copy)
        original.close()
        triggers = copy.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            copy.execute(f"DROP TRIGGER {name}")
        self.assertGreater(copy.execute(sql).rowcount, 0, sql)
        for _, made in triggers:
            copy.execute(made)
        copy.commit()
        copy.close()
        return f"sqlite:{path}"


class Postgres(Audit, OwnDatabase, HuntTest):
    def planted(self, number, sql):
        name = f"planted{number}"
        self.postgres.psql(f"CREATE DATABASE {name} TEMPLATE {self.database}", database="postgres")
        done = self.postgres.psql(f"SET session_replication_role = replica; {sql}", database=name)
        self.assertNotRegex(done.stdout, r"\b0$")
        return f"postgres://hunt@127.0.0.1:{self.postgres.port}/{name}"


if __name__ == "__main__":
    unittest.main()
