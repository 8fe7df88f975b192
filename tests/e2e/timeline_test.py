"""The timeline of rules: what the stores say is in force, in one process and in a fleet."""
import json
import re
import shutil
import threading
import time
import unittest

from hunt_process import TOKEN, HuntTest, clean_environment, player
from nats_process import NatsCase
from postgres_process import OwnDatabase

FIRST, SECOND = 0, 39 * 64  # x of a tile of shard 0, and of shard 1 where there are two
LEAD_SECONDS = 3


def event(item, name="gala"):
    return f"event: {name}\ntrigger: dig\ntables: {{box: [{{item: {item}, weight: 1}}]}}\n"


class TimelineCase(HuntTest):
    """Files in a directory, and what is asked of servers."""

    def setUp(self):
        super().setUp()
        self.events = self.folder / "events"
        self.events.mkdir()
        self.token = self.folder / "token.of.admin"
        self.token.write_text(TOKEN)
        self.token.chmod(0o600)
        self.players = 0

    def write(self, item, name="gala"):
        fresh = self.folder / "fresh.yaml"
        fresh.write_text(event(item, name))
        fresh.replace(self.events / f"{name}.yaml")

    def lock(self, revision=None, *words, folder=None):
        more = ["--revision", revision] if revision else []
        self.assert_exit(self.hunt("rules", "lock", folder or self.events, *more, *words), 0)

    def version(self, server):
        return server.get("/v1/stats").json["rules"]

    def change(self, server, *words):
        return self.hunt("rules", *words, "--url", f"http://127.0.0.1:{server.port}",
                         "--admin-token-file", self.token, "--by", "test")

    def status(self, *servers, flags=()):
        urls = [word for one in servers for word in ("--url", f"http://127.0.0.1:{one.port}")]
        return self.hunt("rules", "status", *urls, *flags)

    def outcome(self, server, x=FIRST):
        """Of a dig by somebody new."""
        self.players += 1
        reply = server.dig((player(self.players), x, 0))
        return reply.json["outcomes"][0] if reply.status == 200 else {"outcome": reply.status}

    def until(self, holds, server, seconds=20):
        deadline = time.monotonic() + seconds
        while not holds():
            self.assertLess(time.monotonic(), deadline, server.output)
            time.sleep(0.02)

    def bury(self, server, *places):
        tiles = [{"x": x, "y": 0, "table": "box", "budget": 100000} for x in places]
        self.assertEqual(server.bury(tiles).status, 200)
        self.until(lambda: all(self.outcome(server, x)["outcome"] == "granted" for x in places),
                   server)


class OneProcess(TimelineCase):
    """`hunt serve` on a SQLite file."""

    def setUp(self):
        super().setUp()
        self.write("first")
        self.flags = ("--rules", self.events)

    def test_a_stop_ends_all_grants_survives_a_restart_and_ends_with_start(self):
        server = self.serve(*self.flags)
        self.bury(server, FIRST)
        winner = player(self.players)
        found = player(999)
        stop = self.change(server, "stop", "gala", "--note", "drops twice")
        self.assert_exit(stop, 0)
        self.assertEqual(self.outcome(server)["outcome"], "closed")
        self.assertEqual(server.dig((found, FIRST, 0)).json["outcomes"][0]["outcome"], "closed")
        again = server.dig((winner, FIRST, 0)).json["outcomes"][0]
        self.assertEqual(again["outcome"], "granted", "what is in the ledger stays")
        granted = len(server.all_grants())
        stats = server.get("/v1/stats").json
        self.assertEqual(stats["rules_stopped"], ["gala"])
        self.assertEqual(stats["rules_events_stopped"], 1)
        self.assertRegex(server.get("/metrics").body, rb"hunt_rules_events_stopped 1\b")
        why = self.hunt("why", "--url", f"http://127.0.0.1:{server.port}")
        self.assert_says(why.stdout, 'the event "gala" is stopped by hand')
        self.assert_says(self.status(server).stdout, "gala is stopped")
        self.assertIn("drops twice", server.output)
        timeline = server.get("/v1/rules", token=TOKEN).json
        self.assertEqual([one["event"] for one in timeline["stopped"]], ["gala"])
        server.kill()
        server = self.serve(*self.flags)
        for _ in range(10):
            self.assertEqual(self.outcome(server)["outcome"], "closed")
        self.assertEqual(len(server.all_grants()), granted)
        self.assert_exit(self.change(server, "start", "gala"), 0)
        self.assertEqual(self.outcome(server)["outcome"], "granted", "its loot lay there all along")
        self.assertEqual(server.stop(), 0, server.output)
        self.assert_audit_clean()

    def test_changes_need_the_token_and_say_what_is_wrong(self):
        server = self.serve(*self.flags)
        self.assertEqual(server.post("/v1/events/gala/stop", None).status, 401)
        for words, says in ((("stop", "galla"), ["no event", "galla", "gala"]),
                            (("start", "galla"), ["no event", "galla", "gala"]),
                            (("rollback",), ["no way back"]),
                            (("rollback", "0123"), ["no version", "0123"])):
            run = self.change(server, *words)
            self.assert_exit(run, 1)
            self.assert_says(run.stderr, *says)
        self.assert_exit(self.change(server, "stop", "gala"), 0)
        self.assert_exit(self.change(server, "stop", "gala"), 0)  # a repeat changes nothing
        self.assertEqual(server.get("/v1/rules", token=TOKEN).json["seq"], 2)

    def test_a_rollback_stays_while_the_files_are_there_and_over_a_restart(self):
        server = self.serve(*self.flags)
        first = self.version(server)
        self.bury(server, FIRST)
        self.write("second")
        self.until(lambda: self.version(server) != first, server)
        second = self.version(server)
        self.until(lambda: f"version {second} replaces {first}: table box" in server.output, server)
        self.assertEqual(self.outcome(server)["item"], "second")
        self.assert_exit(self.change(server, "rollback"), 0)
        self.until(lambda: self.version(server) == first, server)
        self.assertEqual(self.outcome(server)["item"], "first")
        self.until(lambda: self.status(server).returncode == 1, server)
        self.assert_says(self.status(server).stdout, f"the files are version {second}",
                         "hunt rules rollback")
        server.kill()
        server = self.serve(*self.flags)
        time.sleep(2)
        self.assertEqual(self.version(server), first)
        self.write("third")
        self.until(lambda: self.outcome(server)["item"] == "third", server)
        self.assert_exit(self.status(server), 0)

    def test_a_start_with_wrong_files_goes_on_with_what_the_store_has(self):
        server = self.serve(*self.flags)
        first = self.version(server)
        self.bury(server, FIRST)
        server.kill()
        (self.events / "gala.yaml").write_text("event: [broken\n")
        server = self.serve(*self.flags)
        self.assertEqual(self.version(server), first)
        self.assertEqual(self.outcome(server)["item"], "first")
        status = self.status(server)
        self.assert_exit(status, 1)
        self.assert_says(status.stdout, "its files are refused for", "gala.yaml:2:1:")
        self.write("second")
        self.until(lambda: self.outcome(server)["item"] == "second", server)
        self.assert_exit(self.status(server), 0)

    def test_half_a_copy_with_a_lock_is_not_taken_nor_an_older_revision(self):
        self.lock(5)
        server = self.serve(*self.flags)
        first = self.version(server)
        self.assertRegex(server.get("/metrics").body,
                         rb'hunt_rules_info\{version="\w+",revision="5"\} 1')
        new = self.folder / "new"
        shutil.copytree(self.events, new)
        (new / "gala.yaml").write_text(event("second"))
        (new / "ball.yaml").write_text(event("slipper", "ball").replace("box", "shoebox"))
        self.lock(6, folder=new)
        shutil.copy(new / "rules.lock", self.events)
        shutil.copy(new / "gala.yaml", self.events)
        self.until(lambda: "the lock is for version" in server.output, server)
        time.sleep(1)
        self.assertEqual(self.version(server), first)
        shutil.copy(new / "ball.yaml", self.events)
        self.until(lambda: self.version(server) != first, server)
        second = self.version(server)
        (self.events / "ball.yaml").unlink()
        self.write("other")
        self.lock(5)
        self.until(lambda: "revision 6 was taken already" in server.output, server)
        self.assertEqual(self.version(server), second)
        self.assertRegex(server.get("/metrics").body, rb"hunt_rules_last_reload_success 0\b")

    def test_people_write_their_names_and_why_in_their_own_letters(self):
        server = self.serve(*self.flags)
        words = ["rules", "stop", "gala", "--url", f"http://127.0.0.1:{server.port}",
                 "--admin-token-file", self.token]
        bytes_max = "note: expected at most 200 bytes of UTF-8"
        for bad, says in (("x" * 201, bytes_max), ("\u2028", bytes_max),
                          ("two\nlines", "control character")):
            refused = self.hunt(*words, "--note", bad)
            self.assert_exit(refused, 1)
            self.assert_says(refused.stderr, says)
            self.assertNotIn("note: note:", refused.stderr)
        note, name = "Krone fällt doppelt 👑", "Jürgen"
        run = self.hunt(*words, "--note", note, "--json", env=clean_environment(USER=name))
        self.assert_exit(run, 0)
        stopped = json.loads(run.stdout)["stopped"][0]
        self.assertEqual((stopped["by"], stopped["note"]), (name, note))
        self.lock(None, "--note", note)
        self.assertIn(note, (self.events / "rules.lock").read_text())
        self.assert_exit(self.hunt("rules", "check", self.events), 0)
        self.assert_exit(self.hunt("rules", "lock", self.events, "--note", "a\nb"), 2)

    def test_what_is_pushed_is_in_force_and_a_broken_push_is_refused(self):
        server = self.serve(*self.flags)
        first = self.version(server)
        (self.folder / "pushed.yaml").write_text(event("pushed"))
        self.bury(server, FIRST)
        self.assert_exit(self.change(server, "push", self.folder / "pushed.yaml"), 0)
        self.until(lambda: self.outcome(server)["item"] == "pushed", server)
        self.assertNotEqual(self.version(server), first)
        reply = server.post("/v1/rules", {"files": [{"name": "x.yaml", "text": "event: [\n"}]},
                            token=TOKEN)
        self.assert_error(reply, 400, "x.yaml")
        reply = server.post("/v1/rules", {"file": []}, token=TOKEN)
        self.assert_error(reply, 400, "files")
        files = {"files": [{"name": "x.yaml", "text": (self.folder / "pushed.yaml").read_text()}]}
        for revision in (9 * 10**18 + 1, 2**63 - 1):
            reply = server.post(f"/v1/rules?revision={revision}", files, token=TOKEN)
            self.assert_error(reply, 400, "revision", "9000000000000000000")
            refused = self.hunt("rules", "lock", self.events, "--revision", revision)
            self.assert_exit(refused, 2)
            self.assert_says(refused.stderr, "--revision")


class Fleet(OwnDatabase, NatsCase, TimelineCase):
    """Two orchestrators on NATS, over two shards in PostgreSQL."""

    def setUp(self):
        super().setUp()
        self.other = self.postgres.make_database(self.database + "b")
        self.write("first")
        loot = self.folder / "loot.csv"
        loot.write_text("x,y,table,budget\n" +
                        "".join(f"{x * 64},0,box,100000\n" for x in range(40)))
        self.assert_exit(self.hunt("world", "import", loot, "--world", "demo", "--rules",
                                   self.events, *self.store_words()), 0)
        self.relay()
        self.one = self.orchestrator()
        self.two = self.orchestrator()
        for server in (self.one, self.two):
            for x in (FIRST, SECOND):
                self.until(lambda: self.outcome(server, x)["outcome"] == "granted", server)

    def store_words(self):
        return ["--store", self.store, "--store", self.other]

    def orchestrator(self, rules=None):
        return self.serve_nats("--rules", rules or self.events)

    def outcomes(self):
        return [self.outcome(server, x)["outcome"]
                for server in (self.one, self.two) for x in (FIRST, SECOND)]

    def rows(self, sql):
        return [self.postgres.psql(sql, self.database + suffix).stdout.split()
                for suffix in ("", "b")]

    def test_a_stop_closes_everywhere_at_once_and_survives_every_restart(self):
        digs, ends = [], threading.Event()

        def dig_on():
            while not ends.is_set():
                self.players += 1
                reply = self.two.dig((player(self.players), SECOND, 0))
                if reply.status == 200:
                    digs.append((time.monotonic(), reply.json["outcomes"][0]["outcome"]))

        walker = threading.Thread(target=dig_on)
        walker.start()
        time.sleep(0.5)
        self.assert_exit(self.change(self.one, "stop", "gala"), 0)
        counts = [self.postgres.psql("SELECT count(*) FROM grants", self.database + suffix).stdout
                  for suffix in ("", "b")]
        time.sleep(2.5)
        ends.set()
        walker.join()
        self.assertIn("granted", {outcome for _, outcome in digs}, "before it")
        self.assertEqual(digs[-1][1], "closed")
        self.assertEqual(counts, [self.postgres.psql("SELECT count(*) FROM grants",
                                                     self.database + suffix).stdout
                                  for suffix in ("", "b")],
                         "nothing was granted after the stop was acknowledged")
        self.assertEqual(self.outcomes(), ["closed"] * 4)
        status = self.status(self.one, self.two)
        self.assert_exit(status, 0)
        self.assertEqual(status.stdout.count("gala is stopped"), 2)
        self.two.kill()
        self.two = self.orchestrator()
        self.assertEqual(self.outcomes(), ["closed"] * 4)
        self.assert_exit(self.change(self.two, "start", "gala"), 0)
        self.until(lambda: self.outcomes() == ["granted"] * 4, self.one)
        self.assert_exit(self.hunt("audit", *self.store_words()), 0)

    def let_in(self, allowed):
        """Whether anybody may connect to the second shard; who is connected is thrown out."""
        name = self.database + "b"
        self.postgres.psql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS {allowed}", "postgres")
        self.postgres.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                           f" WHERE datname = '{name}'", "postgres")

    def test_a_shard_that_is_away_is_named_until_it_has_the_stop(self):
        def missing():
            return [one.get("/v1/rules", token=TOKEN).json["missing"]
                    for one in (self.one, self.two)]

        self.assertEqual(missing(), [[], []])
        self.let_in("false")
        stop = self.change(self.one, "stop", "gala")
        self.assert_exit(stop, 1)
        self.assert_says(stop.stderr, "shards that do not have it yet: 1.")
        self.assert_says(self.one.output, "shards that do not have change", "yet: 1.")
        self.until(lambda: missing() == [[1], [1]], self.two)
        self.let_in("true")
        self.until(lambda: missing() == [[], []], self.two)
        self.assertEqual(self.rows("SELECT event FROM rules_stopped"), [["gala"], ["gala"]])
        self.until(lambda: self.outcomes() == ["closed"] * 4, self.one)

    def test_a_stop_that_a_shard_does_not_have_yet_does_not_say_that_all_is_over(self):
        self.postgres.psql(f'ALTER DATABASE "{self.database}b" ALLOW_CONNECTIONS false', "postgres")
        self.postgres.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                           f" WHERE datname = '{self.database}b'", "postgres")
        stop = self.change(self.one, "stop", "gala")
        self.postgres.psql(f'ALTER DATABASE "{self.database}b" ALLOW_CONNECTIONS true', "postgres")
        self.assert_exit(stop, 1)
        self.assert_says(stop.stdout, "is stopped, but not in all shards yet")
        self.assertNotIn("nothing of it", stop.stdout)
        self.assert_says(stop.stderr, "shards that do not have it yet: 1")
        self.until(lambda: self.outcomes() == ["closed"] * 4, self.one, 60)

    def test_an_edit_is_in_force_in_both_at_one_moment_and_a_broken_one_in_none(self):
        first = self.version(self.one)
        (self.events / "gala.yaml").write_text("event: [broken\n")
        self.until(lambda: "is not valid" in self.one.output and "is not valid" in self.two.output,
                   self.one)
        self.assertEqual([self.version(self.one), self.version(self.two)], [first, first])
        self.write("second")
        self.until(lambda: self.outcome(self.one)["item"] == "second", self.one)
        self.until(lambda: self.outcome(self.two, SECOND)["item"] == "second", self.two)
        froms = self.rows("SELECT max(from_us) FROM rules_timeline")
        self.assertEqual(froms[0], froms[1])
        self.assertEqual(self.rows("SELECT count(*) FROM rules_timeline"), [["2"], ["2"]])
        # By the time that each grant was judged by, whoever rolled it.
        wrong = self.rows(
            "SELECT count(*) FROM grants g JOIN rules_timeline t ON t.place = 2"
            " WHERE (g.as_of_us >= t.from_us) <> (g.rules = t.version)")
        self.assertEqual(wrong, [["0"], ["0"]])
        self.assert_exit(self.status(self.one, self.two), 0)

    def test_a_late_mount_changes_nothing_and_is_told(self):
        late = self.folder / "late"
        shutil.copytree(self.events, late)
        first = self.version(self.one)
        self.write("second")
        self.until(lambda: self.version(self.two) != first, self.two)
        second = self.version(self.two)
        pod = self.orchestrator(late)
        self.assertEqual(self.version(pod), second)
        time.sleep(LEAD_SECONDS + 2)
        self.assertEqual([self.version(one) for one in (self.one, self.two, pod)], [second] * 3)
        self.assert_says(self.status(pod).stdout, f"the files are version {first}, which was in "
                                                  "force before")
        self.assert_exit(self.change(self.one, "rollback", first), 0)
        self.until(lambda: {self.version(one) for one in (self.one, self.two, pod)} == {first},
                   self.one)

    def test_kill_9_between_proposal_and_activation_loses_neither(self):
        first = self.version(self.one)
        self.lock(7, "--activates", time.strftime("%Y-%m-%dT%H:%M:%SZ",
                                                  time.gmtime(time.time() + 12)))
        self.write("second")
        self.lock(7, "--activates", time.strftime("%Y-%m-%dT%H:%M:%SZ",
                                                  time.gmtime(time.time() + 12)))
        self.until(lambda: "is in force from" in self.two.output, self.two)
        self.one.kill()
        self.two.kill()
        self.one, self.two = self.orchestrator(), self.orchestrator()
        announced = [json.loads(self.status(one, flags=["--json"]).stdout)["processes"][0]
                     for one in (self.one, self.two)]
        if any(one["next"] for one in announced):  # else the starts took longer than 12 s
            self.assertEqual({one["version"] for one in announced if one["next"]}, {first})
        self.until(lambda: self.outcome(self.one)["item"] == "second", self.one, 40)
        self.until(lambda: self.outcome(self.two, SECOND)["item"] == "second", self.two)
        self.assertEqual({one[-1] for one in self.rows("SELECT revision FROM rules_timeline"
                                                       " ORDER BY place")}, {"7"})


if __name__ == "__main__":
    unittest.main()
