"""hunt sim: many seeds, the same seed again, scenarios, and the seeds that once found a bug.

HUNT_TEST_SEEDS says how many seeds (500), HUNT_TEST_SEED which is the first (1). With
HUNT_TEST_OTHER_BINARY, a build with sanitizers, a few seeds have to do the same in both.
"""
import json
import os
import re
import subprocess
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HUNT = os.environ.get("HUNT_TEST_BINARY", str(ROOT / "build" / "hunt"))
OTHER = os.environ.get("HUNT_TEST_OTHER_BINARY")
SEEDS = int(os.environ.get("HUNT_TEST_SEEDS", "500"))
FIRST = int(os.environ.get("HUNT_TEST_SEED", "1"))
SCENARIOS = ROOT / "tests" / "scenarios"
PROCESSES = os.cpu_count() or 1


def sim(*arguments, binary=HUNT):
    """Runs one process to its end."""
    command = [binary, "sim", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def rows_of(*arguments, binary=HUNT):
    """The JSON rows of a process that found nothing wrong."""
    done = sim(*arguments, "--json", binary=binary)
    if done.returncode != 0:
        raise AssertionError(f"{done.args} ended with {done.returncode}:\n{done.stdout[-4000:]}"
                             f"{done.stderr[-2000:]}")
    return [json.loads(line) for line in done.stdout.splitlines()]


class Seeds(unittest.TestCase):
    """The nightly and the daily run differ in their number only."""

    def test_every_promise_holds_for_any_seed(self):
        done = sim("--seed", FIRST, "--seeds", SEEDS, "--jobs", PROCESSES, "--coverage")
        lines = done.stdout.splitlines()
        print("  " + "\n  ".join(lines[-2:]), flush=True)
        wrong = [line for line in lines if not re.match(r"seed .*: right$", line)]
        self.assertIn(done.returncode, (0, 5), "\n".join(wrong[:200]) + done.stderr[-2000:])
        self.assertEqual(lines[-1], f"{SEEDS} passed, 0 failed")
        if SEEDS >= 10_000:  # rare cells need many runs
            self.assertEqual(done.returncode, 0, "something that can happen never did:\n" +
                             "\n".join(line for line in lines if "never reached" in line))

    def test_a_seed_does_the_same_again(self):
        for seed in range(FIRST, FIRST + 5):
            with self.subTest(seed=seed):
                self.assertEqual(rows_of("--seed", seed), rows_of("--seed", seed))

    def test_seeds_do_different_things(self):
        rows = rows_of("--seed", FIRST, "--seeds", 5)
        self.assertEqual(len({row["trace_hash"] for row in rows}), 5)

    def test_enough_happens_in_a_seed_to_count(self):
        rows = rows_of("--seed", FIRST, "--seeds", 20, "--jobs", PROCESSES)
        self.assertTrue(all(row["counts"] for row in rows))
        self.assertGreater(sum(row["claims"] for row in rows), 20 * 500)

    @unittest.skipUnless(OTHER, "HUNT_TEST_OTHER_BINARY is not set")
    def test_another_build_does_the_same(self):
        for seed in range(FIRST, FIRST + 5):
            with self.subTest(seed=seed):
                self.assertEqual(rows_of("--seed", seed, binary=OTHER), rows_of("--seed", seed))


class Scenarios(unittest.TestCase):
    """Each file of tests/scenarios, with what it expects."""


class Regressions(unittest.TestCase):
    """Each line of tests/scenarios/seeds: a seed that once broke a promise."""


def add(where, name, *arguments):
    setattr(where, "test_" + name, lambda self: rows_of(*arguments))


for scenario in sorted(SCENARIOS.glob("*.yaml")):
    add(Scenarios, scenario.stem, "--scenario", scenario)
for line in (SCENARIOS / "seeds").read_text(encoding="utf-8").splitlines():
    if line and not line.startswith("#"):
        number, seconds, name = line.split()[:3]
        add(Regressions, name, "--seed", number, "--seconds", seconds)

if __name__ == "__main__":
    unittest.main()
