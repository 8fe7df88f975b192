"""`script/bench why` in small: known causes in a real fleet, and what `hunt why` calls them.

A verdict that is sure of something else is printed, and fails if another plant of the same cause is
called wrong, too. "Unclear" and "nothing" do not fail each, but most have to be right. Where other
programs had the cores that says nothing. HUNT_TEST_CAUSES says how many causes (4; at most 6: the
last two are planted in why_fleet_test.py, too).
"""
import json
import math
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from hunt_process import HUNT, clean_environment

BENCH = Path(__file__).resolve().parents[2] / "bench"
sys.path.insert(0, str(BENCH))
import why_table  # pylint: disable=wrong-import-position

CAUSES = ["none", "redis_delay", "bus_delay", "slow_statement", "shard_delay", "row_lock"]
CAUSES = CAUSES[:int(os.environ.get("HUNT_TEST_CAUSES", "4"))]
SEED = 2026
RIGHT_LEAST = math.ceil(len(CAUSES) * 2 / 3)

ALONE = True  # A verdict in which other tests had the cores does not count.


class WhyClassifier(unittest.TestCase):
    """A fleet of two orchestrators, two PostgreSQL shards, three Redis nodes and a NATS server."""

    def trials(self, causes, seed):
        words = [sys.executable, "-B", BENCH / "why.py", "--hunt", HUNT, "--seed", seed,
                 "--trials", len(causes), "--patience", 10, "--attempts", 1]
        words += [word for cause in causes for word in ("--only", cause)]
        with tempfile.TemporaryDirectory(prefix="hunt-why-test-") as out:
            done = subprocess.run([str(word) for word in [*words, "--out", out]], text=True,
                                  env=clean_environment(), capture_output=True, timeout=900,
                                  check=False)
            self.assertEqual(0, done.returncode, done.stdout + done.stderr)
            trials = json.loads((Path(out) / f"why-{seed}.json").read_text())["trials"]
            return [trial for trial in trials if not trial["disturbed"]]

    def test_what_is_sure_is_so(self):
        judged = self.trials(CAUSES, SEED)
        if {trial["cause"] for trial in judged} != set(CAUSES):
            self.skipTest("other programs had the cores")
        details = "\n".join(map(why_table.details, judged))
        wrong = [one["cause"] for one in judged if one["judged"] == "wrong"]
        if wrong:
            print(details)
            again = self.trials(wrong, SEED + 1)
            self.assertEqual([], [one["cause"] for one in again if one["judged"] == "wrong"],
                             details + "\nagain:\n" + "\n".join(map(why_table.details, again)))
        right = [one["cause"] for one in judged if one["judged"] in ("right", "faint")]
        self.assertGreaterEqual(len(right), RIGHT_LEAST, details)


if __name__ == "__main__":
    unittest.main()
