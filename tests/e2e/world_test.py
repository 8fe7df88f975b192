"""Worlds and traces from files: round trips, and bad rows named by their number."""
import gzip
import json
import signal
import sqlite3
import unittest

from hunt_process import REPOSITORY, TOKEN, HuntTest, player

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
                        "--admin-token-file", self.folder / "admin-token")
        self.assert_exit(run, 0)
        outcome = server.dig(("0f8fad5b-d9cb-469f-a165-70867728950e", 7, -7))
        self.assertEqual(outcome.json["outcomes"][0]["outcome"], "granted", outcome)
        refused = self.hunt("world", "import", path, "--world", "1", "--url", url,
                            "--admin-token", "no")
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
                self.assertFalse((self.folder / "hunt.db").exists(), "nothing is made for it")
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

    def test_bytes_after_the_gzip_data_are_a_bad_row(self):
        path = self.folder / "appended.csv.gz"
        path.write_bytes(gzip.compress(b"x,y,table,budget\n1,2,starlight,3\n") +
                         b"3,4,starlight,3\n")
        run = self.world("import", path, "--world", "demo")
        self.assert_exit(run, 1)
        self.assert_says(run.stderr, "appended.csv.gz row 3", "bytes follow", "unpack")
        self.assertFalse((self.folder / "hunt.db").exists())
        run = self.world("import", path, "--world", "demo", "--on-error", "skip")
        self.assert_exit(run, 0)
        self.assert_says(run.stdout, "1 imported", "1 bad rows")
        path.write_bytes(gzip.compress(b"x,y,table,budget\n") + gzip.compress(b"9,9,s,1\n") +
                         bytes(512))
        self.assert_exit(self.world("import", path, "--world", "demo"), 0)

    def test_forms_that_are_not_read_are_called_by_their_names(self):
        row = {"x": 1, "y": 2, "table": "starlight", "budget": 3}
        text = "x,y,table,budget\n1,2,starlight,3\n"
        for name, data, words in (
                ("a.json", json.dumps([row]), ["JSON array", "jq -c"]),
                ("b.json", json.dumps([row], indent=1), ["JSON array"]),
                ("c.json", json.dumps(row, indent=1), ["next line", "jq -c"]),
                ("d.csv", text.replace(",", ";"), ["semicolons", "commas"]),
                ("e.csv", text.replace(",", "\t"), ["tabs", "commas"]),
                ("f.csv", text.replace("\n", "\r"), ["CR alone"]),
                ("g.csv", text.encode("utf-16"), ["UTF-16", "UTF-8"]),
                ("h.csv", text.encode("utf-16-be"), ["UTF-16", "UTF-8"]),
                ("i.zip", b"PK\x03\x04" + bytes(60), ["zip"]),
                ("j.csv.gz", gzip.compress(text.replace(",", ";").encode()), ["semicolons"])):
            for command in (["world", "import", "--world", "demo", "--store", self.store],
                            ["rush", "--target", "inproc:", "--seconds", "1", "--trace"]):
                with self.subTest(name=name, command=command[0]):
                    path = self.folder / name
                    path.write_bytes(data if isinstance(data, bytes) else data.encode())
                    run = self.hunt(*command, path)
                    self.assert_exit(run, 1)
                    self.assert_says(run.stderr, f"{name} row 1", *words)

    def test_a_dash_is_standard_input_and_output(self):
        run = self.world("import", "-", "--world", "demo", stdin=ROWS)
        self.assert_exit(run, 0)
        out = self.world("export", "--world", "demo", "-o", "-")
        self.assert_exit(out, 0)
        self.assertEqual(out.stdout.count("\n"), 1001)
        self.assertFalse((self.folder / "-").exists())
        self.assert_exit(self.world("create", "copy"), 0)
        self.assert_exit(self.world("import", "-", "--world", "copy", stdin=out.stdout), 0)
        self.assertEqual(self.stats("copy")["tiles"], 1000)
        run = self.world("export", "--world", "demo", "-o", self.folder / "e.jsonl.gz")
        self.assert_exit(run, 0)
        with gzip.open(self.folder / "e.jsonl.gz", "rt") as packed:
            self.assertEqual(len([json.loads(line) for line in packed]), 1000)
        rules = "event: e\ntables:\n  t: [{item: i, weight: 1}]\n"
        self.assert_exit(self.hunt("rules", "check", "-", stdin=rules), 0)

    def test_what_was_exported_can_be_imported_whatever_the_zone(self):
        for opens, closes in (("1970-01-01T00:00:00+02:00", ""), ("", "9999-12-31T23:59:59-14:00")):
            path = self.write("edge.csv", "x,y,table,budget,opens,closes\n"
                                          f"1,2,s,3,{opens},{closes}\n")
            run = self.world("import", path, "--world", "demo")
            self.assert_exit(run, 1)
            self.assert_says(run.stderr, "row 2", "1970 to 9999 (UTC)")
        rows = ("1,2,s,3,1970-01-01T00:00:00-14:00,9999-12-31T23:59:59+14:00\n"
                "2,2,s,3,1970-01-01T00:00:00Z,9999-12-31T23:59:59.999999Z\n")
        path = self.write("inside.csv", "x,y,table,budget,opens,closes\n" + rows)
        self.assert_exit(self.world("import", path, "--world", "demo"), 0)
        with sqlite3.connect(self.folder / "hunt.db") as store:
            store.execute("UPDATE loot_tiles SET opens_us = -5, closes_us = 253402300800000000"
                          " WHERE spawn = (SELECT min(spawn) FROM loot_tiles)")
        first = self.world("export", "--world", "demo").stdout
        self.assert_exit(self.world("create", "copy"), 0)
        self.assert_exit(self.world("import", "-", "--world", "copy", stdin=first), 0)
        self.assertEqual(self.world("export", "--world", "copy").stdout, first)
        with sqlite3.connect(self.folder / "hunt.db") as store:
            store.execute("UPDATE loot_tiles SET closes_us = opens_us WHERE opens_us = 0")
            store.execute("UPDATE loot_tiles SET loot_table = 'Old Name' WHERE opens_us < 0")
        run = self.world("export", "--world", "demo")
        self.assert_exit(run, 0)
        self.assertEqual(run.stdout.count("\n"), 1)
        self.assert_says(run.stderr, "2 tiles were left out")

    def test_loot_of_a_table_that_no_rule_has_is_refused_where_rules_are_known(self):
        path = self.write("loot.csv", "x,y,table,budget\n1,1,starlight,3\n2,2,starlite,3\n")
        rules = str(REPOSITORY / "examples/rules/starlight.yaml")
        run = self.world("import", path, "--world", "demo", "--rules", rules)
        self.assert_exit(run, 1)
        self.assert_says(run.stderr, "loot.csv row 3", '"starlite"', 'the rules have "starlight"')
        run = self.world("import", path, "--world", "demo", "--rules", rules, "--on-error", "skip")
        self.assert_exit(run, 0)
        self.assert_says(run.stdout, "1 imported", "1 bad rows")
        self.assertNotIn("not checked", run.stderr)
        run = self.world("import", path, "--world", "demo")
        self.assert_exit(run, 0)
        self.assert_says(run.stderr, "not checked", "--rules")
        server = self.serve()
        run = self.hunt("world", "import", path, "--world", "1", "--url",
                        f"http://127.0.0.1:{server.port}", "--admin-token-file",
                        self.folder / "admin-token")
        self.assert_exit(run, 1)
        self.assert_says(run.stderr, "row 3", "starlite", "starlight")

    def test_what_surprises_later_is_told_when_it_is_imported(self):
        path = self.write("loot.csv", "x,y,table,budget,key,closes\n1,1,starlight,3,a,\n"
                          "2,2,starlight,3,,2026-01-01\n3,3,starlight,3,,\n")
        run = self.world("import", path, "--world", "demo")
        self.assert_exit(run, 0)
        self.assert_says(run.stderr, "1 rows close in the past", "loot.csv row 3",
                         "2 rows have no key", "also what was taken")
        path.write_text("x,y,table,budget,key\n1,1,starlight,3,a\n2,2,starlight,3,a\n")
        run = self.world("import", path, "--world", "demo")
        self.assert_exit(run, 1)
        self.assert_says(run.stderr, 'row 3: the key "a" stands in row 2 already')
        path.write_text("x,y,table,budget,key\n1,1,starlight,3,a\n")
        run = self.world("import", path, "--world", "demo")
        self.assert_says(run.stdout, "0 imported, 1 unchanged")
        self.assertNotIn("no key", run.stderr)

    def test_ctrl_c_tells_how_much_of_the_file_lies(self):
        rows = "".join(f"{i % 1000},{i // 1000},starlight,1\n" for i in range(400_000))
        path = self.write("loot.csv", "x,y,table,budget\n" + rows)
        self.assert_exit(self.world("create", "big"), 0)
        run = self.start("world", "import", path, "--world", "big", "--store", self.store,
                         ready=False, listen=False)
        while True:
            with sqlite3.connect(f"file:{self.folder}/hunt.db?mode=ro", uri=True) as store:
                if store.execute("SELECT count(*) FROM loot_tiles").fetchone()[0] > 0:
                    break
            self.assertIsNone(run.process.poll(), run.output)
        run.process.send_signal(signal.SIGINT)
        self.assertEqual(run.process.wait(60), 130, run.output)
        run.reader.join(10)
        self.assertIn(f"interrupted: {self.stats('big')['tiles']:,} of the 400,000 tiles",
                      run.output)

    def test_reading_makes_nothing_and_changes_nothing(self):
        self.assert_exit(self.world("import", self.write("loot.csv", ROWS), "--world", "demo"), 0)
        readers = [["world", "stats", "--store", self.store],
                   ["world", "export", "--world", "demo", "--store", self.store],
                   ["audit", "--store", self.store], ["doctor", "--store", self.store]]

        def seen():
            return {path.name: (path.stat().st_mtime_ns, path.read_bytes())
                    for path in self.folder.glob("hunt.db*")}
        before = seen()
        for command in readers:
            with self.subTest(command):
                self.assert_exit(self.hunt(*command), 0)
                self.assertEqual(seen().keys(), {"hunt.db"})
                self.assertEqual(seen(), before)
        (self.folder / "hunt.db").chmod(0o444)
        self.folder.chmod(0o555)
        self.addCleanup(self.folder.chmod, 0o755)
        for command in readers[:3]:
            self.assert_exit(self.hunt(*command), 0)
        self.folder.chmod(0o755)
        (self.folder / "hunt.db").chmod(0o644)
        server = self.serve()
        self.assertEqual(server.dig((player(1), 7, -7)).json["outcomes"][0]["outcome"], "granted")
        for command in readers:
            with self.subTest(command, beside="a server"):
                self.assert_exit(self.hunt(*command), 0)
        run = self.world("stats", "--world", "demo")
        self.assert_says(run.stdout, "grants      1\n")
        self.assertEqual(server.stop(), 0, server.output)
        self.assertEqual(seen().keys(), {"hunt.db"})


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
