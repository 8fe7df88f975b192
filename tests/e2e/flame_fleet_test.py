"""`hunt flame --bus`: every process of a hunt in one picture, relays too, for the admin alone."""
import threading
import unittest

import small_world
from hunt_process import TOKEN
from nats_process import NatsLoadCase


class FlameFleet(NatsLoadCase):
    """Two orchestrators and a relay on one NATS."""

    def flame(self, *words):
        return self.hunt("flame", "--bus", self.nats.url, *words, timeout=60)

    def ask_meanwhile(self, server):
        """For figures, again and again: that is work for the thread of HTTP."""
        ended = threading.Event()

        def ask():
            while not ended.wait(0.01):
                server.get("/metrics")

        thread = threading.Thread(target=ask, daemon=True)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(ended.set)

    def test_every_process_is_in_the_picture_for_the_admin_alone(self):
        servers = [self.serve_nats(), self.serve_nats()]
        token = self.folder / "admin-token"
        relay = self.start("relay", "--store", self.store, "--bus", self.nats.url,
                           "--admin-token-file", token, listen=False, ready=False)
        self.wait_for(lambda: "tells the changes" in relay.output, relay)
        small_world.bury(servers[0])
        self.rush_meanwhile(servers[0], "--seconds", 90)
        self.ask_meanwhile(servers[0])
        text, threads = "", ("lane-", "front;", "relay;")
        for _ in range(30):  # a sample is 10 ms of CPU time, and some threads need little of it
            done = self.flame("--admin-token-file", token, "--seconds", 2, "-o", "all.folded")
            self.assert_exit(done, 0)
            self.assertIn("3 of 3 processes are in the picture", done.stderr)
            text += (self.folder / "all.folded").read_text()
            if all(f"\n{thread}" in text for thread in threads):
                break
        for thread in threads:
            self.assertIn(f"\n{thread}", text)
        heap = self.flame("--admin-token-file", token, "--kind", "heap", "-o", "heap.folded")
        self.assert_exit(heap, 0)
        self.assertIn("3 of 3", heap.stderr)
        # A relay has no requests whose time could go anywhere.
        wall = self.flame("--admin-token-file", token, "--kind", "wall", "--seconds", 1, "-o",
                          "wall.folded")
        self.assert_exit(wall, 0)
        self.assertIn("2 of 3", wall.stderr)
        self.assertIn("not in the picture: relay", wall.stderr)

        nobody = self.flame("--seconds", 1)
        self.assert_exit(nobody, 1)
        self.assertIn("--admin-token-file", nobody.stderr)
        wrong = self.folder / "another-token"
        wrong.write_text("another-token-of-somebody\n")
        wrong.chmod(0o600)
        refused = self.flame("--admin-token-file", wrong, "--seconds", 1)
        self.assert_exit(refused, 1)
        self.assertIn("not signed with the admin token", refused.stderr)

        # And over the relay's own HTTP.
        for path in ("/debug/flame?seconds=1&format=folded", "/debug/pprof/heap",
                     "/debug/pprof/profile?seconds=1"):
            self.assertEqual(401, relay.get(path).status, path)
            self.assertEqual(200, relay.get(path, token=TOKEN).status, path)


if __name__ == "__main__":
    unittest.main()
