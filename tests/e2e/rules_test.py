"""Rules files as designers meet them: checked, reloaded live, never replaced by bad ones."""
import json
import re
import time
import unittest

from hunt_process import REPOSITORY, HuntTest

STARLIGHT = REPOSITORY / "examples/rules/starlight.yaml"


class Rules(HuntTest):
    """The example event, and what a designer may break in it."""

    def setUp(self):
        super().setUp()
        self.path = self.folder / "event.yaml"
        self.good = STARLIGHT.read_text()
        self.path.write_text(self.good)

    def test_check_and_odds_accept_the_example(self):
        run = self.hunt("rules", "check", self.path)
        self.assert_exit(run, 0)
        run = self.hunt("rules", "odds", self.path)
        self.assert_exit(run, 0)
        self.assertRegex(run.stdout, r"\d")

    def test_bad_files_exit_1_with_file_line_and_column(self):
        self.assertRegex(self.good, r"(?m)^trigger: ", "the example has no trigger line")
        broken = {
            "an unknown key": (r"(?m)^trigger:", "triger:", ["triger", "trigger"]),
            "an unknown word": (r"(?m)^trigger: \w+", "trigger: stepp", ["stepp", "step"]),
            "a zero weight": (r"weight: \d+", "weight: 0", ["weight"]),
            "a tab": (r"(?m)^trigger: ", "\ttrigger: ", []),
            "an anchor": (r"(?m)^trigger: ", "trigger: &a ", ["anchor"]),
            "a radius too large": (r"(?m)^hint_radius: \d+", "hint_radius: 9999", ["32"]),
        }
        for name, (pattern, replacement, words) in broken.items():
            with self.subTest(name):
                text, count = re.subn(pattern, replacement, self.good, count=1)
                self.assertEqual(count, 1, f"{pattern} is not in the example")
                self.path.write_text(text)
                run = self.hunt("rules", "check", self.path)
                self.assert_exit(run, 1)
                self.assertRegex(run.stderr, r"event\.yaml:\d+:\d+: ")
                self.assert_says(run.stderr, *words)

    def test_a_missing_file_is_named(self):
        run = self.hunt("rules", "check", self.folder / "none.yaml")
        self.assert_exit(run, 1)
        self.assert_says(run.stderr, "none.yaml")

    def rules_in_force(self, server):
        return server.get("/v1/stats").json["rules"]

    def wait_for(self, what, seconds=10):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if what():
                return True
            time.sleep(0.05)
        return False

    def test_a_running_server_reloads_good_rules_and_keeps_them_over_bad_ones(self):
        server = self.serve("--rules", self.path)
        first = self.rules_in_force(server)
        self.assertRegex(first, r"^[0-9a-f]{16}$")
        self.path.write_text(re.sub(r"weight: \d+", "weight: 77", self.good, count=1))
        self.assertTrue(self.wait_for(lambda: self.rules_in_force(server) != first),
                        "a good file was not taken")
        second = self.rules_in_force(server)
        self.path.write_text("event: [broken\n")
        self.assertTrue(self.wait_for(lambda: re.search(
            rb"hunt_rules_rejected_total [1-9]", server.get("/metrics").body)),
            "a bad file was not counted")
        self.assertEqual(self.rules_in_force(server), second)
        status = self.hunt("rules", "status", "--url", f"http://127.0.0.1:{server.port}")
        self.assertEqual(status.returncode, 1)
        self.assert_says(status.stdout, second, "its files are refused for", "event.yaml:2:1:")
        why = self.hunt("why", "--url", f"http://127.0.0.1:{server.port}")
        self.assert_says(why.stdout, "the rule files are refused")
        self.assertRegex(server.get("/metrics").body, rb"hunt_rules_last_reload_success 0\b")
        self.assertRegex(server.output, r"event\.yaml:\d+:\d+: ")
        self.path.write_text(self.good)
        self.assertTrue(self.wait_for(lambda: self.rules_in_force(server) == first),
                        "the good file after a bad one was not taken")
        status = self.hunt("rules", "status", "--url", f"http://127.0.0.1:{server.port}")
        self.assertEqual(status.returncode, 0, status.stdout)
        self.assert_says(status.stdout, f"version {first} in one process, and the files are those")
        self.assertRegex(server.get("/metrics").body, rb"hunt_rules_last_reload_success 1\b")
        self.assertEqual(server.stop(), 0, server.output)

    def test_status_says_who_has_other_rules_than_the_rest(self):
        one = self.serve("--rules", self.path)
        other_path = self.folder / "other.yaml"
        other_path.write_text(re.sub(r"weight: \d+", "weight: 77", self.good, count=1))
        # A store of its own: in one store each process would learn the rules of the other.
        other = self.start("serve", "--bus", "inproc:", "--cache", "none:", "--rules", other_path,
                           "--store", f"sqlite:{self.folder / 'other.db'}")
        words = ["rules", "status"]
        for server in (one, other):
            words += ["--url", f"http://127.0.0.1:{server.port}"]
        status = self.hunt(*words)
        self.assertEqual(status.returncode, 1)
        self.assert_says(status.stdout, "2 versions are in force at a time, in 2 processes",
                         self.rules_in_force(one), self.rules_in_force(other))
        other_path.write_text(self.good)
        self.assertTrue(self.wait_for(
            lambda: self.rules_in_force(one) == self.rules_in_force(other)))
        status = self.hunt(*words, "--json")
        self.assertEqual(status.returncode, 0, status.stdout)
        answer = json.loads(status.stdout)
        self.assertTrue(answer["same"])
        self.assertEqual({self.rules_in_force(one)},
                         {process["version"] for process in answer["processes"]})
        self.assertEqual(other.stop(), 0)
        status = self.hunt(*words)
        self.assertEqual(status.returncode, 1)
        self.assert_says(status.stdout, "in 1 of 2 processes; of the others nothing is known")

    def test_a_server_does_not_start_on_bad_rules(self):
        self.path.write_text("event: [broken\n")
        server = self.serve("--rules", self.path, ready=False)
        self.assertEqual(server.wait_exit(20), 1, server.output)
        self.assertRegex(server.output, r"event\.yaml:\d+:\d+: ")


if __name__ == "__main__":
    unittest.main()
