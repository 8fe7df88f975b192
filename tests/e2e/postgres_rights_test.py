"""Users of PostgreSQL with the rights that the documents give them, or fewer, over two shards."""
import json
import re
import unittest

from hunt_process import REPOSITORY
from nats_process import NatsCase
from postgres_process import OwnDatabase


def documented_users():
    """CREATE USER of docs/OPERATIONS.md, as they stand there."""
    text = (REPOSITORY / "docs/OPERATIONS.md").read_text()
    statements = re.findall(r"^CREATE USER .*;$", text, re.M)
    return [one.split()[2] for one in statements], "\n".join(statements)


class Rights(OwnDatabase, NatsCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.names, cls.statements = documented_users()

    def setUp(self):
        super().setUp()
        self.other = self.postgres.make_database(self.database + "b")
        made = self.hunt("migrate", *self.store_words())
        self.assert_exit(made, 0)
        self.assertEqual(made.stdout.count("its tables are those of this release"), 2, made.stdout)
        self.psql("DO $$ BEGIN "
                  "CREATE USER no_replication IN ROLE hunt_relay;"
                  "CREATE USER reads IN ROLE hunt_reader;"
                  "CREATE USER only_serves REPLICATION IN ROLE hunt_ingest;"
                  "EXCEPTION WHEN duplicate_object THEN NULL; END $$")
        if not self.psql("SELECT 1 FROM pg_roles WHERE rolname = 'relay'").stdout:
            self.psql(self.statements)

    def psql(self, sql):
        return self.postgres.psql(sql, self.database)

    def store_words(self, user="hunt"):
        return [word for store in (self.store, self.other)
                for word in ("--store", store.replace("hunt@", f"{user}@", 1))]

    def relay_of(self, user):
        return self.start("relay", "--bus", self.nats.url, *self.store_words(user), listen=False,
                          ready=False)

    def refused(self, user, *words):
        """It ends with exit code 1, one line of an error, and these words in it."""
        relay = self.relay_of(user)
        self.assertEqual(relay.wait_exit(30), 1, relay.output)
        errors = [line for line in relay.lines if " error " in line]
        self.assertEqual(len(errors), 1, relay.output)
        self.assert_says(errors[0], *words)
        return errors[0]

    def said(self, relay, words):
        """How often it said so on standard output; the log has each again."""
        return sum(line.startswith("hunt relay " + words) for line in relay.lines)

    def tells_both(self, relay):
        return self.said(relay, "tells the changes") == 2

    def test_the_documented_users_serve_and_relay_two_shards_and_doctor_says_so(self):
        self.assertEqual(self.names, ["serve", "relay"])
        doctor = self.hunt("doctor", "--json", *self.store_words("relay"))
        self.assert_exit(doctor, 0)
        relay = self.relay_of("relay")
        self.wait_for(lambda: self.tells_both(relay), relay)
        serve = self.start("serve", "--bus", self.nats.url, *self.store_words("serve"))
        self.assertNotIn("no relay", serve.get("/readyz").json.get("warning", ""))
        self.assertEqual(relay.stop(), 0, relay.output)
        self.assertEqual(serve.stop(), 0, serve.output)

    def test_a_relay_that_lacks_a_right_ends_with_its_name(self):
        line = self.refused("no_replication", "attribute REPLICATION", "ALTER ROLE")
        self.assertNotIn("hunt_ingest", line)
        line = self.refused("only_serves", "role hunt_relay", "table feed")
        self.assertNotIn("hunt_ingest", line)
        # The same once the slots are there, and held by another one.
        relay = self.relay_of("relay")
        self.wait_for(lambda: self.tells_both(relay), relay)
        self.refused("no_replication", "attribute REPLICATION", "ALTER ROLE")
        self.assertEqual(relay.stop(), 0, relay.output)
        self.refused("no_replication", "attribute REPLICATION", "ALTER ROLE")

    def test_a_relay_that_cannot_have_the_feed_does_not_say_that_it_stands_by(self):
        relay = self.relay_of("relay")
        self.wait_for(lambda: self.tells_both(relay), relay)
        second = self.relay_of("relay")
        self.wait_for(lambda: self.said(second, "waits: another process") == 2, second)
        self.assertNotIn("warning", second.get("/readyz").json)
        self.assert_says(self.why(second)["verdict"], "another process tells", "stands by")
        # Nobody works: there is no connection for either.
        self.postgres.psql("ALTER ROLE relay CONNECTION LIMIT 0", "postgres")
        self.addCleanup(self.postgres.psql, "ALTER ROLE relay CONNECTION LIMIT -1", "postgres")
        self.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'relay'")
        self.assertEqual(relay.stop(), 0, relay.output)
        self.wait_for(lambda: self.said(second, "cannot tell the changes") == 2, second)
        self.wait_for(lambda: "warning" in second.get("/readyz").json, second)
        self.assert_says(second.get("/readyz").json["warning"], "too many connections")
        why = self.why(second)
        self.assert_says(why["verdict"], "cannot tell those of all 2 shards")
        self.assertNotIn("Nothing to do", why["next"])
        self.postgres.psql("ALTER ROLE relay CONNECTION LIMIT -1", "postgres")
        self.wait_for(lambda: self.tells_both(second), second)

    def why(self, process):
        return json.loads(self.hunt("why", "--json", "--url",
                                    f"http://127.0.0.1:{process.port}").stdout)

    def test_an_audit_wants_every_shard_once(self):
        self.assert_exit(self.hunt("audit", *self.store_words("reads")), 0)
        one = self.hunt("audit", "--store", self.store)
        self.assert_exit(one, 1)
        self.assert_says(one.stderr, "shard map is of 2 shards", "name all of them")
        twice = self.hunt("audit", "--store", self.store, "--store", self.store)
        self.assert_exit(twice, 1)
        self.assert_says(twice.stderr, "given twice")
        turned = self.hunt("audit", "--store", self.other, "--store", self.store)
        self.assert_exit(turned, 1)

    def test_migrate_updates_tables_of_before_and_says_who_may(self):
        empty = self.postgres.make_database(self.database + "c")
        refused = self.hunt("migrate", "--store", empty.replace("hunt@", "reads@"))
        self.assert_exit(refused, 1)
        self.assert_says(refused.stderr, "permission denied")
        self.assert_exit(self.hunt("world", "stats", "--store", empty), 1)
        self.assert_exit(self.hunt("migrate", "--store", empty), 0)
        self.assert_exit(self.hunt("world", "stats", "--store", empty), 0)
        self.assert_exit(self.hunt("migrate", "--store", empty), 0)

    def test_migrate_brings_tables_of_before_up_to_date(self):
        old = self.postgres.make_database(self.database + "d")
        schema = REPOSITORY / "src/adapters/postgres/schema"
        steps = ["CREATE TABLE hunt_schema (version bigint PRIMARY KEY,"
                 " at timestamptz NOT NULL DEFAULT now());"
                 "GRANT SELECT ON hunt_schema TO PUBLIC"]
        for number, name in enumerate(("001_ledger", "002_identity", "003_kept_stream"), 1):
            steps += [(schema / f"{name}.sql").read_text(),
                      f"INSERT INTO hunt_schema (version) VALUES ({number})"]
        steps += ["INSERT INTO seeds (seed_id, seed) VALUES (7, decode(repeat('07', 32), 'hex'));"
                  "INSERT INTO meta (shard, epoch, timeline, seed_id, created_us, hunt_id,"
                  " ledger_id) VALUES (0, 1, server_timeline(), 7, now_us(), gen_random_uuid(),"
                  " gen_random_uuid());"
                  "INSERT INTO shard_map SELECT first_world, first_tile_id, 0 FROM ranges;"
                  "INSERT INTO hunt_key (key) VALUES (decode(repeat('08', 32), 'hex'));"
                  "INSERT INTO worlds (id, name, created_us) VALUES (1, 'kept', now_us())"]
        for sql in steps:
            self.postgres.psql(sql, self.database + "d")
        stats = self.hunt("world", "stats", "--store", old)
        self.assert_exit(stats, 1)
        self.assert_says(stats.stderr, "hunt migrate")
        self.assert_exit(self.hunt("migrate", "--store", old), 0)
        stats = self.hunt("world", "stats", "--store", old)
        self.assert_exit(stats, 0)
        self.assert_says(stats.stdout, "kept")


if __name__ == "__main__":
    unittest.main()
