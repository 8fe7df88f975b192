"""Events for some players and some worlds, and grants that are announced.

Who is in a roll-out is computed here by hashlib; nothing is shared with the program.
"""
import hashlib
import json
import threading
import time
import unittest
import uuid

from hunt_process import TOKEN, HuntTest, player
from nats_process import NatsCase
from postgres_process import OwnDatabase
from web_socket import WebSocket

FIRST, SECOND = 0, 39 * 64  # x of a tile of shard 0, and of shard 1
PLAYERS = 150


def is_in(event, who, percent):
    digest = hashlib.sha256(b"hunt-rollout" + event.encode() + uuid.UUID(who).bytes).digest()
    return int.from_bytes(digest[:4], "big") * 100 < percent << 32


def rolled_out(percent, item):
    return ("event: gala\ntrigger: dig\nhint_radius: 0\n"
            f"rollout: {percent}\ntables: {{box: [{{item: {item}, weight: 1}}]}}\n")


class Rollout(OwnDatabase, NatsCase):
    """Two orchestrators on NATS, over two shards in PostgreSQL; players dig all the time."""

    def setUp(self):
        super().setUp()
        self.other = self.postgres.make_database(self.database + "b")
        self.rules = self.folder / "gala.yaml"
        self.rules.write_text(rolled_out(20, "first"))
        self.token = self.folder / "token.of.admin"
        self.token.write_text(TOKEN)
        self.token.chmod(0o600)
        loot = self.folder / "loot.csv"
        loot.write_text("x,y,table,budget\n" +
                        "".join(f"{x * 64},0,box,100000\n" for x in range(40)))
        self.assert_exit(self.hunt("world", "import", loot, "--world", "demo", "--rules",
                                   self.rules, *self.store_words()), 0)
        self.relay()
        self.servers = [self.serve_nats("--rules", self.rules) for _ in range(2)]
        self.told = []  # player, x, outcome
        self.ends = threading.Event()

    def store_words(self):
        return ["--store", self.store, "--store", self.other]

    def walk(self, server, first):
        """Everybody in turn, a player in each batch, on both shards."""
        while not self.ends.is_set():
            for number in range(first, PLAYERS, 2):
                who = player(number)
                reply = server.dig((who, FIRST, 0), (who, SECOND, 0))
                if reply.status != 200:
                    continue
                for x, one in zip((FIRST, SECOND), reply.json["outcomes"]):
                    self.told.append((who, x, one["outcome"]))

    def rows(self, sql):
        return [line.split("|") for suffix in ("", "b") for line in
                self.postgres.psql(sql, self.database + suffix).stdout.split()]

    def granted(self):
        return {(grant["player"], grant["x"]) for grant in self.servers[0].all_grants()}

    def all_of(self, percent):
        return {(player(number), x) for number in range(PLAYERS) for x in (FIRST, SECOND)
                if is_in("gala", player(number), percent)}

    def test_a_rollout_is_raised_by_a_push_while_players_walk(self):
        first = self.servers[0].get("/v1/stats").json["rules"]
        walkers = [threading.Thread(target=self.walk, args=(server, i))
                   for i, server in enumerate(self.servers)]
        for walker in walkers:
            walker.start()
        self.addCleanup(self.ends.set)
        self.wait_for(lambda: self.granted() == self.all_of(20), self.servers[0], 60)
        pushed = self.folder / "pushed.yaml"
        pushed.write_text(rolled_out(60, "second"))
        push = self.hunt("rules", "push", pushed, "--by", "test", "--url",
                         f"http://127.0.0.1:{self.servers[1].port}", "--admin-token-file",
                         self.token)
        self.assert_exit(push, 0)
        self.wait_for(lambda: self.granted() == self.all_of(60), self.servers[0], 60)
        time.sleep(1)
        self.ends.set()
        for walker in walkers:
            walker.join()
        self.assertEqual(self.granted(), self.all_of(60), "nobody else, however often he asks")
        second = self.servers[0].get("/v1/stats").json["rules"]
        self.assertNotEqual(first, second)
        percents = {first: 20, second: 60}
        for who, version in self.rows("SELECT player, rules FROM grants"):
            self.assertTrue(is_in("gala", who, percents[version]), (who, version))
        out = {outcome for who, _, outcome in self.told if not is_in("gala", who, 60)}
        self.assertEqual(out, {"nothing"}, "as if there were no loot")
        between = {outcome for who, _, outcome in self.told
                   if is_in("gala", who, 60) and not is_in("gala", who, 20)}
        self.assertEqual(between, {"nothing", "granted"}, "and `closed` is told to nobody")
        self.assertEqual({outcome for who, _, outcome in self.told if is_in("gala", who, 20)},
                         {"granted"})
        self.explains()
        self.assert_exit(self.hunt("audit", *self.store_words(), "--fair", "--rules", self.rules,
                                   "--rules", pushed), 0)
        run = self.hunt("rules", "disclose", pushed)
        self.assert_says(run.stdout, "It is for 60 % of the players")

    def explains(self):
        out = next(player(number) for number in range(PLAYERS)
                   if not is_in("gala", player(number), 60))
        run = self.hunt("explain", out, "--world", 1, "--tile", f"{FIRST},0", "--url",
                        f"http://127.0.0.1:{self.servers[0].port}", "--admin-token-file",
                        self.token)
        self.assert_exit(run, 0)
        self.assert_says(run.stdout, "rolled out to 60 % of the players")


ANNOUNCED = """event: gala
worlds: [demo]
trigger: dig
tiers: [common, rare, legendary]
items: {bell: {tier: common}, cape: {tier: rare}, crown: {tier: legendary}}
announce: rare
tables:
  plain: [{item: bell, weight: 1}]
  rich: {always: [{item: cape}, {item: crown, count: 2}, {item: bell}]}
  one: [{item: crown, weight: 1}]
"""


class Announced(NatsCase):
    """One orchestrator with a relay, and a second world in which the event is not."""

    def setUp(self):
        super().setUp()
        rules = self.folder / "gala.yaml"
        rules.write_text(ANNOUNCED)
        self.bus = self.client()
        self.bus.subscribe("hunt.claims.>")
        self.server = self.serve_nats("--rules", rules)
        made = self.server.request("PUT", "/v1/worlds/7", {"name": "north"}, token=TOKEN)
        self.assertIn(made.status, (200, 201), made)
        for world in (1, 7):
            tiles = [{"x": x, "y": 0, "table": table, "budget": 9}
                     for x, table in enumerate(("plain", "rich", "one"))]
            self.assertEqual(self.server.bury(tiles, world=world).status, 200)
        self.relay()

    def dig(self, x, world=1):
        reply = self.server.dig((player(1), x, 0), world=world)
        self.assertEqual(reply.status, 200, reply)
        return reply.json["outcomes"][0]

    def told(self, claim):
        """By every way: the grant, as JSON."""
        url = ["--url", f"http://127.0.0.1:{self.server.port}",
               "--admin-token-file", self.folder / "admin-token"]
        stream = WebSocket(self.server.port, "/v1/stream?after=0")
        self.addCleanup(stream.close)
        while (of_stream := json.loads(stream.receive())["grant"])["claim"] != claim:
            pass
        message = self.bus.wait(lambda one: claim in one.body.decode())
        story, = json.loads(self.hunt("explain", claim, *url, "--json").stdout)["stories"]
        return {"claim": self.server.get(f"/v1/claims/{claim}").json, "stream": of_stream,
                "feed": next(one for one in self.server.all_grants() if one["claim"] == claim),
                "bus": message.json["grant"], "explain": story}

    def test_grants_of_that_tier_and_above_are_told_so_on_every_way(self):
        for x, items, tier in ((0, ["bell"], None), (1, ["cape", "crown", "bell"], "legendary"),
                               (2, ["crown"], "legendary")):
            self.wait_for(lambda: self.dig(x)["outcome"] == "granted", self.server)
            answer = self.dig(x)
            for way, one in {"answer": answer, **self.told(answer["claim"])}.items():
                with self.subTest(way=way, x=x):
                    self.assertEqual([stack["item"] for stack in one["items"]], items)
                    self.assertEqual((one.get("announce"), one.get("tier")),
                                     (tier and True, tier))
                    self.assertEqual(one.get("item"), items[0] if len(items) == 1 else None)
        binary = self.bus.request("hunt.ask.any", json.dumps({
            "world": 1, "wait": "terminal",
            "positions": [{"player": player(1), "x": 2, "y": 0, "kind": "dig"}]}).encode())
        self.assertEqual(binary.json["outcomes"][0]["tier"], "legendary")

    def test_an_event_is_in_its_worlds_only(self):
        self.wait_for(lambda: self.dig(0)["outcome"] == "granted", self.server)
        for x in range(3):
            self.assertEqual(self.dig(x, world=7)["outcome"], "nothing")
        self.assertEqual(self.dig(-3)["outcome"], "hint")
        self.assertEqual(self.dig(-3, world=7)["outcome"], "nothing", "no hint leads there")
        run = self.hunt("explain", player(1), "--world", 7, "--tile", "0,0", "--url",
                        f"http://127.0.0.1:{self.server.port}", "--admin-token-file",
                        self.folder / "admin-token")
        self.assert_says(run.stdout, "Not for this world")


class Store(HuntTest):
    """What a file is held against, where a store is named."""

    def test_a_check_with_a_store_knows_its_worlds_and_what_lies_there(self):
        server = self.serve()
        tiles = [{"x": x, "y": 0, "table": "starlight", "budget": 1} for x in range(3)]
        self.assertEqual(server.bury(tiles).status, 200)
        self.assertEqual(server.stop(), 0, server.output)
        rules = self.folder / "gala.yaml"
        text = rolled_out(20, "first")
        rules.write_text(text.replace("rollout", "worlds: [demo, deom]\nrollout"))
        self.assert_exit(self.hunt("rules", "check", rules), 0)
        run = self.hunt("rules", "check", rules, "--store", self.store)
        self.assert_exit(run, 1)
        self.assert_says(run.stderr, f'{rules}:4:16: worlds: there is no world "deom" in the store '
                                     '(did you mean "demo"?)')
        rules.write_text(text.replace("rollout", "worlds: [demo]\nrollout"))
        run = self.hunt("rules", "check", rules, "--store", self.store)
        self.assert_exit(run, 0)
        self.assert_says(run.stdout, "worlds demo, for 20 % of the players")
        self.assert_says(run.stderr,
                         'the table "starlight" is in no file, but 3 open spawns use it')


if __name__ == "__main__":
    unittest.main()
