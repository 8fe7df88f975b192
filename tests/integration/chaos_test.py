"""script/chaos keeps its promises in the shortest run there is."""
import json
import subprocess
import tempfile
import unittest
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent.parent


class Chaos(unittest.TestCase):
    """The command as a person runs it."""

    def run_it(self, *words):
        return subprocess.run([REPOSITORY / "script/chaos", *words], capture_output=True,
                              text=True, timeout=300, check=False)

    def test_every_fault_in_turn_loses_nothing(self):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "chaos.json"
            run = self.run_it("--seconds", "66", "--players", "2000", "--rate", "2000", "--json",
                              file)
            self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
            result = json.loads(file.read_text())
        self.assertEqual([fault["fault"] for fault in result["faults"]],
                         ["orchestrator", "relay", "redis", "nats", "postgres", "flushall", "sleep",
                          "failover", "lock", "terminate", "crash"])
        for fault in result["faults"]:
            self.assertIsNotNone(fault["recovery_seconds"], fault)
        self.assertEqual(result["rush"]["lost"], 0)
        self.assertIn("nothing lost, nothing granted twice, every grant told", run.stdout)

    def test_too_short_a_run_is_refused(self):
        run = self.run_it("--seconds", "5")
        self.assertEqual(run.returncode, 2, run.stdout + run.stderr)
        self.assertIn("--seconds", run.stderr)
        unknown = self.run_it("--faults", "nats,rain")
        self.assertEqual(unknown.returncode, 2, unknown.stdout + unknown.stderr)
        self.assertIn('"rain"', unknown.stderr)


if __name__ == "__main__":
    unittest.main()
