"""`hunt rush` over a real NATS while orchestrators, relays and NATS itself are killed."""
import json
import time
import unittest

import small_world
from hunt_process import player
from nats_process import SMALL, NatsLoadCase, NatsServer


class NatsLoad(NatsLoadCase):
    """Books that balance, whatever is killed meanwhile."""

    def test_rush_keeps_its_books_on_both_paths(self):
        server = self.serve_nats("--lanes", 2)
        relay = self.relay()
        asked = self.rush(server, "--demo", "--seconds", 3)
        self.assert_balanced(asked)
        stored = self.rush(server, "--stored", "--seconds", 3)
        self.assert_balanced(stored)
        self.assertEqual(server.stop(), 0, server.output)
        self.assertEqual(relay.stop(), 0, relay.output)
        self.assertEqual(self.ledger(), asked["grants"] + stored["grants"])

    def test_rush_needs_nothing_but_nats(self):
        server = self.serve_nats()
        self.relay()
        small_world.bury(server)
        run = self.hunt("rush", "--json", "--target", self.nats.url, *SMALL, "--seconds", 2)
        self.assert_exit(run, 0)
        self.assert_balanced(json.loads(run.stdout))

    def test_an_orchestrator_killed_under_stored_load_loses_nothing(self):
        server, victim = self.serve_nats(), self.serve_nats()
        self.relay()
        small_world.bury(server)
        before = self.ledger()
        rush = self.rush_meanwhile(server, "--stored", "--seconds", 6)
        time.sleep(2)
        self.assertGreater(victim.get("/v1/stats").json["batches"], 0, "the victim had no work")
        victim.kill()
        report = self.report_of(rush)
        self.assert_balanced(report)
        self.assertEqual(server.stop(), 0, server.output)
        self.assertEqual(self.ledger() - before, report["grants"])

    def test_an_orchestrator_drains_without_a_redelivery(self):
        server, leaver = self.serve_nats(), self.serve_nats()
        self.relay()
        small_world.bury(server)
        rush = self.rush_meanwhile(server, "--stored", "--seconds", 5)
        time.sleep(1)
        self.assertEqual(leaver.stop(), 0, leaver.output)
        report = self.report_of(rush)
        self.assert_balanced(report)
        # What it had not settled would have come again after the ack wait of 5 s.
        self.assertLess(report["latency_seconds"]["max"], 4.5, report)

    def test_a_relay_killed_and_started_again_tells_every_grant(self):
        server = self.serve_nats()
        relay = self.relay()
        small_world.bury(server)
        rush = self.rush_meanwhile(server, "--seconds", 6)
        for _ in range(3):
            time.sleep(1)
            relay.kill()
            relay = self.relay()
        self.assert_balanced(self.report_of(rush))
        self.assert_all_told(server)

    def test_a_second_relay_waits_and_takes_over(self):
        server = self.serve_nats()
        first = self.relay()
        second = self.relay(says="waits")
        small_world.bury(server)
        rush = self.rush_meanwhile(server, "--seconds", 3)
        first.kill()
        self.wait_for(lambda: "tells the changes" in second.output, second)
        self.assert_balanced(self.report_of(rush))
        self.assert_all_told(server)
        self.assertEqual(second.stop(), 0, second.output)

    def test_nats_killed_and_started_again_loses_nothing_that_was_stored(self):
        server = self.serve_nats()
        self.relay()
        small_world.bury(server)
        self.assertEqual(server.bury([{"x": 2040, "y": 2040, "table": "starlight",
                                       "budget": 50}]).status, 200)
        rush = self.rush_meanwhile(server, "--stored", "--seconds", 6)
        time.sleep(1)
        self.nats.kill()
        time.sleep(1.5)
        reply = server.dig((player(1), 2040, 2040))
        self.assertEqual(reply.json["outcomes"][0]["outcome"], "granted", reply)
        ready = server.get("/readyz")
        self.assertEqual(ready.status, 200)
        self.assert_says(ready.json["warning"], self.nats.address, "not reachable")
        self.nats.start()
        report = self.report_of(rush)
        self.assert_balanced(report)
        self.assert_all_told(server)
        self.assertEqual(server.stop(), 0, server.output)

    def test_an_orchestrator_without_nats_ends_in_time(self):
        server = self.serve_nats()
        relay = self.relay()
        small_world.bury(server)
        self.rush_meanwhile(server, "--stored", "--seconds", 4)
        time.sleep(1)
        self.nats.kill()
        begun = time.monotonic()
        self.assertEqual(server.stop(), 0, server.output)
        self.assertEqual(relay.stop(), 0, relay.output)
        self.assertLess(time.monotonic() - begun, 14)
        self.assert_audit_clean()

    def test_a_bad_target_is_refused_and_its_password_not_shown(self):
        self.assert_exit(self.hunt("rush", "--target", "nats://", "--seconds", 1), 2)
        self.assert_exit(self.hunt("rush", "--target", "inproc:", "--stored"), 2)
        nobody = self.hunt("rush", "--target", self.nats.url, "--seconds", 1)
        self.assert_exit(nobody, 1)
        self.assert_says(nobody.stderr, "no orchestrator serves hunt.ask.any", self.nats.address)
        self.nats.kill()
        self.nats = NatsServer(self.folder, config='authorization { user: "hunt", password: "x" }')
        url = f"nats://hunt:wr0ng@{self.nats.address}"
        run = self.hunt("rush", "--target", url, "--seconds", 1)
        self.assert_exit(run, 1)
        self.assert_says(run.stderr, "refuses the user")
        self.assertNotIn("wr0ng", run.stdout + run.stderr)


if __name__ == "__main__":
    unittest.main()
