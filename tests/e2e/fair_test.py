"""docs/FAIR.md: its program gives what the ledger has, for 2,000 grants of each sample event; and
`hunt audit --fair` sees every reward that is another one."""
import datetime
import hashlib
import json
import re
import sqlite3
import subprocess
import sys
import types
import unittest

import yaml

from hunt_process import REPOSITORY, HuntTest, player

PAGE = REPOSITORY / "docs/FAIR.md"
SAMPLES = sorted((REPOSITORY / "examples/rules").glob("*.yaml"))
GRANTS = 2000
SEED = bytes(range(7, 39))


def program():
    text, = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S)
    return text


def open_now(text):
    """The same event, in a season and with openings that hold now and for a while."""
    now = datetime.datetime.now(datetime.timezone.utc)
    day = datetime.timedelta(days=1)
    hour = (now - datetime.timedelta(hours=1)).strftime("%H:00")
    text = re.sub(r"(?m)^starts: .*", f"starts: {(now - 30 * day).date()}", text)
    text = re.sub(r"(?m)^ends: .*", f"ends: {(now + 30 * day).date()}", text)
    text = re.sub(r"\{days: \[\w+, .*?for: 6h\}", f'{{from: "{hour}", for: 12h}}', text)
    text = re.sub(r"\{days: \[sat\].*?for: 1h\}", f'{{from: "{hour}", for: 12h}}', text)
    return re.sub(r"(?m)^zone: .*", "zone: UTC", text)


class Fair(HuntTest):
    """One server for all sample events, and their grants."""

    def setUp(self):
        super().setUp()
        self.rules = self.folder / "events"
        self.rules.mkdir()
        self.seed = self.folder / "seed"
        self.seed.write_text(SEED.hex() + "\n")
        self.tables = {}  # by event
        for path in SAMPLES:
            text = open_now(path.read_text())
            (self.rules / path.name).write_text(text)
            self.tables[path.stem] = yaml.safe_load(text)["tables"]
        self.page = types.ModuleType("fair")
        exec(compile(program(), "fair.py", "exec"), self.page.__dict__)

    def play(self):
        """Digs GRANTS finds of each event; the tile tells which: its x, the table's name."""
        server = self.serve("--rules", self.rules, "--event-seed-file", self.seed)
        names = [next(iter(tables)) for tables in self.tables.values()]
        reply = server.bury([{"x": x, "y": 0, "table": name, "budget": GRANTS}
                             for x, name in enumerate(names)])
        self.assertEqual(reply.status, 200, reply)
        for x in range(len(names)):
            for at in range(0, GRANTS, 1000):
                reply = server.dig(*[(player(i), x, 0) for i in range(at, at + 1000)])
                self.assertEqual({one["outcome"] for one in reply.json["outcomes"]}, {"granted"})
        grants = server.all_grants()
        self.assertEqual(server.stop(), 0, server.output)
        return names, grants

    def audit(self, code, *flags):
        if "--event-seed-file" not in flags:
            flags = ("--event-seed-file", self.seed, *flags)
        run = self.hunt("audit", "--store", self.store, "--fair", "--json", *flags)
        self.assert_exit(run, code)
        return json.loads(run.stdout)["stores"][0]["fair"]

    def test_the_program_gives_what_was_granted(self):
        self.assertLessEqual(len(program().splitlines()), 40)
        names, grants = self.play()
        self.assertEqual(len(grants), GRANTS * len(names))
        events = list(self.tables.values())
        for grant in grants:
            roll = self.page.Roll(SEED, events[grant["x"]], bytes.fromhex(grant["claim"]),
                                  ["happy_hour"])
            roll.find(names[grant["x"]])
            self.assertEqual([{"item": item, "count": count}
                              for item, count in roll.stacks.items()], grant["items"], grant)
        self.by_hand(names, grants[-1])
        told = self.audit(0, "--rules", self.rules)
        self.assertEqual((told["rolled"], told["violation_count"]), (len(grants), 0))
        self.names_what_it_could_not_judge(len(grants))
        self.give_a_tile_another_table(names, len(grants))
        self.change_and_audit(names, grants)

    def names_what_it_could_not_judge(self, count):
        """Other rules, another seed, or none: nothing was shown, so it is not ok."""
        version = json.loads(self.hunt("rules", "check", self.rules, "--json").stdout)["version"]
        told = self.audit(1, "--rules", SAMPLES[0])
        self.assertEqual((told["other_rules"], told["rolled"]), (count, 0))
        self.assertEqual(told["versions_not_named"], [version])
        other = self.folder / "other_seed"
        other.write_text("ab" * 32 + "\n")
        told = self.audit(1, "--rules", self.rules, "--event-seed-file", other)
        self.assertEqual(told["other_seed"], count)
        self.assertEqual(told["other_seeds"], [hashlib.sha256(SEED).hexdigest()[:16]])
        run = self.hunt("audit", "--store", self.store, "--fair")
        self.assert_exit(run, 2)
        self.assert_says(run.stderr, "--rules")

    def by_hand(self, names, grant):
        """As a player runs it."""
        path = self.folder / "fair.py"
        path.write_text(program())
        event = self.rules / f"{list(self.tables)[grant['x']]}.yaml"
        run = subprocess.run([sys.executable, path, SEED.hex(), event, names[grant["x"]],
                              grant["claim"]], capture_output=True, text=True, check=True)
        self.assertIn(grant["items"][0]["item"], run.stdout)
        with sqlite3.connect(self.folder / "hunt.db") as store:
            rows = store.execute("SELECT DISTINCT printf('%016x', seed_id) FROM grants").fetchall()
        fingerprint = run.stdout.splitlines()[0].split()[-1]
        self.assertEqual(fingerprint, hashlib.sha256(SEED).hexdigest())
        self.assertEqual(rows, [(fingerprint[:16],)])

    def give_a_tile_another_table(self, names, count):
        """What people may do: nobody is accused."""
        with sqlite3.connect(self.folder / "hunt.db") as store:
            store.execute("UPDATE loot_tiles SET loot_table = ? WHERE loot_table = ?",
                          (names[0], names[1]))
        told = self.audit(0, "--rules", self.rules)
        self.assertGreater(told["by_another_table"], GRANTS // 2)
        self.assertEqual(told["by_another_table"] + told["rolled"], count)

    def change_and_audit(self, names, grants):
        """Somebody gives three players something else, and one tile is buried anew."""
        with sqlite3.connect(self.folder / "hunt.db") as store:
            (frozen,), = store.execute(
                "SELECT sql FROM sqlite_master WHERE name = 'grants_do_not_change'")
            store.execute("DROP TRIGGER grants_do_not_change")
            for grant in (grants[0], grants[3000], grants[-1]):
                store.execute("UPDATE grants SET item = item || ',bribe' WHERE claim_id = ?",
                              (bytes.fromhex(grant["claim"]),))
            store.execute(frozen)
        run = self.hunt("world", "import", "-", "--world", "1", "--store", self.store,
                        stdin=f"x,y,table,budget\n0,0,{names[0]},1\n")
        self.assert_exit(run, 0)
        told = self.audit(1, "--rules", self.rules)
        self.assertEqual(told["violation_count"], 3, told)
        self.assertEqual(told["by_a_table"], GRANTS)
        self.assertIn("bribe", told["violations"][0]["message"])


if __name__ == "__main__":
    unittest.main()
