"""A store that refuses while `hunt serve` runs, and loot that nobody can find: both are told
everywhere, with the reason, until they are over."""
import sqlite3
import subprocess
import time
import unittest

from hunt_process import HuntTest, TOKEN, player
from postgres_process import PostgresServer

SECONDS = 30


class Trouble(HuntTest):
    def until(self, true, what):
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            found = true()
            if found:
                return found
            time.sleep(0.05)
        raise AssertionError(f"not within {SECONDS} s: {what}\n{self.serve.output}")

    def warning(self):
        self.assertEqual(self.serve.get("/livez").status, 200)
        reply = self.serve.get("/readyz")
        self.assertEqual(reply.status, 200, "a warning takes no pod out of service")
        return reply.json.get("warning", "")

    def metric(self, line):
        return line in self.serve.get("/metrics").body.decode().splitlines()

    def expect_told(self, words):
        self.until(lambda: words in self.warning(), f"a warning with {words!r}")
        self.assertTrue(self.metric('hunt_store_failing{shard="0"} 1'))
        stats = self.serve.get("/v1/stats", token=TOKEN).json
        self.assertIn(words, stats["stores_failing"][0]["reason"])
        self.assertIn(words, self.serve.get("/v1/why", token=TOKEN).json["warning"])
        self.until(lambda: words in self.serve.output, "a line of the log")

    def expect_over(self):
        self.until(lambda: self.warning() == "", "no warning any more")
        self.assertTrue(self.metric('hunt_store_failing{shard="0"} 0'))
        self.until(lambda: "all is as it should be again" in self.serve.output, "a line of the log")

    def test_a_locked_file_is_told_until_it_is_free(self):
        self.serve = self.start("serve", "--bus", "inproc:", "--cache", "none:", "--store",
                                self.store)
        self.assertEqual(self.warning(), "")
        self.assertTrue(self.metric('hunt_store_failing{shard="0"} 0'))
        other = sqlite3.connect(self.folder / "hunt.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        self.expect_told("another process keeps")  # nobody has claimed anything
        other.execute("ROLLBACK")
        other.close()
        self.expect_over()

    def test_a_full_disk_is_told_and_claims_go_on_when_there_is_room(self):
        limit = ("/bin/sh", "-c", 'ulimit -S -f 1024; exec "$@"', "sh")  # 512 KiB
        self.serve = self.start("serve", "--bus", "inproc:", "--cache", "none:", "--store",
                                self.store, wrapper=limit)
        self.assertEqual(self.serve.bury([{"x": 1, "y": 1, "table": "starlight",
                                           "budget": 100_000}]).status, 200)
        number = 0
        while self.serve.dig(*[(player(number + i), 1, 1) for i in range(100)]).status == 200:
            number += 100
            self.assertLess(number, 20_000, "the file has grown beyond its limit")
        self.expect_told("failed to read or write")
        subprocess.run(["prlimit", "--pid", str(self.serve.process.pid), "--fsize=unlimited"],
                       check=True)
        self.expect_over()
        told = self.serve.dig((player(number), 1, 1)).json["outcomes"][0]
        self.assertEqual(told["outcome"], "granted", "it was kept, and tried again")

    def test_a_full_disk_that_takes_no_loot_is_told(self):
        limit = ("/bin/sh", "-c", 'ulimit -S -f 1024; exec "$@"', "sh")  # 512 KiB
        self.serve = self.start("serve", "--bus", "inproc:", "--cache", "none:", "--store",
                                self.store, wrapper=limit)
        row = 0
        bury = lambda: self.serve.bury([{"x": x, "y": row, "table": "starlight", "budget": 1}
                                        for x in range(500)])
        while bury().status == 200:
            row += 1
            self.assertLess(row, 100, "the file has grown beyond its limit")
        self.until(lambda: "loot could not be buried" in self.warning(), "a warning")
        self.until(lambda: "loot could not be buried" in self.serve.output, "a line of the log")
        subprocess.run(["prlimit", "--pid", str(self.serve.process.pid), "--fsize=unlimited"],
                       check=True)
        self.until(lambda: bury().status == 200, "room")
        self.until(lambda: "loot could not be buried" not in self.warning(), "that it is over")

    def test_loot_of_a_table_that_no_rule_has_is_counted_and_named(self):
        tiles = self.folder / "tiles.csv"
        tiles.write_text("x,y,table,budget\n2,2,starlite,1\n3,3,starlight,1\n4,4,starlite,2\n")
        self.assert_exit(self.hunt("world", "import", tiles, "--world", "demo", "--store",
                                   self.store), 0)
        self.serve = self.start("serve", "--bus", "inproc:", "--cache", "none:", "--store",
                                self.store)
        self.until(lambda: '"starlite" (the rules have "starlight")' in self.warning(), "a warning")
        self.assertIn("2 open spawns have no table", self.warning())
        self.assertTrue(self.metric("hunt_spawns_without_table 2"))
        stats = self.serve.get("/v1/stats", token=TOKEN).json
        self.assertEqual(stats["tables_missing"], [{"table": "starlite", "spawns": 2}])
        self.until(lambda: "starlite" in self.serve.output, "a line of the log")
        doctor = self.hunt("doctor", "--store", self.store)
        self.assert_says(doctor.stdout, "2 open spawns have no table", "starlite")

    def test_what_somebody_drops_in_postgresql_is_told_and_made_again(self):
        server = PostgresServer()
        self.addCleanup(server.remove)
        url = server.make_database()
        self.serve = self.start("serve", "--bus", "inproc:", "--cache", "none:", "--store", url)
        self.assertEqual(self.serve.bury([{"x": 1, "y": 1, "table": "starlight",
                                           "budget": 9}]).status, 200)
        server.psql("DROP TRIGGER rules ON loot_tiles; DROP FUNCTION grant_claims_packed")
        self.until(lambda: "grant_claims_packed" in self.serve.output, "a line of the log")
        self.until(lambda: self.serve.dig((player(1), 1, 1)).status == 200, "grants again")

        def slot_is_lost():  # its reader is back in a moment: whoever is first
            server.psql("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots;"
                        "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots"
                        " WHERE NOT active", check=False)
            return not self.metric("hunt_feed_gaps_total 0")

        self.until(slot_is_lost, "a gap")
        self.until(lambda: "had a gap" in self.serve.output, "a line of the log")
        self.until(lambda: self.warning() == "", "all is well again")


if __name__ == "__main__":
    unittest.main()
