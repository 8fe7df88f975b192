"""`hunt plan`: servers and dollars, which are those of the bench's own model; and what is told of
them in documents. `hunt plan --autoscale`: its table and its picture."""
import json
import re
import sys
import unittest
from xml.etree import ElementTree

from hunt_process import REPOSITORY, HuntTest

sys.path.insert(0, str(REPOSITORY / "bench"))
import before_cost  # pylint: disable=wrong-import-position
import before_docs  # pylint: disable=wrong-import-position

ROW = re.compile(r"^ *([\d,]+) +([\d,]+) +(\d+) +(CPU|lag) +(\d+)( \(wants more\))? +(\d+) +"
                 r"([\d.]+) +([\d,]+) +(\d+)$", re.M)


class Cost(HuntTest):
    """The servers of some crowds."""

    def plans(self, *words):
        run = self.hunt("plan", "--json", *words)
        self.assert_exit(run, 0)
        return json.loads(run.stdout)

    def test_the_three_crowds_and_what_dominates(self):
        told = self.plans()
        plans = told["plans"]
        self.assertEqual([one["players"] for one in plans], [28_000, 1_000_000, 10_000_000])
        self.assertEqual({one["contender"] for one in plans}, {"hunt-batches"})
        self.assertEqual(self.plans("--players", 100)["plans"][0]["dominates"],
                         "the least number of servers")
        for small, large in zip(plans, plans[1:]):
            for part in small["servers"]:
                self.assertLessEqual(small["servers"][part], large["servers"][part])
            self.assertLess(small["usd_month"]["total"], large["usd_month"]["total"])
            # In proportion, but for servers that stand half empty.
            self.assertLess(large["usd_million_of_month"],
                            1.01 * small["usd_million_of_month"])
        for one in plans:
            moves = {each["assumption"]: abs(each["usd_month_at_twice"] - each["usd_month_at_half"])
                     for each in one["assumptions"]}
            self.assertAlmostEqual(moves[one["dominates"]], max(moves.values()), 6)
        self.assertEqual(told["model"]["varied_by"], 2)

    def test_a_million_costs_what_the_bench_says(self):
        measured = before_cost.measured()["contenders"]
        plans = self.plans("--compare", "--players", 28_000)["plans"]
        self.assertEqual([one["contender"] for one in plans],
                         [name for name, entry in measured.items() if entry["step"]])
        for one in plans:
            cost = before_cost.of_million(measured[one["contender"]]["step"])
            for kind, dollars in one["usd_million"].items():
                self.assertAlmostEqual(dollars, cost[kind], 9, (one["contender"], kind))

    def test_a_rate_is_that_of_all_players(self):
        for plan in self.plans("--players", 1, "--players", 5, "--rate", 500_000)["plans"]:
            self.assertEqual(plan["positions_per_second"], 500_000)
        one, two = (self.plans("--rate", 10_000_000, "--mean-load", share)["plans"][0]["usd_month"]
                    for share in (20, 40))
        self.assertAlmostEqual(two["transfer"], 2 * one["transfer"])
        self.assertEqual(two["database"], one["database"])

    def test_the_table_says_the_same(self):
        plan = self.plans("--players", 1_000_000)["plans"][0]
        run = self.hunt("plan", "--players", 1_000_000)
        self.assert_exit(run, 0)
        row = next(line for line in run.stdout.splitlines() if " hunt-batches " in line)
        for figure in (1_000_000, 4_300_000, plan["servers"]["service"], plan["connections"],
                       plan["usd_month"]["total"]):
            self.assertIn(f" {round(figure):,} ", f" {row} ")
        self.assertIn(plan["dominates"], run.stdout)

    def test_what_is_wrong_is_told(self):
        for words in (("--players", 0), ("--rate", 0), ("--mean-load", 101)):
            run = self.hunt("plan", *words)
            self.assert_exit(run, 2)
            self.assert_says(run.stderr, words[0].strip("-"))
        for words in (("--json", "--autoscale"), ("--compare", "--autoscale"),
                      ("--rate", 5, "--per-player", 1)):
            self.assert_exit(self.hunt("plan", *words), 2)


class Told(unittest.TestCase):
    """README and BENCHMARKS have what the kept files come to."""

    def test_tables_and_bills_are_those_of_the_files(self):
        for file, text in before_docs.told().items():
            self.assertEqual(file.read_text(), text,
                             f"{file.name}: script/bench before-after --publish makes it anew")

    def test_the_bills_of_the_story_come_out_of_what_they_are_said_to_take(self):
        bills, acu = before_cost.bills(), before_cost.usd("acu_hour")
        month = before_cost.MODEL["hours_per_month"]
        for acus, usd in ((2, 1.87), (0.5, 0.63)):
            bill = acus * acu * month + bills["rest_a_month"]
            self.assertAlmostEqual(bill / bills["millions_a_month"], usd)
        for usd, name in ((1.87, "old"), (0.63, "new")):
            millions = bills[f"{name}_per_second"] * 3600 / 1e6
            self.assertAlmostEqual(bills[f"{name}_hour"] / millions, usd)
        self.assertAlmostEqual(bills["old_hour"], 0.272 + 4 * 0.29)
        self.assertAlmostEqual(bills["new_hour"], 10 * 0.068 + 7 * 0.411 + 0.5 * 0.12)
        self.assertAlmostEqual(bills["serverless_a_month"], 0.5 * 0.12 * 730 + 72)
        told = " ".join(before_cost.of_story())
        for words in ("$1.87 and $0.63", "106 million", "$43.80", "$115.80", "$300"):
            self.assertIn(words, told)

    def test_one_contender_is_told_in_both_tables(self):
        step = {"ok": 1e6, "cpu_s": {"service": 2.0}, "bytes": 0, "statements": 0}
        entry = {"title": "one", "sustained": 1_000, "sustained_or_more": True, "step": step,
                 "best_cpu_s_per_million": 1234.5,
                 "rush": {"answered_percent": 12.34, "broke_at": 300, "connections": 7},
                 "max_connections": 9, "wounds": {"panic": 3}, "date": "today"}
        measured = {"contenders": {"a": entry, "b": {**entry, "sustained": 0, "step": None}}}
        one, two = before_docs.readme_table(measured).splitlines()[2:]
        usd = 2 / 3600 / 0.48 * 0.034
        self.assertEqual(one, f"| one | 1,000 or more | 1,234 | 2 | {usd:.4f} | broke at 300/s,"
                              " 12.3 % answered |")
        self.assertIn("| none |  |  |  |", two)
        self.assertIn("| 7 of 9 | panic 3 | today |", before_docs.benchmarks_table(measured))


class Plan(HuntTest):
    """What it tells of some crowds under the autoscaler."""

    def rows(self, *words):
        run = self.hunt("plan", "--autoscale", *words)
        self.assert_exit(run, 0)
        found = ROW.findall(run.stdout)
        self.assertTrue(found, run.stdout)
        return [{"players": int(players.replace(",", "")), "needs": int(needs), "by": by,
                 "pods": int(pods), "capped": bool(capped), "behind": int(behind),
                 "waiting": int(waiting.replace(",", "")), "begin": int(begin)}
                for players, _, needs, by, pods, capped, behind, _, waiting, begin in found]

    def test_the_three_crowds_by_cpu_and_by_lag(self):
        rows = self.rows()
        self.assertEqual([(row["players"], row["by"]) for row in rows],
                         [(players, by) for players in (28_000, 1_000_000, 10_000_000)
                          for by in ("CPU", "lag")])
        for row in rows[:2]:
            self.assertEqual((row["needs"], row["behind"], row["waiting"]), (1, 0, 0))
        for row in rows[4:]:
            self.assertTrue(row["capped"], row)
            self.assertEqual(row["pods"], 50)
            self.assertGreater(row["behind"], 0)

    def test_it_does_not_fall_behind_with_what_it_says(self):
        crowd = ["--players", 1_000_000, "--pod-capacity", 100_000, "--pods-max", 200]
        for row, by in zip(self.rows(*crowd), ("CPU", "lag")):
            begin = str(row["begin"])
            again = {one["by"]: one for one in self.rows(*crowd, "--pods-min", begin)}
            self.assertEqual(again[by]["behind"], 0, (row, again))

    def test_the_picture_is_one(self):
        self.rows("--svg", "plan.svg", "--players", 28_000)
        picture = ElementTree.parse(self.folder / "plan.svg").getroot()
        self.assertTrue(picture.tag.endswith("svg"))
        self.assertIn("28,000 players", "".join(picture.itertext()))

    def test_what_is_wrong_is_told(self):
        for words in (("--pods-min", 60), ("--players", 0), ("--pod-capacity", 0),
                      ("--cpu-target", 101), ("--ramp", -1),
                      ("--players", 1_000_000_000, "--pod-capacity", 1)):
            run = self.hunt("plan", "--autoscale", *words)
            self.assert_exit(run, 2)
            self.assert_says(run.stderr, words[0].strip("-"))
        self.assert_exit(self.hunt("plan", "--autoscale", "--svg", "no/such/plan.svg"), 1)


if __name__ == "__main__":
    unittest.main()
