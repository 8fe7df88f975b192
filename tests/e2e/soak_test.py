"""`script/bench soak` in small: seconds on a real stack, and what it says of memory and p99."""
import unittest

from bench_case import smoke
import soak

TOTAL_S = 1800
CALM = {"busy": 0, "lost": 0}


def looks(memory_mib, p99_ms):
    """A look every ten seconds, by functions of the second."""
    return [{"at_s": at_s, "orchestrator_mib": memory_mib(at_s), "relay_mib": 20.0,
             "answer_p99_ms": p99_ms(at_s), "store_grant_p99_ms": None}
            for at_s in range(10, TOTAL_S, 10)]


class Soak(unittest.TestCase):
    """Nothing is judged by time."""

    def verdicts(self, memory_mib=lambda at_s: 100.0, p99_ms=lambda at_s: 2.0, report=None):
        figures = soak.judged(looks(memory_mib, p99_ms), TOTAL_S)
        return figures, [goal["met"] for goal in soak.goals(figures, report or CALM)]

    def test_what_stays_as_it_was_is_flat(self):
        figures, met = self.verdicts()
        self.assertEqual(figures["orchestrator_growth_mib_per_hour"], 0)
        self.assertEqual(figures["answer_p99_drift_times"], 1)
        self.assertIsNone(figures["store_grant_p99_drift_times"])
        self.assertEqual(met, [True] * 4)

    def test_a_slow_leak_is_seen(self):
        figures, met = self.verdicts(memory_mib=lambda at_s: 100 + 2 * at_s / 3600)
        self.assertAlmostEqual(figures["orchestrator_growth_mib_per_hour"], 2, places=6)
        self.assertEqual(met, [False, True, True, True])

    def test_what_fills_in_the_first_third_and_one_jump_are_no_leak(self):
        _, met = self.verdicts(
            memory_mib=lambda at_s: min(100, at_s / 6) + (8 if at_s == 1200 else 0))
        self.assertEqual(met, [True] * 4)

    def test_a_p99_that_rises_is_seen(self):
        figures, met = self.verdicts(p99_ms=lambda at_s: 2 if at_s < 1200 else 3)
        self.assertAlmostEqual(figures["answer_p99_drift_times"], 1.5)
        self.assertEqual(met, [True, True, False, True])

    def test_what_is_lost_is_no_goal_met(self):
        self.assertEqual(self.verdicts(report={"busy": 0, "lost": 1})[1][-1], False)

    def test_seconds_of_the_real_stack(self):
        results, _ = smoke(self, "soak")
        self.assertEqual(results["report"]["lost"], 0, results["report"])
        self.assertGreater(results["report"]["grants"], 0, results["report"])
        self.assertGreater(len(results["looks"]), 1, results)
        for one in results["looks"]:
            self.assertGreater(one["orchestrator_mib"], 1, one)
            self.assertGreater(one["relay_mib"], 1, one)


if __name__ == "__main__":
    unittest.main()
