"""hunt doctor against real servers: what it says of good ones, and of those that are not."""
import json
import select
import socket
import sqlite3
import threading
import time
import unittest

from hunt_process import clean_environment
from nats_process import NatsCase, NatsServer
from postgres_process import OwnServers, PostgresServer

SECRET = "do-not-show-me-7"


class SlowLink:
    """A TCP relay on loopback that holds every byte back for some time, on the way there."""

    def __init__(self, port, seconds):
        self.target, self.seconds = port, seconds
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near):
        with near, socket.create_connection(("127.0.0.1", self.target)) as far:
            while True:
                for one in select.select([near, far], [], [])[0]:
                    data = one.recv(65536)
                    if not data:
                        return
                    if one is near:
                        time.sleep(self.seconds)
                    (far if one is near else near).sendall(data)

    def close(self):
        self.listener.close()


class Doctor(OwnServers, NatsCase):
    """A stack of its own for each test, but for the PostgreSQL server."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.postgres.psql("ALTER SYSTEM SET max_slot_wal_keep_size = '1GB'", "postgres")
        cls.postgres.psql("SELECT pg_reload_conf()", "postgres")

    def psql(self, sql):
        return self.postgres.psql(sql, self.database).stdout.strip()

    def doctor(self, *arguments, code=None, **keywords):
        """The findings, by what they say; the exit code fits them, or is the one given."""
        run = self.hunt("doctor", "--json", *arguments, **keywords)
        report = json.loads(run.stdout)
        bad = [f for f in report["findings"] if f["severity"] == "failure"]
        self.assertEqual(report["healthy"], not bad, run.stdout)
        self.assert_exit(run, 1 if bad else 0)
        if code is not None:
            self.assert_exit(run, code)
        self.assertNotIn(SECRET, run.stdout + run.stderr)
        return report["findings"]

    def assert_found(self, findings, severity, words, advice="", part=""):
        """A finding of this severity, about this part, has the words, and the advice."""
        for finding in findings:
            if words in finding["found"] and part in finding["subject"]:
                self.assertEqual(finding["severity"], severity, finding)
                self.assertIn(advice, finding["advice"], finding)
                return finding
        raise AssertionError(f"nothing says \"{words}\":\n{json.dumps(findings, indent=1)}")

    def stack(self):
        return ["--bus", self.nats.url, "--cache", self.redis.url, "--store", self.store]

    def test_a_good_stack_is_healthy_in_words_and_in_json(self):
        self.redis.command("CONFIG", "SET", "maxmemory", "100mb")
        self.redis.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
        self.serve_nats("--cache", self.redis.url)
        self.relay("--cache", self.redis.url)
        self.wait_for(lambda: self.psql("SELECT active FROM pg_replication_slots WHERE"
                                        f" database = '{self.database}'") == "t")
        findings = self.doctor(*self.stack(), code=0)
        for part, words in ((self.nats.url, "nats-server 2."), (self.nats.url, "HUNT_POS is as"),
                            (self.nats.url, "consumer hunt-any is as"), (self.store, "a relay is"),
                            (self.redis.url, "allkeys-lru"), (self.redis.url, "its clock agrees"),
                            (self.store, "its clock agrees"), (self.store, "wal_level is logical"),
                            (self.store, "shard 0 of 1"), (self.store, "at most 1.0 GiB")):
            self.assert_found(findings, "ok", words, part=part.replace("hunt@", ""))
        for part in (self.nats.url, self.redis.url, self.store.replace("hunt@", "")):
            self.assertTrue([f for f in findings if f["subject"] == part and
                             f["found"].startswith("a round trip takes")], part)
        self.assert_found(findings, "warning", "no standby is synchronous", "another zone")
        run = self.hunt("doctor", *self.stack())
        self.assert_exit(run, 0)
        self.assertRegex(run.stdout, r"(?m)^  ok       wal_level is logical$")
        self.assertRegex(run.stdout, r"(?m)^  warning  no standby is synchronous\n +→ name one of")
        self.assertRegex(run.stdout, r"healthy: 0 failures, \d warnings?\n$")

    def test_it_makes_nothing(self):
        files = sorted(self.folder.rglob("*"))
        findings = self.doctor("--store", "sqlite:new.db", "--bus", self.nats.url, code=0)
        self.assert_found(findings, "warning", "HUNT_POS, HUNT_CLAIMS, HUNT_DLQ", "hunt serve")
        self.assert_found(findings, "warning", "there is no such file yet", "hunt serve")
        findings = self.doctor(*self.stack(), code=0)
        self.assert_found(findings, "warning", "it holds no store yet", "the right database")
        self.assertEqual(self.psql("SELECT count(*) FROM pg_class WHERE relnamespace ="
                                   " 'public'::regnamespace"), "0")
        self.assertEqual(self.psql("SELECT count(*) FROM pg_replication_slots WHERE"
                                   f" database = '{self.database}'"), "0")
        names = self.client().request("$JS.API.STREAM.NAMES").json
        self.assertEqual(names["total"], 0, names)
        self.assertEqual(sorted(self.folder.rglob("*")), files)

    def test_whatever_starts_a_server_can_be_checked_before(self):
        rules = self.folder / "event.yaml"
        rules.write_text("event: e\n")
        config = self.folder / "hunt.yaml"
        lines = [f"store: sqlite:{self.folder / 'own.db'}", "lanes: 2", "listen: 127.0.0.1:0",
                 f"rules: {rules}", "memory-limit: 1GiB", "no-prewarm: true",
                 f"admin-token-file: {self.folder / 'none'}"]
        config.write_text("\n".join(lines) + "\n")
        findings = self.doctor("--config", config, code=1)
        self.assert_found(findings, "failure", "event.yaml", "hunt rules check", "hunt serve")
        self.assert_found(findings, "failure", "--admin-token-file", part="hunt serve")
        config.write_text("\n".join(lines[:3]) + "\n")
        findings = self.doctor("--config", config, code=0)
        self.assert_found(findings, "ok", "it can listen on 127.0.0.1:0")
        self.assertFalse((self.folder / "own.db").exists())
        self.assert_exit(self.hunt("world", "create", "north", "--config", config), 0)
        findings = self.doctor("--config", config, code=0)
        self.assert_found(findings, "ok", "it opens and answers as `hunt serve` asks")
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            findings = self.doctor("--listen", address, code=0)
            self.assert_found(findings, "warning", f"somebody listens on {address}")
        for flag, word in (("--listen=192.0.2.1:80", "cannot listen"), ("--shards=7", "no shard 7"),
                           ("--event-seed-file=event.yaml", "64 hexadecimal digits")):
            self.assert_found(self.doctor(flag, code=1), "failure", word)

    def test_a_sqlite_store_is_read_and_its_disk_is_timed(self):
        store = f"sqlite:{self.folder / 'own.db'}"
        self.assert_exit(self.hunt("world", "create", "north", "--store", store), 0)
        files = sorted(self.folder.rglob("*"))
        findings = self.doctor("--store", store, code=0)
        self.assert_found(findings, "ok", "it is the store of shard 0")
        self.assert_found(findings, "ok", "are free on its disk")
        self.assertTrue([f for f in findings if "its disk syncs a page in" in f["found"]], findings)
        self.assertEqual(sorted(self.folder.rglob("*")), files)
        with sqlite3.connect(self.folder / "foreign.db") as foreign:
            foreign.execute("CREATE TABLE accounts (id)")
        findings = self.doctor("--store", f"sqlite:{self.folder / 'foreign.db'}", code=1)
        self.assert_found(findings, "failure", "another program", "choose another path")

    def test_parts_that_are_down_are_failures_with_what_to_do(self):
        self.nats.kill()
        self.redis.stop()
        gone = self.store.replace(str(self.postgres.port), "1")
        findings = self.doctor("--bus", self.nats.url, "--cache", self.redis.url, "--store", gone,
                               code=1)
        self.assert_found(findings, "failure", "no NATS server answers", "is nats-server running")
        self.assert_found(findings, "failure", "no Redis answers", "is redis-server running")
        self.assert_found(findings, "failure", "Connection refused", "")
        self.assert_found(findings, "failure", "PostgreSQL at 127.0.0.1:1", "start it")
        missing = self.store.replace(self.database, "nowhere")
        findings = self.doctor("--store", missing, code=1)
        self.assert_found(findings, "failure", "\"nowhere\" does not exist", "create it first")

    def test_wrong_passwords_are_told_and_not_shown(self):
        self.nats.kill()
        guarded = NatsServer(self.folder, config='authorization { user: u, password: "right" }')
        self.addCleanup(guarded.kill)
        self.redis.command("CONFIG", "SET", "requirepass", "right")
        rules = self.postgres.data / "pg_hba.conf"
        before = rules.read_text()
        self.addCleanup(rules.write_text, before)
        rules.write_text("host all guarded 127.0.0.1/32 scram-sha-256\n" + before)
        self.postgres.psql("CREATE USER guarded PASSWORD 'right'", "postgres")
        self.postgres.psql("SELECT pg_reload_conf()", "postgres")
        self.wait_for(lambda: self.postgres.psql(
            "SELECT count(*) FROM pg_hba_file_rules WHERE user_name = '{guarded}' AND"
            " pg_conf_load_time() > now() - interval '10 s'", "postgres").stdout != "0\n")
        urls = [guarded.url.replace("//", f"//u:{SECRET}@"),
                self.redis.url.replace("//", f"//:{SECRET}@"),
                self.store.replace("hunt@", f"guarded:{SECRET}@")]
        environment = clean_environment(HUNT_BUS=urls[0], HUNT_CACHE=urls[1], HUNT_STORE=urls[2])
        findings = self.doctor(env=environment, code=1)
        self.assert_found(findings, "failure", "refuses the user, password")
        self.assert_found(findings, "failure", "WRONGPASS", "password of --cache")
        self.assert_found(findings, "failure", "password authentication failed", "--store")
        run = self.hunt("doctor", env=environment)
        self.assert_exit(run, 1)
        self.assertNotIn(SECRET, run.stdout + run.stderr)
        for flag, url in (("--bus", f"nats://u:{SECRET}@h:x"), ("--cache", f"redis://u:{SECRET}@"),
                          ("--store", f"postgres://u:{SECRET}@h:x/d"), ("--store", "mysql://x")):
            with self.subTest(url=url):
                run = self.hunt("doctor", flag, url)
                self.assert_exit(run, 2)
                self.assertNotIn(SECRET, run.stdout + run.stderr)

    def test_settings_of_postgres_that_lose_grants_or_stop_them_are_failures(self):
        server = PostgresServer()
        self.addCleanup(server.remove)
        store = server.make_database()
        self.assert_exit(self.hunt("world", "create", "north", "--store", store), 0)
        server.crash()
        with open(server.data / "postgresql.auto.conf", "a", encoding="utf-8") as settings:
            settings.write("wal_level = replica\nfsync = off\n")
        server.start()
        findings = self.doctor("--store", store, code=1)
        self.assert_found(findings, "failure", "wal_level is replica", "wal_level = logical")
        self.assert_found(findings, "failure", "fsync is off", "set fsync = on")
        self.assert_found(findings, "warning", "max_slot_wal_keep_size is unlimited", "10GB")
        server.psql("ALTER SYSTEM SET synchronous_standby_names = 'elsewhere'")
        server.psql("SELECT pg_reload_conf()")
        self.wait_for(lambda: server.psql("SHOW synchronous_standby_names").stdout != "\n")
        findings = self.doctor("--store", store, code=1)
        self.assert_found(findings, "failure", "none is connected", "nothing is granted until then")

    def test_doctor_refuses_tokens_and_addresses_that_serve_refuses(self):
        one, other = self.folder / "one", self.folder / "other"
        one.write_text("a" * 40)
        other.write_text("b" * 40)
        same = ["--listen", "127.0.0.1:0", "--admin-token-file", one, "--server-token-file", one]
        for flags, words in ((["--listen", "0.0.0.0:0"], "can be reached from other machines"),
                             (same, "the game servers' token is the admin's")):
            with self.subTest(flags=flags):
                self.assert_found(self.doctor(*flags, code=1), "failure", words, part="hunt serve")
                serve = self.hunt("serve", "--store", f"sqlite:{self.folder / 'x.db'}", *flags)
                self.assert_exit(serve, 1)
                self.assert_says(serve.stderr, words)
        self.doctor("--listen", "0.0.0.0:0", "--admin-token-file", one, "--server-token-file",
                    other, code=0)

    def test_rights_and_places_of_postgres(self):
        self.assert_exit(self.hunt("world", "create", "north", "--store", self.store), 0)
        self.psql("CREATE USER serves IN ROLE hunt_ingest; CREATE USER nobody_in_particular;"
                  "CREATE USER half IN ROLE hunt_relay")
        as_user = lambda name: self.store.replace("hunt@", f"{name}@")
        findings = self.doctor("--store", as_user("serves"), code=0)
        self.assert_found(findings, "ok", "serves has the rights of hunt serve")
        findings = self.doctor("--store", as_user("half"), code=0)
        self.assert_found(findings, "warning", "attribute REPLICATION", "ALTER ROLE half")
        findings = self.doctor("--store", as_user("nobody_in_particular"), code=1)
        self.assert_found(findings, "failure", "can neither grant nor relay", "GRANT hunt_ingest")
        findings = self.doctor("--store", "sqlite:first.db", "--store", self.store, code=1)
        self.assert_found(findings, "failure", "stands at place 1 of the --store", "in order")
        self.assert_found(findings, "warning", "map (version 1) is of 1 shards, and there are 2",
                          "hunt serve")
        self.psql("UPDATE meta SET timeline = 'another'")
        findings = self.doctor("--store", self.store, code=1)
        self.assert_found(findings, "failure", "no relay has raised the epoch", "hunt relay")

    def test_nats_without_jetstream_is_a_failure(self):
        plain = NatsServer(self.folder, jetstream=False)
        self.addCleanup(plain.kill)
        findings = self.doctor("--bus", plain.url, code=1)
        self.assert_found(findings, "failure", "has no JetStream for us", "-js")
        self.nats.kill()
        both = f"{plain.url},{self.nats.address}"
        self.assert_found(self.doctor("--bus", both), "warning", f"{self.nats.address} does not")

    def test_streams_with_other_settings_are_failures_and_what_waits_is_told(self):
        self.serve_nats().stop()
        client = self.client()
        client.request("hunt.pos.any", {"world": 1, "positions": []})
        client.request("hunt.dlq", {"why": "a test"})
        findings = self.doctor("--bus", self.nats.url, code=0)
        self.assert_found(findings, "warning", "hunt-any is as it must be (messages waiting: 1",
                          "start a `hunt serve`")
        self.assert_found(findings, "warning", "HUNT_DLQ is as it must be (messages: 1;",
                          "read the letters")
        for stream in ("HUNT_POS", "HUNT_CLAIMS"):
            client.request(f"$JS.API.STREAM.DELETE.{stream}")
        client.request("$JS.API.STREAM.CREATE.HUNT_POS", {
            "name": "HUNT_POS", "subjects": ["hunt.pos.*"], "retention": "limits",
            "storage": "file", "duplicate_window": 120_000_000_000})
        findings = self.doctor("--bus", self.nats.url, code=1)
        self.assert_found(findings, "failure", "retention is limits, expected workqueue",
                          "nats tool")
        self.assert_found(findings, "warning", "not there yet: HUNT_CLAIMS")

    def test_a_cache_that_fits_its_url_badly_or_fills_up(self):
        findings = self.doctor("--cache", self.redis.url, code=0)
        self.assert_found(findings, "warning", "maxmemory is not set", "allkeys-lru")
        self.redis.command("CONFIG", "SET", "maxmemory", "100mb")
        findings = self.doctor("--cache", self.redis.url, code=0)
        self.assert_found(findings, "warning", "noeviction", "allkeys-lru")
        cluster = self.redis.url.replace("redis:", "redis-cluster:")
        findings = self.doctor("--cache", cluster, code=1)
        self.assert_found(findings, "failure", "cluster support disabled", "use redis://")
        self.redis.command("ACL", "SETUSER", "narrow", "on", f">{SECRET}", "~hunt:*", "+ping",
                           "+time", "+hgetall", "+hset", "+hget", "+hmget", "+hdel", "+del",
                           "+pexpire", "+evalsha", "+script|load")
        narrow = self.redis.url.replace("//", f"//narrow:{SECRET}@")
        findings = self.doctor("--cache", narrow, code=0)
        self.assert_found(findings, "warning", "may not see its settings", "+info")
        for right, words in (("hgetall", "it refuses to read a key of the hunt"),
                             ("evalsha", "it refuses EVALSHA"), ("pexpire", "it refuses PEXPIRE"),
                             ("script|load", "it refuses SCRIPT")):
            self.redis.command("ACL", "SETUSER", "narrow", f"-{right}")
            findings = self.doctor("--cache", narrow, code=1)
            self.assert_found(findings, "failure", words, "REFERENCE")
            self.redis.command("ACL", "SETUSER", "narrow", f"+{right}")
        self.assertIn(":0", self.redis.command("DBSIZE"))

    def test_a_far_away_part_is_told_with_its_round_trip(self):
        link = SlowLink(self.redis.port, 0.08)
        self.addCleanup(link.close)
        findings = self.doctor("--cache", f"redis://127.0.0.1:{link.port}", code=1)
        finding = self.assert_found(findings, "failure", "a round trip takes", "move it nearer")
        self.assertRegex(finding["found"], r"takes (8|9|1\d)\d ms \(median of \d+\)")


if __name__ == "__main__":
    unittest.main()
