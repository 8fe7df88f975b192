"""docs/COOKBOOK.md: each design is a file that the checker takes without a word, whose odds a
second opinion shares, and which is played from the file to grants."""
import csv
import datetime
import io
import json
import re
import shutil
import sqlite3
import unittest
from fractions import Fraction

import yaml

from hunt_process import REPOSITORY, HuntTest, player
from loot import entries_of, outcomes_of, reward

COOKBOOK = REPOSITORY / "examples/cookbook"
PAGE = REPOSITORY / "docs/COOKBOOK.md"
FINDS_PER_TABLE = 200
TILES_PER_TABLE = 40
MAIN = 2  # a new store has the world "demo" already


def designs():
    return sorted(COOKBOOK.glob("*.yaml"))


def with_alone(tables, item):
    """The same tables with nothing in the place of every other item: few outcomes to list."""
    def alone(entry):
        if "item" not in entry or entry["item"] == item:
            return entry
        return {"nothing": True, **{k: v for k, v in entry.items() if k in ("weight", "during")}}

    def table(one):
        if isinstance(one, list):
            return [alone(entry) for entry in one]
        return {**one, "always": [alone(entry) for entry in one.get("always", [])],
                "pools": [{**pool, "draw": [alone(entry) for entry in pool["draw"]]}
                          for pool in one.get("pools", [])]}

    return {name: table(one) for name, one in tables.items()}


def items_below(tables, name):
    items = set()
    for entry in entries_of(tables[name]):
        if "table" in entry:
            items |= items_below(tables, entry["table"])
        elif "item" in entry:
            items.add(entry["item"])
    return items


def exact(answer):
    return Fraction(int(answer["numerator"]), int(answer["denominator"]))


class Page(HuntTest):
    """The page and the files."""

    def test_shows_each_file_as_it_is(self):
        shown = re.findall(r"\(\.\./examples/cookbook/(\w+\.yaml)\).*?\n```yaml\n(.*?)```",
                           PAGE.read_text(), re.S)
        self.assertEqual(sorted(name for name, _ in shown), [path.name for path in designs()])
        for name, text in shown:
            file = (COOKBOOK / name).read_text()
            self.assertEqual(text, file.partition("\n")[2], name)

    def test_has_every_design(self):
        self.assertEqual(re.findall(r"(?m)^## (\d+)\. ", PAGE.read_text()),
                         [str(number) for number in range(1, 15)])

    def test_each_is_taken_without_a_word(self):
        for path in [*designs(), COOKBOOK]:
            run = self.hunt("rules", "check", path)
            self.assert_exit(run, 0)
            self.assertEqual(run.stderr, "", path.name)


class Odds(HuntTest):
    """`hunt rules odds` against every outcome, listed in fractions."""

    def test_are_those_of_every_outcome(self):
        compared = 0
        for path in designs():
            tables = yaml.safe_load(path.read_text())["tables"]
            answer = json.loads(self.hunt("rules", "odds", path, "--json").stdout)
            for table in answer["tables"]:
                for case in table.get("cases", [table]):
                    compared += self.compare(tables, table["table"], case)
        self.assertGreater(compared, 70)

    def compare(self, tables, name, case):
        def is_open(time):
            return time in case.get("during", [])
        items = {item["item"]: item for item in case["items"]}
        expected = items_below(tables, name)
        self.assertEqual(set(items), expected, name)
        for item, told in items.items():
            outcomes = outcomes_of(with_alone(tables, item), name, is_open)
            once = 1 - outcomes.get((), 0)
            average = sum(share * count for stacks, share in outcomes.items()
                          for _, count in stacks)
            self.assertEqual(exact(told), once, (name, item))
            self.assertEqual(exact(told["expected"]), average, (name, item))
        return len(items)


class Played(HuntTest):
    """All designs at once: buried, dug, and compared with the ledger."""

    def open_now(self, text):
        """The same event, in a season and with openings that hold now."""
        now = datetime.datetime.now(datetime.timezone.utc)
        day = datetime.timedelta(days=1)
        text = re.sub(r"starts: 2026-12-01", f"starts: {(now - 30 * day).date()}", text)
        text = re.sub(r"ends: 2027-03-01", f"ends: {(now + 30 * day).date()}", text)
        hour = (now - datetime.timedelta(hours=1)).strftime("%H:00")
        text = text.replace('"07:15", for: 45m', f'"{hour}", for: 12h')
        return text.replace("Europe/Berlin", "UTC")

    def setUp(self):
        super().setUp()
        self.rules = self.folder / "events"
        shutil.copytree(COOKBOOK, self.rules)
        wild = self.rules / "wild_spawns.yaml"
        wild.write_text(self.open_now(wild.read_text()))
        self.tables = {}
        for path in self.rules.glob("*.yaml"):
            self.tables.update(yaml.safe_load(path.read_text())["tables"])

    def loot(self):
        text = self.hunt("world", "export", "--world", "main").stdout
        out = {}
        for row in csv.DictReader(io.StringIO(text)):
            out.setdefault(row["table"], []).append((int(row["x"]), int(row["y"]),
                                                     int(row["budget"])))
        return out

    def is_open(self, time):
        self.assertEqual(time, "community_day")
        now = datetime.datetime.now(datetime.timezone.utc)
        return now.weekday() == 5 and 12 <= now.hour < 15

    def test_from_the_file_to_grants(self):
        self.assert_exit(self.hunt("world", "create", "main"), 0)
        run = self.hunt("rules", "bury", self.rules)
        self.assert_exit(run, 0)
        server = self.serve("--rules", self.rules)
        loot = self.loot()
        placed = {one["table"] for path in self.rules.glob("*.yaml")
                  for one in yaml.safe_load(path.read_text())["placement"]}
        self.assertEqual(set(loot), placed)
        for places in loot.values():
            self.dig_all(server, places)
        grants = server.all_grants()
        self.assertEqual(server.stop(), 0)
        with sqlite3.connect(self.folder / "hunt.db") as store:
            (seed,), = store.execute("SELECT seed FROM seeds")
        seen = {}
        for grant in grants:
            table = next(t for t, places in loot.items()
                         if any((x, y) == (grant["x"], grant["y"]) for x, y, _ in places))
            expected = reward(seed, self.tables, table, grant["claim"], self.is_open)
            told = ",".join(one["item"] + (f"*{one['count']}" if one["count"] != 1 else "")
                            for one in grant["items"])
            self.assertEqual(told, expected, grant)
            seen[table] = seen.get(table, 0) + 1
        self.assertEqual(set(seen), placed)
        self.assertGreater(min(seen.values()), 30)
        self.assert_audit_clean()

    def dig_all(self, server, places):
        """As many finds as the table has for us: budget players at each of some tiles."""
        finds = []
        for x, y, budget in places[:TILES_PER_TABLE]:
            for number in range(min(budget, 1 + FINDS_PER_TABLE // TILES_PER_TABLE)):
                finds.append((player(number), x, y))
        reply = server.dig(*finds, world=MAIN)
        self.assertEqual({one["outcome"] for one in reply.json["outcomes"]}, {"granted"})


if __name__ == "__main__":
    unittest.main()
