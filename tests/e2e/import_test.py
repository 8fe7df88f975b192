"""Loot tables of other games: the odds of what is imported equal those of the files themselves.

The files are random, in the style of each game; their odds are computed here, in fractions, by the
rules of that game, without a look at what the importer makes of them.
"""
import itertools
import json
import random
import tempfile
import time
import unittest
from fractions import Fraction
from pathlib import Path

from hunt_process import HuntTest

ITEMS = ["minecraft:iron_ingot", "Gold", "bell", "map"]
SEEDS = range(12)


class Find:
    """Of one item: the chance that none comes, and how many come on average."""

    def __init__(self, none=Fraction(1), mean=Fraction(0)):
        self.none = none
        self.mean = mean

    def __add__(self, other):
        return Find(self.none * other.none, self.mean + other.mean)

    def with_chance(self, chance):
        return Find(1 - chance + chance * self.none, chance * self.mean)

    def times(self, count):
        return Find(self.none ** count, self.mean * count)

    @staticmethod
    def mix(parts):
        """Of (chance, Find) that exclude each other; what is left is nothing."""
        rest = 1 - sum(chance for chance, _ in parts)
        return Find(rest + sum(chance * one.none for chance, one in parts),
                    sum((chance * one.mean for chance, one in parts), Fraction(0)))


def stack(name, item, low, high):
    if name != item:
        return Find()
    count = high - low + 1
    return Find(Fraction(int(low == 0), count), Fraction(low + high, 2))


def evenly(low, high, find):
    return Find.mix([(Fraction(1, high - low + 1), find.times(n)) for n in range(low, high + 1)])


class ImportTest(HuntTest):
    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory(prefix="hunt-import-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def write(self, name, content):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    def run_import(self, origin, *words):
        return self.hunt("rules", "import", "--from", origin, *words)

    def imported_odds(self, origin, *words, code=0):
        """{table: {item: (none, mean)}} of what is imported."""
        run = self.run_import(origin, *words)
        self.assertEqual(run.returncode, code, run.stderr)
        path = self.write("event.yaml", run.stdout)
        odds = self.hunt("rules", "odds", path, "--json")
        self.assertEqual(odds.returncode, 0, odds.stderr + run.stdout)
        found = {}
        for table in json.loads(odds.stdout)["tables"]:
            found[table["table"]] = {
                one["item"]: (1 - Fraction(int(one["numerator"]), int(one["denominator"])),
                              Fraction(int(one["expected"]["numerator"]),
                                       int(one["expected"]["denominator"])))
                for one in table["items"]}
        return found

    def assert_finds(self, odds, table, find_of, about):
        for item in ITEMS:
            find = find_of(item)
            none, mean = odds[table].get(item, (Fraction(1), Fraction(0)))
            self.assertEqual((none, mean), (find.none, find.mean), f"{item}: {about}")


class Minecraft:
    """Random tables, and how the game draws from them."""

    def __init__(self, rng):
        self.rng = rng
        self.names = ["a", "b"]
        self.tables = {"b": self.table([]), "a": None}
        self.tables["a"] = self.table(["b"])

    def table(self, others):
        return {"type": "minecraft:chest",
                "pools": [self.pool(others) for _ in range(self.rng.randint(1, 3))]}

    def number(self, low, high):
        first, last = sorted((self.rng.randint(low, high), self.rng.randint(low, high)))
        return self.rng.choice([
            first, {"type": "minecraft:constant", "value": first}, {"min": first, "max": last},
            {"type": "minecraft:uniform", "min": first, "max": last}])

    def pool(self, others):
        rng = self.rng
        rolls = self.number(0, 3)
        if rng.random() < 0.2:
            rolls = {"type": "minecraft:binomial", "n": 2, "p": rng.choice([0.3, 0.5, 0.125])}
        pool = {"rolls": rolls, "bonus_rolls": 0.0,
                "entries": self.with_chances([self.entry(others, 0)
                                              for _ in range(rng.randint(1, 4))])}
        if rng.random() < 0.3:
            pool["conditions"] = [{"condition": "minecraft:random_chance", "chance": 0.37}]
        if not others and rng.random() < 0.3:  # they do not reach a table of another file
            pool["functions"] = [{"function": "minecraft:set_count", "count": 2}]
        return pool

    def entry(self, others, depth):
        rng = self.rng
        kinds = ["item", "item", "empty"] + (["loot_table"] if others else [])
        kinds += ["tag"] if depth > 0 else []
        kinds += ["group", "alternatives", "sequence", "inline"] if depth < 2 else []
        kind = rng.choice(kinds)
        entry = {"type": f"minecraft:{kind}"}
        if kind in ("group", "alternatives", "sequence"):
            entry["children"] = [self.entry(others, depth + 1) for _ in range(rng.randint(1, 3))]
            for child in entry["children"]:
                if rng.random() < 0.5:
                    child["conditions"] = [self.known_condition()]
            return entry
        entry["weight"] = rng.choice([0, 1, 2, 3, 20])
        if kind == "tag":
            entry.update(name="minecraft:some", expand=True)
        if kind == "item":
            entry["name"] = rng.choice(ITEMS)
            if rng.random() < 0.5:
                entry["functions"] = [{"function": "set_count", "count": self.number(0, 4)}]
            elif rng.random() < 0.2:
                entry["functions"] = [{"function": "set_count", "count": 3, "add": True}]
        if kind == "loot_table":
            entry["value"] = rng.choice(others)
        if kind == "inline":
            entry.update(type="minecraft:loot_table", value={"pools": [self.pool([])]})
        return entry

    def with_chances(self, entries):
        """At most three of a pool's entries, containers too, are there with a chance."""
        for entry in self.rng.sample(entries, min(len(entries), 3)):
            if self.rng.random() < 0.3:
                chance = {"condition": "random_chance", "chance": self.rng.choice([0.25, 0.6])}
                entry["conditions"] = [chance]
        return entries

    def known_condition(self):
        condition = {"condition": self.rng.choice(["minecraft:always", "minecraft:never"])}
        if self.rng.random() < 0.3:
            condition = {"condition": "inverted", "term": condition}
        return condition

    # How it draws.

    def chance(self, of):
        chance = Fraction(1)
        for condition in of.get("conditions", []):
            inverted = condition["condition"] == "inverted"
            name = (condition["term"] if inverted else condition)["condition"]
            one = {"always": Fraction(1), "never": Fraction(0)}.get(name.split(":")[-1])
            if one is None:
                one = Fraction(str(condition["chance"]))
            chance *= 1 - one if inverted else one
        return chance

    @staticmethod
    def span(number):
        if isinstance(number, dict):
            if "value" in number:
                return number["value"], number["value"]
            return number["min"], number["max"]
        return number, number

    def find(self, table, item, outer=()):
        total = Find()
        for pool in table["pools"]:
            # What a pool yields goes through its own functions, then those around it.
            functions = pool.get("functions", []) + list(outer)
            one = self.roll(pool, item, functions)
            rolls = pool["rolls"]
            if isinstance(rolls, dict) and "p" in rolls:
                many = one.with_chance(Fraction(str(rolls["p"]))).times(rolls["n"])
            else:
                many = evenly(*self.span(rolls), one)
            total = total + many.with_chance(self.chance(pool))
        return total

    def expand(self, entry, luck):
        """Whether it succeeds, and the (weight, entry) that it adds to the draw. `luck` says of
        each entry with a chance whether that came true."""
        chance = self.chance(entry)
        if chance == 0 or (chance < 1 and not luck[id(entry)]):
            return False, []
        kind = entry["type"].split(":")[-1]
        if kind not in ("group", "alternatives", "sequence"):
            if kind == "tag":
                return True, [(entry["weight"], dict(entry, type="item", name=name))
                              for name in ("bell", "map")]
            return True, [(entry["weight"], entry)]
        added, answers = [], []
        for child in entry["children"]:
            succeeds, there = self.expand(child, luck)
            added += there
            answers.append(succeeds)
            if (kind == "alternatives" and succeeds) or (kind == "sequence" and not succeeds):
                break
        if kind == "alternatives":
            return any(answers), added
        if kind == "sequence":
            return all(answers), added
        return (answers[0] if len(answers) == 1 else True), added

    def roll(self, pool, item, functions):
        unsure = [entry for entry in pool["entries"] if 0 < self.chance(entry) < 1]
        cases = []
        for came_true in itertools.product([True, False], repeat=len(unsure)):
            luck = {id(entry): true for entry, true in zip(unsure, came_true)}
            share = Fraction(1)
            for entry, true in zip(unsure, came_true):
                share *= self.chance(entry) if true else 1 - self.chance(entry)
            drawn = [one for entry in pool["entries"] for one in self.expand(entry, luck)[1]]
            total = sum(weight for weight, _ in drawn)
            cases += [(share * Fraction(weight, total), self.give(entry, functions, item))
                      for weight, entry in drawn if weight > 0]
        return Find.mix(cases)

    def give(self, entry, functions, item):
        functions = entry.get("functions", []) + functions
        if entry["type"].endswith("empty"):
            return Find()
        if entry["type"].endswith("loot_table"):
            value = entry["value"]
            if isinstance(value, str):  # of another file; the generator has no functions there
                return self.find(self.tables[value], item)
            return self.find(value, item, functions)
        low, high = 1, 1
        for function in functions:
            first, last = self.span(function["count"])
            more = (low, high) if function.get("add") else (0, 0)
            low, high = more[0] + first, more[1] + last
        return stack(entry["name"], item, low, high)


class MinecraftImport(ImportTest):
    def test_odds_are_those_of_the_game(self):
        for seed in SEEDS:
            game = Minecraft(random.Random(seed))
            for name in game.names:
                self.write(f"{seed}/data/minecraft/loot_table/{name}.json", game.tables[name])
            odds = self.imported_odds("minecraft", self.folder / str(seed), "--assume",
                                      "always=true", "--assume", "never=false", "--tags",
                                      self.tags())
            for name in game.names:
                table = game.tables[name]
                self.assert_finds(odds, name, lambda item, game=game, of=table: game.find(of, item),
                                  f"seed {seed}, table {name}")

    def tags(self):
        folder = "tags/data/minecraft/tags/item"
        self.write(f"{folder}/some.json", {"values": ["bell", "#minecraft:more", "bell"]})
        self.write(f"{folder}/more.json", {"values": ["map", {"id": "bell"}]})
        self.write(f"{folder}/none.json", {"values": []})
        return self.folder / "tags"

    def test_functions_do_not_reach_a_table_of_another_file(self):
        self.write("a.json", {"pools": [{
            "rolls": 1, "functions": [{"function": "set_count", "count": 5}],
            "entries": [{"type": "loot_table", "value": "b"}]}]})
        self.write("b.json", {"pools": [{"rolls": 1,
                                         "entries": [{"type": "item", "name": "bell"}]}]})
        run = self.run_import("minecraft", self.folder)
        self.assertEqual(run.returncode, 1)
        self.assert_says(run.stderr, "changes odds: a function that sets counts does not reach")

    def test_small_files_cost_little(self):
        """Products of what a file holds are bounded, and said to be."""
        item = {"type": "item", "name": "a"}
        huge = {
            "functions": {"pools": [{"rolls": 1, "functions": [{}] * 4000,
                                     "entries": [item] * 1000}]},
            "tables": {"pools": [{"rolls": 1, "entries": [
                {"type": "loot_table", "value": {}}] * 16000}]},
            "tags": {"pools": [{"rolls": 1, "entries": [
                {"type": "tag", "name": "minecraft:large", "expand": True}] * 400}]}}
        self.write("tags/minecraft/tags/item/large.json",
                   {"values": [f"i{number}" for number in range(50_000)]})
        for name, content in huge.items():
            started = time.monotonic()
            run = self.run_import("minecraft", self.write(f"{name}.json", content), "--tags",
                                  self.folder / "tags")
            self.assertEqual(run.returncode, 0 if name == "functions" else 1, name)
            self.assertLess(time.monotonic() - started, 20, name)
        rows = [{"items": {"a": {"min": 1}, "b": {"min": 1}}, "weight": 1}] * 4000
        run = self.run_import("hiro", self.write("rows.json", {"chest": {"weighted": rows}}))
        self.assertEqual(run.returncode, 0, run.stderr[-300:])

    def test_what_changes_odds_is_told_and_is_exit_code_1(self):
        path = self.write("loot_table/chest.json", {"pools": [{
            "rolls": 1, "conditions": [{"condition": "minecraft:weather_check", "raining": True}],
            "entries": [{"type": "item", "name": "a", "functions": [
                {"function": "minecraft:enchant_randomly"}]}]}]})
        run = self.run_import("minecraft", path)
        self.assertEqual(run.returncode, 1)
        self.assert_says(run.stderr, "chest.json: pools[0].conditions[0]: changes odds",
                         "--assume weather_check=true", "note: the function enchant_randomly")
        self.assert_says(run.stdout, "item: \"a\"")
        run = self.run_import("minecraft", path, "--assume", "weather_check=true")
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertNotIn("changes nothing", run.stderr)
        run = self.run_import("minecraft", path, "--assume", "weather_chekc=true")
        self.assertEqual(run.returncode, 1)
        self.assert_says(run.stderr, "--assume weather_chekc=true changes nothing")
        for value in ("True", "yes", "1", "maybe"):  # none of them may silently mean false
            run = self.run_import("minecraft", path, "--assume", f"weather_check={value}")
            self.assertNotEqual(run.returncode, 0)
            self.assert_says(run.stderr, "expected weather_check=true or weather_check=false")
            self.assertEqual(run.stdout, "")

    def test_every_file_of_a_mixed_directory_is_imported_or_refused_with_the_reason(self):
        rng = random.Random(7)
        kinds = {
            "good": {"pools": [{"rolls": 1, "entries": [{"type": "item", "name": "a"}]}]},
            "dynamic": {"pools": [{"rolls": 1, "entries": [{"type": "dynamic", "name": "x"}]}]},
            "half": {"pools": [{"rolls": 0.5, "entries": [{"type": "item", "name": "a"}]}]},
            "list": [],
            "no_entries": {"pools": [{"rolls": 1}]},
            "cut": '{"pools": [{"rolls"',
        }
        reasons = {"dynamic": "depends on the game's world", "half": "no number of rolls",
                   "list": "expected an object", "no_entries": "expected a list of entries",
                   "cut": "is no JSON"}
        for number in range(30):
            kind = rng.choice(list(kinds))
            path = self.write(f"t{number}.json", kinds[kind])
            run = self.run_import("minecraft", path)
            self.assertEqual(run.returncode, 0 if kind == "good" else 1, f"{kind}: {run.stderr}")
            if kind != "good":
                self.assertEqual(run.stdout, "")
                self.assert_says(run.stderr, f"t{number}.json", reasons[kind])
        run = self.run_import("minecraft", self.folder)
        self.assertEqual(run.returncode, 1)


class HytaleImport(ImportTest):
    def container(self, rng, depth):
        kinds = ["Single", "Single", "Empty", "Droplist"]
        kinds += ["Choice", "Multiple", "Choice"] if depth < 3 else []
        kind = rng.choice(kinds) if depth > 0 else rng.choice(["Choice", "Multiple"])
        container = {"Type": kind}
        if rng.random() < 0.7:
            container["Weight"] = rng.choice([100, 60, 0.5, 12.5, 30])
        if kind == "Single":
            item = {"ItemId": rng.choice(ITEMS)}
            if rng.random() < 0.6:
                item["QuantityMin"] = rng.randint(0, 2)
                item["QuantityMax"] = item["QuantityMin"] + rng.randint(0, 3)
                if item["QuantityMax"] == 0:
                    item["QuantityMax"] = 1
            container["Item"] = item
        if kind == "Droplist":
            container["DroplistId"] = "Drop_Other"
        if kind in ("Choice", "Multiple"):
            container["Containers"] = [self.container(rng, depth + 1)
                                       for _ in range(rng.randint(1, 3))]
        if kind == "Choice" and rng.random() < 0.3:
            container["RollsMin"] = 1
            container["RollsMax"] = rng.randint(1, 3)
        return container

    def find(self, container, item):
        kind = container["Type"]
        if kind == "Single":
            given = container["Item"]
            low = given.get("QuantityMin", 1)
            return stack(given["ItemId"], item, low, given.get("QuantityMax", max(low, 1)))
        if kind == "Droplist":
            return stack("Gold", item, 3, 3)
        if kind == "Empty":
            return Find()
        weights = [Fraction(str(child.get("Weight", 100))) for child in container["Containers"]]
        children = [self.find(child, item) for child in container["Containers"]]
        if kind == "Multiple":
            total = Find()
            for weight, child in zip(weights, children):
                total = total + child.with_chance(min(Fraction(1), weight / 100))
            return total
        one = Find.mix([(weight / sum(weights), child) for weight, child in zip(weights, children)])
        low = container.get("RollsMin", 1)
        return evenly(low, container.get("RollsMax", low), one)

    def test_odds_are_those_of_the_documents(self):
        other = self.write("Drop_Other.json", {"Container": {
            "Type": "Single", "Item": {"ItemId": "Gold", "QuantityMin": 3, "QuantityMax": 3}}})
        for seed in SEEDS:
            root = self.container(random.Random(seed), 0)
            path = self.write("Drop_Bat.json", {"Container": root})
            odds = self.imported_odds("hytale", path, other)
            self.assert_finds(odds, "drop_bat", lambda item, of=root: self.find(of, item),
                              f"seed {seed}: {json.dumps(root)}")


class HiroImport(ImportTest):
    def test_odds_are_those_of_the_definition(self):
        for seed in SEEDS:
            rng = random.Random(seed)
            rows = [{"items": {item: {"min": rng.randint(1, 3), "max": 3}
                               for item in rng.sample(ITEMS, rng.randint(1, 2))},
                     "weight": rng.randint(1, 9)} for _ in range(rng.randint(1, 4))]
            rest = rng.choice([0, 5])
            rolls = rng.randint(1, 3)
            reward = {"guaranteed": {"items": {"Gold": {"min": 2, "max": 10, "multiple": 4}}},
                      "weighted": rows, "max_rolls": rolls,
                      "total_weight": sum(row["weight"] for row in rows) + rest}
            path = self.write("rewards.json", {"chest": {"reward": reward}})

            def find(item, rows=rows, reward=reward, rolls=rolls):
                steps = [stack("Gold", item, n, n) for n in (2, 6, 10)]
                total = Find.mix([(Fraction(1, 3), one) for one in steps])
                parts = []
                for row in rows:
                    all_of_row = Find()
                    for name, amount in row["items"].items():
                        all_of_row = all_of_row + stack(name, item, amount["min"], amount["max"])
                    parts.append((Fraction(row["weight"], reward["total_weight"]), all_of_row))
                return total + Find.mix(parts).times(rolls)

            odds = self.imported_odds("hiro", path)
            self.assert_finds(odds, "chest", find, f"seed {seed}: {json.dumps(reward)}")


class PlayfabImport(ImportTest):
    def test_weights_are_those_of_the_table(self):
        path = self.write("DropTables.json", {"DT_Crystal": {"TableId": "DT_Crystal", "Nodes": [
            {"ResultItemType": "ItemId", "ResultItem": "Gold", "Weight": 10},
            {"ResultItemType": "ItemId", "ResultItem": "NilLoot", "Weight": 25},
            {"ResultItemType": "ItemId", "ResultItem": "bell", "Weight": 65}]}})
        odds = self.imported_odds("playfab", path)["dt_crystal"]
        self.assertEqual({item: 1 - none for item, (none, _) in odds.items()},
                         {"Gold": Fraction(1, 10), "NilLoot": Fraction(1, 4),
                          "bell": Fraction(13, 20)})

    def test_usage_is_told(self):
        run = self.run_import("playfab", self.folder / "none.json")
        self.assertEqual(run.returncode, 1)
        self.assert_says(run.stderr, "cannot read", "none.json")
        run = self.run_import("diablo", self.folder)
        self.assertEqual(run.returncode, 2)


if __name__ == "__main__":
    unittest.main()
