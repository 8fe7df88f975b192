"""`script/bench before-after` in small: every contender does what is said of it, by counted work.

The load is a few hundred positions; nothing is judged by time. The wounds that docs/STORY.md tells
of are those tests whose names say so.
"""
import dataclasses
import json
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path
from unittest import mock

from hunt_process import HUNT, clean_environment

BENCH = Path(__file__).resolve().parents[2] / "bench"
sys.path.insert(0, str(BENCH))
import before_after  # pylint: disable=wrong-import-position
import before_ladder  # pylint: disable=wrong-import-position
import before_runs  # pylint: disable=wrong-import-position
import before_sites  # pylint: disable=wrong-import-position

ALONE = True  # The old systems give up by the clock: without a core they would break by themselves.
LOOT, SIDE = 2_000, 180  # six tiles in a hundred
CONTENDERS = {one.name: one for one in before_sites.CONTENDERS}
CUTS = """
import { RedisWire } from 'WIRES'
const told = (text) => `$${text.length}\\r\\n${text}\\r\\n`
let all = `*3\\r\\n${told('subscribe')}${told('hunt:answers')}:1\\r\\n`
for (let id = 0; id < 30; id += 1) {
  const body = JSON.stringify({ id, outcomes: ['nothing'] })
  all += `*3\\r\\n${told('message')}${told('hunt:answers')}${told(body)}`
}
for (let cut = 1; cut <= all.length; cut += 1) {
  const wire = new RedisWire()
  const ids = []
  let rest = Buffer.alloc(0)
  for (let at = 0; at < all.length; at += cut) {
    const buffer = Buffer.concat([rest, Buffer.from(all.slice(at, at + cut))])
    rest = buffer.subarray(wire.take(buffer, (id) => ids.push(id)))
  }
  if (ids.join() !== [...Array(30).keys()].join()) throw new Error(`cut by ${cut}: ${ids}`)
}
"""
LEAK = "kept = {} function decide() kept[#kept + 1] = string.rep('x', 100000) .. #kept\n" \
        "  return 'nothing' end\n"


class Bench(unittest.TestCase):
    """What needs no contender."""

    def test_cpu_is_compared_at_the_best_step_and_at_the_same_load(self):
        def entry(*costs):
            return {"ladder": [{"rate": 10 ** at, "cpu_s_per_million": cost, "kept_up": cost < 9}
                               for at, cost in enumerate(costs)]}
        measured, met = before_after.compared(entry(4, 3, 9), entry(6, 5, 1), 3)
        self.assertEqual(measured, "3.0 times, each at its best step; 0.6 times at the same 10/s")
        self.assertFalse(met)
        self.assertTrue(before_after.compared(entry(8), entry(2, 1), 4)[1])
        self.assertEqual(before_after.compared(entry(8, 9), entry(9, 2), 4),
                         ("4.0 times, each at its best step", True))

    def test_what_is_paid_for_is_the_step_at_which_servers_would_be_run(self):
        ladder = [{"rate": rate, "seconds": 2, "kept_up": rate < 500, "cpu_s": {"a": a, "b": 0.5}}
                  for rate, a in ((100, 0.5), (200, 1.4), (400, 2.0), (800, 1.0))]
        for utilisation, rate in ((0.48, 200), (0.9, 400), (0.1, 100)):
            step = before_ladder.calm({"ladder": ladder}, 2, utilisation)
            self.assertEqual(step["rate"], rate)
        self.assertIsNone(before_ladder.calm({"ladder": ladder[3:]}, 2, 0.48))

    def test_all_parts_of_a_site_are_ended_though_one_cannot_be(self):
        site, ended = before_sites.Site.__new__(before_sites.Site), []
        site.ends = [lambda: ended.append("first"), [].pop, lambda: ended.append("last")]
        with self.assertRaises(IndexError):
            site.close()
        self.assertEqual(ended, ["last", "first"])
        site.close()

    def test_a_registry_that_is_silent_costs_no_more_than_a_while(self):
        with mock.patch.object(before_sites, "NPM_SECONDS", 0.1):
            self.assertIn("npm ping", before_sites.run_npm(["sleep", "60"], BENCH))
        self.assertIsNone(before_sites.run_npm(["true"], BENCH))
        self.assertEqual(before_sites.run_npm(["false"], BENCH), "npm failed")


class Contenders(unittest.TestCase):
    """One PostgreSQL, started anew for each contender."""

    @classmethod
    def setUpClass(cls):
        trouble = before_sites.install()
        if trouble:
            raise unittest.SkipTest(trouble)
        cls.folder = Path(tempfile.mkdtemp(prefix="hunt-before-test-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.folder.chmod(0o755)  # PgBouncer runs as another user
        cls.loot = before_sites.make_loot(cls.folder, LOOT, SIDE)
        cls.database = before_sites.Database()
        cls.addClassCleanup(cls.database.server.remove)

    def open(self, name, **changed):
        contender = dataclasses.replace(CONTENDERS[name], **changed)
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        folder.chmod(0o755)
        site = before_sites.open_site(contender, self.database, folder, self.loot, SIDE)
        self.addCleanup(site.close)
        return site

    def step(self, site, rate, seconds=1):
        """All of it was answered. Each load has other players."""
        site.watcher.ask("SELECT count(pg_stat_statements_reset())")
        done = before_runs.step(site, rate, seconds, seed=rate + site.contender.batch)
        self.assertEqual(done["ok"], done["due"], [done, site.wounds()])
        self.assertGreater(done["granted"], 0, done)
        self.assertGreater(site.books(), 0)  # which are balanced
        return done

    def test_the_generator_reads_answers_wherever_they_are_cut(self):
        code = CUTS.replace("WIRES", (before_sites.BEFORE / "wires.mjs").as_uri())
        subprocess.run([before_sites.NODE, "--input-type=module", "-e", code], check=True)

    def assert_leaks(self, site):
        """A connection for each position, each left in a transaction. A look-up in one that is
        never ended is not counted; the BEGIN before it is."""
        done = self.step(site, 150, 2)
        self.assertEqual(done["sessions"], done["due"], done)
        self.assertGreaterEqual(done["statements"], done["due"] + 2 * done["granted"], done)
        self.assertGreater(done["idle_in_transaction"], 10, done)
        time.sleep(1.2)
        self.assertGreater(site.wounds()["idle in transaction"], 10)

    def test_idle_in_transaction_and_then_a_leaking_script_takes_the_engine_down(self):
        site = self.open("engine")
        self.assert_leaks(site)
        site.script.write_text(LEAK)
        end = time.monotonic() + 30
        while site.service.poll() is None and time.monotonic() < end:
            before_runs.generate(site, before_runs.flat(300, 1), seed=8, late_ms=200)
        self.assertEqual(site.service.poll(), 1)
        self.assertGreater(site.wounds()["script panic"], 0)
        self.assertIn("not enough memory", (site.folder / "service.log").read_text())
        gone = before_runs.generate(site, before_runs.flat(50, 0.2), seed=9, late_ms=200)
        self.assertEqual(gone["lost"], gone["due"], "nobody answers any more")

    def test_bigger_leaks_as_well_and_a_slip_in_the_script_takes_all_workers_down(self):
        site = self.open("bigger")
        self.assert_leaks(site)
        site.script.write_text("function decide( return 'nothing' end\n")
        self.assertEqual(site.service.wait(30), 0, "the primary has nothing left to do")
        self.assertGreaterEqual(site.wounds()["script panic"], 2)

    def test_too_many_connections(self):
        site = self.open("engine", max_connections=20)
        done = before_runs.step(site, 100, 1, seed=7)
        self.assertGreater(site.wounds()["too many connections"], 10, done)
        self.assertGreater(done["failed"], 10, done)
        self.assertEqual(done["lost"], 0, "each has an answer, if only an error")

    def test_the_pooler_keeps_few_connections_and_statement_timeout_when_somebody_has_a_lock(self):
        site = self.open("pgbouncer")
        done = self.step(site, 150)
        self.assertLessEqual(done["sessions"], 20, done)
        # A look-up, and five more where something was granted.
        self.assertGreaterEqual(done["statements"], done["due"] + 4 * done["granted"], done)
        with subprocess.Popen(
                ["psql", "-h", "127.0.0.1", "-p", str(self.database.server.port), "-U", "hunt",
                 "-d", "hunt", "-qX", "-c", "BEGIN; LOCK TABLE loot_tiles; SELECT pg_sleep(1.5)"],
                stdout=subprocess.DEVNULL) as lock:
            time.sleep(0.3)
            done = before_runs.step(site, 60, 1, seed=8)
            lock.wait()
        self.assertGreater(site.wounds()["statement timeout"], 5, done)
        self.assertGreater(done["failed"], 5, done)

    def test_tuned_looks_up_in_redis_and_claims_by_the_set(self):
        site = self.open("tuned")
        for name, rate in (("tuned", 500), ("tuned-batches", 5_000)):
            site.contender = CONTENDERS[name]
            done = self.step(site, rate)
            requests = done["due"] / site.contender.batch
            self.assertLessEqual(done["sessions"], 8, done)
            over = site.watcher.ask("SELECT count(*) FROM loot_tiles WHERE remaining = 0")[0]
            # A statement for many claims; those on loot that is sold out are few.
            self.assertLessEqual(done["statements"], done["granted"] + over + 10, done)
            # One message in, one out, one look-up; sold-out tiles are forgotten.
            self.assertGreaterEqual(done["redis_calls"], 3 * requests, done)
            self.assertLessEqual(done["redis_calls"], 3 * requests + done["granted"] + over + 10)
        self.assertLessEqual(done["statements"], done["granted"] / 2, "claims go together")

    def test_hunt_opens_nothing_and_looks_up_nothing_for_players(self):
        site = self.open("hunt")
        for name, rate in (("hunt", 500), ("hunt-json", 5_000), ("hunt-batches", 5_000)):
            site.contender = CONTENDERS[name]
            done = self.step(site, rate)
            self.assertEqual(done["sessions"], 0, done)
            self.assertLessEqual(done["redis_calls"], done["granted"] + 200, done)
            # Players on loot cost one call for many; those elsewhere cost the store nothing. Copies
            # of chunks are read again by the 64 when they are old.
            self.assertLessEqual(self.calls(site, "grant_claims"), done["granted"], done)
            self.assertLessEqual(self.calls(site, "FROM loot_tiles"), 10, done)
        self.assertLessEqual(self.calls(site, "grant_claims"), done["granted"] / 2, done)
        self.assertEqual(site.wounds(), {})

    def calls(self, site, words):
        """Statements with these words since the last step began."""
        return site.watcher.ask("SELECT coalesce(sum(calls), 0) FROM pg_stat_statements WHERE"
                                f" toplevel AND query LIKE '%{words}%'")[0]

    def test_the_smoke_makes_the_page(self):
        with tempfile.TemporaryDirectory(prefix="hunt-before-test-") as out:
            done = subprocess.run(
                [sys.executable, "-B", BENCH / "before_after.py", "--smoke", "--hunt", HUNT,
                 "--only", "hunt-batches", "--out", out],
                env=clean_environment(), capture_output=True, text=True, timeout=300, check=False)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            results = json.loads((Path(out) / "before-after.json").read_text())
            self.assertEqual(list(results["contenders"]), ["hunt-batches"])
            for entry in results["contenders"].values():
                self.assertGreater(entry["rush"]["ok"], 0, entry)
                self.assertGreater(entry["grants"], 0, entry)
            page = (Path(out) / "before-after.html").read_text()
            for words in ("<svg", "hunt, batches of 100", "$1.87"):
                self.assertIn(words, page)


if __name__ == "__main__":
    unittest.main()
