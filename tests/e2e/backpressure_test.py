"""An orchestrator that stops reading: NATS cuts it off, it comes back, nothing stored is lost."""
import http.client
import json
import re
import signal
import subprocess
import unittest

import yaml

from hunt_process import REPOSITORY, HuntTest, free_port, player
from nats_process import NatsCase, NatsServer

TRIAL = REPOSITORY / "deploy/kubernetes/overlays/small/nats.conf"
STEP = {"player": player(1), "x": 30_000, "y": 30_000, "kind": "step"}


def limits_of(text):
    """The two lines of a configuration of nats-server, as they stand there."""
    return {name: found[1] for name in ("write_deadline", "max_pending")
            if (found := re.search(rf'{name}: "?(\w+)"?', text))}


class Limits(HuntTest):
    """Every configuration of NATS here has the same, and nats-server takes them."""

    def test_every_configuration_has_both(self):
        wanted = {"write_deadline": "2s", "max_pending": "64MB"}
        block = re.search(r"```conf\n(.*?)```",
                          (REPOSITORY / "docs/OPERATIONS.md").read_text("utf-8"), re.S)[1]
        script = (REPOSITORY / "script/dev-stack").read_text("utf-8")
        for name, text in (("the trial", TRIAL.read_text("utf-8")), ("OPERATIONS", block),
                           ("script/dev-stack", script)):
            self.assertEqual(limits_of(text), wanted, name)
        services = yaml.safe_load(
            (REPOSITORY / "examples/compose/compose.yaml").read_text("utf-8"))["services"]
        folder = REPOSITORY / "examples/compose"
        source, place, _ = services["nats"]["volumes"][1].split(":")
        self.assertEqual((folder / source).resolve(), TRIAL)
        self.assertEqual(services["nats"]["command"], ["--config", place])

    def test_nats_takes_the_configuration_of_the_trial(self):
        run = subprocess.run(["nats-server", "-t", "-c", TRIAL], capture_output=True, text=True,
                             check=False)
        self.assertEqual(run.returncode, 0, run.stderr)


class Backpressure(NatsCase):
    def setUp(self):
        HuntTest.setUp(self)
        self.monitor = free_port()
        text = TRIAL.read_text("utf-8")
        lines = "\n".join(line for line in text.splitlines()
                          if line.startswith(("write_deadline", "max_pending")))
        self.nats = NatsServer(self.folder, config=f"http: 127.0.0.1:{self.monitor}\n{lines}")
        self.addCleanup(lambda: self.nats.kill())

    def varz(self, name):
        connection = http.client.HTTPConnection("127.0.0.1", self.monitor, timeout=10)
        try:
            connection.request("GET", "/varz")
            return json.loads(connection.getresponse().read())[name]
        finally:
            connection.close()

    def test_who_stops_reading_is_cut_off_and_loses_nothing_stored(self):
        server = self.serve_nats("--lanes", "1")
        digs = [{"player": player(n), "x": n, "y": 0, "kind": "dig"} for n in range(40)]
        tiles = [{"x": n, "y": 0, "table": "starlight", "budget": 1} for n in range(40)]
        self.assertEqual(server.bury(tiles).status, 200)
        client = self.client()
        client.subscribe("game.outcomes")

        def store(some):
            for dig in some:
                client.request("hunt.pos.any", {"world": 1, "positions": [dig]},
                               {"Hunt-Reply-To": "game.outcomes"})

        # Half come to it as it stops: it has them and is silent. The others wait at NATS.
        store(digs[:10])
        server.process.send_signal(signal.SIGSTOP)
        store(digs[10:20])
        # It does not read what is asked of it: the kernel's buffers fill, then the server's.
        batch = json.dumps({"world": 1, "positions": [STEP] * 2_500}).encode()
        self.assertGreater(len(batch), 200_000)
        for _ in range(120):
            client.publish("hunt.ask.any", batch)
        client.flush(seconds=30)
        self.wait_for(lambda: self.varz("slow_consumers") >= 1, seconds=60)
        # NATS still takes what others store: each of these comes back with its acknowledgement.
        store(digs[20:])
        server.process.send_signal(signal.SIGCONT)
        outcomes = {}
        while len(outcomes) < len(digs):
            message = client.wait(lambda one: one.subject == "game.outcomes", seconds=60)
            for one in message.json["outcomes"]:
                self.assertEqual(one["outcome"], "granted", one)
                self.assertEqual(outcomes.setdefault(one["player"], one["claim"]), one["claim"])
        self.assertEqual(len(server.all_grants()), len(digs))
        self.wait_for(lambda: "connected to NATS" in server.output, server, 60)
        self.wait_for(lambda: client.request("$JS.API.STREAM.INFO.HUNT_POS").json["state"][
            "messages"] == 0, seconds=60)
        self.assertEqual(server.stop(), 0)
        self.assert_audit_clean()


if __name__ == "__main__":
    unittest.main()
