"""Messages and cache entries that nobody of the hunt wrote: each costs no more than is said here.

They are forged by somebody who may publish everywhere and write into Redis, as nobody should.
"""
import re
import socket
import time
import unittest

from hostile_nats_test import Shared
from hunt_process import TOKEN, HuntTest, RedisServer, player

TILE = {"x": 3, "y": 7}
WRONG = "f" * 64


def distrusted(server, kind):
    text = server.get("/metrics").body.decode()
    return float(re.search(rf'hunt_distrusted_total{{kind="{kind}"}} (\d+)', text).group(1))


class ForgedMessages(Shared):
    """On NATS without any users: everybody may publish everything."""

    def granted(self, who):
        return self.server.dig((player(who), TILE["x"], TILE["y"])).json["outcomes"][0]["outcome"]

    def invalidation(self, client):
        """A real one of the relay: body and signature."""
        client.subscribe("hunt.inval.0")
        message = client.wait(lambda m: m.subject == "hunt.inval.0")
        return message.body, message.headers["Hunt-Signature"]

    def test_an_invalidation_that_is_not_signed_changes_nothing(self):
        client = self.client()
        body, signature = self.invalidation(client)
        before = distrusted(self.server, "message")
        for i in range(len(body)):  # any number in it: the epoch, too
            forged = bytes([*body[:i], body[i] ^ 0xff, *body[i + 1:]])
            client.publish("hunt.inval.0", forged, headers={"Hunt-Signature": signature})
        client.publish("hunt.inval.0", body)
        client.publish("hunt.inval.0", body, headers={"Hunt-Signature": WRONG})
        client.publish("hunt.inval.7", body, headers={"Hunt-Signature": signature})
        self.until(lambda: distrusted(self.server, "message") >= before + len(body) + 2)
        for who in range(100, 103):
            self.assertEqual(self.granted(who), "granted")

    def test_an_invalidation_that_is_said_again_costs_reads_and_no_answer(self):
        client = self.client()
        body, signature = self.invalidation(client)
        for _ in range(200):
            client.publish("hunt.inval.0", body, headers={"Hunt-Signature": signature})
        self.assertIn(self.granted(110), ("granted", "sold_out"))

    def test_an_earlier_time_of_acceptance_is_not_believed(self):
        """Loot that has closed stays so, whatever time a message tells."""
        tile = {"x": 700, "y": 7, "table": "starlight", "budget": 5}
        self.assertEqual(self.server.bury([tile]).status, 200)
        opened_us = int(time.time() * 1e6)
        reply = self.server.request("DELETE", "/v1/worlds/1/tiles",
                                    {"tiles": [{"x": 700, "y": 7}]},
                                    token=TOKEN)
        self.assertEqual(reply.status, 200, reply)
        before = distrusted(self.server, "time")
        client = self.client()
        for number, told in enumerate((opened_us, 1, -1, 2 ** 63 - 1, "soon")):
            inbox = f"_INBOX.test.late{number}"
            client.request("hunt.pos.any",
                           {"world": 1, "positions": [{"player": player(120 + number), "x": 700,
                                                       "y": 7, "kind": "dig"}]},
                           {"Hunt-As-Of": str(told), "Hunt-Signature": WRONG,
                            "Hunt-Reply-To": inbox})
            outcome = client.wait(lambda m, to=inbox: m.subject == to, 20).json["outcomes"][0]
            self.assertEqual(outcome["outcome"], "closed", told)
        self.until(lambda: distrusted(self.server, "time") >= before + 5)
        self.assertIn("nobody of this hunt signed", self.server.output)

    def test_a_told_claim_that_is_not_signed_reaches_no_page(self):
        client = self.client()
        before = distrusted(self.server, "message")
        client.publish("hunt.claims.1", {"claim": {
            "claim": "0" * 31 + "1", "outcome": "sold_out", "world": 1, "x": 1, "y": 1,
            "player": player(1)}})
        self.until(lambda: distrusted(self.server, "message") > before)


class Redis:
    """One connection that speaks bytes."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=5)
        self.file = self.socket.makefile("rb")

    def __call__(self, *words):
        words = [w if isinstance(w, bytes) else str(w).encode() for w in words]
        self.socket.sendall(b"*%d\r\n" % len(words) +
                            b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words))
        return self._reply()

    def _reply(self):
        line = self.file.readline().rstrip(b"\r\n")
        kind, rest = line[:1], line[1:]
        if kind == b"*":
            return [self._reply() for _ in range(int(rest))]
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2]
        return int(rest) if kind == b":" else rest

    def close(self):
        self.file.close()
        self.socket.close()


class ForgedCopies(HuntTest):
    """Somebody writes into Redis, and a process asks that has nothing in memory."""

    def test_copies_with_numbers_of_nobody_are_misses(self):
        server = RedisServer(self.folder)
        self.addCleanup(server.stop)
        redis = Redis(server.port)
        self.addCleanup(redis.close)
        nothing = b"\x01\x00\x00"  # no table, no row: `nothing` on every tile
        now_ms = int(time.time() * 1000)
        hour = str(now_ms + 3_600_000).encode()
        soon = str(now_ms + 28_000).encode()
        cases = {
            "a copy that ends in an hour": {"#": hour + b"|1|" + nothing},
            "a copy that ends with time itself": {"#": b"9223372036854775807|1|" + nothing},
            "a copy of an epoch beyond all": {"#": soon + b"|9000000|" + nothing},
            "a copy of an epoch that is not yet": {"#": soon + b"|8191|" + nothing},
            "a copy of another hunt": {"#": soon + b"|1|" + nothing, "h": b"e" * 16},
            "a lease of an hour": {"l": hour},
            "a lease for ever": {"l": b"9223372036854775807"},
            "changes of an epoch beyond all": {"e": b"9007199254740991"},
            "a change beyond all": {"3,7": b"9223372036854775807|1|" + nothing},
        }
        tiles = {what: 3 + 640 * i for i, what in enumerate(cases)}  # nobody's neighbours
        first = self.start("serve", "--store", self.store, "--cache", server.url)
        keys = {}
        for what, x in tiles.items():
            before = set(redis("KEYS", "hunt:{*"))
            self.assertEqual(first.bury([{"x": x, "y": 7, "table": "starlight", "budget": 9}])
                             .status, 200)
            self.assertEqual(first.dig((player(1), x, 7)).json["outcomes"][0]["outcome"],
                             "granted")
            end = time.monotonic() + 10
            while len(keys.get(what, ())) < 9 and time.monotonic() < end:
                keys[what] = set(redis("KEYS", "hunt:{*")) - before
        first.stop()
        owner = redis("HGET", "hunt:hunt", "h")[:16]
        for what, fields in cases.items():
            self.assertGreaterEqual(len(keys[what]), 9, what)
            for key in keys[what]:
                redis("DEL", key)
                forged = {"h": owner, **fields}
                redis("HSET", key, *[word for pair in forged.items() for word in pair])
                redis("PEXPIRE", key, 60_000)
        second = self.start("serve", "--store", self.store, "--cache", server.url, "--lanes", 1,
                            "--no-prewarm")
        for what, x in tiles.items():
            begun = time.monotonic()
            outcome = second.dig((player(2), x, 7), wait=False).json["outcomes"][0]["outcome"]
            self.assertIn(outcome, ("found", "granted"), what)
            self.assertLess(time.monotonic() - begun, 5, what)
        end = time.monotonic() + 10
        while distrusted(second, "copy") < 9 * 5:  # those with a fill, and the change
            self.assertLess(time.monotonic(), end, second.output)
            time.sleep(0.05)


if __name__ == "__main__":
    unittest.main()
