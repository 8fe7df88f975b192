"""`hunt rules try`: an event is played before it exists; the same seed plays the same again."""
import json
import re
import unittest

import yaml

from hunt_process import REPOSITORY, HuntTest

COOKBOOK = REPOSITORY / "examples/cookbook"


class Try(HuntTest):
    """What it prints, and what of it can be computed."""

    def play(self, path, *flags):
        run = self.hunt("rules", "try", path, *flags)
        self.assert_exit(run, 0)
        return run.stdout

    def test_the_books_agree_and_the_same_seed_gives_the_same_bytes(self):
        path = COOKBOOK / "crystal_container.yaml"
        flags = ("--players", 300, "--hours", 3, "--json")
        text = self.play(path, *flags)
        self.assertEqual(text, self.play(path, *flags))
        self.assertNotEqual(text, self.play(path, *flags, "--seed", 2))
        told = json.loads(text)
        table, = told["tables"]
        placement, = yaml.safe_load(path.read_text())["placement"]
        self.assertEqual(table["placed"], placement["spawns"] * placement["budget"])
        self.assertEqual(table["placed"], table["found"] + table["left"] + table["expired"])
        self.assertEqual(told["positions"], 300 * 3 * 3600)
        players = told["players_by_finds"]
        self.assertEqual(sum(players), 300)
        self.assertEqual(sum(finds * count for finds, count in enumerate(players)),
                         table["found"])
        self.assertAlmostEqual(told["share_with_none"], players[0] / 300)
        self.assertEqual(told["buckets"][-1]["left"]["container"], table["left"])
        self.assertGreater(table["found"], 100)

    def test_all_designs_at_once_sell_out_where_many_look(self):
        text = self.play(COOKBOOK, "--players", 4000, "--hours", 1)
        self.assertRegex(text, r"4,000 players for 1 hour from .* finds\n")
        self.assertRegex(text, r"\n  fishing_spot +10,000 +[\d,]+ +0 +[\d,]+ +")
        self.assertIn("players with none", text)
        self.assertRegex(text, r"wild_spawns: not played, it starts at 2026-1[12]-\S+ UTC, after "
                               r"the hour\n")
        self.assertRegex(text, r"\n  forest_spawn +0 +0 +0 +0 +not put out")

    def test_the_page_is_one_file_without_scripts(self):
        page = self.folder / "try.html"
        self.play(COOKBOOK / "crate.yaml", "--players", 200, "--hours", 2, "--html", page)
        text = page.read_text()
        self.assertEqual(text.count("<svg"), 4)
        self.assertNotRegex(text, r"<script|<link|(src|href)=")
        self.assertIn("legendary", text)
        self.assertEqual(self.play(COOKBOOK / "crate.yaml", "--players", 200, "--hours", 2,
                                   "--html", "-"), text)

    def test_what_cannot_be_played_is_named(self):
        path = self.folder / "event.yaml"
        path.write_text("event: e\ntables: {t: [{item: a, weight: 1}]}\n")
        run = self.hunt("rules", "try", path)
        self.assert_exit(run, 1)
        self.assert_says(run.stderr, "no event has placement")
        path.write_text("event: e\ntables: {t: [{item: a, weight: 1}]}\nplacement: [{table: t, "
                        "world: w, from: [0, 0], to: [9, 9], spawns: 4, apart: 9}]\n")
        run = self.hunt("rules", "try", path)
        self.assert_exit(run, 1)
        self.assertRegex(run.stderr, r"event\.yaml:3:13: placement: \d of 4 spawns found a place")
        self.assertIsNone(re.search("finds", run.stdout))


if __name__ == "__main__":
    unittest.main()
