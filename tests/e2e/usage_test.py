"""The command line: help with examples, versions, exit codes, mistakes that name the nearest."""
import os
import signal
import subprocess
import unittest

from hunt_process import HUNT, HuntTest, clean_environment

COMMANDS = [["up"], ["serve"], ["world"], ["world", "create"], ["world", "import"],
            ["world", "export"], ["world", "stats"], ["rules"], ["rules", "check"],
            ["rules", "odds"], ["rules", "simulate"], ["rules", "diff"], ["rules", "disclose"],
            ["rules", "lock"], ["rules", "schema"], ["rules", "keys"], ["audit"], ["why"],
            ["relay"], ["doctor"], ["flame"], ["explain"], ["migrate"]]


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

    def test_unknown_words_point_to_the_help_of_their_own_command(self):
        for arguments, words in (
                (["world", "create", "a", "--nmae", "b"], ["--nmae", "`hunt world create --help`"]),
                (["create", "--help"], ['"create"', "hunt world create", "`hunt --help`"]),
                (["world", "improt", "--help"], ["hunt world --help", "import"]),
                (["odds"], ["hunt rules odds"]), (["world", "stats", "-q"], ["unknown flag -q"]),
                (["world", "stats", "demo"], ["demo", "`hunt world stats --help`"])):
            with self.subTest(arguments=arguments):
                run = self.hunt(*arguments)
                self.assert_exit(run, 2)
                self.assert_says(run.stderr, *words)
                self.assertEqual(run.stdout, "")

    def test_numbers_are_decimal_wherever_they_come_from(self):
        for number, text in ((123, "0123"), (89, "089"), (10, "010")):
            run = self.hunt("world", "create", f"w{number}", "--id", text, "--store", self.store)
            self.assertEqual(run.stdout, f'world {number} is "w{number}"\n', run.stderr)
        environment = clean_environment(HUNT_ID="011")
        run = self.hunt("world", "create", "e", "--store", self.store, env=environment)
        self.assert_says(run.stdout, "world 11 is")
        config = self.folder / "c.yaml"
        config.write_text("id: 012\n")
        run = self.hunt("world", "create", "c", "--store", self.store, "--config", config)
        self.assert_says(run.stdout, "world 12 is")
        for bad in ("0x10", "1e3", "+5", " 5", "5 ", "0b1", "1.0", "1,000", "５", "--", ""):
            for where in ("flag", "environment", "file"):
                with self.subTest(bad=bad, where=where):
                    arguments, environment = [], clean_environment()
                    if where == "flag":
                        arguments = [f"--id={bad}"]
                    elif where == "environment":
                        environment = clean_environment(HUNT_ID=bad)
                    else:
                        config.write_text(f'store: {self.store}\nid: "{bad}"\n')
                        arguments = ["--config", config]
                    run = self.hunt("world", "create", "bad", *arguments, env=environment)
                    self.assert_exit(run, 2)
                    self.assert_says(run.stderr, {"flag": "--id", "environment": "HUNT_ID",
                                                  "file": "c.yaml:2"}[where])
        for flag, bad in (("--seconds", "0x10"), ("--seconds", "1e1"), ("--seconds", "nan"),
                          ("--seed", "-1"), ("--players", "0x10")):
            run = self.hunt("up", flag, bad)
            self.assert_exit(run, 2)
            self.assert_says(run.stderr, flag, "decimal number")
        self.assert_exit(self.hunt("serve", "--memory-limit", "0x10MiB"), 2)

    def test_a_config_file_is_read_as_strictly_as_rules(self):
        config = self.folder / "hunt.yaml"
        for text, words in (
                ("store: sqlite:a.db\nstore: sqlite:b.db\n", ["hunt.yaml:2", "twice"]),
                ("lanes: 1\n---\nlanes: 2\n", ["hunt.yaml:2", "second document"]),
                ("lanes: &n 1\n", ["hunt.yaml:1", "anchors"]), ("lanes: !!int 1\n", ["tags"]),
                ("listen: 127.0.0.1:1\nlanes:\n", ["hunt.yaml:2", '"lanes" has no value']),
                ("lanes: ''\n", ["hunt.yaml:1", '"lanes" has no value']),
                ("store: []\n", ["hunt.yaml:1", '"store"']),
                ("store: [sqlite:a.db, ]\nlanes: {a: 1}\n", ["hunt.yaml:2", "a value or a list"]),
                ("\tlanes: 1\n", ["hunt.yaml:1", "tab"]), ("lanes 1\n", ["keys and values"]),
                ("lanes: many\n", ["hunt.yaml:1", "--lanes", '"many"']),
                ("- lanes\n", ["keys and values"]), ("lnaes: 1\n", ["hunt.yaml:1", "--lanes"]),
                ("config: other.yaml\n", ["hunt.yaml:1", "a file names no other one"])):
            with self.subTest(text):
                config.write_text(text)
                run = self.hunt("serve", "--config", config)
                self.assert_exit(run, 2)
                self.assert_says(run.stderr, *words)
        for text in ("", "# nothing yet\n", "---\n"):
            config.write_text(text)
            self.assert_exit(self.hunt("world", "create", "a", "--config", config), 0)
        run = self.hunt("world", "stats", "--config", "-", stdin=f"store: {self.store}\n")
        self.assert_exit(run, 0)
        self.assert_says(run.stdout, "loot tiles")

    def test_one_file_serves_the_commands_of_a_hunt(self):
        config = self.folder / "hunt.yaml"
        config.write_text(f"store: {self.store}\nlanes: 2\nbus: 'nats://127.0.0.1:1'\nid: 7\n"
                          "no-prewarm: true\ntoken-file: none\nurl: http://127.0.0.1:1\n")
        for command, code in ((["world", "create", "a", "--url", "http://127.0.0.1:2"], 1),
                              (["audit"], 1), (["relay"], 1), (["why"], 1)):
            with self.subTest(command=command):
                run = self.hunt(*command, "--config", config)
                self.assert_exit(run, code)
                self.assertNotIn("no flag", run.stderr)
        # Those of one process, and of no hunt at all, have files of their own.
        for command in (["up"], ["rush"], ["sim"]):
            run = self.hunt(*command, "--config", config)
            self.assert_exit(run, 2)
            self.assert_says(run.stderr, "hunt.yaml:", "no flag")
        for text, words in (("lanes:\n", ['"lanes" has no value']), ("lnaes: 2\n", ["no flag"]),
                            ("fresh: true\n", ["no flag"]), ("json: {a: 1}\n", ["a value"])):
            config.write_text(text)
            run = self.hunt("relay", "--config", config)
            self.assert_exit(run, 2)
            self.assert_says(run.stderr, "hunt.yaml:1", *words)

    def test_a_wrong_url_is_told_with_its_flag_and_place(self):
        config = self.folder / "hunt.yaml"
        for flag, url in (("store", "mysql://h"), ("bus", "redis://h"), ("cache", "nats://h"),
                          ("cache", "redis://h:x"), ("bus", "nats://[::1")):
            with self.subTest(flag=flag, url=url):
                run = self.hunt("serve", f"--{flag}", url)
                self.assert_exit(run, 2)
                self.assert_says(run.stderr, f"--{flag}:")
                environment = clean_environment(**{f"HUNT_{flag.upper()}": url})
                run = self.hunt("serve", env=environment)
                self.assert_exit(run, 2)
                self.assert_says(run.stderr, f"HUNT_{flag.upper()}: --{flag}:")
                config.write_text(f"lanes: 1\n{flag}: '{url}'\n")
                run = self.hunt("serve", "--config", config)
                self.assert_exit(run, 2)
                self.assert_says(run.stderr, f"hunt.yaml:2: --{flag}:")

    def test_old_names_do_what_todays_do_and_say_so(self):
        config = self.folder / "old.yaml"
        for command, old, today in ((["rush", "--target", "nats://127.0.0.1:1"], "http", "url"),
                                    (["why"], "token-file", "server-token-file"),
                                    (["world", "stats", "--url", "http://127.0.0.1:1"],
                                     "token-file", "admin-token-file"),
                                    (["world", "stats", "--url", "http://127.0.0.1:1"],
                                     "token", "admin-token")):
            variable = "HUNT_" + old.upper().replace("-", "_")
            config.write_text(f"{old}: none\n")
            expected = self.hunt(*command, f"--{today}", "none")
            self.assertNotIn("old name", expected.stderr)
            for arguments, environment in (([f"--{old}", "none"], {}), ([f"--{old}=none"], {}),
                                           ([], {variable: "none"}),
                                           (["--config", config], {})):
                with self.subTest(command=command, arguments=arguments, environment=environment):
                    run = self.hunt(*command, *arguments, env=clean_environment(**environment))
                    self.assertEqual(run.returncode, expected.returncode)
                    warning, rest = run.stderr.split("\n", 1)
                    self.assertRegex(warning, f"^hunt: warning: .*old name.*use --{today}$")
                    self.assertEqual(rest, expected.stderr)
            self.assertNotIn(f"--{old} ", self.hunt(*command, "--help").stdout)
        both = clean_environment(HUNT_TOKEN_FILE="old", HUNT_SERVER_TOKEN_FILE="new")
        self.assert_says(self.hunt("why", env=both).stderr, "new: no such file")

    def test_what_is_no_file_is_a_sentence_for_every_flag_that_takes_one(self):
        (self.folder / "folder").mkdir()
        os.mkfifo(self.folder / "pipe")
        (self.folder / "empty").touch()
        serve = ["serve", "--store", self.store, "--listen", "127.0.0.1:0"]
        flags = [["serve", "--config"], ["world", "stats", "--config"], [*serve, "--rules"],
                 [*serve, "--event-seed-file"], [*serve, "--admin-token-file"],
                 [*serve, "--server-token-file"], ["sim", "--seed", "1", "--scenario"],
                 ["rush", "--target", "inproc:", "--seconds", "1", "--scenario"],
                 ["rush", "--target", "inproc:", "--seconds", "1", "--trace"],
                 ["rush", "--target", "inproc:", "--seconds", "1", "--admin-token-file"],
                 ["rush", "--target", "inproc:", "--seconds", "1", "--html"],
                 ["up", "--seconds", "1", "--listen", "127.0.0.1:0", "--trace"],
                 ["rules", "check"], ["world", "import", "--world", "demo"],
                 ["world", "stats", "--url", "http://127.0.0.1:1", "--admin-token-file"]]
        for flag in flags:
            for name in ("folder", "none", "empty"):
                writes = flag[-1] == "--html"
                reads_folders = flag[-1] in ("--rules", "check")
                config = flag[-1] == "--config"
                if (writes and name != "folder") or (config and name == "empty"):
                    continue
                with self.subTest(flag=flag, name=name):
                    run = self.hunt(*flag, name)
                    self.assertIn(run.returncode, (1, 2), run)
                    self.assert_says(run.stderr, name)
                    if name == "folder" and not reads_folders:
                        self.assert_says(run.stderr, "directory")
        run = self.hunt("serve", "--config", "pipe")
        self.assert_exit(run, 2)
        self.assert_says(run.stderr, "pipe", "nobody wrote")
        if os.geteuid() != 0:
            (self.folder / "locked").touch(0o000)
            self.assert_says(self.hunt("serve", "--config", "locked").stderr, "permission denied")

    def test_what_cannot_be_printed_is_a_failure(self):
        self.assert_exit(self.hunt("world", "create", "a", "--store", self.store), 0)
        for arguments in (["--help"], ["world", "stats", "--store", self.store],
                          ["world", "export", "--world", "demo", "--store", self.store],
                          ["world", "export", "--world", "demo", "-o", "/dev/full", "--store",
                           self.store]):
            with self.subTest(arguments), open("/dev/full", "w", encoding="ascii") as full:
                run = subprocess.run([HUNT, *arguments], stdout=full, stderr=subprocess.PIPE,
                                     text=True, check=False, env=clean_environment())
                self.assert_exit(run, 1)
                self.assert_says(run.stderr, "cannot write to", "no space left")

    def test_a_variable_that_looks_like_ours_is_told(self):
        stats = ["world", "stats", "--store", self.store]
        for name, meant in (("HUNT_STROE", "HUNT_STORE"), ("HUNT_LISTN", "HUNT_LISTEN"),
                            ("HUNT_BSU", "HUNT_BUS"), ("HUNT_ADMIN_TOKENFILE",
                                                       "HUNT_ADMIN_TOKEN_FILE")):
            run = self.hunt(*stats, env=clean_environment(**{name: "x"}))
            self.assert_says(run.stderr, "warning", name, f"did you mean {meant}?")
        others = {"HUNT_PORT": "tcp://10.0.0.1:80", "HUNT_SERVICE_HOST": "10.0.0.1",
                  "HUNT_SERVICE_PORT": "80", "HUNT_PORT_80_TCP": "tcp://10.0.0.1:80",
                  "HUNT_PORT_80_TCP_ADDR": "10.0.0.1", "HUNT_STORE_SERVICE_HOST": "10.0.0.2",
                  "HUNT_STORE_PORT": "tcp://10.0.0.2:5432", "HUNT_PASSWORD": "x",
                  "HUNT_RATE": "5"}
        self.assertNotIn("warning", self.hunt(*stats, env=clean_environment(**others)).stderr)
        for name in ("HUNT_STORE", "HUNT_CONFIG", "HUNT_LISTEN"):
            run = self.hunt("serve", env=clean_environment(**{name: ""}))
            self.assert_exit(run, 2)
            self.assert_says(run.stderr, f"{name} is empty")
        for flag in ("--store=", "--rules="):
            run = self.hunt("serve", flag)
            self.assert_exit(run, 2)
            self.assert_says(run.stderr, flag[:-1], "no value")
        self.assert_exit(self.hunt("serve", "--rules", ""), 2)

    def test_stores_that_are_no_files_get_true_sentences(self):
        for store, word in (("sqlite::memory:", "not in memory"), ("sqlite:", "no file is named"),
                            ("sqlite:file:x?mode=memory", "not by a URI"),
                            ("sqlite://hunt.db", "there is no host")):
            for command in (["serve"], ["world", "stats"], ["audit"], ["doctor"], ["relay", "--bus",
                                                                       "nats://127.0.0.1:1"]):
                with self.subTest(store=store, command=command):
                    run = self.hunt(*command, "--store", store)
                    self.assertIn(run.returncode, (1, 2))
                    self.assert_says(run.stderr, word)
        for command in (["serve", "--listen", "127.0.0.1:0"], ["world", "stats"], ["audit"]):
            run = self.hunt(*command, "--store", "sqlite:/")
            self.assert_exit(run, 1)
            self.assert_says(run.stderr, "it is a directory; name a file in it")

    def test_a_hangup_drains_like_a_termination(self):
        # Whoever runs the tests under nohup hands down that it is ignored.
        self.addCleanup(signal.signal, signal.SIGHUP, signal.signal(signal.SIGHUP, signal.SIG_DFL))
        for name in ("SIGHUP", "SIGTERM"):
            server = self.serve()
            server.process.send_signal(getattr(signal, name))
            self.assertEqual(server.process.wait(timeout=30), 0, server.output)
            server.reader.join()
            self.assert_says(server.output, "draining")
        server = self.serve(wrapper=["nohup"])
        server.process.send_signal(signal.SIGHUP)
        self.assertEqual(server.get("/livez").status, 200)
        self.assertEqual(server.stop(), 0)


if __name__ == "__main__":
    unittest.main()
