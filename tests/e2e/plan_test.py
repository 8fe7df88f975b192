"""`hunt plan --autoscale`: its table and its picture."""
import re
import unittest
from xml.etree import ElementTree

from hunt_process import HuntTest

ROW = re.compile(r"^ *([\d,]+) +([\d,]+) +(\d+) +(CPU|lag) +(\d+)( \(wants more\))? +(\d+) +"
                 r"([\d.]+) +([\d,]+) +(\d+)$", re.M)


class Plan(HuntTest):
    """What it tells of some crowds."""

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
        self.assert_exit(self.hunt("plan"), 2)
        for words in (("--pods-min", 60), ("--players", 0), ("--pod-capacity", 0),
                      ("--cpu-target", 101), ("--ramp", -1),
                      ("--players", 1_000_000_000, "--pod-capacity", 1)):
            run = self.hunt("plan", "--autoscale", *words)
            self.assert_exit(run, 2)
            self.assert_says(run.stderr, words[0].strip("-"))
        self.assert_exit(self.hunt("plan", "--autoscale", "--svg", "no/such/plan.svg"), 1)


if __name__ == "__main__":
    unittest.main()
