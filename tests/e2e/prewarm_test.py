"""What is read ahead before the players come: by `hunt serve`, and by `hunt world prewarm`."""
import datetime
import time
import unittest

from hunt_process import HuntTest, RedisServer, free_port, player

WAITS = True  # For an opening.
LOOT = [{"x": x, "y": y, "table": "starlight", "budget": 3} for x in range(0, 320, 16)
        for y in range(0, 320, 16)]


class Prewarm(HuntTest):
    """One SQLite store, with and without Redis."""

    def setUp(self):
        super().setUp()
        self.redis = RedisServer(self.folder)
        self.addCleanup(self.redis.stop)
        server = self.serve()
        self.assertEqual(server.bury(LOOT).status, 200)
        self.assertEqual(server.stop(), 0, server.output)

    def figure(self, server, name):
        for line in server.get("/metrics").body.decode().splitlines():
            if line.startswith(name + " "):
                return float(line.split()[-1])
        raise AssertionError(f"no {name}")

    def everywhere(self, server):
        """Steps on all loot by players of their own."""
        body = {"world": 1, "positions": [
            {"player": player(i), "x": tile["x"], "y": tile["y"], "kind": "step"}
            for i, tile in enumerate(LOOT)]}
        reply = server.post("/v1/positions", body)
        self.assertEqual({one["outcome"] for one in reply.json["outcomes"]}, {"found"}, reply)

    def wait_for_figures(self, server):
        """They are a tenth of a second old."""
        end = time.monotonic() + 5
        while self.figure(server, 'hunt_positions_total{outcome="found"}') < len(LOOT):
            self.assertLess(time.monotonic(), end, "the figures do not come")
            time.sleep(0.02)

    def test_who_comes_first_waits_for_no_load(self):
        server = self.start("serve", "--store", self.store, "--lanes", 1)
        self.everywhere(server)
        self.wait_for_figures(server)
        self.assertEqual(
            self.figure(server, 'hunt_cache_lookups_total{level="l1",result="miss"}'), 0)
        cold = self.start("serve", "--store", self.store, "--lanes", 1, "--no-prewarm")
        self.everywhere(cold)
        self.wait_for_figures(cold)
        self.assertGreater(
            self.figure(cold, 'hunt_cache_lookups_total{level="l1",result="miss"}'), 0)

    def test_an_event_that_is_about_to_open_is_read_ahead_again(self):
        opens = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=40)
        rules = self.folder / "event.yaml"
        rules.write_text(f"event: starfall\nstarts: {opens:%Y-%m-%dT%H:%M:%SZ}\n"
                         "tables: {starlight: [{item: lantern, weight: 1}]}\n")
        server = self.start("serve", "--store", self.store, "--lanes", 1, "--rules", rules)
        end = time.monotonic() + 30
        while "its store is awake" not in server.output:
            self.assertLess(time.monotonic(), end, server.output)
            time.sleep(0.1)
        self.assertRegex(server.output, r'"starfall" opens in \d+ s: its store is awake, [1-9]\d* ')
        # What was read at the start is too old by then.
        while datetime.datetime.now(datetime.timezone.utc) < opens + datetime.timedelta(seconds=1):
            time.sleep(0.5)
        self.everywhere(server)
        self.wait_for_figures(server)
        self.assertEqual(
            self.figure(server, 'hunt_cache_lookups_total{level="l1",result="miss"}'), 0)

    def test_the_cache_is_filled_for_those_who_serve(self):
        words = ["world", "prewarm", "--store", self.store, "--cache", self.redis.url]
        run = self.hunt(*words)
        self.assert_exit(run, 0)
        self.assert_says(run.stdout, "144 chunks filled, 0 were there")
        again = self.hunt(*words, "--world", "demo")
        self.assert_exit(again, 0)
        self.assert_says(again.stdout, "0 chunks filled, 144 were there")
        server = self.start("serve", "--store", self.store, "--cache", self.redis.url, "--lanes",
                            1, "--no-prewarm")
        before = self.figure(server, "hunt_chunks_loaded_total")
        self.everywhere(server)
        self.wait_for_figures(server)
        self.assertEqual(self.figure(server, "hunt_chunks_loaded_total"), before)

    def test_what_is_wrong_is_said(self):
        nowhere = self.hunt("world", "prewarm", "--store", self.store, "--cache",
                            f"redis://127.0.0.1:{free_port()}")
        self.assert_exit(nowhere, 1)
        self.assert_says(nowhere.stderr, "127.0.0.1")
        none = self.hunt("world", "prewarm", "--store", self.store, "--cache", "none:")
        self.assert_exit(none, 2)
        self.assert_says(none.stderr, "--cache redis://")
        missing = self.hunt("world", "prewarm", "--store", self.store)
        self.assert_exit(missing, 2)
        self.assert_says(missing.stderr, "--cache")
        unknown = self.hunt("world", "prewarm", "--store", self.store, "--cache", self.redis.url,
                            "--world", "dmo")
        self.assert_exit(unknown, 1)
        self.assert_says(unknown.stderr, "demo")
        empty = self.hunt("world", "prewarm", "--store", f"sqlite:{self.folder}/none.db",
                          "--cache", self.redis.url)
        self.assert_exit(empty, 1)


if __name__ == "__main__":
    unittest.main()
