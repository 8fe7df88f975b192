"""Events in time, on a running server: openings, better hours, and grants that can be rolled again.

The rolls are made by a second program: the hash, the picks and the windows are Python's own.
"""
import datetime
import re
import sqlite3
import time
import unittest

import yaml

import loot
from hunt_process import HuntTest, player

WAITS = True  # For the next minute.
SEED = bytes(range(32))
UTC = datetime.timezone.utc


def minutes(moment):
    return f"{moment.hour:02}:{moment.minute:02}"


class InTime(HuntTest):
    """Windows by the clock of this machine, in UTC."""

    def setUp(self):
        super().setUp()
        self.path = self.folder / "event.yaml"
        seed = self.folder / "seed"
        seed.write_text(SEED.hex() + "\n")
        self.flags = ("--rules", self.path, "--event-seed-file", seed)

    def write(self, more):
        day = datetime.datetime.now(UTC).date()
        self.path.write_text(f"event: e\nstarts: {day - datetime.timedelta(days=2)}\n"
                             f"ends: {day + datetime.timedelta(days=2)}\n{more}")

    def bury(self, server, count):
        tiles = [{
  "x" : i, "y" : 0, "table" : "t", "budget" : 1} for i in range(count)]
        for at in range(0, count, 500):
            self.assertEqual(server.bury(tiles[at:at + 500]).status, 200)

    def bury_and_dig(self, server, count):
        """Until the change is everywhere."""
        self.bury(server, count)
        for _ in range(100):
            if "nothing" not in self.dig_all(server, count):
                break
            time.sleep(0.1)

    def dig_all(self, server, count):
        outcomes = []
        for at in range(0, count, 50):
            reply = server.dig(*[(player(i), i, 0) for i in range(at, min(at + 50, count))])
            self.assertEqual(reply.status, 200, reply)
            outcomes += [one["outcome"] for one in reply.json["outcomes"]]
        return outcomes

    def test_an_event_is_closed_between_its_openings_and_opens_by_itself(self):
        now = datetime.datetime.now(UTC)
        if now.second > 40:  # the opening below should not begin before the first answers
            time.sleep(61 - now.second)
            now = datetime.datetime.now(UTC)
        opens = now.replace(second=0, microsecond=0) + datetime.timedelta(minutes=1)
        self.write(f"open: [{{from: \"{minutes(opens)}\", for: 2m}}]\n"
                   "tables: {t: [{item: star, weight: 1}]}\n")
        server = self.serve(*self.flags)
        self.bury(server, 2)
        deadline = opens + datetime.timedelta(seconds=30)
        seen = set()
        while datetime.datetime.now(UTC) < deadline:
            before = datetime.datetime.now(UTC)
            outcome = self.dig_all(server, 1)[0]
            after = datetime.datetime.now(UTC)
            seen.add(outcome)
            if outcome == "granted":
                self.assertGreaterEqual(after, opens)
                break
            self.assertIn(outcome, ("closed", "nothing"))  # nothing: not everywhere yet
            if outcome == "closed":
                self.assertLess(before, opens)
            time.sleep(0.05)
        self.assertEqual(seen - {"nothing"}, {"closed", "granted"})
        self.assertEqual(server.stop(), 0, server.output)

    def test_grants_can_be_rolled_again_from_the_ledger_and_the_file(self):
        now = datetime.datetime.now(UTC)
        ended = (now - datetime.timedelta(minutes=3)).replace(second=0)
        lasting = (now - datetime.timedelta(minutes=1)).replace(second=0)
        self.write(f"times:\n  over: [{{from: \"{minutes(ended)}\", for: 1m}}]\n"
                   f"  now: [{{from: \"{minutes(lasting)}\", for: 12h}}]\n"
                   "tables:\n  t:\n    - {item: \"minecraft:iron_ingot\", weight: 500}\n"
                   "    - {item: never, weight: 900, during: over}\n"
                   "    - {table: u, weight: 300, during: now}\n"
                   "  u:\n    - {item: Comet_Cape, weight: 7}\n    - {item: bell, weight: 3}\n"
                   "    - {item: whistle, weight: 5, during: now}\n")
        server = self.serve(*self.flags)
        count = 2000
        self.bury_and_dig(server, count)
        grants = server.all_grants()
        self.assertEqual(len(grants), count)
        self.assertEqual(server.stop(), 0, server.output)
        tables = yaml.safe_load(self.path.read_text())["tables"]
        found = {}
        for grant in grants:
            claim = grant["claim"].replace("-", "")
            expected = loot.reward(SEED, tables, "t", claim, lambda name: name == "now")
            self.assertEqual(grant["item"], expected, grant)
            found[expected] = found.get(expected, 0) + 1
        self.assertEqual(set(found), {"minecraft:iron_ingot", "Comet_Cape", "bell", "whistle"})
        with sqlite3.connect(self.folder / "hunt.db") as store:
            times = [row[0] for row in store.execute("SELECT as_of_us FROM grants")]
        self.assertEqual(len(times), count)
        self.assertGreater(min(times), lasting.timestamp() * 1e6)
        self.assertGreater(len(set(times)), 10, "each has the moment that it was looked at")

    def test_grants_of_pools_can_be_rolled_again_too(self):
        now = datetime.datetime.now(UTC)
        lasting = (now - datetime.timedelta(minutes=1)).replace(second=0)
        self.write(f"times: {{now: [{{from: \"{minutes(lasting)}\", for: 12h}}]}}\n"
                   "tables:\n"
                   "  t:\n    may_be_empty: true\n    pools:\n"
                   "      - {chance: 2/3, draw: [{table: chest, weight: 1}]}\n"
                   "      - rolls: 0..3\n        draw:\n"
                   "          - {item: coin, weight: 2, count: 1..6}\n"
                   "          - {item: bell, weight: 1, during: now}\n"
                   "          - {nothing: true, weight: 1}\n"
                   "  chest:\n    always: [{item: coin, count: 5..20}, {item: map}]\n    pools:\n"
                   "      - rolls: 1..2\n        distinct: true\n        draw:\n"
                   "          - {item: lamp, weight: 5}\n          - {item: bell, weight: 3}\n"
                   "          - {item: cape, weight: 2, count: 2}\n"
                   "          - {table: rare, weight: 1}\n"
                   "      - {chance: 12.5 %, draw: [{item: crown, weight: 1}]}\n"
                   "  rare: [{item: crown, weight: 1}, {item: halo, weight: 2}]\n")
        server = self.serve(*self.flags)
        count = 2000
        self.bury_and_dig(server, count)
        self.assertEqual(server.stop(), 0, server.output)
        tables = yaml.safe_load(self.path.read_text())["tables"]
        with sqlite3.connect(self.folder / "hunt.db") as store:
            rows = store.execute("SELECT hex(claim_id), item FROM grants").fetchall()
        self.assertEqual(len(rows), count)
        for claim, text in rows:
            expected = loot.reward(SEED, tables, "t", claim, lambda name: name == "now")
            self.assertEqual(text, expected, claim)
        texts = {text for _, text in rows}
        self.assertIn("", texts, "a find may give nothing")
        self.assertIn("coin", texts, "one item of count 1 is its bare name")
        self.assertGreater(len(texts), 300)

    def test_an_event_that_is_switched_off_is_not_there_and_comes_back(self):
        self.write("tables: {t: [{item: star, weight: 1}]}\nenabled: false\n")
        server = self.serve(*self.flags)
        self.bury(server, 1)
        time.sleep(0.5)
        self.assertEqual(self.dig_all(server, 1), ["nothing"])
        self.write("tables: {t: [{item: star, weight: 1}]}\n")
        deadline = time.monotonic() + 30
        while self.dig_all(server, 1) != ["granted"]:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.1)
        self.assertEqual(server.stop(), 0, server.output)


class Lock(HuntTest):
    """rules.lock: what is not all there is not taken."""

    GOOD = ("event: {0}\ntables:\n  {0}:\n"
            "    - {{item: a, weight: 1}}\n    - {{item: b, weight: 9}}\n")

    def setUp(self):
        super().setUp()
        self.rules = self.folder / "events"
        self.rules.mkdir()
        for name in ("one", "two"):
            (self.rules / f"{name}.yaml").write_text(self.GOOD.format(name))

    def lock(self):
        run = self.hunt("rules", "lock", self.rules, "--note", "a \"test\"")
        self.assert_exit(run, 0)
        return re.search(r"version ([0-9a-f]{16})", run.stdout).group(1)

    def test_files_count_only_when_they_come_to_its_version(self):
        version = self.lock()
        self.assert_exit(self.hunt("rules", "check", self.rules), 0)
        whole = (self.rules / "two.yaml").read_text()
        for size in range(len(whole)):  # cut at every byte: refused, or just what was meant
            (self.rules / "two.yaml").write_text(whole[:size])
            if size % 7 and size < len(whole) - 3:
                continue
            run = self.hunt("rules", "check", self.rules)
            if run.returncode == 0:
                self.assert_says(run.stdout, version)
        (self.rules / "two.yaml").unlink()
        run = self.hunt("rules", "check", self.rules)
        self.assert_exit(run, 1)
        self.assert_says(run.stderr, "rules.lock:2:10: ", version, "hunt rules lock")
        (self.rules / "two.yaml").write_text(whole.replace("9", "8"))
        self.assert_exit(self.hunt("rules", "check", self.rules), 1)
        self.assertNotEqual(self.lock(), version)
        self.assert_exit(self.hunt("rules", "check", self.rules), 0)

    def test_a_running_server_waits_for_the_rest(self):
        first = self.lock()
        server = self.serve("--rules", self.rules)
        self.assertEqual(server.get("/v1/stats").json["rules"], first)
        fresh = {name: self.GOOD.format(name).replace("9", "5") for name in ("one", "two")}
        (self.rules / "one.yaml").write_text(fresh["one"])
        deadline = time.monotonic() + 30
        while "the lock is for version" not in server.output:
            self.assertLess(time.monotonic(), deadline, server.output)
            time.sleep(0.05)
        self.assertEqual(server.get("/v1/stats").json["rules"], first)
        (self.rules / "two.yaml").write_text(fresh["two"])
        second = self.lock()
        while server.get("/v1/stats").json["rules"] != second:
            self.assertLess(time.monotonic(), deadline, server.output)
            time.sleep(0.05)
        self.assertEqual(server.stop(), 0, server.output)

    def test_a_broken_lock_is_told_with_its_place(self):
        for text, says in (("version: latest\n", "1:10: version: expected 16 hexadecimal digits"),
                           ("note: x\n", "the key \"version\" is missing"),
                           ("version: 0123456789abcdef\nrevison: 4\n", "unknown key \"revison\""),
                           ("- a\n", "expected a map")):
            with self.subTest(text):
                (self.rules / "rules.lock").write_text(text)
                run = self.hunt("rules", "check", self.rules)
                self.assert_exit(run, 1)
                self.assert_says(run.stderr, "rules.lock:", says)


if __name__ == "__main__":
    unittest.main()
