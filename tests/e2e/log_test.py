"""The log of `hunt serve` and `hunt relay`, what they were told; and that no secret is in them."""
import contextlib
import json
import re
import socket
import subprocess
import unittest

from hunt_process import HUNT, TOKEN, HuntTest, clean_environment, free_port
from nats_process import NatsCase, NatsServer
from postgres_process import OwnServers

LINE = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (debug|info|warning|error) +[^:]+: .")
# What people who start it by hand read on standard output.
HUMAN = ("hunt serves", "hunt relay ", "admin token:", "at most ", "hunt: draining")


def log_lines(process):
    return [line for line in process.output.splitlines() if not line.startswith(HUMAN)]


class Log(HuntTest):
    def test_each_line_has_time_level_and_part(self):
        server = self.serve()
        self.assertEqual(server.stop(), 0, server.output)
        lines = log_lines(server)
        self.assertGreater(len(lines), 5, server.output)
        for line in lines:
            self.assertRegex(line, LINE)
        self.assert_says(server.output, "process: hunt serve", "config: --store sqlite:",
                         "from=flag", "process: serving", "process: draining")
        self.assertNotIn("--lanes", "\n".join(lines), "nobody has set it")

    def test_as_json_each_line_is_an_object(self):
        server = self.serve("--log-format", "json", "--log-level", "debug")
        self.assertEqual(server.stop(), 0, server.output)
        events = [json.loads(line) for line in log_lines(server)]
        for event in events:
            self.assertLessEqual({"time", "level", "part", "message"}, set(event), event)
        self.assertIn("debug", {event["level"] for event in events}, "the settings nobody gave")
        said = [event for event in events if event["message"].startswith("--lanes")]
        self.assertEqual([event["from"] for event in said], ["default"])
        refused = self.hunt("serve", "--log-format", "json", "--store", "sqlite:/proc/no.db")
        self.assert_exit(refused, 1)
        last = json.loads(refused.stderr.splitlines()[-1])
        self.assertEqual(last["level"], "error")
        self.assertIn("/proc/no.db", last["message"])

    def test_a_level_leaves_out_what_is_below_it(self):
        server = self.serve("--log-level", "warning")
        self.assertEqual(server.stop(), 0, server.output)
        self.assertEqual(log_lines(server), [])
        wrong = self.hunt("serve", "--log-level", "loud")
        self.assert_exit(wrong, 2)
        self.assert_says(wrong.stderr, "--log-level", "debug")


class Config(HuntTest):
    def test_each_value_is_told_with_where_it_came_from(self):
        (self.folder / "hunt.yaml").write_text("# a comment\nlanes: 2\nhunt: spring\n")
        server = self.serve("--config", "hunt.yaml",
                            env=clean_environment(HUNT_ALLOW_HOST="hunt.example",
                                                  HUNT_HUNT="autumn"))
        self.assert_error(server.get("/v1/config"), 401, "admin token")
        body = server.get("/v1/config", token=TOKEN).json
        self.assertEqual(body["command"], "hunt serve")
        told = {one["name"]: (one["value"], one["from"]) for one in body["settings"]}
        self.assertEqual(told["store"], (self.store, "flag"))
        self.assertEqual(told["lanes"], ("2", "file hunt.yaml:2"))
        self.assertEqual(told["hunt"], ("autumn", "environment HUNT_HUNT"), "it wins over the file")
        self.assertEqual(told["allow-host"], ("hunt.example", "environment HUNT_ALLOW_HOST"))
        self.assertEqual(told["grant-calls"], ("8", "default"))
        self.assertEqual(told["admin-token-file"], (str(self.folder / "admin-token"), "flag"))
        self.assertEqual(told["no-prewarm"], ("", "default"))


class Secrets(OwnServers, NatsCase):
    """Words that are nowhere but in URLs and token files must not come out anywhere."""
    STORE, BUS, CACHE = "canary-st0re", "canary-bu5", "canary-c4che"
    ADMIN, GAME = TOKEN, "canary-game-0123456789abcdef"

    def setUp(self):
        super().setUp()
        self.nats.kill()
        self.nats = NatsServer(
            self.folder, config=f'authorization {{ user: bob, password: "{self.BUS}" }}')
        self.redis.command("CONFIG", "SET", "requirepass", self.CACHE)
        port = self.postgres.port
        self.store = f"postgres://hunt:{self.STORE}@127.0.0.1:{port}/{self.database}"
        (self.folder / "game").write_text(self.GAME)
        self.environment = clean_environment(
            HUNT_STORE=self.store, HUNT_BUS=f"nats://bob:{self.BUS}@{self.nats.address}",
            HUNT_CACHE=f"redis://:{self.CACHE}@127.0.0.1:{self.redis.port}")

    def secrets(self):
        """Those that were given, and those that are in the store."""
        yield from (self.STORE, self.BUS, self.CACHE, self.ADMIN, self.GAME)
        kept = self.postgres.psql("SELECT encode(key, 'hex') FROM hunt_key UNION ALL "
                                  "SELECT encode(seed, 'hex') FROM seeds", database=self.database,
                                  check=False)
        yield from kept.stdout.split()

    def assert_no_secret(self, text, where):
        for secret in self.secrets():
            self.assertNotIn(secret, text, where)

    def both(self, *more):
        words = ["--log-level", "debug", "--server-token-file", "game", *more]
        server = self.start("serve", *words, env=self.environment)
        relay = self.start("relay", *words, "--admin-token-file", "admin-token",
                           env=self.environment, listen=False)
        return server, relay

    def test_nothing_that_a_process_tells_has_one(self):
        for form in ("text", "json"):
            server, relay = self.both("--log-format", form)
            for process in server, relay:
                for path in ("/v1/config", "/v1/stats", "/v1/why", "/metrics", "/readyz", "/livez"):
                    reply = process.get(path, token=TOKEN)
                    self.assertEqual(reply.status, 200, reply)
                    self.assert_no_secret(reply.body.decode(), path)
                told = {one["name"]: one for one in
                        process.get("/v1/config", token=TOKEN).json["settings"]}
                self.assertEqual(told["store"]["value"],
                                 f"postgres://127.0.0.1:{self.postgres.port}/{self.database}")
                self.assertEqual(told["store"]["from"], "environment HUNT_STORE")
                self.assertIn(self.nats.address, told["bus"]["value"])
                self.assertIn(str(self.redis.port), told["cache"]["value"])
            for process in server, relay:
                self.assertEqual(process.stop(), 0, process.output)
                self.assert_no_secret(process.output, "the log")
                self.assertIn(f":{self.postgres.port}/{self.database}", process.output)

    def test_nothing_that_is_lost_while_they_run_tells_one(self):
        server, relay = self.both()
        self.nats.kill()
        self.redis.stop()
        self.postgres.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname ="
                           f" '{self.database}'", database="postgres")
        for process in server, relay:
            self.wait_for(lambda process=process: "bus: " in process.output, process)
            self.assert_no_secret(process.get("/readyz").body.decode(), "/readyz")
            process.kill()
            self.assert_no_secret(process.output, "the log")

    def test_no_refusal_at_the_start_tells_one(self):
        nowhere = f"127.0.0.1:{free_port()}"
        for name, url in (("HUNT_STORE", f"postgres://hunt:{self.STORE}@{nowhere}/hunt"),
                          ("HUNT_STORE", f"postgres://hunt:{self.STORE}@/"),
                          ("HUNT_BUS", f"nats://bob:{self.BUS}@{nowhere}"),
                          ("HUNT_BUS", f"nats://bob:wrong{self.BUS}@{self.nats.address}"),
                          ("HUNT_BUS", f"nats://bob:{self.BUS}@:x"),
                          ("HUNT_CACHE", f"redis://:wrong{self.CACHE}@127.0.0.1:{self.redis.port}"),
                          ("HUNT_CACHE", f"redis://:{self.CACHE}@:x")):
            for command in ("serve", "relay"):
                with self.subTest(name=name, url=url, command=command):
                    run = self.hunt(command, "--listen", "127.0.0.1:0", "--log-level", "debug",
                                    env={**self.environment, name: url})
                    self.assertNotEqual(run.returncode, 0)
                    self.assert_no_secret(run.stdout + run.stderr, command)


class MistypedSecrets(HuntTest):
    """A password that stands where it is of no use is not echoed either."""
    SECRET = "canary-mistyped"

    def setUp(self):
        super().setUp()
        (self.folder / "admin-token").write_text(TOKEN)

    def refuse(self, *words, says, **settings):
        run = self.hunt(*words, env=clean_environment(**settings))
        self.assertNotEqual(run.returncode, 0, run.stdout + run.stderr)
        self.assertNotIn(self.SECRET, run.stdout + run.stderr)
        self.assertIn(says, run.stdout + run.stderr)

    def test_no_url_of_a_server(self):
        asked = [["why"], ["why", "--url", "http://127.0.0.1:1"], ["flame", "--seconds", "1"],
                 ["rules", "status"], ["rules", "stop", "spring"],
                 ["world", "stats", "--world", "demo"],
                 ["explain", "2d8022772e7ea6ea960b0b766f266c08"], ["world", "create", "nether"]]
        for url in (f"http://u:{self.SECRET}@h:1", f"http://u:{self.SECRET}@h",
                    f"http://u:{self.SECRET}@[::1]:x", f"http://{self.SECRET}@h/"):
            for words in asked:
                with self.subTest(url=url, words=words):
                    token = ["--admin-token-file", "admin-token"]
                    self.refuse(*words, "--url", url, *token, says="HOST:PORT")
            with self.subTest(url=url):
                self.refuse("rush", "--target", url, says="HOST:PORT")
                self.refuse("serve", "--store", self.store, "--profile-push", url,
                            says="HOST:PORT")
                self.refuse("serve", "--store", self.store, "--listen", url, says="HOST:PORT")
        self.refuse("serve", "--store", self.store, "--listen", f"u:{self.SECRET}@h",
                    says="HOST:PORT")
        self.refuse("why", "--url", f"u:{self.SECRET}@h", says="HOST:PORT")

    def test_no_url_that_stands_in_anothers_place(self):
        url = f"postgres://u:{self.SECRET}@h/x"
        self.refuse("serve", url, says="not expected")
        self.refuse("serve", "--store", self.store, url, url, says="several shards")
        self.refuse(url, says="unknown command")
        self.refuse("serve", f"--stroe={url}", says="--stroe")
        self.refuse("serve", f"--{url}", says="unknown flag")
        self.refuse("serve", "--log-level", url, says="--log-level")
        self.refuse("serve", "--lanes", url, says="--lanes")
        self.refuse("serve", says="HUNT_LANES", HUNT_LANES=url)
        self.refuse("rules", "check", url, says="...@h/x")
        config = self.folder / "hunt.yaml"
        for text in (f"lanes: {url}", f"log-level: {url}", f'"{url}": 3', f'"{url}":'):
            with self.subTest(text=text):
                config.write_text(text + "\n")
                self.refuse("serve", "--config", config, says="hunt.yaml:1")


class RelayFront(NatsCase):
    """What a relay answers over HTTP."""

    def relay_with(self, *more):
        self.serve_nats()
        return self.start("relay", "--bus", self.nats.url, *self.store_words(), *more,
                          listen=False)

    def test_it_answers_probes_and_figures_and_nothing_else(self):
        relay = self.relay_with()
        self.assertEqual(relay.get("/livez").json, {"alive": True})
        self.wait_for(lambda: "tells the changes" in relay.output, relay)
        ready = relay.get("/readyz").json
        self.assertEqual(ready["parts"], [{"part": name, "ready": True}
                                          for name in ("process", "bus", "relay of shard 0")])
        self.assertIn("tells the changes of its shard", relay.get("/v1/why").json["verdict"])
        self.assertEqual(relay.get("/v1/stats").json["lanes"], 0)
        self.assertIn("hunt_build_info", relay.get("/metrics").body.decode())
        config = relay.get("/v1/config", token=relay.printed_token()).json
        self.assertEqual(config["command"], "hunt relay")
        self.assert_error(relay.get("/v1/config"), 401, "admin token")
        for path in ("/", "/v1/worlds", "/v1/grants", "/v1/map"):
            self.assert_error(relay.get(path), 404, "relay", "hunt serve")
        self.assert_error(relay.post("/v1/positions", {"world": 1, "positions": []}), 404, "relay")
        self.assertEqual(relay.stop(), 0, relay.output)

    def test_one_that_waits_is_ready_and_one_without_a_bus_says_so(self):
        first = self.relay_with()
        self.wait_for(lambda: "tells the changes" in first.output, first)
        second = self.start("relay", "--bus", self.nats.url, *self.store_words(), listen=False)
        self.wait_for(lambda: "hunt relay waits" in second.output, second)
        self.assertEqual(second.stop(), 0, second.output)
        self.nats.kill()
        self.wait_for(lambda: not first.get("/readyz").json["parts"][1]["ready"], first)
        self.assert_says(first.get("/readyz").json["warning"], "NATS")
        self.wait_for(lambda: "NATS" in first.get("/v1/why").json["warning"], first)
        self.nats.start()
        self.wait_for(lambda: "warning" not in first.get("/readyz").json, first, 60)

    def test_a_taken_port_is_named(self):
        first = self.relay_with()
        run = self.hunt("relay", "--bus", self.nats.url, *self.store_words(), "--listen",
                        f"127.0.0.1:{first.port}")
        self.assert_exit(run, 1)
        self.assert_says(run.stderr, str(first.port), "in use", "--listen")

    def test_where_nobody_chose_a_port_a_taken_one_is_no_reason_to_fail(self):
        # Whoever has the default port already, this socket or another program.
        holder = socket.socket()
        self.addCleanup(holder.close)
        with contextlib.suppress(OSError):
            holder.bind(("127.0.0.1", 8090))
            holder.listen()
        self.serve_nats()
        log = self.folder / "relay.log"
        with open(log, "w", encoding="utf-8") as out:
            relay = subprocess.Popen(
                [HUNT, "relay", "--bus", self.nats.url, *map(str, self.store_words())],
                cwd=self.folder, env=clean_environment(), stdin=subprocess.DEVNULL, stdout=out,
                stderr=out)
        self.addCleanup(relay.wait)
        self.addCleanup(relay.kill)
        self.wait_for(lambda: "hunt relay tells the changes" in log.read_text())
        self.assert_says(log.read_text(), "127.0.0.1:8090", "any free port is taken")
        relay.terminate()
        self.assertEqual(relay.wait(timeout=20), 0, log.read_text())

    def test_on_any_other_address_it_needs_a_token_as_serve_does(self):
        self.serve_nats()
        run = self.hunt("relay", "--bus", self.nats.url, *self.store_words(), "--listen",
                        "0.0.0.0:0")
        self.assert_exit(run, 1)
        self.assert_says(run.stderr, "--server-token-file")


if __name__ == "__main__":
    unittest.main()
