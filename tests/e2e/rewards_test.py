"""A reward of several stacks is told the same on every way in: HTTP, streams, NATS in JSON and in
binary, the feed of the ledger and `hunt explain`."""
import json
import re
import sqlite3
import struct
import time
import unittest

from hunt_process import REPOSITORY, player
from nats_process import NatsCase
from web_socket import WebSocket

HERE = (10, -3)
# Of the binary request in docs/REFERENCE.md.
PLAYER = "0f8fad5b-d9cb-469f-a165-70867728950e"
VECTOR_CLAIM = 0x00112233445566778899aabbccddeeff
REWARD = "star_shard*12,bell"
ITEMS = [{"item": "star_shard", "count": 12}, {"item": "bell", "count": 1}]
DIG = {"player": PLAYER, "x": HERE[0], "y": HERE[1], "kind": "dig"}


def vectors():
    """The binary messages of docs/REFERENCE.md: a request, a reply, and one with stacks."""
    text = (REPOSITORY / "docs/REFERENCE.md").read_text()
    text = text[text.index("Test vectors, checked by `src/codec/flat_batch_test.cc`"):]
    return [bytes.fromhex(block) for block in re.findall(r"```\n([0-9a-f\n]+)```", text)]


def as_struct(claim):
    return struct.pack("<QQ", claim >> 64, claim & (1 << 64) - 1)


class Rewards(NatsCase):
    """Two grants of one spawn; the first is made one of two stacks in the ledger."""

    def setUp(self):
        super().setUp()
        server = self.serve()
        reply = server.bury([{"x": HERE[0], "y": HERE[1], "table": "starlight", "budget": 2}])
        self.assertEqual(reply.status, 200, reply)
        self.claim, self.other = (self.granted(server, who)["claim"] for who in (PLAYER, player(2)))
        self.assertEqual(server.stop(), 0, server.output)
        self.give_stacks()
        self.nats_client = self.client()
        self.nats_client.subscribe("hunt.claims.>")
        self.server = self.serve_nats()
        self.relay()

    def granted(self, server, who):
        deadline = time.monotonic() + 30
        while (one := server.dig((who, *HERE)).json["outcomes"][0])["outcome"] != "granted":
            self.assertLess(time.monotonic(), deadline, one)
            time.sleep(0.02)
        return one

    def give_stacks(self):
        """As rules do; and nothing of it was told before."""
        with sqlite3.connect(self.folder / "hunt.db") as store:
            (frozen,), = store.execute(
                "SELECT sql FROM sqlite_master WHERE name = 'grants_do_not_change'")
            store.execute("DROP TRIGGER grants_do_not_change")
            store.execute("UPDATE grants SET item = ? WHERE claim_id = ?",
                          (REWARD, bytes.fromhex(self.claim)))
            store.execute(frozen)
            store.execute("UPDATE meta SET told_grant = 0")

    def over_streams(self):
        """The answer to a message, and the grant of the ledger."""
        stream = WebSocket(self.server.port, "/v1/stream?after=0")
        self.addCleanup(stream.close)
        stream.send(json.dumps({"wait": "terminal", "world": 1, "positions": [DIG]}))
        told = {}
        while len(told) < 2:
            message = json.loads(stream.receive())
            if "outcomes" in message:
                told["answer of a stream"] = message["outcomes"][0]
            elif message["grant"]["claim"] == self.claim:
                told["grant of a stream"] = message["grant"]
        return told

    def over_nats(self):
        client = self.nats_client
        told = client.wait(lambda message: self.claim in message.body.decode())
        asked = client.request("hunt.ask.any", {"world": 1, "wait": "terminal", "positions": [DIG]})
        client.subscribe("game.outcomes")
        client.request("hunt.pos.any",
                       {"world": 1, "positions": [DIG], "reply_to": "game.outcomes"})
        stored = client.wait(lambda message: message.subject == "game.outcomes")
        return {"hunt.claims": told.json["grant"], "hunt.ask": asked.json["outcomes"][0],
                "hunt.pos": stored.json["outcomes"][0]}

    def explained(self, *words):
        run = self.hunt("explain", self.claim, *words, "--json")
        self.assert_exit(run, 0)
        story, = json.loads(run.stdout)["stories"]
        self.assert_says(story["sentence"], f"Granted: 12 star_shard, bell to player {PLAYER}")
        return story

    def test_stacks_are_told_the_same_on_every_way(self):
        url = ["--url", f"http://127.0.0.1:{self.server.port}",
               "--admin-token-file", self.folder / "admin-token"]
        first, second = self.server.all_grants()
        told = {"positions": self.server.dig((PLAYER, *HERE)).json["outcomes"][0],
                "claim": self.server.get(f"/v1/claims/{self.claim}").json, "grants": first,
                **self.over_streams(), **self.over_nats(),
                "explain": self.explained(*url), "explain by store": self.explained(
                    "--store", self.store)}
        for way, one in told.items():
            with self.subTest(way):
                self.assertEqual((one["claim"], one["items"]), (self.claim, ITEMS))
                self.assertNotIn("item", one)
        # One item of count 1 beside it is told as ever, and as a stack.
        self.assertEqual((second["claim"], second["items"]),
                         (self.other, [{"item": second["item"], "count": 1}]))
        self.assertEqual(self.server.stop(), 0, self.server.output)
        self.assert_audit_clean()

    def test_the_binary_form_is_that_of_the_reference(self):
        request, _, with_stacks = vectors()
        reply = self.nats_client.request("hunt.ask.any", request).body
        self.assertEqual(with_stacks.count(as_struct(VECTOR_CLAIM)), 1)
        self.assertEqual(reply.hex(), with_stacks.replace(
            as_struct(VECTOR_CLAIM), as_struct(int(self.claim, 16))).hex())


if __name__ == "__main__":
    unittest.main()
