"""Exact odds against a second opinion: every outcome of the tables, in fractions, from the YAML.

Shares no code with the program: PyYAML reads the files, and the outcomes are listed one by one.
"""
import datetime
import itertools
import json
import random
import unittest
from fractions import Fraction
from xml.etree import ElementTree

import yaml

from hunt_process import REPOSITORY, HuntTest
from loot import entries_of, outcomes_of, parts_of, range_of

SEEDS = range(1, 49)
TIMES = {  # name: hours of the day at which it is open
    "early": range(6, 12), "noon": range(10, 14), "late": range(12, 20), "night": range(20, 24),
}


def text_of_times():
    return "".join(f"  {name}: [{{from: \"{hours.start:02}:00\", for: {len(hours)}h}}]\n"
                   for name, hours in TIMES.items())


def random_rules(rng):
    """Tables t0, t1, …: each draws from later ones, some entries only at named times."""
    count = rng.randint(1, 8)
    lines = ["event: e", "starts: 2027-01-01", "ends: 2027-01-08", "times:"]
    lines += text_of_times().rstrip().split("\n") + ["tables:"]
    for table in range(count):
        entries = []
        for number in range(rng.randint(1, 6)):
            weight = rng.choice([1, 2, 3, 7, 10, 97, 1000, 999_999_937, 1_000_000_000])
            nested = table + 1 < count and rng.random() < 0.5
            what = (f"table: t{rng.randint(table + 1, min(count - 1, table + 3))}" if nested
                    else f"item: i{rng.randint(0, 7)}")
#The first entry is there at all times, and few tables depend on the time.
            timed = number > 0 and rng.random() < 0.3
            during = f", during: {rng.choice(list(TIMES))}" if timed else ""
            entries.append(f"{{{what}, weight: {weight}{during}}}")
        if rng.random() < 0.3:
            lines.append(f"  t{table}: {{pools: [{{draw: [{', '.join(entries)}]}}]}}")
        else:
            lines.append(f"  t{table}:")
            lines += [f"    - {entry}" for entry in entries]
    return "\n".join(lines) + "\n"


def random_pools(rng):
    """As random_rules(), with all that a table in its long form can say; a find stays small."""
    count = rng.randint(1, 3)
    lines = ["event: e", "starts: 2027-01-01", "ends: 2027-01-08",
             "tiers: [low, high]", "items: {i0: {tier: low}, i1: {tier: high}, i2: {tier: high}}",
             "times:"]
    lines += text_of_times().rstrip().split("\n") + ["tables:"]

    def target(table, may_be_nothing):
        if may_be_nothing and rng.random() < 0.2:
            return "nothing: true"
        if table + 1 < count and rng.random() < 0.3:
            return f"table: t{rng.randint(table + 1, count - 1)}"
        counts = rng.choice(["", "", ", count: 2", ", count: 0..1", ", count: 1..3"])
        return f"item: i{rng.randint(0, 4)}{counts}"

    for table in range(count):
        pools = []
        for _ in range(rng.randint(0 if table else 1, 2)):
            entries = []
            for number in range(rng.randint(1, 4)):
                during = ", during: noon" if number > 0 and rng.random() < 0.2 else ""
                weight = rng.choice([1, 1, 2, 3, 7, 97, 999_999_937])
                entries.append((f"{{{target(table, True)}, weight: {weight}{during}}}", during))
            there = sum(not during for _, during in entries)
            distinct = rng.random() < 0.5
            most = rng.randint(1, min(3, there) if distinct else 3)
            rolls = rng.choice([str(most), f"{rng.randint(0, most)}..{most}"])
            chance = rng.choice(["", "", "chance: 0.5 %, ", "chance: 2/3, ", "chance: 12.5%, "])
            draw = ", ".join(text for text, _ in entries)
            pools.append(f"{{{chance}rolls: {rolls}, distinct: {str(distinct).lower()}, "
                         f"draw: [{draw}]}}")
        always = [f"{{{target(table, False)}}}"
                  for _ in range(rng.randint(0 if pools else 1, 2))]
        parts = [f"always: [{', '.join(always)}]"] * bool(always)
        parts += [f"pools: [{', '.join(pools)}]"] * bool(pools)
        lines.append(f"  t{table}: {{may_be_empty: true, {', '.join(parts)}}}")
    return "\n".join(lines) + "\n"


def draws_of(tables, name):
    """How many draws a find can make at most."""
    def of(entry):
        return draws_of(tables, entry["table"]) if "table" in entry else 1
    always, pools = parts_of(tables[name])
    return sum(map(of, always)) + sum(
        range_of(pool["rolls"])[-1] * max(map(of, pool["draw"])) for pool in pools)


def small_pools(seed):
    """Random pools whose outcomes can be listed in a moment."""
    rng = random.Random(seed)
    while True:
        text = random_pools(rng)
        tables = yaml.safe_load(text)["tables"]
        if max(draws_of(tables, name) for name in tables) <= 12:
            return text, tables


def times_below(tables, name):
    times = {e["during"] for e in entries_of(tables[name]) if "during" in e}
    for entry in entries_of(tables[name]):
        if "table" in entry:
            times |= times_below(tables, entry["table"])
    return times


def open_together(times):
    """Which of these are ever open at once, by a look at each hour of a day."""
    return {frozenset(t for t in times if hour in TIMES[t]) for hour in range(24)
}

class Odds(HuntTest):
    """`hunt rules odds --json`, table by table."""

    def odds_of(self, text, *flags):
        path = self.folder / "event.yaml"
        path.write_text(text)
        run = self.hunt("rules", "odds", path, "--json", *flags)
        self.assert_exit(run, 0)
        return json.loads(run.stdout)["tables"]

    def compare(self, tables, answer):
        name = answer["table"]
        times = times_below(tables, name)
        cases = answer["cases"] if times else [{"during": [], **answer}]
        self.assertEqual({frozenset(case["during"]) for case in cases}, open_together(times), name)
        for case in cases:
            outcomes = outcomes_of(tables, name, lambda time: time in case["during"])
            self.assertEqual(sum(outcomes.values()), 1)
            where = f"{name} during {case['during']}"
            got = {item["item"]: Fraction(int(item["numerator"]), int(item["denominator"]))
                   for item in case["items"]}
            self.assertEqual(got, self.once(outcomes), where)
            averages = {item["item"]: self.exact(item["expected"]) for item in case["items"]}
            self.assertEqual(averages, self.average(outcomes), where)
            nothing = case.get("nothing")
            self.assertEqual(self.exact(nothing) if nothing else 0, outcomes.get((), 0), where)
            for item in case["items"]:
                self.assertAlmostEqual(item["probability"], float(got[item["item"]]), delta=1e-12)
            order = [(-got[item["item"]], item["item"]) for item in case["items"]]
            self.assertEqual(order, sorted(order), "likeliest first, then by name")
            for tier in case.get("tiers", []):
                its = [item["item"] for item in case["items"] if item.get("tier") == tier["tier"]]
                either = sum(share for stacks, share in outcomes.items()
                             if any(item in its for item, _ in stacks))
                self.assertEqual(self.exact(tier), either, where)
                self.assertEqual(self.exact(tier["expected"]), sum(averages[i] for i in its))

    @staticmethod
    def exact(number):
        return Fraction(int(number["numerator"]), int(number["denominator"]))

    @staticmethod
    def once(outcomes):
        out = {}
        for stacks, share in outcomes.items():
            for item, _ in stacks:
                out[item] = out.get(item, 0) + share
        return out

    @staticmethod
    def average(outcomes):
        out = {}
        for stacks, share in outcomes.items():
            for item, count in stacks:
                out[item] = out.get(item, 0) + share * count
        return out

    def test_random_pools_have_the_odds_of_every_outcome(self):
        compared = several = 0
        for seed in range(1, 101):
            text, tables = small_pools(seed)
            with self.subTest(seed=seed, text=text):
                for answer in self.odds_of(text):
                    self.compare(tables, answer)
                    compared += 1
                    several += "cases" in answer
        self.assertGreater(compared, 120)
        self.assertGreater(several, 10)

    def test_random_pools_have_the_counts_of_every_outcome(self):
        compared = several = 0
        for seed in range(1, 61):
            text, tables = small_pools(seed)
            with self.subTest(seed=seed, text=text):
                for answer in self.odds_of(text, "--counts"):
                    for case in answer.get("cases", [{"during": [], **answer}]):
                        outcomes = outcomes_of(tables, answer["table"],
                                               lambda time, now=case["during"]: time in now)
                        for item in case["items"]:
                            told = {one["count"]: self.exact(one) for one in item["counts"]}
                            self.assertEqual(told, self.counts(outcomes, item["item"]))
                            compared += 1
                            several += len(told) > 2
        self.assertGreater(compared, 200)
        self.assertGreater(several, 100)

    @staticmethod
    def counts(outcomes, wanted):
        out = {}
        for stacks, share in outcomes.items():
            count = dict(stacks).get(wanted, 0)
            out[count] = out.get(count, 0) + share
        return out

    def test_counts_are_shown_and_of_too_many_it_is_said(self):
        path = REPOSITORY / "examples/rules"
        run = self.hunt("rules", "odds", path, "--table", "harvest_chest", "--counts")
        self.assert_exit(run, 0)
        self.assertRegex(run.stdout, r"how many coin\n +5 +6\.25 % +#+\n")
        (self.folder / "many.yaml").write_text(
            "event: e\ntables: {t: {always: [{item: a, count: 1..1000}, {item: b, count: 2..3}]},\n"
            "  u: [{item: a, weight: 1}]}\n")
        why = ('how many a come in one find of "t" goes up to 1,000, more than 256; its average '
               'stands beside it')
        run = self.hunt("rules", "odds", self.folder / "many.yaml", "--counts")
        self.assert_exit(run, 0)
        self.assert_says(run.stdout, why, "how many b", "each find is one item")
        run = self.hunt("rules", "odds", self.folder / "many.yaml", "--counts", "--json")
        self.assert_exit(run, 0)
        items = {one["item"]: one for one in json.loads(run.stdout)["tables"][0]["items"]}
        self.assertEqual((items["a"]["counts"], items["a"]["why"]), (None, why))
        self.assertEqual([one["count"] for one in items["b"]["counts"]], [2, 3])

    def test_random_tables_have_the_odds_of_every_outcome(self):
        compared = timed = 0
        for seed in SEEDS:
            text = random_rules(random.Random(seed))
            tables = yaml.safe_load(text)["tables"]
            with self.subTest(seed=seed):
                for answer in self.odds_of(text):
                    self.compare(tables, answer)
                    compared += 1
                    timed += "cases" in answer
        self.assertGreater(compared, 100)
        self.assertGreater(timed, 40)

    def test_the_examples_have_them_too(self):
        for path in sorted((REPOSITORY / "examples/rules").glob("*.yaml")):
            text = path.read_text()
            with self.subTest(path.name):
                loaded = yaml.safe_load(text)
                if "times" in loaded:
                    continue
                for answer in self.odds_of(text):
                    self.compare(loaded["tables"], answer)

    def test_tiers_are_the_sums_of_their_items(self):
        text = ("event: e\ntiers: [low, mid, high]\n"
                "items: {a: {tier: low}, b: {tier: high}, c: {tier: high}}\n"
                "tables: {t: [{item: a, weight: 5}, {item: b, weight: 2}, {table: u, weight: 3}],\n"
                "  u: [{item: c, weight: 1}, {item: d, weight: 1}]}\n")
        answer = next(table for table in self.odds_of(text) if table["table"] == "t")
        self.assertEqual([(t["tier"], t["numerator"] + "/" + t["denominator"])
                          for t in answer["tiers"]], [("high", "7/20"), ("low", "1/2")])
        self.assertEqual({i["item"]: i.get("tier") for i in answer["items"]},
                         {"a": "low", "b": "high", "c": "high", "d": None})

    def test_simulate_fits_and_sees_what_does_not(self):
        path = REPOSITORY / "examples/rules"
        run = self.hunt("rules", "simulate", path, "--rolls", "200000", "--json", "--svg",
                        self.folder / "bars.svg")
        self.assert_exit(run, 0)
        picture = ElementTree.parse(self.folder / "bars.svg").getroot()
        bars = picture.findall(".//{http://www.w3.org/2000/svg}rect[@class='seen']")
        rows = sum(len(table["items"]) + ("nothing" in table)
                   for table in json.loads(run.stdout)["tables"])
        self.assertEqual(len(bars), rows)
        for table in json.loads(run.stdout)["tables"]:
            rolled = sum(item["rolled"] for item in table["items"])
            one_item = "nothing" not in table and all(
                item["expected"] == item["probability"] for item in table["items"])
            self.assertEqual(rolled == 200_000, one_item)
            self.assertTrue(table["fits"], table)
            for item in table["items"]:
                self.assertAlmostEqual(item["count"] / 200_000 / item["expected"], 1,
                                       delta=max(0.05, 8 / (item["rolled"] + 1) ** 0.5))

    def test_diff_tells_what_changes_for_players(self):
        old, new = self.folder / "old.yaml", self.folder / "new.yaml"
        head = "event: e\n"
        old.write_text(head + "tables: {t: [{item: a, weight: 499}, {item: crown, weight: 1}],\n"
                       "  gone: [{item: a, weight: 1}]}\n")
        new.write_text(head + "hint_radius: 4\n"
                       "tables: {t: [{item: a, weight: 199}, {item: crown, weight: 1}]}\n")
        run = self.hunt("rules", "diff", old, new)
        self.assert_exit(run, 3)
        self.assert_says(run.stdout, "crown: 1/500 (0.2 %) → 1/200 (0.5 %)", "gone: removed",
                         "hint_radius: 8 → 4")
        doubled = self.folder / "doubled.yaml"
        twice = new.read_text().replace("199", "398").replace("weight: 1}", "weight: 2}")
        doubled.write_text(twice)
        run = self.hunt("rules", "diff", new, doubled, "--json")
        self.assert_exit(run, 0)
        self.assertEqual(json.loads(run.stdout)["odds"], [])
        self.assertEqual(json.loads(run.stdout)["tables_reordered"], ["t"])
        self.assert_exit(self.hunt("rules", "diff", new, new), 0)

    def test_the_disclosed_page_has_the_exact_odds_in_three_formats(self):
        path = REPOSITORY / "examples/rules"
        odds = {t["table"]: t for t in self.odds_of_path(path)}
        pages = {f: self.hunt("rules", "disclose", path, "--format", f).stdout
                 for f in ("markdown", "html", "json")}
        told = json.loads(pages["json"])
        self.assertIn("winter_chest", {table["table"] for table in told["tables"]})
        for table in told["tables"]:
            for case in table.get("cases", [table]):
                same = next(c for c in odds[table["table"]].get("cases", [odds[table["table"]]])
                            if c.get("during") == case.get("during"))
                self.assertEqual(case["items"], same["items"])
                for item in case["items"]:
                    exact = f"{item['numerator']}/{item['denominator']}"
                    self.assertIn(f"| {exact} |", pages["markdown"])
                    self.assertIn(f"<td>{exact}</td>", pages["html"])

    def odds_of_path(self, path):
        run = self.hunt("rules", "odds", path, "--json")
        self.assert_exit(run, 0)
        return json.loads(run.stdout)["tables"]


class Openings(HuntTest):
    """When an event is open, against zoneinfo: another reader of the same data."""

    ZONES = ("Europe/Berlin", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Kathmandu",
             "America/New_York", "Pacific/Kiritimati", "UTC")

    def openings_of(self, zone, hour, minute, days):
        path = self.folder / "event.yaml"
        path.write_text(f"event: e\nzone: {zone}\nstarts: 2026-09-01\nends: 2027-11-30\n"
                        f"open: [{{days: [{', '.join(days)}], from: \"{hour:02}:{minute:02}\", "
                        "for: 30m}]\ntables: {t: [{item: a, weight: 1}]}\n")
        run = self.hunt("rules", "check", path, "--json")
        self.assert_exit(run, 0)
        return json.loads(run.stdout)["events"][0]["open"]

    @staticmethod
    def second_opinion(zone, hour, minute, days):
        try:
            from zoneinfo import ZoneInfo
        except ImportError as error:
            raise unittest.SkipTest("this Python has no zoneinfo") from error
        place, utc = ZoneInfo(zone), datetime.timezone.utc
        names = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
        out = []
        for number in itertools.count():
            day = datetime.date(2026, 8, 31) + datetime.timedelta(days=number)
            if day > datetime.date(2027, 12, 1):
                return out
            if names[day.weekday()] not in days:
                continue
#fold = 0 is the first of two; of a gap the offset before it, so look for its end.
            local = datetime.datetime(day.year, day.month, day.day, hour, minute, tzinfo=place)
            opens = local.astimezone(utc)
            if opens.astimezone(place).replace(tzinfo=None) != local.replace(tzinfo=None):
                low, high = opens - datetime.timedelta(hours=3), opens
                before = low.astimezone(place).utcoffset()
                while high - low > datetime.timedelta(seconds=1):
                    middle = low + (high - low) / 2
                    if middle.astimezone(place).utcoffset() == before:
                        low = middle
                    else:
                        high = middle
                opens = high.replace(microsecond=0, second=0)
            starts = datetime.datetime(2026, 9, 1, tzinfo=place).astimezone(utc)
            ends = datetime.datetime(2027, 11, 30, tzinfo=place).astimezone(utc)
            if starts <= opens < ends:
                closes = min(opens + datetime.timedelta(minutes=30), ends)
                out.append((opens, closes))

    def test_openings_are_those_of_another_reader_of_the_zones(self):
        for zone in self.ZONES:
            for hour, minute, days in ((2, 15, ("sun",)), (1, 45, ("sat", "sun")),
                                       (18, 0, ("fri", "mon")), (0, 0, ("wed",))):
                with self.subTest(zone=zone, hour=hour):
                    got = [tuple(datetime.datetime.fromisoformat(o[k].replace("Z", "+00:00"))
                                 for k in ("opens", "closes"))
                           for o in self.openings_of(zone, hour, minute, days)]
                    self.assertEqual(got, self.second_opinion(zone, hour, minute, days))


if __name__ == "__main__":
    unittest.main()
