"""`hunt up`: the main job end to end, its report, its second run and its end by signal."""
import datetime
import json
import shutil
import signal
import time
import unittest

from hunt_process import HuntTest

SMALL = ["--players", "2000", "--rate", "20000"]
REPORT = {
    "positions_per_second", "latency_seconds", "sent", "answered", "redelivered", "lost",
    "outcomes", "hit_ratio", "store_seconds", "invalidation_seconds", "cpu_seconds", "grants",
    "duplicate_grants", "bottleneck",
}


class Up(HuntTest):
    """Each test runs it for a few seconds with a small crowd."""

    def up(self, *arguments, seconds=4):
        run = self.hunt("up", "--seconds", seconds, "--store", self.store, "--listen",
                        "127.0.0.1:0", *SMALL, *arguments)
        self.assert_exit(run, 0)
        return run

    def report(self, *arguments, seconds=4):
        run = self.up("--json", *arguments, seconds=seconds)
        start = run.stdout.find("{")
        self.assertGreaterEqual(start, 0, run.stdout)
        return json.loads(run.stdout[start:])

    def assert_sound(self, report):
        self.assertLessEqual(REPORT, set(report), "keys are missing")
        self.assertLessEqual({"p50", "p99", "p999", "max"}, set(report["latency_seconds"]))
        self.assertEqual(report["sent"], report["answered"], report)
        self.assertEqual(report["lost"], 0, report)
        self.assertEqual(report["scheduled"], report["sent"], report)
        self.assertEqual(report["duplicate_grants"], 0, report)
        self.assertLessEqual({"stage", "resource", "cause", "share"}, set(report["bottleneck"]))
        self.assertGreater(report["sent"], 10_000, report)
        self.assertGreater(report["grants"], 0, report)
        self.assertGreater(report["outcomes"]["hint"], 0, report)

    def test_answers_everything_it_sends_and_the_audit_agrees(self):
        self.assert_sound(self.report(seconds=5))
        self.assert_audit_clean()

    def test_a_second_run_on_the_same_file_works(self):
        first = self.report()
        second = self.report()
        self.assert_sound(first)
        self.assert_sound(second)
        self.assert_audit_clean()

    def test_loses_nothing_as_fast_as_it_goes(self):
        # Claims are then often told before, and answered again after, their first answer.
        run = self.hunt("up", "--json", "--seconds", 3, "--store", self.store, "--listen",
                        "127.0.0.1:0", "--players", "2000", "--rate", "max")
        self.assert_exit(run, 0)
        report = json.loads(run.stdout[run.stdout.find("{"):])
        self.assertEqual(report["sent"], report["answered"], report)
        self.assertEqual(report["lost"], 0, report)
        self.assertEqual(report["duplicate_grants"], 0, report)
        self.assert_audit_clean()

    def tables(self):
        run = self.hunt("world", "export", "--world", "demo", "--store", self.store)
        tables = {}
        for line in run.stdout.splitlines()[1:]:
            table = line.split(",")[2]
            tables[table] = tables.get(table, 0) + 1
        return tables

    def test_rules_of_ones_own_are_played_also_in_a_world_that_has_other_loot(self):
        self.up(seconds=1)
        self.assertEqual(self.tables().keys(), {"starlight"})
        rules = self.folder / "mine.yaml"
        rules.write_text("event: mine\ntrigger: step\nhint_radius: 8\ntables:\n"
                         "  gold: [{item: coin, weight: 1}]\n"
                         "  rare: [{item: crown, weight: 1}, {table: gold, weight: 9}]\n")
        run = self.up("--rules", rules, "--json", seconds=2)
        self.assert_says(run.stderr, "had nothing of table gold")
        tables = self.tables()
        self.assertGreater(min(tables["gold"], tables["rare"]), 40_000, tables)
        self.assertGreater(json.loads(run.stdout[run.stdout.find("{"):])["grants"], 0)
        run = self.up("--rules", rules, seconds=1)
        self.assert_says(run.stdout, "treasures left")

    def test_an_event_that_is_not_open_is_told(self):
        now = datetime.datetime.now(datetime.timezone.utc)
        rules = self.folder / "mine.yaml"
        for key, hours, words in (("starts", 6 * 24, 'event "mine" opens in 6 d'),
                                  ("ends", -3, 'event "mine" ended 3 h ago')):
            at = (now + datetime.timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")
            rules.write_text(f"event: mine\n{key}: {at}\ntables:\n"
                             "  gold: [{item: coin, weight: 1}]\n")
            self.assert_says(self.up("--rules", rules, seconds=1).stdout, words)

    def test_fresh_starts_over(self):
        first = self.report()
        self.assertGreater(first["grants"], 0)
        fresh = self.report("--fresh", seconds=2)
        audit = json.loads(self.hunt("audit", "--store", self.store, "--json").stdout)
        self.assertEqual(audit["stores"][0]["grants"], fresh["grants"],
                         "grants of the run before are left")

    def test_prints_an_address_a_status_and_a_report_for_people(self):
        run = self.up()
        self.assert_says(run.stdout + run.stderr, "http://127.0.0.1:", "grants", "lost")
        self.assertNotIn("\x1b[", run.stdout, "escape codes although this is no terminal")

    def test_sigterm_and_sigint_drain_and_exit_0(self):
        for how in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(signal=how.name):
                process = self.start("up", "--store", self.store, *SMALL)
                self.assertEqual(process.stop(how), 0, process.output)
                self.assert_audit_clean()

    def test_serves_the_page_the_figures_and_the_probes(self):
        process = self.start("up", "--store", self.store, *SMALL)
        page = process.get("/")
        self.assertEqual(page.status, 200)
        self.assertIn(b"<canvas", page.body)
        self.assertEqual(process.get("/livez").status, 200)
        self.assertIn(b"hunt_positions_total{", process.get("/metrics").body)
        self.assertEqual(process.get("/v1/stats").status, 200)

    def test_the_same_seed_gives_the_same_item_for_the_same_claim(self):
        # Spawn ids go by the clock, so only copies of one store have claims in common.
        before = self.play("a.db", 1)
        for name in ("a.db-wal", "a.db-shm"):
            self.assertFalse((self.folder / name).exists(), "a closed store is one file")
        shutil.copy(self.folder / "a.db", self.folder / "b.db")
        items = [self.play(name, len(before) + 50) for name in ("a.db", "b.db")]
        common = (set(items[0]) & set(items[1])) - set(before)
        self.assertGreater(len(common), 0, "the two runs share no claim")
        for claim in common:
            self.assertEqual(items[0][claim], items[1][claim], claim)

    def play(self, name, grants):
        """claim -> item of a run on the store, once there are so many."""
        process = self.start("up", "--store", f"sqlite:{self.folder / name}", "--seed", "7", *SMALL)
        self.wait_for_grants(process, grants)
        items = {grant["claim"]: grant["item"] for grant in process.all_grants()}
        self.assertEqual(process.stop(), 0, process.output)
        return items

    def wait_for_grants(self, process, count):
        for _ in range(200):
            if len(process.all_grants()) >= count:
                return
            time.sleep(0.05)
        self.fail(f"fewer than {count} grants:\n{process.output}")


if __name__ == "__main__":
    unittest.main()
