"""Sold-out tiles: who has no grant hears so from memory, and who won hears of his win."""
import time
import unittest

from hunt_process import HuntTest, player
from nats_process import NatsCase

RULES = "event: e\ntables:\n  t:\n    - {item: star, weight: 1}\n"


class SoldOut:
    """Rules and digs of both. With HuntTest."""

    def rules(self):
        path = self.folder / "event.yaml"
        path.write_text(RULES)
        return str(path)

    def dig_one(self, server, who):
        reply = server.dig((player(who), 1, 1))
        self.assertEqual(reply.status, 200, reply)
        return reply.json["outcomes"][0]

    def until_granted(self, server, who):
        """Until the burial is everywhere."""
        deadline = time.monotonic() + 30
        while True:
            outcome = self.dig_one(server, who)
            if outcome["outcome"] == "granted":
                return outcome
            self.assertEqual(outcome["outcome"], "nothing", outcome)
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)


class OverHttp(SoldOut, HuntTest):
    """One process, with a file."""

    def test_a_crowd_on_sold_out_tiles_costs_no_call_once_all_of_it_asked(self):
        tiles, players, budget = 60, 300, 2
        self.server = self.serve("--rules", self.rules(), "--lanes", 1)
        self.server.bury([{"x": x, "y": 1, "table": "t", "budget": budget}
                          for x in range(1, tiles + 1)])
        self.until_granted(self.server, 1)

        def everybody():
            for who in range(1, players + 1):
                reply = self.server.dig(*((player(who), x, 1) for x in range(1, tiles + 1)))
                self.assertEqual(reply.status, 200, reply)
                told = {one["outcome"] for one in reply.json["outcomes"]}
                self.assertEqual(told, {"granted" if who <= budget else "sold_out"}, who)

        def calls():
            """Of the store, for claims; and what memory answered."""
            time.sleep(2.5)  # figures are that old at most
            stats = self.server.get("/v1/stats").json
            asked = stats["claim_lookups"] + sum(stats["claims"].values())
            return asked, stats["no_grant_known"]

        everybody()
        everybody()  # the memory of grants is small: some may be asked for once more
        asked, known = calls()
        self.assertGreaterEqual(asked, tiles * players)
        everybody()
        asked_again, known_again = calls()
        more = asked_again - asked
        # Where the feed stands still for a moment, as on a full machine, memory is not believed.
        self.assertLess(more, tiles * players // 20)
        refused = tiles * (players - budget)  # winners may be among those that were asked for
        self.assertLessEqual(known_again - known, refused)
        self.assertGreaterEqual(known_again - known, refused - more)
        self.assertEqual(len(self.server.all_grants()), tiles * budget)


class OverNats(SoldOut, NatsCase):
    """Two processes on one store."""

    def test_who_won_elsewhere_hears_granted_where_the_tile_is_known_to_be_sold_out(self):
        one = self.serve_nats("--rules", self.rules())
        other = self.serve_nats("--rules", self.rules())
        self.relay()
        one.bury([{"x": 1, "y": 1, "table": "t", "budget": 1}])
        won = self.until_granted(one, 1)
        for who in (2, 3, 4, 3):
            self.assertEqual(self.dig_one(other, who)["outcome"], "sold_out")
        for server in (other, other, one):
            again = self.dig_one(server, 1)
            self.assertEqual((again["outcome"], again.get("repeat")), ("granted", True), again)
            self.assertEqual((again["claim"], again["items"]), (won["claim"], won["items"]))
        one.kill()
        self.assertEqual(self.dig_one(other, 1)["claim"], won["claim"])
        self.assertEqual(self.dig_one(other, 4)["outcome"], "sold_out")


if __name__ == "__main__":
    unittest.main()
