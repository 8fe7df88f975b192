"""examples/prometheus and examples/grafana: rules by promtool, then a real Prometheus and a hunt.

Not a run of Grafana, which Debian does not have: its dashboard is read, and what it asks is asked.
"""
import http.client
import json
import re
import subprocess
import time
import unittest
import urllib.parse

import yaml

from hunt_process import HUNT, REPOSITORY, HuntTest, clean_environment, free_port, listens
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


class Live(HuntTest):
    """A Prometheus of its own, with the files of the example but for addresses and times."""

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
             "--web.listen-address", f"127.0.0.1:{self.port}"],
            cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.assertTrue(listens(self.port), self.log())
        self.wait_for(lambda: self.get("/-/ready").status == 200)

    def log(self):
        return (self.folder / "prometheus.log").read_text("utf-8")[-3000:]

    def get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        self.addCleanup(connection.close)
        connection.request("GET", path)
        return connection.getresponse()

    def ask(self, path, **parameters):
        reply = self.get(f"/api/v1/{path}?{urllib.parse.urlencode(parameters)}")
        answer = json.load(reply)
        self.assertEqual(reply.status, 200, answer)
        return answer["data"]

    def query(self, expression):
        return self.ask("query", query=expression)["result"]

    def wait_for(self, done, seconds=20):
        deadline = time.monotonic() + seconds
        while not done():
            self.assertLess(time.monotonic(), deadline, self.log())
            time.sleep(0.25)

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

    def test_all_targets_are_up_rules_healthy_and_panels_filled(self):
        server = self.serve()
        self.prometheus(f"127.0.0.1:{server.port}")
        load = subprocess.Popen(
            [HUNT, "rush", "--target", f"http://127.0.0.1:{server.port}", "--demo",
             "--admin-token-file", self.folder / "admin-token", "--players", "500",
             "--rate", "1000", "--seconds", "10", "--json"],
            cwd=self.folder, env=clean_environment(), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(load.wait)
        self.addCleanup(load.kill)
        self.wait_for(lambda: self.query("hunt_claims_total > 0"))
        self.wait_for(lambda: not self.unrecorded() - RECORDED_WHEN_NOT_WELL)
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


if __name__ == "__main__":
    unittest.main()
