"""`hunt why` beside a running hunt: it names an injected cause, and says when nothing is wrong."""
import json
import time
import unittest

from hunt_process import HuntTest

SMALL = ["--players", "2000", "--rate", "20000"]


class Why(HuntTest):
    """Runs `hunt up` with a small crowd and asks why beside it."""

    def why_of(self, *flags):
        """The verdict after ten seconds of load at the latest."""
        server = self.start("up", "--store", self.store, *SMALL, *flags)
        url = f"http://127.0.0.1:{server.port}"
        deadline = time.monotonic() + 10
        found = {}
        while time.monotonic() < deadline:
            time.sleep(1)
            run = self.hunt("why", "--json", "--url", url)
            self.assert_exit(run, 0)
            found = json.loads(run.stdout)
            if found["timeline"] == "claims" or not flags and found["samples"] > 500:
                break
        text = self.hunt("why", "--url", url)
        self.assert_exit(text, 0)
        self.assertIn("shares are of the slowest", text.stdout)
        return found

    def test_a_slow_store_is_a_round_trip_and_no_case_for_pods(self):
        why = self.why_of("--slow-store", "495ms")
        self.assertTrue(why["confident"], why)
        self.assertEqual("store_grant", why["stage"], why)
        self.assertEqual("round_trip", why["cause"], why)
        self.assertIn("scaling pods will not help", why["next"])
        self.assertAlmostEqual(1.0, sum(s["share"] for s in why["stages"]), places=6)

    def test_without_it_nothing_is_wrong(self):
        why = self.why_of()
        self.assertEqual("none", why["cause"], why)
        self.assertIn("nothing is wrong", why["verdict"])

    def test_an_unreachable_and_an_idle_server_are_told(self):
        gone = self.hunt("why", "--url", "http://127.0.0.1:1")
        self.assert_exit(gone, 1)
        self.assertIn("is the server running", gone.stderr)
        server = self.serve()
        url = f"http://127.0.0.1:{server.port}"
        idle = self.hunt("why", "--url", url)
        self.assert_exit(idle, 0)
        self.assertIn("nothing was asked", idle.stdout)


if __name__ == "__main__":
    unittest.main()
