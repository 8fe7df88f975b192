"""Whoever insists on a terminal answer hears the ledger: a win is for ever, whatever the rules."""
import time
import unittest

from hunt_process import HuntTest, player
from nats_process import NatsCase

TABLE = "tables:\n  {table}:\n    - {{item: star, weight: 1}}\n"
OPEN = "event: e\n" + TABLE.format(table="t")
# What the rules become, and what a step on the tile comes to for whoever has not won.
CHANGES = {
    "event: e\nends: 2020-01-01T00:00:00Z\n" + TABLE.format(table="t"): "closed",
    "event: e\nstarts: 2040-01-01T00:00:00Z\n" + TABLE.format(table="t"): "nothing",
    "event: e\ntrigger: dig\n" + TABLE.format(table="t"): "hint",
    "event: e\n" + TABLE.format(table="u"): "nothing",
    "event: other\n" + TABLE.format(table="u"): "nothing",
}


class Rules:
    """The rules of a server, changed while it runs. With HuntTest."""

    def write_rules(self, text):
        path = self.folder / "event.yaml"
        path.write_text(text)
        return str(path)

    def step(self, who, wait=True):
        body = {"world": 1, "positions": [{"player": player(who), "x": 1, "y": 1, "kind": "step"}]}
        reply = self.server.post("/v1/positions" + ("?wait=terminal" if wait else ""), body)
        self.assertEqual(reply.status, 200, reply)
        return reply.json["outcomes"][0]

    def bury_here(self, budget=3):
        tiles = [{"x": 1, "y": 1, "table": "t", "budget": budget}]
        self.assertEqual(self.server.bury(tiles).status, 200)
        deadline = time.monotonic() + 30
        while self.step(9, wait=False)["outcome"] == "nothing":  # until the change is everywhere
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)


class OverHttp(Rules, HuntTest):
    """`?wait=terminal`, with a file."""

    def test_a_win_is_told_again_whatever_the_rules_have_become(self):
        rules = self.write_rules(OPEN)
        self.server = self.serve("--rules", rules)
        self.server.bury([{"x": 1, "y": 1, "table": "t", "budget": 2}])
        won = self.step(1)
        for _ in range(100):  # until the change is everywhere
            if won["outcome"] == "granted":
                break
            time.sleep(0.1)
            won = self.step(1)
        self.assertEqual(won["outcome"], "granted", won)
        for text, refusal in CHANGES.items():
            with self.subTest(rules=text):
                # A server that remembers nothing.
                self.assertEqual(self.server.stop(), 0, self.server.output)
                self.write_rules(text)
                self.server = self.serve("--rules", rules)
                again = self.step(1)
                self.assertEqual((again["outcome"], again["claim"], again.get("repeat")),
                                 ("granted", won["claim"], True), again)
                stranger = self.step(2)
                self.assertEqual(stranger["outcome"], refusal, stranger)
                self.assertNotIn("claim", stranger)
        deadline = time.monotonic() + 30
        while b"hunt_claim_lookups_total 2\n" not in self.server.get("/metrics").body:
            self.assertLess(time.monotonic(), deadline, "one each for the winner and the stranger")
            time.sleep(0.1)
        self.assertEqual(len(self.server.all_grants()), 1)

    def test_a_find_whose_answer_was_lost_is_told_after_the_event(self):
        self.server = self.serve("--rules", self.write_rules(OPEN))
        self.bury_here()  # and player 9 finds it
        closed = next(iter(CHANGES))
        before = self.server.get("/v1/stats").json["rules"]
        self.write_rules(closed)
        deadline = time.monotonic() + 30
        while self.server.get("/v1/stats").json["rules"] == before or \
                any(self.step(8, wait=False)["outcome"] != "closed" for _ in range(4)):
            self.assertLess(time.monotonic(), deadline, self.server.output)
            time.sleep(0.05)
        self.assertEqual(self.step(9)["outcome"], "granted")
        self.assertEqual(self.step(7)["outcome"], "closed")


class OverNats(Rules, NatsCase):
    """Asks with `"wait":"terminal"`, and stored positions."""

    def test_a_win_is_told_again_after_the_event_is_over(self):
        self.server = self.serve_nats("--rules", self.write_rules(OPEN))
        self.relay()
        self.bury_here(budget=9)
        client = self.client()
        inbox = "game.outcomes"
        client.subscribe(inbox)
        body = {"world": 1, "positions": [{"player": player(1), "x": 1, "y": 1, "kind": "dig"}]}
        asked = {**body, "wait": "terminal"}

        def ask(who):
            asked["positions"][0]["player"] = player(who)
            return client.request("hunt.ask.any", asked).json["outcomes"][0]

        def store(who):
            body["positions"][0]["player"] = player(who)
            client.request("hunt.pos.any", body, {"Hunt-Reply-To": inbox})
            message = client.wait(lambda message: message.subject == inbox and
                                  message.json["outcomes"][0]["player"] == player(who), seconds=30)
            return message.json["outcomes"][0]

        self.assertEqual(ask(1)["outcome"], "granted")
        self.assertEqual(store(2)["outcome"], "granted")
        before = self.server.get("/v1/stats").json["rules"]
        self.assertEqual(self.server.stop(), 0, self.server.output)
        self.write_rules(next(iter(CHANGES)))
        self.server = self.serve_nats("--rules", str(self.folder / "event.yaml"))
        self.wait_for(lambda: self.server.get("/v1/stats").json["rules"] != before, self.server)
        for who in (1, 2):
            for how in (ask, store):
                again = how(who)
                self.assertEqual((again["outcome"], again.get("repeat")), ("granted", True), again)
        for how in (ask, store):
            self.assertEqual(how(3)["outcome"], "closed")


if __name__ == "__main__":
    unittest.main()
