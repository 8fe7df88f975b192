"""Stores as older releases left them (tests/golden/make.py), opened by this one: nothing that was
granted is lost, granted again, or told otherwise."""
import sqlite3
import subprocess
import unittest

from hunt_process import REPOSITORY, HuntTest, player
from postgres_process import OwnDatabase

VERSIONS = sorted((REPOSITORY / "tests/golden").glob("*/"))
TILES, BUDGET, PLAYERS = 4, 2, 3  # of each tile, as they were buried; and who dug there


class Before:
    """What holds of either store. Player 10 n + k dug at (n, -n); two of three had something."""

    def test_it_goes_on(self):
        self.assertTrue(VERSIONS)
        for folder in VERSIONS:
            with self.subTest(folder.name):
                self.make(folder)
                self.check_it_goes_on()

    def check_it_goes_on(self):
        server = self.serve()
        before = server.all_grants()
        self.assertEqual(TILES * BUDGET, len(before))
        by_player = {grant["player"]: grant for grant in before}
        for n in range(TILES):
            for k in range(PLAYERS):
                who = player(10 * n + k)
                outcome = server.dig((who, n, -n)).json["outcomes"][0]
                if who not in by_player:
                    self.assertEqual("sold_out", outcome["outcome"])
                    continue
                self.assertEqual("granted", outcome["outcome"])
                self.assertTrue(outcome["repeat"], outcome)
                for name in ("claim", "item"):
                    self.assertEqual(by_player[who][name], outcome[name])
        self.assertEqual(before, server.all_grants())
        # And it is a store like any other now.
        self.assertEqual(200, server.bury([{"x": 99, "y": 99, "table": "starlight",
                                            "budget": 1}]).status)
        self.assertEqual("granted", server.dig((player(99), 99, 99)).json["outcomes"][0]["outcome"])
        self.assertEqual(0, server.stop(), server.output)
        self.assert_audit_clean()


class Sqlite(Before, HuntTest):
    """A file."""

    def make(self, folder):
        file = self.folder / f"{folder.name}.db"
        self.store = f"sqlite:{file}"
        made = sqlite3.connect(file)
        made.executescript((folder / "sqlite.sql").read_text(encoding="utf-8"))
        made.close()


class Postgres(Before, OwnDatabase, HuntTest):
    """A database."""

    def make(self, folder):
        name = f"{self.database}_{folder.name.replace('.', '_')}"
        self.store = self.postgres.make_database(name)
        subprocess.run(["psql", "-h", "127.0.0.1", "-p", str(self.postgres.port), "-U", "hunt",
                        "-d", name, "-qX", "-v", "ON_ERROR_STOP=1", "-f",
                        folder / "postgres.sql"], check=True, capture_output=True, text=True)
        return name

    def parts(self, name):
        """What a process looks after while it runs, and puts back where somebody changed it."""
        return set(self.postgres.psql(
            "SELECT 'function ' || proname || ' ' || md5(prosrc) FROM pg_proc"
            " WHERE pronamespace = 'public'::regnamespace UNION ALL"
            " SELECT 'trigger ' || tgname || ' of ' || tgrelid::regclass FROM pg_trigger"
            " WHERE NOT tgisinternal AND tgenabled = 'O' UNION ALL"
            " SELECT 'published ' || tablename || coalesce(rowfilter, '')"
            " FROM pg_publication_tables", database=name).stdout.splitlines())

    def test_processes_of_before_that_still_run_find_nothing_changed(self):
        """Those of 0.1.0 put back what is not as they know it; those after it leave a store alone
        whose tables are newer than theirs."""
        name = self.make(REPOSITORY / "tests/golden/0.1.0")
        before = self.parts(name)
        self.assertGreater(len(before), 25)
        self.assert_exit(self.hunt("migrate", "--store", self.store), 0)
        after = self.parts(name)
        self.assertEqual(before - after, set(), "changed under those who still run")
        self.assertTrue(after - before, "nothing is new: this looks at nothing")
        # And this program does not take them for changed: a released step of the schema never is.
        self.assert_says(self.hunt("doctor", "--store", self.store).stdout,
                         "its functions, triggers, publication and roles are as hunt made them")


if __name__ == "__main__":
    unittest.main()
