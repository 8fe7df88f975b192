"""Two hunts on one Redis and one NATS: by their names they do not meet, and of two with one name
the second is refused, at the start, by the doctor, and while running."""
import json
import shutil
import tempfile
import time
import unittest
from pathlib import Path

from hunt_process import HuntProcess, HuntTest, RedisServer, player, run_hunt
from nats_process import NatsServer

REFUSED = ("another hunt called", "--hunt OTHER")
TILE = {"x": 5, "y": 1, "table": "starlight", "budget": 50}


class HuntsApart(HuntTest):
    """One Redis and one NATS for all tests; the hunt of a.db is there from the start."""

    @classmethod
    def setUpClass(cls):
        cls.shared = Path(tempfile.mkdtemp(prefix="hunt-apart-"))
        cls.addClassCleanup(shutil.rmtree, cls.shared, ignore_errors=True)
        cls.redis = RedisServer(cls.shared)
        cls.addClassCleanup(lambda: cls.redis.stop())
        cls.nats = NatsServer(cls.shared, room="8GB")  # each hunt reserves 2.1
        cls.addClassCleanup(lambda: cls.nats.kill())
        cls.first = cls.process("serve", *cls.words("a"))
        cls.first.wait_ready()
        assert cls.first.bury([TILE]).status == 200
        for store in ("b", "c"):
            assert run_hunt("world", "create", "other", "--store", cls.store_url(store)
                            ).returncode == 0

    @classmethod
    def store_url(cls, store):
        return f"sqlite:{cls.shared / store}.db"

    @classmethod
    def words(cls, store, *more, cache=True, bus=True):
        return ["--store", cls.store_url(store),
                *(["--cache", cls.redis.url] if cache else []),
                *(["--bus", cls.nats.url] if bus else []), *more]

    @classmethod
    def process(cls, *arguments, **keywords):
        process = HuntProcess(cls.shared, *arguments, **keywords)
        cls.addClassCleanup(process.kill)
        return process

    def assert_refused(self, *arguments, listen=True):
        process = HuntProcess(self.shared, *arguments, listen=listen)
        self.addCleanup(process.kill)
        self.assertEqual(process.wait_exit(20), 1, process.output)
        self.assert_says(process.output, "a.db", *REFUSED)

    def until(self, holds, process, seconds=20):
        end = time.monotonic() + seconds
        while not holds():
            self.assertLess(time.monotonic(), end, process.output)
            time.sleep(0.05)

    def test_a_second_hunt_of_the_same_name_is_refused_at_the_start(self):
        self.assert_refused("serve", *self.words("b", bus=False))
        self.assert_refused("serve", *self.words("b", cache=False))
        self.assert_refused("relay", *self.words("b", cache=False), listen=False)
        prewarm = self.hunt("world", "prewarm", *self.words("b", bus=False))
        self.assert_exit(prewarm, 1)
        self.assert_says(prewarm.stderr, *REFUSED)

    def test_the_doctor_tells_whose_it_is(self):
        for words in (self.words("b", bus=False), self.words("b", cache=False)):
            run = self.hunt("doctor", *words)
            self.assert_exit(run, 1)
            self.assert_says(run.stdout, "a.db", *REFUSED)
        run = self.hunt("doctor", "--json", *self.words("a"))
        failures = [one for one in json.loads(run.stdout)["findings"]
                    if one["severity"] == "failure"]
        self.assertEqual(failures, [])
        run = self.hunt("doctor", *self.words("b", "--hunt", "third"))
        self.assertNotIn("another hunt", run.stdout)

    def test_with_names_of_their_own_both_play_on_the_same_servers(self):
        other = self.process("serve", *self.words("b", "--hunt", "summer-26"))
        other.wait_ready()
        self.addCleanup(other.stop)
        for i in range(3):
            reply = other.dig((player(i), 5, 1))
            self.assertEqual(reply.json["outcomes"][0]["outcome"], "nothing", reply)
            reply = self.first.dig((player(i), 5, 1))
            self.assertEqual(reply.json["outcomes"][0]["outcome"], "granted", reply)
        client = self.nats.client()
        self.addCleanup(client.close)
        body = {"world": 1, "wait": "terminal",
                "positions": [{"player": player(7), "x": 5, "y": 1, "kind": "dig"}]}
        asked = {name: [client.request(f"{name}.ask.any", body).json["outcomes"][0]["outcome"]
                        for _ in range(10)] for name in ("hunt", "summer-26")}
        self.assertEqual(asked, {"hunt": ["granted"] * 10, "summer-26": ["nothing"] * 10})

    def test_a_database_of_its_own_keeps_a_hunt_apart_too(self):
        other = self.process("serve", "--store", self.store_url("c"), "--cache",
                             self.redis.url + "/3")
        other.wait_ready()
        self.addCleanup(other.stop)
        self.assertEqual(other.dig((player(1), 5, 1)).json["outcomes"][0]["outcome"], "nothing")
        self.assertIn("hunt:hunt", self.redis.command("EVAL", "redis.call('SELECT', 3) "
                                                      "return redis.call('KEYS', 'hunt:hunt')",
                                                      "0"))
        refused = self.hunt("serve", "--cache", "redis-cluster://127.0.0.1:1/2")
        self.assert_exit(refused, 2)
        self.assert_says(refused.stderr, "database", "--hunt")

    def test_a_name_has_a_syntax(self):
        for name in ("Hunt", "a.b", "a*", "x" * 33):
            run = self.hunt("serve", "--hunt", name)
            self.assert_exit(run, 2)
            self.assert_says(run.stderr, "name of a hunt", "a-z")

    def test_streams_that_become_another_hunts_are_left_alone_while_they_are(self):
        """Here somebody notes it so; it is what two hunts see after NATS came back empty."""
        client = self.nats.client()
        self.addCleanup(client.close)
        config = client.request("$JS.API.STREAM.INFO.HUNT_DLQ").json["config"]
        ours = config["description"]
        config["description"] = "of the hunt " + "e" * 32 + " sqlite:elsewhere.db"
        client.request("$JS.API.STREAM.UPDATE.HUNT_DLQ", config)
        self.until(lambda: "elsewhere.db" in self.first.get("/readyz").body.decode(), self.first)
        self.until(lambda: "503" in str(client.request("hunt.ask.any", {}).headers) or
                   not client.request("hunt.ask.any", {}).body, self.first)
        reply = self.first.dig((player(900), 5, 1))
        self.assertEqual(reply.json["outcomes"][0]["outcome"], "granted", "over HTTP it plays on")
        config["description"] = ours
        client.request("$JS.API.STREAM.UPDATE.HUNT_DLQ", config)
        self.until(lambda: "elsewhere.db" not in self.first.get("/readyz").body.decode(),
                   self.first)
        body = {"world": 1, "wait": "terminal",
                "positions": [{"player": player(900), "x": 5, "y": 1, "kind": "dig"}]}
        self.until(lambda: client.request("hunt.ask.any", body).body, self.first)


class CacheTaken(HuntTest):
    """A cache that was flushed, and taken by another hunt before this one looked again."""

    def test_it_is_not_used_and_readyz_says_why(self):
        redis = RedisServer(self.folder)
        self.addCleanup(redis.stop)
        server = self.start("serve", "--store", self.store, "--cache", redis.url)
        self.assertEqual(server.bury([{**TILE, "x": x} for x in range(0, 6400, 320)]).status, 200)
        redis.command("FLUSHALL")
        redis.command("HSET", "hunt:hunt", "h", "e" * 32, "of", "sqlite:elsewhere.db")
        end = time.monotonic() + 20
        number = 0
        while "elsewhere.db" not in server.get("/readyz").body.decode():
            self.assertLess(time.monotonic(), end, server.output)
            number += 1  # a chunk that nobody has in memory
            server.dig((player(1), 100_000 + 640 * number, 1), wait=False)
            time.sleep(0.05)
        for x in range(0, 6400, 320):
            outcome = server.dig((player(2), x, 1)).json["outcomes"][0]["outcome"]
            self.assertEqual(outcome, "granted")
        redis.command("DEL", "hunt:hunt")
        while "elsewhere.db" in server.get("/readyz").body.decode():
            self.assertLess(time.monotonic(), end + 20, server.output)
            number += 1
            server.dig((player(1), 100_000 + 640 * number, 1), wait=False)
            time.sleep(0.05)


if __name__ == "__main__":
    unittest.main()
