"""`hunt explain`: "where is my reward?" for ten planted histories, with one command each."""
import json
import sqlite3
import time
import unittest
from contextlib import contextmanager

from hunt_process import TOKEN, HuntTest, player
from nats_process import NatsCase
from postgres_process import OwnDatabase

HERE = (10, -3)
PLAYER = player(1)
OTHER = player(2)
CLAIMS_WAITING_MAX = 16_384  # per lane; see docs/REFERENCE.md
CROWD = 2_500  # as many positions as a body holds


class ExplainCase(HuntTest):
    """One lane, and who asks it."""

    def start_serve(self, *more):
        return self.serve("--lanes", 1, *more)

    def bury(self, server, budget=3, tile=HERE, **more):
        reply = server.bury([{"x": tile[0], "y": tile[1], "table": "starlight", "budget": budget,
                              **more}])
        self.assertEqual(reply.status, 200, reply)

    def dig(self, server, who=PLAYER, tile=HERE, wait=True):
        """The outcome; of an error its code."""
        reply = server.dig((who, *tile), wait=wait).json
        return reply["outcomes"][0] if "outcomes" in reply else {"outcome": reply["error"]["code"]}

    def dig_until(self, server, outcome, who=PLAYER, tile=HERE):
        """Changes reach the lane's memory within milliseconds."""
        deadline = time.monotonic() + 30
        while (got := self.dig(server, who, tile))["outcome"] != outcome:
            self.assertLess(time.monotonic(), deadline, got)
            time.sleep(0.02)
        return got

    def dig_until_closed(self, server):
        """A new player each time: until then they are granted."""
        deadline = time.monotonic() + 30
        number = 100
        while self.dig(server, player(number))["outcome"] != "closed":
            self.assertLess(time.monotonic(), deadline)
            number += 1
            time.sleep(0.02)

    def explain(self, server, *words, code=0):
        """(the text, the JSON) of one question, asked until both tell of the same moment."""
        words = (*words, "--url", f"http://127.0.0.1:{server.port}",
                 "--admin-token-file", self.folder / "admin-token")
        for _ in range(3):
            run = self.hunt("explain", *words)
            self.assert_exit(run, code)
            told = self.hunt("explain", *words, "--json")
            self.assert_exit(told, code)
            answer = json.loads(told.stdout)
            if run.stdout.startswith(answer["answer"] + "\n"):
                break
        self.assertTrue(run.stdout.startswith(answer["answer"] + "\n"), run.stdout)
        self.assertEqual(answer["answer"], answer["stories"][0]["sentence"])
        return run.stdout, answer

    def assert_story(self, answer, fate, certain=True, **fields):
        story = answer["stories"][0]
        self.assertEqual((story["fate"], story["certain"]), (fate, certain), answer)
        for name, value in fields.items():
            self.assertEqual(story.get(name), value, (name, answer))
        return story

    def assert_told(self, server, claim):
        """Waits until the ledger says that it was."""
        deadline = time.monotonic() + 30
        while not self.explain(server, claim)[1]["stories"][0]["told"]:
            self.assertLess(time.monotonic(), deadline, "it is not told")
            time.sleep(0.2)


class Explain(ExplainCase):
    """On SQLite."""

    @contextmanager
    def locked_store(self):
        """Nothing is decided meanwhile, as when somebody works in the file with sqlite3."""
        connection = sqlite3.connect(self.folder / "hunt.db", timeout=30, isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        finally:
            connection.execute("COMMIT")
            connection.close()

    def test_1_granted_and_told(self):
        server = self.start_serve()
        self.bury(server)
        self.dig_until(server, "granted", who=OTHER)
        claim = self.dig(server)["claim"]
        self.assert_told(server, claim)
        for words in ([PLAYER], [claim], [PLAYER, "--tile", "10,-3"], [PLAYER, "--since", "20m"],
                      [PLAYER, "--world", "demo"]):
            text, answer = self.explain(server, *words)
            story = self.assert_story(answer, "granted", claim=claim, told=True, player=PLAYER,
                                      world=1, x=10, y=-3)
            self.assert_says(text, f"Granted: {story['item']} to player {PLAYER} at ", " UTC, and "
                             "told to the game", "number 2 of at most 3", f"the first was player "
                             f"{OTHER}", f"which is {story['item']} (weight", "tile 10,-3 of world "
                             "1 (demo)")

    def test_2_granted_and_not_told(self):
        """The process dies before its relay has told it."""
        server = self.start_serve()
        self.bury(server)
        claim = self.dig_until(server, "granted")["claim"]
        server.kill()
        with sqlite3.connect(self.folder / "hunt.db") as connection:
            connection.execute("UPDATE meta SET told_grant = 0")
        run = self.hunt("explain", PLAYER, "--store", self.store)
        self.assert_exit(run, 0)
        self.assert_says(run.stdout, f"Granted: ", "but not told to it yet", claim,
                         "the relay of shard 0 has told rows up to 0 only",
                         "no running process was asked")
        server = self.start_serve()
        self.assert_told(server, claim)

    def test_a_ledger_that_was_tampered_with_does_nothing_to_the_terminal(self):
        server = self.start_serve()
        self.bury(server)
        claim = self.dig_until(server, "granted")["claim"]
        self.assertEqual(server.stop(), 0, server.output)
        with sqlite3.connect(self.folder / "hunt.db") as connection:
            connection.execute("DROP TRIGGER grants_do_not_change")
            connection.execute("UPDATE grants SET item = ?, rules = ?, at_us = ?",
                               ("\x1b[2Jowl\nGranted: ", "\x1b]0;x\x07", 2**63 - 1))
        for who in (PLAYER, claim):
            run = self.hunt("explain", who, "--store", self.store)
            self.assert_exit(run, 0)
            self.assertNotRegex(run.stdout, "[\x00-\x09\x0b-\x1f\x7f]")
            self.assert_says(run.stdout, "\\x1b[2jowl\\x0agranted: ",
                             f"{2**63 - 1} us since 1970")

    def test_3_sold_out_before(self):
        server = self.start_serve()
        self.bury(server, budget=1)
        self.dig_until(server, "granted", who=OTHER)
        self.assertEqual(self.dig(server)["outcome"], "sold_out")
        text, answer = self.explain(server, PLAYER)
        self.assert_story(answer, "sold_out", player=PLAYER)
        self.assert_says(text, "Sold out: ", "others had taken all of it",
                         f"the last went to player {OTHER}")
        # A process that was started since remembers nothing of it.
        server.stop()
        server = self.start_serve()
        self.assert_story(self.explain(server, PLAYER)[1], "unseen", certain=False)
        text, answer = self.explain(server, PLAYER, "--tile", "10,-3")
        self.assert_story(answer, "sold_out", certain=False)
        self.assert_says(text, "Probably sold out")

    def test_4_closed(self):
        server = self.start_serve()
        self.bury(server, budget=10_000)
        self.dig_until(server, "granted", who=OTHER)
        tiles = {"tiles": [{"x": HERE[0], "y": HERE[1]}]}
        self.assertEqual(server.request("DELETE", "/v1/worlds/1/tiles", tiles,
                                        token=TOKEN).json["closed"], 1)
        self.dig_until_closed(server)
        self.assertEqual(self.dig(server)["outcome"], "closed")
        text, answer = self.explain(server, PLAYER)
        self.assert_story(answer, "closed", player=PLAYER)
        self.assert_says(text, "Closed: ", "when the loot there was not open",
                         "the loot is open from ", "until ")

    def test_5_capped(self):
        """The one cap of today's rules: each player gets a spawn once."""
        server = self.start_serve()
        self.bury(server, budget=9)
        first = self.dig_until(server, "granted")
        again = self.dig(server)
        self.assertEqual((again["claim"], again["repeat"]), (first["claim"], True))
        text, answer = self.explain(server, PLAYER)
        self.assertEqual(len(answer["stories"]), 1, answer)
        self.assert_story(answer, "granted", claim=first["claim"])
        self.assert_says(text, "the player came again", "each player gets a spawn once")

    def test_6_never_arrived(self):
        server = self.start_serve()
        self.bury(server)
        text, answer = self.explain(server, PLAYER, "--around",
                                    time.strftime("%H:%M", time.gmtime()))
        self.assert_story(answer, "unseen", certain=False)
        self.assert_says(text, f"Nothing is known of player {PLAYER}", "never arrived",
                         "this process remembers what the store decided since 20")
        self.assert_says(self.explain(server, PLAYER, "--tile", "10,-3")[0],
                         "loot lies open there since")

    def test_7_shed(self):
        server = self.start_serve()
        self.bury(server, budget=1_000_000)
        self.dig_until(server, "granted", who=OTHER)
        with self.locked_store():
            number = 1_000
            while number < 1_000 + CLAIMS_WAITING_MAX + CROWD:
                crowd = [(player(n), *HERE) for n in range(number, number + CROWD)]
                reply = server.dig(*crowd, wait=False)
                self.assertEqual(reply.status, 200, reply)
                number += CROWD
            self.assertEqual(self.dig(server, wait=False)["outcome"], "busy")
            text, answer = self.explain(server, PLAYER)
            self.assert_story(answer, "shed", player=PLAYER)
            self.assert_says(text, "overloaded and answered", "`busy` 1 time,",
                             "nothing was decided", "after 250 ms")
            self.assert_story(self.explain(server, player(1_000))[1], "waiting")
        self.dig_until(server, "granted")
        _, answer = self.explain(server, PLAYER)
        self.assertEqual({story["fate"] for story in answer["stories"]}, {"granted", "shed"})

    def test_8_moved_on(self):
        """The tile was buried anew under the player's claim."""
        server = self.start_serve()
        self.bury(server)
        self.dig_until(server, "granted", who=OTHER)
        with self.locked_store() as connection:
            self.assertEqual(self.dig(server, wait=False)["outcome"], "found")
            spawn, = connection.execute("SELECT spawn FROM next_spawn").fetchone()
            connection.execute("INSERT INTO stock VALUES (?, 5)", (spawn,))
            connection.execute("UPDATE loot_tiles SET spawn = ?, budget = 5, sold_out = 0,"
                               " buried_at_us = ?", (spawn, time.time_ns() // 1_000))
        deadline = time.monotonic() + 30
        while self.explain(server, PLAYER)[1]["stories"][0]["fate"] == "waiting":
            self.assertLess(time.monotonic(), deadline, "it is never decided")
            time.sleep(0.05)
        text, answer = self.explain(server, PLAYER)
        self.assert_story(answer, "gone", player=PLAYER)
        self.assert_says(text, "not on the tile any more", "the tile was buried anew at")

    def test_9_lost_with_a_restore(self):
        """A copy from before the grant is put back while the process goes on."""
        server = self.start_serve()
        self.bury(server)
        self.dig_until(server, "granted", who=OTHER)
        file, copy = (sqlite3.connect(self.folder / name, timeout=30)
                      for name in ("hunt.db", "copy.db"))
        file.backup(copy)
        claim = self.dig(server)["claim"]
        self.assert_told(server, claim)
        copy.backup(file)
        file.close()
        copy.close()
        for words in ([PLAYER], [claim]):
            text, answer = self.explain(server, *words)
            self.assert_story(answer, "lost", claim=claim, player=PLAYER)
            self.assert_says(text, f"Lost: player {PLAYER} was told at",
                             "the ledger does not have it any more", "restored from an older copy")
        server.kill()
        run = self.hunt("explain", claim, "--store", self.store)
        self.assert_exit(run, 0)
        self.assert_says(run.stdout, f"Nothing is known of claim {claim}", "restored from an older")

    def test_10_another_players(self):
        server = self.start_serve()
        self.bury(server)
        claim = self.dig_until(server, "granted", who=OTHER)["claim"]
        text, answer = self.explain(server, claim, "--player", PLAYER)
        self.assert_story(answer, "granted", player=OTHER)
        self.assert_says(text, f"This is the claim of another player, {OTHER}, and not of "
                         f"{PLAYER}.")

    def test_bad_input_says_what_is_wrong(self):
        server = self.start_serve()
        url = ["--url", f"http://127.0.0.1:{server.port}"]
        admin = ["--admin-token-file", self.folder / "admin-token"]
        for words, code, says in (
                (["42"], 2, ["a claim (32 hexadecimal digits) or a player (a UUID)", '"42"']),
                ([PLAYER, "--player", PLAYER], 2, ["--player", "goes with a claim"]),
                (["0" * 32, "--player", "me"], 2, ["--player", "a UUID"]),
                ([PLAYER, "--tile", "10"], 2, ["--tile", "X,Y"]),
                ([PLAYER, "--tile", "10,99999999999"], 2, ["--tile", "X,Y"]),
                ([PLAYER, "--around", "noon"], 2, ["--around", "14:03", '"noon"']),
                ([PLAYER, "--since", "20x"], 2, ["--since", "20m"]),
                ([PLAYER, "--since", "1h", "--around", "14:03"], 2, ["not both"]),
                ([PLAYER, "--world", "demp", *url, *admin], 1, ["demo"]),
                ([PLAYER, *url], 1, ["token"]),
                ([PLAYER, "--url", "http://127.0.0.1:1"], 1, ["127.0.0.1:1"]),
                ([PLAYER, "--store", "sqlite:none.db"], 1, ["MISSING: shard 0", "none.db"])):
            with self.subTest(words=words):
                run = self.hunt("explain", *words)
                self.assert_exit(run, code)
                self.assert_says(run.stdout + run.stderr, *says)

    def test_a_process_that_cannot_be_asked_is_missing(self):
        server = self.start_serve()
        self.bury(server)
        self.dig_until(server, "granted")
        text, answer = self.explain(server, PLAYER, "--url", "http://127.0.0.1:1", code=1)
        self.assert_story(answer, "granted")
        self.assertFalse(answer["complete"])
        self.assert_says(text, "MISSING: http://127.0.0.1:1")


class ExplainShards(OwnDatabase, NatsCase, ExplainCase):
    """Two shards in PostgreSQL and two processes on NATS, and no relay at first."""

    TILES = ((0, 0), (4096, 0))  # of one shard each

    def setUp(self):
        super().setUp()
        self.second = self.postgres.make_database(self.database + "b")
        loot = self.folder / "loot.csv"
        loot.write_text("x,y,table,budget\n" + "".join(f"{x},{y},starlight,1\n"
                                                       for x, y in self.TILES))
        self.assert_exit(self.hunt("world", "import", loot, "--world", "demo",
                                   *self.store_words()), 0)
        self.servers = [self.serve_nats("--lanes", 1) for _ in range(2)]

    def store_words(self):
        return ["--store", self.store, "--store", self.second]

    def explain_all(self, *words):
        return self.explain(self.servers[0], *words, "--url",
                            f"http://127.0.0.1:{self.servers[1].port}")

    def test_two_processes_and_two_shards_make_one_answer(self):
        claims = [self.dig(self.servers[0], PLAYER, tile)["claim"] for tile in self.TILES]
        text, answer = self.explain_all(PLAYER)
        self.assertEqual({story["claim"] for story in answer["stories"]}, set(claims))
        for story in answer["stories"]:
            self.assertEqual((story["fate"], story["told"]), ("granted", False), answer)
        self.assert_says(text, "no relay has ever followed the ledger of shard 0",
                         "no relay has ever followed the ledger of shard 1")
        self.relay()
        for claim in claims:
            self.assert_told(self.servers[0], claim)
        # The first process knows nothing of a player whom the second one refused.
        self.assertEqual(self.dig(self.servers[1], OTHER, self.TILES[1])["outcome"], "sold_out")
        self.assert_story(self.explain(self.servers[0], OTHER)[1], "unseen", certain=False)
        text, answer = self.explain_all(OTHER)
        self.assertEqual(len(answer["stories"]), 1, answer)
        self.assert_story(answer, "sold_out", player=OTHER)
        self.assert_says(text, f"the last went to player {PLAYER}")

    def test_a_shard_that_is_gone_is_missing(self):
        claim = self.dig(self.servers[0], PLAYER, self.TILES[0])["claim"]
        for server in self.servers:
            server.kill()
        run = self.hunt("explain", claim, *self.store_words())
        self.assert_exit(run, 0)
        self.assert_says(run.stdout, "Granted: ", "number 1 of at most 1", "(weight")
        run = self.hunt("explain", claim, "--store", self.store, "--store", self.store + "gone")
        self.assert_exit(run, 1)
        self.assert_says(run.stdout, "Granted: ", "MISSING: shard 1 cannot be read")


if __name__ == "__main__":
    unittest.main()
