"""A store that is lost and restored from a backup as docs/OPERATIONS.md says."""
import shutil
import sqlite3
import subprocess
import threading
import time
import unittest

from hunt_process import HuntTest, RedisServer, player
from postgres_process import PostgresServer, program

BUDGET = 1_000
HERE = (3, -4)


class Restore(HuntTest):
    """Backups are taken while grants go on."""

    def grant(self, server, number, where=HERE):
        """The claim that the player's dig was granted."""
        outcome = server.dig((player(number), *where)).json["outcomes"][0]
        self.assertEqual(outcome["outcome"], "granted", outcome)
        return outcome["claim"]

    def granting(self, server, first):
        """A thread that grants to one player after the other, and how to end it."""
        over, claims = threading.Event(), []

        def work():
            while not over.wait(0.005):
                claims.append(self.grant(server, first + len(claims)))

        thread = threading.Thread(target=work)
        thread.start()

        def end():
            over.set()
            thread.join()
            return claims

        return end

    def bury_here(self, server):
        x, y = HERE
        reply = server.bury([{"x": x, "y": y, "table": "starlight", "budget": BUDGET}])
        self.assertEqual(reply.status, 200, reply)

    def assert_restored(self, server, kept):
        """It has what was granted before, and grants on."""
        ledger = {grant["claim"] for grant in server.all_grants()}
        self.assertEqual(set(kept) - ledger, set(), "granted, told and not in the ledger")
        again = server.dig((player(1), *HERE)).json["outcomes"][0]
        self.assertEqual((again["claim"], again["repeat"]), (kept[0], True), again)
        fresh = self.grant(server, 900_000)
        self.assertNotIn(fresh, ledger)
        self.assertEqual(server.stop(), 0, server.output)
        self.assert_exit(self.hunt("audit", "--store", self.store), 0)

    def test_a_lost_shard_comes_back_from_a_base_backup_and_its_log(self):
        postgres = PostgresServer()
        self.addCleanup(postgres.remove)
        archive, backup = postgres.folder / "archive", postgres.folder / "backup"
        # What has its name there is whole: the server may be killed while it copies.
        command = f"cp %p {archive}/part && mv {archive}/part {archive}/%f"
        for sql in ("archive_mode = on", f"archive_command = '{command}'"):
            postgres.psql(f"ALTER SYSTEM SET {sql}", database="postgres")
        archive.mkdir()
        archive.chmod(0o777)
        postgres.crash()
        postgres.start()
        self.store = postgres.make_database()
        redis = RedisServer(self.folder)
        self.addCleanup(redis.stop)
        words = ["serve", "--store", self.store, "--cache", redis.url]
        server = self.start(*words)
        self.bury_here(server)
        kept = [self.grant(server, 1)]
        end = self.granting(server, 100)
        subprocess.run([program("pg_basebackup"), "--pgdata", backup, "--host", "127.0.0.1",
                        "--port", str(postgres.port), "--username", "hunt", "--checkpoint", "fast",
                        "--no-sync"], user=postgres.user, cwd=postgres.folder, check=True)
        time.sleep(0.2)
        kept += end()
        # What the archive has is not lost with the server; what comes later is.
        log_file = postgres.psql("SELECT pg_walfile_name(pg_switch_wal())").stdout.strip()
        deadline = time.monotonic() + 20
        while not (archive / log_file).exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        lost = [self.grant(server, number) for number in range(2, 6)]

        server.kill()
        postgres.crash()
        shutil.rmtree(postgres.data)
        backup.rename(postgres.data)
        with open(postgres.data / "postgresql.auto.conf", "a", encoding="utf-8") as settings:
            settings.write(f"restore_command = 'cp {archive}/%f %p'\n")
        (postgres.data / "recovery.signal").touch()
        postgres.start()
        deadline = time.monotonic() + 20
        while postgres.psql("SELECT pg_is_in_recovery()").stdout.strip() != "f":
            self.assertLess(time.monotonic(), deadline, "the recovery does not end")
            time.sleep(0.05)
        epoch = postgres.psql("SELECT epoch FROM meta").stdout

        server = self.start(*words)
        ledger = {grant["claim"] for grant in server.all_grants()}
        self.assertEqual(ledger & set(lost), set(), "the test lost nothing")
        # The same dig has the same claim: whoever asks again loses nothing.
        self.assertEqual([self.grant(server, number) for number in range(2, 6)], lost)
        self.assertGreater(int(postgres.psql("SELECT epoch FROM meta").stdout), int(epoch),
                           "copies of before the loss are believed")
        self.assert_restored(server, kept)

    def test_a_lost_file_comes_back_from_a_copy_that_sqlite_made(self):
        server = self.start("serve", "--store", self.store)
        self.bury_here(server)
        kept = [self.grant(server, 1)]
        end = self.granting(server, 100)
        time.sleep(0.2)
        before = kept + [grant["claim"] for grant in server.all_grants()][1:]
        source = sqlite3.connect(self.folder / "hunt.db")
        copy = sqlite3.connect(self.folder / "copy.db")
        source.backup(copy)
        source.close()
        copy.close()
        end()
        server.kill()
        for name in ("hunt.db", "hunt.db-wal", "hunt.db-shm"):
            (self.folder / name).unlink(missing_ok=True)
        (self.folder / "copy.db").rename(self.folder / "hunt.db")
        server = self.start("serve", "--store", self.store)
        self.assert_restored(server, before)

    def dig_all(self, server):
        """claim -> item of forty players who dig at one tile, after one more has found it."""
        x, y = HERE
        rules = self.folder / "rules.yaml"
        table = f"loot{len(self.tables)}"
        self.tables.append(table)
        rules.write_text("event: e\ntables:\n" + "".join(
            f"  {name}:\n    - {{item: {name}, weight: 1}}\n" for name in self.tables))
        self.assertEqual(server.stop(), 0, server.output)
        server = self.start("serve", "--store", self.store, "--rules", rules)
        reply = server.bury([{"x": x, "y": y, "table": table, "budget": 41}])
        self.assertEqual(reply.status, 200, reply)
        deadline = time.monotonic() + 30
        while server.dig((player(99), x, y)).json["outcomes"][0].get("item") != table:
            self.assertLess(time.monotonic(), deadline, "the change is everywhere")
            time.sleep(0.05)
        digs = server.dig(*[(player(number), x, y) for number in range(40)]).json
        claims = {outcome["claim"]: outcome["item"] for outcome in digs["outcomes"]}
        self.assertEqual((len(claims), set(claims.values())), (40, {table}), digs)
        return server, claims

    def assert_nothing_comes_back(self, save, restore):
        """What was granted after the copy is lost; its claim ids and its cursors stay void."""
        self.tables = ["starlight"]
        server = self.start("serve", "--store", self.store)
        self.bury_here(server)
        kept = self.grant(server, 1)
        self.assertEqual(server.stop(), 0, server.output)
        save()
        server, lost = self.dig_all(self.start("serve", "--store", self.store))
        after = server.get("/v1/grants?limit=1000").json["next"]
        self.assertEqual(server.get(f"/v1/grants?after={after}").status, 200)
        self.assertEqual(server.stop(), 0, server.output)
        restore()
        server = self.start("serve", "--store", self.store)
        self.assertEqual([grant["claim"] for grant in server.all_grants()], [kept])
        refused = server.get(f"/v1/grants?after={after}")
        error = self.assert_error(refused, 409, "ahead of the ledger", "after=0")
        self.assertEqual(error["code"], "wrong_ledger")
        server, fresh = self.dig_all(server)
        self.assertEqual(set(lost) & set(fresh), set(), "a claim id with another item")
        # As many were granted again: the cursor is the last one once more, and is not the same.
        self.assertEqual(len(server.all_grants()), 42)
        error = self.assert_error(server.get(f"/v1/grants?after={after}"), 409, "restored since")
        self.assertEqual(error["code"], "wrong_ledger")
        self.assertEqual(server.stop(), 0, server.output)
        self.assert_audit_clean()

    def test_no_claim_id_comes_back_with_another_item_when_a_file_is_restored(self):
        file, copy = self.folder / "hunt.db", self.folder / "copy.db"

        def restore():
            for name in ("hunt.db-wal", "hunt.db-shm"):
                (self.folder / name).unlink(missing_ok=True)
            shutil.copy(copy, file)

        self.assert_nothing_comes_back(lambda: shutil.copy(file, copy), restore)

    def test_no_claim_id_comes_back_with_another_item_when_a_database_is_restored(self):
        postgres = PostgresServer()
        self.addCleanup(postgres.remove)
        self.store = postgres.make_database()

        def copy(source, target):
            postgres.psql("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots",
                          database="postgres")
            postgres.psql(f"DROP DATABASE IF EXISTS {target}", database="postgres")
            postgres.psql(f"CREATE DATABASE {target} TEMPLATE {source}", database="postgres")

        self.assert_nothing_comes_back(lambda: copy("hunt", "kept"), lambda: copy("kept", "hunt"))


if __name__ == "__main__":
    unittest.main()
