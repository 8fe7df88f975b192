"""examples/prometheus: what promtool says of the rules, and an entry for each alert."""
import re
import subprocess
import unittest

import yaml

from hunt_process import REPOSITORY
from reference_test import rows, section

FOLDER = REPOSITORY / "examples/prometheus"


def rules_of(file):
    groups = yaml.safe_load((FOLDER / file).read_text("utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def alerts():
    """{name: rule} of the alerting rules."""
    return {rule["alert"]: rule for rule in rules_of("alerts.yaml")}


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


if __name__ == "__main__":
    unittest.main()
