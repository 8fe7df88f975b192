"""`script/bench knee` in small: two steps on a real stack, and what it says of steps."""
import unittest

from bench_case import smoke
import knee


def a_step(percent, p99_ms, count=1_000, hits=100.0, lost=0):
    return {"machine_percent": percent, "hits_percent": hits, "busy": 0, "lost": lost,
            "figures": {name: {"p99_ms": p99_ms, "count": count} for name in knee.FIGURES}}


class Knee(unittest.TestCase):
    """Nothing is judged by time."""

    def test_between_two_steps_it_is_in_proportion(self):
        steps = [a_step(60, 4.0, hits=99.0), a_step(40, 2.0), a_step(20, 9.0)]
        values = knee.quoted(steps)
        self.assertAlmostEqual(values["cache_read"], 2.8)
        self.assertAlmostEqual(values["hits_percent"], 99.6)
        met = {goal["what"]: goal["met"] for goal in knee.goals(steps, values)}
        self.assertEqual(list(met.values()), [False, True, True, False, True], met)

    def test_what_was_not_measured_is_not_quoted(self):
        below = [a_step(10, 1.0), a_step(40, 2.0)]
        self.assertIsNone(knee.quoted(below)["answer"])
        few = [a_step(40, 1.0), a_step(45, 2.0, count=3), a_step(60, 5.0)]
        self.assertAlmostEqual(knee.quoted(few)["answer"], 1 + 4 * 8 / 20)
        self.assertEqual(len(knee.curve(few, "answer")), 2)

    def test_what_is_lost_up_to_there_is_no_goal_met(self):
        for percent, met in ((40, False), (90, True)):
            steps = [a_step(30, 1.0), a_step(percent, 1.0, lost=2)]
            self.assertEqual(knee.goals(steps, knee.quoted(steps))[-1]["met"], met)

    def test_no_goal_is_judged_by_steps_that_all_used_more(self):
        steps = [a_step(57, 1.0), a_step(90, 2.0)]
        values = knee.quoted(steps)
        self.assertEqual(knee.goals(steps, values), [])
        lines = knee.goal_lines({"steps": steps, "goals": []})
        self.assertEqual(
            lines, ["at 48 % of the machine nothing is known: the first step used 57 %"])

    def test_two_steps_of_the_real_stack(self):
        results, picture = smoke(self, "knee")
        self.assertEqual([one["share"] for one in results["steps"]], [0.5, 1.0])
        for one in results["steps"]:
            self.assertEqual(one["lost"], 0, one)
            self.assertGreater(one["machine_percent"], 0, one)
            self.assertGreater(one["changes"], 0, one)
            for name in ("answer", "store_grant", "invalidation_lag"):
                figure = one["figures"][name]
                self.assertGreater(figure["count"], 0, (name, one))
                self.assertGreater(figure["p99_ms"], 0, (name, one))
        self.assertIn("an answer", "".join(picture.itertext()))


if __name__ == "__main__":
    unittest.main()
