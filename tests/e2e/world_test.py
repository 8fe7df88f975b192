"""Worlds and traces from files: round trips, and bad rows named by their number."""
import gzip
import json
import unittest

from hunt_process import TOKEN, HuntTest

ROWS = "x,y,table,budget,key\n" + "".join(f"{i},{-i},starlight,{i % 5 + 1},k{i}\n"
                                          for i in range(1000))


class World(HuntTest):
    """`hunt world` on a store of its own, or on a running server."""

    def world(self, *arguments, **keywords):
        return self.hunt("world", *arguments, "--store", self.store, **keywords)

    def write(self, name, text):
        path = self.folder / name
        if name.endswith(".gz"):
            path.write_bytes(gzip.compress(text.encode()))
        else:
            path.write_text(text)
        return path

    def stats(self, world="demo"):
        run = self.world("stats", "--world", world, "--json")
        self.assert_exit(run, 0)
        return json.loads(run.stdout)["stats"]

    def test_import_export_import_keeps_every_tile(self):
        for name in ("loot.csv", "loot.csv.gz"):
            with self.subTest(name):
                self.assert_exit(self.world("import", self.write(name, ROWS), "--world", "demo"), 0)
                self.assertEqual(self.stats()["tiles"], 1000)
        for name in ("out.csv", "out.jsonl"):
            with self.subTest(name):
                run = self.world("export", "--world", "demo", "-o", self.folder / name)
                self.assert_exit(run, 0)
                self.assert_exit(self.world("create", name.replace(".", "-")), 0)
                self.assert_exit(self.world("import", self.folder / name, "--world",
                                            name.replace(".", "-")), 0)
                copy = self.stats(name.replace(".", "-"))
                self.assertEqual((copy["tiles"], copy["budget"]),
                                 (1000, sum(i % 5 + 1 for i in range(1000))))
        self.assert_audit_clean()

    def test_import_into_a_running_server(self):
        server = self.serve()
        url = f"http://127.0.0.1:{server.port}"
        path = self.write("loot.csv", ROWS)
        run = self.hunt("world", "import", path, "--world", "1", "--url", url,
                        "--token-file", self.folder / "admin-token")
        self.assert_exit(run, 0)
        outcome = server.dig(("0f8fad5b-d9cb-469f-a165-70867728950e", 7, -7))
        self.assertEqual(outcome.json["outcomes"][0]["outcome"], "granted", outcome)
        refused = self.hunt("world", "import", path, "--world", "1", "--url", url, "--token", "no")
        self.assert_exit(refused, 1)
        self.assert_says(refused.stderr, "token")
        self.assertNotIn(TOKEN, refused.stderr)

    def test_a_bad_row_is_named_and_the_others_are_kept_or_none_as_asked(self):
        for bad, word in (("1,x,starlight,1", "y"), ("1,2,starlight,0", "budget"),
                          ("1,2,starlight", ""), ("1,2,starlight,1,k,extra,more,9", ""),
                          ("99999999999,2,starlight,1", "x"), ("1.5,2,starlight,1", "x")):
            with self.subTest(bad):
                path = self.write("bad.csv", "x,y,table,budget\n5,5,starlight,1\n" + bad +
                                  "\n6,6,starlight,1\n")
                run = self.world("import", path, "--world", "demo")
                self.assert_exit(run, 1)
                self.assert_says(run.stderr, "bad.csv", "row 3", word)
                self.assertEqual(self.stats()["tiles"], 0)
        run = self.world("import", path, "--world", "demo", "--on-error", "skip")
        self.assert_exit(run, 0)
        self.assert_says(run.stdout + run.stderr, "row 3")
        self.assertEqual(self.stats()["tiles"], 2)

    def test_wrong_columns_files_and_worlds_are_named(self):
        path = self.write("loot.csv", "x,y,tabel,budget\n1,2,starlight,1\n")
        run = self.world("import", path, "--world", "demo")
        self.assert_exit(run, 1)
        self.assert_says(run.stderr, "tabel", "table")
        run = self.world("import", self.folder / "none.csv", "--world", "demo")
        self.assert_exit(run, 1)
        self.assert_says(run.stderr, "none.csv")
        run = self.world("import", self.write("good.csv", ROWS), "--world", "dmeo")
        self.assert_exit(run, 1)
        self.assert_says(run.stderr, "dmeo")

    def test_a_truncated_gzip_file_is_refused(self):
        path = self.folder / "cut.csv.gz"
        path.write_bytes(gzip.compress(ROWS.encode())[:-200])
        run = self.world("import", path, "--world", "demo")
        self.assert_exit(run, 1)
        self.assert_says(run.stderr, "cut.csv.gz")


class Trace(HuntTest):
    """`hunt up --trace` with recorded walks, good and bad."""

    def up(self, path, *flags):
        return self.hunt("up", "--trace", path, "--store", self.store, "--seconds", "2",
                         "--players", "500", "--rate", "5000", "--listen", "127.0.0.1:0", "--json",
                         *flags)

    def walk(self, rows=2000):
        return "t_ms,player,world,x,y\n" + "".join(
            f"{1000 * i},{i % 6},{i % 2},{i // 12},{i % 7}\n" for i in range(rows))

    def test_a_crowd_follows_recorded_walks(self):
        path = self.folder / "walk.csv.gz"
        path.write_bytes(gzip.compress(self.walk().encode()))
        run = self.up(path)
        self.assert_exit(run, 0)
        report = json.loads(run.stdout[run.stdout.find("{"):])
        self.assertEqual((report["sent"], report["lost"], report["duplicate_grants"]),
                         (report["answered"], 0, 0))

    def test_bad_and_unsorted_rows_are_named(self):
        path = self.folder / "walk.csv"
        for bad, word in (("x,1,1,1,1", "t_ms"), ("5000000,1,1,zz,1", "x"), ("1,1,1,1,1", "t_ms"),
                          ("5000000,1", "")):
            with self.subTest(bad):
                path.write_text(self.walk() + bad + "\n")
                run = self.up(path)
                self.assert_exit(run, 1)
                self.assert_says(run.stderr, "walk.csv", "row 2002", word)

    def test_the_good_rows_are_kept_when_asked(self):
        path = self.folder / "walk.csv"
        path.write_text(self.walk() + "5000000,1,1,zz,1\n")
        run = self.up(path, "--on-error", "skip")
        self.assert_exit(run, 0)
        self.assert_says(run.stderr, "skipped", "row 2002")

    def test_a_missing_trace_is_named(self):
        run = self.up(self.folder / "none.csv")
        self.assert_exit(run, 1)
        self.assert_says(run.stderr, "none.csv")


if __name__ == "__main__":
    unittest.main()
