"""examples/prometheus and examples/grafana: rules by promtool, then a real Prometheus and a hunt.

Not a run of Grafana, which Debian does not have: its dashboard is read, and what it asks is asked.
"""
import contextlib
import http.client
import json
import re
import subprocess
import time
import unittest
import urllib.parse

import yaml

from hunt_process import (HUNT, REPOSITORY, RedisServer, clean_environment, free_port, listens,
                          player)
from nats_process import NatsCase
from reference_test import rows, section

FOLDER = REPOSITORY / "examples/prometheus"
DASHBOARD = REPOSITORY / "examples/grafana/hunt.json"
# What has nothing to show while all is well: panels, and what is recorded.
PANELS_EMPTY_WHEN_WELL = {"Alerts", "What it named before"}
RECORDED_WHEN_NOT_WELL = {"instance:hunt_bottleneck:named2m"}
# What a machine that others have busy may set off in a few seconds: too slow, and nothing else.
OF_A_BUSY_MACHINE = {"HuntAnswersFailing", "HuntAnswersSlow", "HuntClaimsFailing", "HuntClaimsSlow"}


def rules_of(file):
    groups = yaml.safe_load((FOLDER / file).read_text("utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def alerts():
    """{name: rule} of the alerting rules."""
    return {rule["alert"]: rule for rule in rules_of("alerts.yaml")}


def recorded():
    return [rule["record"] for rule in rules_of("recording.yaml")]


def promtool(*words):
    return subprocess.run(["promtool", *words], cwd=FOLDER, capture_output=True, text=True,
                          timeout=60, check=False)


class Rules(unittest.TestCase):
    """What can be said without a server."""

    def test_promtool_finds_nothing_wrong(self):
        for words in (["check", "config", "prometheus.yaml"],
                      ["check", "rules", "recording.yaml", "alerts.yaml"],
                      ["test", "rules", "alerts_test.yaml"]):
            with self.subTest(" ".join(words)):
                run = promtool(*words)
                self.assertEqual(run.returncode, 0, run.stdout + run.stderr)

    def test_every_alert_fires_in_a_case_and_in_the_first_three_none_does(self):
        cases = yaml.safe_load((FOLDER / "alerts_test.yaml").read_text("utf-8"))["tests"]
        fired = {check["alertname"] for case in cases
                 for check in case.get("alert_rule_test", ()) if check.get("exp_alerts")}
        self.assertEqual(fired, set(alerts()))
        for case in cases[:3]:
            self.assertIn({"eval_time": "12m", "expr": "ALERTS", "exp_samples": []},
                          case["promql_expr_test"], case["name"])
        # The first has every figure that an alert asks for, so its silence says something.
        text = (FOLDER / "alerts.yaml").read_text("utf-8")
        text += (FOLDER / "recording.yaml").read_text("utf-8")
        asked = set(re.findall(r"(?<!:)\b(?:hunt|process)_\w+(?=[{\[ ),])", text))
        given = {series["series"].partition("{")[0] for series in cases[0]["input_series"]}
        self.assertEqual(asked - given, {"hunt_stage_seconds_sum"})

    def test_every_alert_has_its_entry_and_every_entry_its_alert(self):
        text = (REPOSITORY / "docs/OPERATIONS.md").read_text("utf-8")
        entries = rows(section(text, "### Alerts"))
        for entry in entries:
            self.assertEqual(len(entry), 4, entry)
            self.assertTrue(all(entry), f"{entry[0]} says what it means, where to look, what to do")
        self.assertEqual([entry[0].strip("`") for entry in entries], list(alerts()))

    def test_an_entry_says_critical_where_the_alert_is(self):
        text = (REPOSITORY / "docs/OPERATIONS.md").read_text("utf-8")
        told = {name.strip("`") for name, meaning, *_ in rows(section(text, "### Alerts"))
                if meaning.startswith("critical: ")}
        self.assertEqual(told, {name for name, rule in alerts().items()
                                if rule["labels"]["severity"] == "critical"})


class Dashboard(unittest.TestCase):
    """What Grafana's import would stumble over."""

    def test_it_can_be_imported(self):
        board = json.loads(DASHBOARD.read_text("utf-8"))
        self.assertNotIn("id", board)
        self.assertNotIn("__inputs", board)
        self.assertEqual(board["uid"], "hunt-orchestrator")
        ids = [panel["id"] for panel in board["panels"]]
        self.assertEqual(len(ids), len(set(ids)))
        taken = set()
        for panel in board["panels"]:
            place = panel["gridPos"]
            cells = {(x, y) for x in range(place["x"], place["x"] + place["w"])
                     for y in range(place["y"], place["y"] + place["h"])}
            self.assertFalse(cells & taken, panel["title"])
            taken |= cells
            self.assertLessEqual(place["x"] + place["w"], 24)
            for target in panel.get("targets", ()):
                self.assertEqual(target["datasource"]["uid"], "${datasource}")
                self.assertTrue(panel["description"], panel["title"])


class Live(NatsCase):
    """A Prometheus of its own, with the files of the example but for addresses and times; a hunt on
    NATS and Redis, so that there is everything to be shown."""

    def setUp(self):
        super().setUp()
        redis = RedisServer(self.folder)
        self.addCleanup(redis.stop)
        self.server = self.serve_nats("--cache", redis.url, "--memory-limit", "4GiB")
        self.relay("--cache", redis.url)

    def prometheus(self, *targets):
        config = yaml.safe_load((FOLDER / "prometheus.yaml").read_text("utf-8"))
        config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        config["rule_files"] = [str(FOLDER / name) for name in config["rule_files"]]
        config["scrape_configs"][0]["static_configs"][0]["targets"] = list(targets)
        file = self.folder / "prometheus.yaml"
        file.write_text(yaml.safe_dump(config))
        self.port = free_port()
        log = open(self.folder / "prometheus.log", "w", encoding="utf-8")
        self.addCleanup(log.close)
        process = subprocess.Popen(
            ["prometheus", "--config.file", file, "--storage.tsdb.path", self.folder / "data",
             "--web.listen-address", f"127.0.0.1:{self.port}",
             "--enable-feature", "exemplar-storage"],
            cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.assertTrue(listens(self.port), self.log())
        self.wait_for(lambda: self.get("/-/ready")[0] == 200)

    def log(self):
        return (self.folder / "prometheus.log").read_text("utf-8")[-3000:]

    def get(self, path):
        """(status, body); one connection each, of which Prometheus has some hundreds."""
        with contextlib.closing(
                http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)) as connection:
            connection.request("GET", path)
            reply = connection.getresponse()
            return reply.status, reply.read()

    def ask(self, path, **parameters):
        status, body = self.get(f"/api/v1/{path}?{urllib.parse.urlencode(parameters)}")
        answer = json.loads(body)
        self.assertEqual(status, 200, answer)
        return answer["data"]

    def query(self, expression):
        return self.ask("query", query=expression)["result"]

    def unrecorded(self):
        return {name for name in recorded() if not self.query(name)}

    def empty_panels(self, job):
        """Titles of the panels with an expression that has no data now."""
        empty = set()
        for panel in json.loads(DASHBOARD.read_text("utf-8"))["panels"]:
            for target in panel.get("targets", ()):
                asked = target["expr"].replace("$job", job).replace("$__rate_interval", "10s")
                self.assertNotRegex(asked, r"\$[a-z_{]", "a variable that the test does not know")
                if not self.query(asked):
                    empty.add(panel["title"])
        return empty

    def rush(self, seconds):
        load = subprocess.Popen(
            [HUNT, "rush", "--target", f"http://127.0.0.1:{self.server.port}", "--demo",
             "--admin-token-file", self.folder / "admin-token", "--players", "500",
             "--rate", "1000", "--seconds", str(seconds), "--json"],
            cwd=self.folder, env=clean_environment(), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(load.wait)
        self.addCleanup(load.kill)

    def test_all_targets_are_up_rules_healthy_and_panels_filled(self):
        self.prometheus(f"127.0.0.1:{self.server.port}")
        self.rush(20)
        self.wait_for(lambda: self.query("hunt_claims_total > 0"), seconds=60)
        self.wait_for(lambda: not self.unrecorded() - RECORDED_WHEN_NOT_WELL, seconds=60)
        targets = self.ask("targets")["activeTargets"]
        self.assertEqual([(one["labels"]["job"], one["health"]) for one in targets],
                         [("hunt", "up")], targets)
        rules = [rule for group in self.ask("rules")["groups"] for rule in group["rules"]]
        self.assertEqual({rule["name"] for rule in rules}, set(alerts()) | set(recorded()))
        for rule in rules:
            self.assertEqual(rule["health"], "ok", rule)
        firing = {rule["name"] for rule in rules if rule.get("state") == "firing"}
        self.assertLessEqual(firing, OF_A_BUSY_MACHINE)
        self.assertLessEqual(self.empty_panels("hunt"), PANELS_EMPTY_WHEN_WELL)

    def test_what_prometheus_asks_for_has_examples_that_are_claims(self):
        self.prometheus(f"127.0.0.1:{self.server.port}")
        self.assertEqual(self.server.bury([{"x": 1, "y": 1, "table": "starlight",
                                            "budget": 1}]).status, 200)
        granted = self.server.dig((player(7), 1, 1)).json["outcomes"][0]
        now = time.time()
        asked = {"query": "hunt_claim_latency_seconds_bucket", "start": now - 60, "end": now + 120}
        self.wait_for(lambda: self.ask("query_exemplars", **asked), seconds=60)
        examples = [one for series in self.ask("query_exemplars", **asked)
                    for one in series["exemplars"]]
        self.assertEqual({json.dumps(one["labels"]) for one in examples},
                         {json.dumps({"claim": granted["claim"]})})
        for one in examples:
            self.assertAlmostEqual(one["timestamp"], now, delta=120)


class Text(NatsCase):
    """Both texts, whatever the process is at."""

    def setUp(self):
        super().setUp()
        redis = RedisServer(self.folder)
        self.addCleanup(redis.stop)
        self.server = self.serve_nats("--cache", redis.url)

    def metrics(self, accept, **keywords):
        reply = self.server.get("/metrics", headers={"Accept": accept}, **keywords)
        self.assertEqual(reply.status, 200)
        return reply.body.decode()

    def test_promtool_has_nothing_to_say_of_the_text(self):
        run = subprocess.run(["promtool", "check", "metrics"], input=self.metrics("text/plain"),
                             capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual((run.returncode, run.stdout + run.stderr), (0, ""))

    def test_the_other_form_is_as_openmetrics_wants_it(self):
        lines = self.metrics("application/openmetrics-text").splitlines()
        self.assertEqual(lines[-1], "# EOF")
        self.assertNotIn("# EOF", lines[:-1])
        kinds = dict(line.split(" ")[2:4] for line in lines if line.startswith("# TYPE "))
        suffixes = {"counter": ("_total",), "gauge": ("",), "info": ("_info",),
                    "summary": ("", "_sum", "_count"),
                    "histogram": ("_bucket", "_sum", "_count")}
        family = None
        seen = set()
        for line in lines[:-1]:
            if line.startswith("#"):
                name = line.split(" ")[2]
                if name != family:
                    self.assertNotIn(name, seen, "a family stands together")
                    seen.add(name)
                family = name
                continue
            sample = re.match(r"[a-z_0-9]+", line).group()
            self.assertIn(sample, {family + end for end in suffixes[kinds[family]]}, line)
            # An example is of a bucket and has a claim, its time and nothing of the player.
            example = line.partition(" # ")[2]
            if example:
                self.assertIn("_bucket{", line)
                self.assertRegex(example, r'^\{claim="[0-9a-f]{32}"\} [0-9.e-]+ [0-9]+\.[0-9]{6}$')

    def test_a_scrape_does_not_queue_behind_positions_and_stays_within_bounds(self):
        idle = self.metrics("application/openmetrics-text")
        # Batches that take 20 ms of the lane each, and a few more of them than it can do: they wait
        # longer and longer, up to the deadline.
        busy = self.start("up", "--store", f"sqlite:{self.folder / 'busy.db'}",
                          "--busy-cpu", "20ms", "--players", "2000", "--rate", "6000")

        def scrape():
            begun = time.monotonic()
            reply = busy.get("/metrics", timeout=30)
            self.assertEqual(reply.status, 200)
            return time.monotonic() - begun, reply.body.decode()

        def slowest(text):
            return float(re.search(r'hunt_answer_seconds\{quantile="0.5"\} (\S+)', text).group(1))

        # Half of the batches wait for seconds; a scrape takes what it takes on a busy machine.
        waited = []
        deadline = time.monotonic() + 60
        while len(waited) < 3:
            self.assertLess(time.monotonic(), deadline, "the lane was never overloaded")
            took, text = scrape()
            if slowest(text) > 1.0:
                waited.append((took, slowest(text), text))
        for took, batch, text in waited:
            self.assertLess(took, batch, "as long as batches wait")
            self.assertLess(len(text), 2 * len(idle))
        self.assertLess(len(idle), 256 * 1024)


if __name__ == "__main__":
    unittest.main()
