"""The example clients, killed and started again beside a server that is killed, too: what each of
them credited is the ledger, once."""
import json
import random
import shutil
import sqlite3
import subprocess
import time
import unittest
from pathlib import Path

from hunt_process import HuntTest, clean_environment

CLIENTS = Path(__file__).resolve().parents[2] / "examples" / "clients"
SIDE = 40


class Clients(HuntTest):
    """Each of them is an inventory of the whole ledger."""

    def start_client(self, words, seconds):
        url = f"http://127.0.0.1:{self.server.port}"
        process = subprocess.Popen([*words, url, self.inventory, str(seconds)], cwd=self.folder,
                                   env=clean_environment(), text=True, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT)
        self.addCleanup(process.kill)
        return process

    def credits(self):
        """claim -> (player, items); a claim that stands there twice is an error."""
        rows = {}
        for line in self.inventory.read_text().splitlines():
            entry = json.loads(line)
            if "claim" in entry:
                self.assertNotIn(entry["claim"], rows)
                rows[entry["claim"]] = (entry["player"], entry["items"])
        return rows

    def give_stacks(self):
        """Every third grant is a reward of two stacks in the ledger."""
        with sqlite3.connect(self.folder / "hunt.db", timeout=30) as store:
            store.execute("DROP TRIGGER grants_do_not_change")
            store.execute("CREATE TRIGGER stacks AFTER INSERT ON grants WHEN NEW.seq % 3 = 0 BEGIN "
                          "UPDATE grants SET item = NEW.item || '*12,bell' WHERE seq = NEW.seq; "
                          "END")

    def play(self, *words):
        if shutil.which(words[0]) is None:
            self.skipTest(f"{words[0]} is not installed")
        self.inventory = self.folder / "inventory.jsonl"
        self.server = self.serve()
        self.give_stacks()
        tiles = [{"x": x, "y": y, "table": "starlight", "budget": 5}
                 for x in range(SIDE) for y in range(SIDE)]
        for at in range(0, len(tiles), 800):
            self.assertEqual(self.server.bury(tiles[at:at + 800]).status, 200)
        prng = random.Random(str(words))
        for life in range(3):
            before = self.inventory.stat().st_size if self.inventory.exists() else 0
            client = self.start_client(words, 60)
            end = time.monotonic() + 20
            while (not self.inventory.exists() or
                   self.inventory.stat().st_size <= before) and time.monotonic() < end:
                time.sleep(0.02)
            time.sleep(prng.random() * 0.5)
            if life == 1:
                port = self.server.port
                self.server.kill()
                self.server = self.serve("--listen", f"127.0.0.1:{port}", listen=False)
                time.sleep(1)
            client.kill()
            client.communicate()
        # It has caught up when it knows all that was granted before it began; where others have the
        # cores that takes more than one life of three seconds.
        deadline = time.monotonic() + 90
        granted = None
        while granted is None or len(self.credits()) < granted:
            self.assertLess(time.monotonic(), deadline, "it follows the ledger")
            granted = len(self.server.all_grants())
            last = self.start_client(words, 3)
            out = last.communicate(timeout=120)[0]
            self.assertEqual(last.returncode, 0, out)
            self.assertIn("grants credited", out)
        ledger = {grant["claim"]: (grant["player"], grant["items"])
                  for grant in self.server.all_grants()}
        # What was granted in its last moment it has not heard of yet.
        credited = self.credits()
        self.assertGreater(len(credited), 50)
        self.assertEqual({claim: ledger.get(claim) for claim in credited}, credited)
        self.assertEqual({len(items) for _, items in credited.values()}, {1, 2})
        order = [grant["claim"] for grant in self.server.all_grants()]
        self.assertEqual(set(order[:len(credited)]), set(credited), "without a gap")
        self.assert_audit_clean()

        self.assert_stops_at_another_ledger(words)

    def assert_stops_at_another_ledger(self, words):
        self.assertEqual(self.server.stop(), 0, self.server.output)
        self.store = f"sqlite:{self.folder / 'another.db'}"
        self.server = self.serve()
        client = self.start_client(words, 60)
        out = client.communicate(timeout=30)[0]
        self.assertEqual(client.returncode, 1, out)
        self.assert_says(out, "wrong_ledger", "no retry helps")

    def test_python(self):
        self.play("python3", CLIENTS / "client.py")

    def test_node(self):
        self.play("node", CLIENTS / "client.mjs")

    def test_java(self):
        self.play("java", CLIENTS / "Client.java")


if __name__ == "__main__":
    unittest.main()
