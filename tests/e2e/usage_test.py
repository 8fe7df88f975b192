"""The command line: help with examples, versions, exit codes, mistakes that name the nearest."""
import unittest

from hunt_process import HuntTest, clean_environment

COMMANDS = [["up"], ["serve"], ["world"], ["world", "create"], ["world", "import"],
            ["world", "export"], ["world", "stats"], ["rules"], ["rules", "check"],
            ["rules", "odds"], ["audit"], ["why"], ["relay"], ["doctor"]]


class Usage(HuntTest):
    """Each command by itself; nothing here starts a server."""

    def test_every_command_has_help_with_an_example(self):
        for command in [[], *COMMANDS]:
            with self.subTest(command=command):
                run = self.hunt(*command, "--help")
                self.assert_exit(run, 0)
                self.assert_says(run.stdout, "hunt " + " ".join(command), "example")

    def test_the_version_is_told(self):
        for command in [[], *COMMANDS]:
            with self.subTest(command=command):
                run = self.hunt(*command, "--version")
                self.assert_exit(run, 0)
                self.assertRegex(run.stdout, r"\d+\.\d+\.\d+")

    def test_mistakes_exit_2_and_name_the_nearest(self):
        for arguments, word in ((["upp"], "up"), (["up", "--secnods", "3"], "--seconds"),
                                (["serve", "--stoer", "sqlite:x"], "--store"),
                                (["world", "improt"], "import"), (["rules", "chekc"], "check"),
                                (["audit", "--stor", "sqlite:x"], "--store")):
            with self.subTest(arguments=arguments):
                run = self.hunt(*arguments)
                self.assert_exit(run, 2)
                self.assert_says(run.stderr, "did you mean", word)
                self.assertEqual(run.stdout, "")

    def test_bad_values_exit_2_and_name_the_flag(self):
        for flag, value in (("--seconds", "soon"), ("--seconds", "-1"), ("--players", "0"),
                            ("--players", "1e99"), ("--rate", "fast"), ("--seed", "x"),
                            ("--listen", "nowhere"), ("--listen", "127.0.0.1:99999"),
                            ("--slow-store", "495 parsecs")):
            with self.subTest(flag=flag, value=value):
                run = self.hunt("up", flag, value)
                self.assert_exit(run, 2)
                self.assert_says(run.stderr, flag.strip("-"))

    def test_a_missing_flag_or_command_exits_2(self):
        self.assert_exit(self.hunt(), 2)
        self.assert_exit(self.hunt("audit"), 2)
        self.assert_exit(self.hunt("world"), 2)

    def test_flags_come_from_the_environment_and_a_file_too(self):
        run = self.hunt("up", env=clean_environment(HUNT_SECONDS="soon"))
        self.assert_exit(run, 2)
        self.assert_says(run.stderr, "seconds")
        (self.folder / "hunt.yaml").write_text("seconds: 1\nrate: 1000\nplayers: 100\n"
                                               "listen: 127.0.0.1:0\n")
        run = self.hunt("up", "--config", "hunt.yaml", "--store", self.store, "--json")
        self.assert_exit(run, 0)
        (self.folder / "hunt.yaml").write_text("secnods: 1\n")
        run = self.hunt("up", "--config", "hunt.yaml", "--store", self.store)
        self.assert_exit(run, 2)
        self.assert_says(run.stderr, "secnods", "seconds", "hunt.yaml")


if __name__ == "__main__":
    unittest.main()
