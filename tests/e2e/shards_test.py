"""`hunt shards`: advice on a trace against a count of its own, the map in two real stores, and what
a server measures on it."""
import gzip
import json
import random
import unittest
from xml.etree import ElementTree

from hunt_process import HuntTest, player
from postgres_process import OwnDatabase

RADIUS = 8
T0 = 1_551_944_160_000


def tile_id(x, y):
    """The Z-order code of docs/REFERENCE.md."""
    out = 0
    for bit in range(32):
        out |= ((x + 2**31) >> bit & 1) << (2 * bit) | ((y + 2**31) >> bit & 1) << (2 * bit + 1)
    return out


class Map:
    """A shard map as `hunt shards advise` writes it."""

    def __init__(self, told):
        self.ranges = [(one["world"], int(one["first_tile"]), one["shard"])
                       for one in told["ranges"]]
        self.known = {}

    def shard(self, world, cx, cy):
        if (world, cx, cy) not in self.known:
            place = (world, tile_id(cx * 32, cy * 32))
            owner = [shard for *first, shard in self.ranges if tuple(first) <= place][-1]
            self.known[world, cx, cy] = owner
        return self.known[world, cx, cy]

    def crosses(self, world, x, y):
        return len({self.shard(world, cx, cy)
                    for cx in {(x - RADIUS) // 32, (x + RADIUS) // 32}
                    for cy in {(y - RADIUS) // 32, (y + RADIUS) // 32}}) > 1


def walks(rows=12_000, players=20):
    """Players who walk around four villages of world 1; a row every 0.1 s."""
    chance = random.Random(7)
    villages = [(-300, -250), (260, -270), (-280, 300), (310, 260)]
    at = [list(chance.choice(villages)) for _ in range(players)]
    for row in range(rows):
        who = chance.randrange(players)
        if chance.random() < 0.01:
            at[who] = list(chance.choice(villages))
        for axis in (0, 1):
            at[who][axis] += chance.randint(-6, 6)
        yield T0 + row * 100, who, at[who][0], at[who][1]


class Trace(HuntTest):
    """A trace in a file."""

    def setUp(self):
        super().setUp()
        self.rows = list(walks())
        self.trace = self.write("trace.csv", self.rows)

    def write(self, name, rows, world=1):
        path = self.folder / name
        path.write_text("t_ms,player,world,x,y\n" + "".join(
            f"{t},{who},{world},{x},{y}\n" for t, who, x, y in rows))
        return path

    def good(self, *words):
        run = self.hunt(*words)
        self.assert_exit(run, 0)
        return run.stdout

    def advise(self, *words, shards=2, trace=None):
        return json.loads(self.good("shards", "advise", "--trace", trace or self.trace, "--shards",
                                    shards, "--json", *words))


class Advise(Trace):
    """What is told of a trace, without any store."""

    def test_the_share_is_what_another_program_counts(self):
        told = self.advise()
        # 1,200 s: blocks of 256 s, and every other one scores.
        scored = [row for row in self.rows if (row[0] - T0) // 256_000 % 2 == 1]
        self.assertEqual(told["positions_scored"], len(scored))
        self.assertEqual(told["block_seconds"], 256)
        best = told["recommended"]
        by = Map(best["map"])
        crossing = sum(by.crosses(1, x, y) for _, _, x, y in scored)
        self.assertAlmostEqual(best["cross_shard_share"], crossing / len(scored), places=5)
        load = [0, 0]
        for _, _, x, y in scored:
            load[by.shard(1, x // 32, y // 32)] += 1
        self.assertAlmostEqual(best["balance"], max(load) * 2 / len(scored), places=3)
        self.assertLess(best["cross_shard_share"], 0.005)
        self.assertLess(best["balance"], 1.3)

    def test_every_key_is_judged(self):
        told = self.advise(shards=4)
        keys = [one["key"] for one in told["candidates"]]
        for key in ("player", "world", "tile_hash", "x_stripes", "chunk_hash", "region_hash_4",
                    "z_ranges", "z_ranges_by_load", "balanced"):
            self.assertIn(key, keys)
        self.assertNotIn("today", keys)
        self.assertIn(told["recommended"]["key"], keys)
        self.assertEqual(told["recommended"]["map"]["shards"], 4)

    def test_the_table_the_picture_and_the_map(self):
        told = self.good("shards", "advise", "--trace", self.trace, "--shards", 2, "--svg",
                         "map.svg", "-o", "map.json")
        self.assert_says(told, "crosses", "recommended:", "z_ranges_by_load", "map.json")
        picture = ElementTree.parse(self.folder / "map.svg").getroot()
        self.assertIn("world 1", "".join(picture.itertext()))
        self.assertEqual(json.loads((self.folder / "map.json").read_text())["shards"], 2)

    def test_a_crowd_is_made_of_the_walks(self):
        told = self.advise("--crowd", 500, "--seconds", 60, shards=4)
        self.assertEqual((told["positions"], told["players"]), (30_000, 500))
        self.assertEqual(told["rows_are"], "loot_tiles")
        self.assertEqual(told, self.advise("--crowd", 500, "--seconds", 60, shards=4))

    def test_little_to_choose_from(self):
        one_player = [(t, 0, x, y) for t, _, x, y in self.rows]
        for name, rows in (("player", one_player), ("chunk", [(t, 1, 5, 5) for t, *_ in self.rows]),
                           ("corner", [(t, who, x % 40, y % 40) for t, who, x, y in self.rows])):
            with self.subTest(name):
                told = self.advise(shards=64, trace=self.write(f"{name}.csv", rows))
                self.assertEqual(told["recommended"]["map"]["shards"], 64)
        self.assertEqual(self.advise(shards=1)["recommended"]["cross_shard_share"], 0)

    def test_what_is_wrong_is_told(self):
        def refused(code, *words, says):
            run = self.hunt("shards", "advise", *words)
            self.assert_exit(run, code)
            self.assert_says(run.stderr, says)
        file = self.trace
        refused(2, "--shards", 2, says="--trace")
        refused(2, "--trace", file, says="--shards")
        for count in (0, 65, "two"):
            refused(2, "--trace", file, "--shards", count, says="--shards")
        refused(2, "--trace", file, "--shards", 2, "--hint-radius", 33, says="--hint-radius")
        refused(1, "--trace", "none.csv", "--shards", 2, says="none.csv")
        foreign = self.write("foreign.csv", self.rows, world="overworld")
        refused(1, "--trace", foreign, "--shards", 2, says='a world "overworld"')
        (self.folder / "map.csv").write_text('{"shards":2}\n')
        refused(1, "--trace", "map.csv", "--shards", 2, says="map.csv row 1")
        brief = self.write("brief.csv", self.rows[:5])
        refused(1, "--trace", brief, "--shards", 2, says="longer trace")
        back = self.write("back.csv", self.rows[5:10] + self.rows[:5])
        refused(1, "--trace", back, "--shards", 2, says="time order")
        packed = self.folder / "cut.csv.gz"
        packed.write_bytes(gzip.compress(file.read_bytes())[:20_000])
        refused(1, "--trace", packed, "--shards", 2, says="cut.csv.gz")


class TwoStores(OwnDatabase, Trace):
    """The map in two shards."""

    def setUp(self):
        super().setUp()
        self.other = self.postgres.make_database(self.database + "b")
        self.stores = ["--store", self.store, "--store", self.other]
        self.map = self.folder / "map.json"

    def set(self, code=0):
        run = self.hunt("shards", "set", "--map", self.map, *self.stores)
        self.assert_exit(run, code)
        return run.stdout + run.stderr

    def write_map(self, *ranges, shards=2):
        self.map.write_text(json.dumps({"shards": shards, "ranges": [
            {"world": world, "first_tile": str(tile), "shard": shard}
            for world, tile, shard in ranges]}))

    def import_loot(self, places):
        loot = self.folder / "loot.csv"
        loot.write_text("x,y,table,budget\n" + "".join(f"{x},{y},starlight,9\n" for x, y in places))
        self.good("world", "import", loot, "--world", "demo", *self.stores)

    def status(self, *words):
        return json.loads(self.good("shards", "status", *self.stores, "--json", *words))

    def play(self, server):
        """The positions of the trace, ten in a batch."""
        for at in range(0, len(self.rows), 10):
            reply = server.post("/v1/positions", {"world": 1, "positions": [
                {"player": player(who), "x": x, "y": y, "kind": "step"}
                for _, who, x, y in self.rows[at:at + 10]]})
            self.assertEqual(reply.status, 200, reply)

    def test_the_advised_map_is_loaded_and_keeps_its_promise(self):
        told = self.advise("-o", self.map)
        self.assertIn("is in force", self.set())
        self.assertIn("version", self.set(), "again: it is in force already")
        # Loot goes where the map says.
        by = Map(told["recommended"]["map"])
        places = sorted({(x, y) for _, _, x, y in self.rows})[::40]
        self.import_loot(places)
        status = self.status()
        expected = [sum(by.shard(1, x // 32, y // 32) == shard for x, y in places)
                    for shard in (0, 1)]
        self.assertEqual([one["tiles"] for one in status["shards"]], expected)
        self.assertFalse(status["pays"])
        # The map of today is the one that was chosen, on the trace that chose it.
        again = self.status("--trace", self.trace)
        self.assertFalse(again["pays"], again)
        self.assert_says(again["verdict"], "would not pay")
        server = self.start("serve", *self.stores)
        self.assertEqual(server.get("/v1/map").json["ranges"][-1]["shard"], by.ranges[-1][2])
        self.assertEqual(server.stop(), 0)

    def test_what_a_server_measures_is_what_was_predicted(self):
        # A bad map on purpose, so that there is something to measure: stripes of a chunk.
        stripes = sorted((1, tile_id(cx * 32, cy * 32), cx // 2 % 2)
                         for cy in range(-16, 16) for cx in range(-16, 16))
        ranges = [(0, 0, 0)]
        for one in stripes:
            if one[2] != ranges[-1][2]:
                ranges.append(one)
        self.write_map(*ranges)
        self.set()
        told = self.advise(*self.stores)
        today = told["candidates"][0]
        self.assertEqual(today["key"], "today")
        self.assertGreater(today["cross_shard_share"], 0.1)
        server = self.start("serve", *self.stores)
        self.play(server)
        status = self.status("--url", f"http://127.0.0.1:{server.port}", "--server-token-file",
                             self.folder / "admin-token")
        self.assertGreater(status["positions_seen"], len(self.rows) / 17 - 20)
        self.assertAlmostEqual(status["cross_shard_share"], today["cross_shard_share"], delta=0.06)
        self.assertAlmostEqual(status["balance"], today["balance"], delta=0.15)
        metrics = server.get("/metrics").body.decode()
        self.assertIn('hunt_shard_looks_total{shards="several"}', metrics)
        self.assertIn('hunt_shard_load_total{shard="1"}', metrics)
        judged = self.status("--trace", self.trace)
        self.assertTrue(judged["pays"], judged)
        self.assertEqual(server.stop(), 0)

    def test_loot_that_would_move_is_in_the_way(self):
        self.write_map((0, 0, 0), (1, tile_id(0, 0), 1))
        self.set()
        self.import_loot([(5, 5), (-40, -40)])
        before = self.good("shards", "status", *self.stores)
        self.write_map((0, 0, 1), (1, tile_id(0, 0), 0))
        told = self.set(1)
        self.assert_says(told, "shard 0 holds loot on tile (-40, -40) of world 1", "empty stores")
        self.assertEqual(self.good("shards", "status", *self.stores), before)
        # What holds none may change hands.
        self.write_map((0, 0, 1), (1, 0, 0), (1, tile_id(0, 0), 1))
        self.assertIn("3 ranges", self.set())

    def test_a_map_that_no_store_can_follow_is_refused(self):
        for ranges, says in (([(1, 0, 0)], "does not cover"),
                             ([(0, 0, 0), (0, 0, 1)], "overlap"),
                             ([(0, 0, 0), (1, 0, 2)], "names shard 2"),
                             ([(0, 0, 0), (1, 5, 1)], "first tile of a chunk")):
            self.write_map(*ranges)
            self.assert_says(self.set(1), "map.json", says)
        self.write_map((0, 0, 0), (1, 0, 1), shards=3)
        self.assert_says(self.set(1), "of 3 shards and 2 stores")
        self.map.write_text("{")
        self.assert_says(self.set(1), "map.json")
        run = self.hunt("shards", "set", "--map", self.map)
        self.assert_exit(run, 2)
        self.assert_says(run.stderr, "--store")


if __name__ == "__main__":
    unittest.main()
