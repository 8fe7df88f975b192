"""The whole stack seen with other people's tools: psql, redis-cli, nats.js and plain HTTP."""
import json
import os
import shutil
import subprocess
import unittest

from hunt_process import REPOSITORY, player
from postgres_test import PostgresCase, sql_tile_id

NATS_JS = "nats@2.29.3"
HERE = (5, 5)


class Interop(PostgresCase):
    """One orchestrator, a relay, one shard, Redis and NATS."""

    def setUp(self):
        super().setUp()
        self.server = self.serve_nats("--cache", self.redis.url)
        self.running = self.relay("--cache", self.redis.url)

    def redis_cli(self, *words):
        return subprocess.run(["redis-cli", "-p", str(self.redis.port), *words], text=True,
                              errors="replace", capture_output=True, check=True).stdout.strip()

    def dig_until(self, outcome, tile, numbers):
        """Somebody's dig there comes to that, within a few seconds."""
        self.wait_for(lambda: self.server.dig((player(next(numbers)), *tile)).json["outcomes"][0]
                      ["outcome"] == outcome, self.server, 5)

    def test_nats_js_asks_stores_and_hears(self):
        folder = self.npm_folder(NATS_JS)
        shutil.copy(REPOSITORY / "tests/e2e/interop.mjs", folder / "interop.mjs")
        self.bury_in_psql(HERE, 2)
        self.dig_until("granted", HERE, iter(range(900, 999)))
        before = self.tile_in_redis(HERE)
        self.bury_in_psql(HERE, 2)
        self.wait_for(lambda: self.tile_in_redis(HERE) != before, self.server, 5)
        run = subprocess.run(["node", "interop.mjs", self.nats.url, *map(str, HERE)], cwd=folder,
                             capture_output=True, text=True, timeout=60, check=False,
                             env={**os.environ, "NODE_NO_WARNINGS": "1"})
        self.assertEqual(run.returncode, 0, run.stderr)
        seen = json.loads(run.stdout)
        asked = seen["asked"]["outcomes"][0]
        self.assertEqual((asked["outcome"], asked["player"]), ("granted", player(1)), asked)
        self.assertIn("positions[0]", json.dumps(seen["wrong"]["error"]))
        self.assertEqual(seen["map"]["shards"], 1)
        self.assertEqual(seen["ping"]["name"], "hunt")
        self.assertEqual(seen["stored"], {"stream": "HUNT_POS", "duplicate": False})
        self.assertTrue(seen["again"], "the same id was stored twice")
        stored = seen["outcomes"]["outcomes"][0]
        self.assertEqual((stored["outcome"], stored["player"]), ("granted", player(2)), stored)
        self.assertEqual(seen["invalidated"], "hunt.inval.0")
        self.assertEqual(seen["dead"], "{no json")
        for told in seen["claims"]:
            self.assertEqual(told["subject"], "hunt.claims.1")
            self.assertEqual(told["id"], told["grant"]["claim"] + ":granted")
        # psql sees the same.
        ledger = self.psql("SELECT replace(claim_id::text, '-', ''), player, item FROM grants "
                           f"WHERE player IN ('{player(1)}', '{player(2)}') ORDER BY player")
        self.assertEqual(ledger.split(), [f"{one['claim']}|{one['player']}|{one['item']}"
                                          for one in (asked, stored)])
        for one in (asked, stored):
            self.assertEqual(one["items"], [{"item": one["item"], "count": 1}])

    def tile_in_redis(self, tile):
        """What the cache has of it: the relay's change."""
        keys = self.redis_cli("--scan", "--pattern", "hunt:{1:*}:c").split()
        return "".join(self.redis_cli("HGET", key, f"{tile[0]},{tile[1]}") for key in keys)

    def test_redis_cli_sees_chunks_changes_and_their_end(self):
        numbers = iter(range(1, 10_000))
        self.dig_until("nothing", HERE, numbers)
        (key,) = self.redis_cli("--scan", "--pattern", "hunt:{1:*}:c").split()[:1]
        self.assertRegex(key, r"^hunt:\{1:\d+\}:c$")
        self.assertRegex(self.redis_cli("HGET", key, "#"), r"^\d{13}\|\d+\|")
        self.assertLessEqual(int(self.redis_cli("PTTL", key)), 40_000)
        self.assertGreater(int(self.redis_cli("PTTL", key)), 0)
        self.bury_in_psql(HERE, 1)
        self.wait_for(lambda: self.tile_in_redis(HERE), self.server, 5)
        self.assertRegex(self.tile_in_redis(HERE), r"^\d+\|\d{13}\|")
        self.dig_until("granted", HERE, numbers)
        self.dig_until("sold_out", HERE, numbers)
        self.psql("UPDATE loot_tiles SET spawn = 0, budget = 0, loot_table = '', sold_out = false")
        self.dig_until("nothing", HERE, numbers)

    def test_http_and_nats_clients_get_the_same_outcomes(self):
        """The same steps and digs, by one player over HTTP and then by the same over hunt.ask."""
        tiles = [(0, 0), (1, 0), (4, 0), (40, 40)]
        self.bury_in_psql((0, 0), 5)
        self.bury_in_psql((1, 0), 1)
        self.bury_in_psql((40, 40), 1)
        self.psql(f"UPDATE loot_tiles SET closes_us = 1 WHERE tile_id = {sql_tile_id(40, 40)}")
        numbers = iter(range(500, 9_000))
        self.dig_until("granted", (1, 0), numbers)
        self.dig_until("sold_out", (1, 0), numbers)
        self.dig_until("closed", (40, 40), numbers)
        positions = [{"player": player(number), "x": x, "y": y, "kind": kind}
                     for number in (1, 2) for x, y in tiles for kind in ("step", "dig")]
        body = {"world": 1, "wait": "terminal", "positions": positions}
        over_http = self.server.post("/v1/positions", body).json["outcomes"]
        over_nats = self.client().request("hunt.ask.any", body).json["outcomes"]
        plain = lambda outcomes: [{key: one.get(key) for key in
                                   ("player", "x", "y", "outcome", "claim", "item", "items",
                                    "distance")}
                                  for one in outcomes]
        self.assertEqual(plain(over_http), plain(over_nats))
        kinds = {one["outcome"] for one in over_http}
        self.assertTrue({"granted", "sold_out", "closed"} <= kinds, kinds)
        self.assertTrue(all(one["repeat"] for one in over_nats if one["outcome"] == "granted"))


if __name__ == "__main__":
    unittest.main()
