"""script/chaos rolling loses nothing, with one build and with two; speed is not judged here."""
import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent.parent
BEFORE = os.environ.get("HUNT_TEST_BINARY_BEFORE")  # of an older release or commit


class Rolling(unittest.TestCase):
    """The command as a person runs it."""

    def run_it(self, *words):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "rolling.json"
            run = subprocess.run(
                [REPOSITORY / "script/chaos", "rolling", "--players", "2000", "--rate", "2000",
                 "--normal-seconds", "3", "--settle", "1", "--pre-stop", "1", "--p99-times", "0",
                 "--json", file, *words], capture_output=True, text=True, timeout=400, check=False)
            self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
            result = json.loads(file.read_text())
        self.assertIn("nothing lost, nothing granted twice, every grant told", run.stdout)
        for phase in result["phases"]:
            self.assertEqual(phase["rush"]["lost"], 0)
        return [phase["phase"] for phase in result["phases"]]

    def test_a_rolling_restart_loses_nothing(self):
        self.assertEqual(self.run_it(), ["first", "in peace", "rolling restart", "in peace again"])

    def test_two_builds_beside_each_other_lose_nothing(self):
        if not BEFORE:
            self.skipTest("HUNT_TEST_BINARY_BEFORE names no older build to begin with")
        self.assertEqual(self.run_it("--from", BEFORE, "--one-way"),
                         ["first", "in peace", "upgrade", "in peace again"])


if __name__ == "__main__":
    unittest.main()
