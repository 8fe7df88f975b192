"""`hunt rush` over a real NATS while orchestrators, relays and NATS itself are killed."""
import base64
import json
import subprocess
import time
import unittest

from hunt_process import HUNT, clean_environment, player
from nats_process import NatsCase, NatsServer

SMALL = ["--players", 2000, "--rate", 4000]


class NatsLoad(NatsCase):
    """Books that balance, whatever is killed meanwhile."""

    def demo_world(self, server):
        """Small enough to be quick: a second of rush, which buries it."""
        self.rush(server, "--demo", "--seconds", 1)

    def rush_words(self, server, *arguments):
        return ["rush", "--json", "--target", self.nats.url, "--http",
                f"http://127.0.0.1:{server.port}", "--admin-token-file",
                self.folder / "admin-token", *SMALL, *arguments]

    def rush(self, server, *arguments):
        run = self.hunt(*self.rush_words(server, *arguments), timeout=120)
        self.assert_exit(run, 0)
        return json.loads(run.stdout)

    def rush_meanwhile(self, server, *arguments):
        """Under way when this returns; report_of() waits for its end."""
        process = subprocess.Popen(
            [HUNT, *map(str, self.rush_words(server, *arguments))], cwd=self.folder, text=True,
            env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(process.kill)
        before = server.get("/v1/stats").json["batches"]
        self.wait_for(lambda: server.get("/v1/stats").json["batches"] > before + 20)
        return process

    def report_of(self, process):
        out, errors = process.communicate(timeout=120)
        self.assertEqual(process.returncode, 0, out + errors)
        return json.loads(out)

    def assert_balanced(self, report):
        self.assertEqual(report["sent"], report["scheduled"], report)
        self.assertEqual(report["sent"], report["answered"] + report["lost"], report)
        self.assertEqual(report["lost"], 0, report)
        self.assertEqual(sum(report["outcomes"].values()), report["answered"], report)
        self.assertEqual(report["outcomes"]["found"], 0, report)
        self.assertEqual(report["duplicate_grants"], 0, report)
        self.assertGreater(report["grants"], 0, report)

    def ledger(self):
        """How many grants the ledger has; it is clean."""
        self.assert_audit_clean()
        audit = json.loads(self.hunt("audit", "--store", self.store, "--json").stdout)
        return audit["stores"][0]["grants"]

    def told_grants(self):
        """The claims that HUNT_CLAIMS keeps as granted, each with how often it was told."""
        client = self.client()
        state = client.request("$JS.API.STREAM.INFO.HUNT_CLAIMS").json["state"]
        told = {}
        for sequence in range(state["first_seq"], state["last_seq"] + 1):
            kept = client.request("$JS.API.STREAM.MSG.GET.HUNT_CLAIMS", {"seq": sequence}).json
            event = json.loads(base64.b64decode(kept["message"]["data"]))
            if "grant" in event:
                claim = event["grant"]["claim"]
                told[claim] = told.get(claim, 0) + 1
        return told

    def assert_all_told(self, server, before=frozenset()):
        """Every row of the ledger but those is in HUNT_CLAIMS, and nothing else."""
        ledger = {grant["claim"] for grant in server.all_grants()} - before
        end = time.monotonic() + 20
        told = self.told_grants()
        while set(told) != ledger and time.monotonic() < end:
            time.sleep(0.5)
            told = self.told_grants()
        self.assertEqual(len(ledger - set(told)), 0, "granted, but not told")
        self.assertEqual(len(set(told) - ledger), 0, "told, but not granted")

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
        self.demo_world(server)
        run = self.hunt("rush", "--json", "--target", self.nats.url, *SMALL, "--seconds", 2)
        self.assert_exit(run, 0)
        self.assert_balanced(json.loads(run.stdout))

    def test_an_orchestrator_killed_under_stored_load_loses_nothing(self):
        server, victim = self.serve_nats(), self.serve_nats()
        self.relay()
        self.demo_world(server)
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
        self.demo_world(server)
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
        rush = self.rush_meanwhile(server, "--demo", "--seconds", 6)
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
        self.demo_world(server)
        rush = self.rush_meanwhile(server, "--seconds", 3)
        first.kill()
        self.wait_for(lambda: "tells the changes" in second.output, second)
        self.assert_balanced(self.report_of(rush))
        self.assert_all_told(server)
        self.assertEqual(second.stop(), 0, second.output)

    def test_nats_killed_and_started_again_loses_nothing_that_was_stored(self):
        server = self.serve_nats()
        self.relay()
        self.demo_world(server)
        self.assertEqual(server.bury([{"x": 900000, "y": 1, "table": "starlight",
                                       "budget": 1}]).status, 200)
        rush = self.rush_meanwhile(server, "--stored", "--seconds", 6)
        time.sleep(1)
        self.nats.kill()
        time.sleep(1.5)
        reply = server.dig((player(1), 900000, 1))
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
        self.demo_world(server)
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
