"""tests/run_python.py counts what it is given: tests that pass, fail, are skipped, and die."""
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

RUNNER = Path(__file__).resolve().parents[1] / "run_python.py"
IMPORTS = "import os, signal, subprocess, sys, time, unittest\nfrom pathlib import Path\n"
SLEEPS = """
class Sleeps(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.addClassCleanup(Path("class-is-cleaned").touch)

    def test_sleeps(self):
        self.addCleanup(Path("test-is-cleaned").touch)
        with open("child", "w") as file:
            print(subprocess.Popen(["sleep", "600"]).pid, file=file)
        os.rename("child", "sleeper")
        time.sleep(600)
"""


class RunPython(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="hunt-run-python-")
        self.addCleanup(self.folder.cleanup)
        self.path = Path(self.folder.name)

    def command(self, **files):
        for name, text in files.items():
            (self.path / f"{name}_test.py").write_text(IMPORTS + text, encoding="utf-8")
        return [sys.executable, "-B", RUNNER, self.path]

    def run_all(self, *names, **files):
        return subprocess.run([*self.command(**files), *names], cwd=self.path, timeout=60,
                              capture_output=True, text=True, check=False)

    def assert_ends(self, run, line, code):
        self.assertEqual(run.stdout.splitlines()[-1], line, run.stdout + run.stderr)
        self.assertEqual(run.returncode, code, run.stdout + run.stderr)

    def test_a_line_for_each_test_with_what_it_printed_before(self):
        run = self.run_all(good="""
class Good(unittest.TestCase):
    def test_a(self):
        print("first\\nsecond")
    def test_b(self):
        self.skipTest("no moon")
""")
        self.assert_ends(run, "1 passed, 0 failed", 0)
        self.assertRegex(run.stdout, r"first\nsecond\nok     good_test.Good.test_a \(\d+\.\d s\)\n")
        self.assertRegex(run.stdout, r"skip   good_test.Good.test_b \(\d+\.\d s\): no moon\n")

    def test_what_fails_is_counted_wherever_it_fails(self):
        run = self.run_all(bad="""
class Bad(unittest.TestCase):
    def test_fails(self):
        self.assertEqual(1, 2)
    def test_raises(self):
        raise KeyError("lantern")
    def test_parts(self):
        for part in range(3):
            with self.subTest(part=part):
                self.assertEqual(part, 1)
    def test_leaves(self):
        sys.exit(0)

class NoStart(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        raise OSError("no room")
    def test_nothing(self):
        pass
""", unreadable="import no_such_module\n")
        self.assert_ends(run, "0 passed, 7 failed", 1)
        for words in ("1 != 2", "lantern", "(part=0)", "(part=2)", "no room", "no_such_module",
                      "SystemExit"):
            self.assertIn(words, run.stdout)

    def test_a_process_that_dies_is_a_failure_and_leaves_nothing_behind(self):
        run = self.run_all(dies="""
class Dies(unittest.TestCase):
    def test_ends(self):
        os._exit(0)
    def test_is_killed(self):
        child = subprocess.Popen(["sleep", "600"])
        with open("sleeper", "w") as file:
            print(child.pid, file=file)
        os.kill(os.getpid(), signal.SIGKILL)
    def test_lives(self):
        pass
""")
        self.assert_ends(run, "1 passed, 2 failed", 1)
        self.assertIn("FAILED dies_test.Dies.test_ends: the process of 1 tests ended too early",
                      run.stdout)
        self.assertIn("with -9", run.stdout)
        self.assert_sleeper_ends()

    def assert_sleeper_ends(self):
        """It is gone, or waits for whoever inherited it."""
        status = Path("/proc") / (self.path / "sleeper").read_text().strip() / "status"
        deadline = time.monotonic() + 30
        while status.exists() and "\nState:\tZ" not in status.read_text():
            self.assertLess(time.monotonic(), deadline, "it sleeps on")
            time.sleep(0.05)

    def test_an_interrupted_run_cleans_up_and_ends(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number=number):
                run = subprocess.Popen(self.command(sleeps=SLEEPS), cwd=self.path, text=True,
                                       stdout=subprocess.PIPE)
                self.addCleanup(run.stdout.close)
                self.addCleanup(run.kill)
                deadline = time.monotonic() + 30
                while not (self.path / "sleeper").exists():
                    self.assertLess(time.monotonic(), deadline)
                    time.sleep(0.02)
                run.send_signal(number)
                self.assertEqual(run.wait(30), 130)
                self.assertNotIn("passed", run.stdout.read())
                self.assert_sleeper_ends()
                for name in ("class-is-cleaned", "test-is-cleaned", "sleeper"):
                    (self.path / name).unlink()  # which is there

    def test_alone_is_alone_and_last(self):
        notes = """
class Notes(unittest.TestCase):
    def note(self, word):
        with open("notes", "a") as file:
            print(word, self.id(), file=file, flush=True)
    def noted(self):
        self.note("begins")
        time.sleep(0.2)
        self.note("ends")
    test_a = test_b = test_c = noted
"""
        run = self.run_all(a="ALONE = True\n" + notes, b=notes)
        self.assert_ends(run, "6 passed, 0 failed", 0)
        seen = re.findall(r"(\w+) (\w)_test", (self.path / "notes").read_text())
        self.assertEqual([name for _, name in seen], ["b"] * 6 + ["a"] * 6)
        self.assertEqual([word for word, _ in seen[6:]], ["begins", "ends"] * 3)
        if len(os.sched_getaffinity(0)) > 1:
            self.assertEqual([word for word, _ in seen[:2]], ["begins"] * 2, "one by one")

    def test_who_waits_runs_beside_the_others_one_at_a_time(self):
        waits = """
class Waits(unittest.TestCase):
    def wait(self):
        with open("waiting", "x"): pass
        time.sleep(0.3)
        os.unlink("waiting")
    test_a = test_b = test_c = wait
"""
        others = """
class Others(unittest.TestCase):
    def test_sees_one(self):
        end = time.monotonic() + 10
        while not (seen := os.path.exists("waiting")) and time.monotonic() < end:
            time.sleep(0.001)
        self.assertTrue(seen)
"""
        run = self.run_all(a="WAITS = True\n" + waits, b=others)
        self.assert_ends(run, "4 passed, 0 failed", 0)

    def test_the_longest_are_told_with_the_cpu_of_what_they_started(self):
        run = self.run_all(a="""
class Works(unittest.TestCase):
    def test_works(self):
        subprocess.run([sys.executable, "-c",
                        "import time\\nwhile time.process_time() < 0.5: pass"], check=True)
class Sleeps(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        time.sleep(1)
    def test_a(self): pass
    def test_b(self): pass
""")
        self.assert_ends(run, "3 passed, 0 failed", 0)
        cpu = {name: float(seconds) for seconds, name in re.findall(
            r"^ +\d+\.\d s, +(\d+\.\d) s of CPU  (.*)$", run.stdout, re.M)}
        self.assertEqual(set(cpu), {"a_test.Works.test_works", "a_test.Sleeps, 2 tests"})
        self.assertGreaterEqual(cpu["a_test.Works.test_works"], 0.5)
        self.assertLess(cpu["a_test.Sleeps, 2 tests"], 0.5)
        self.assertNotIn("CPU", self.run_all("Sleeps").stdout, "of a part there is less to say")

    def test_names_choose(self):
        run = self.run_all("test_a", "test_c", a="""
class Three(unittest.TestCase):
    def test_a(self): pass
    def test_b(self): pass
    def test_c(self): pass
""")
        self.assert_ends(run, "2 passed, 0 failed", 0)
        self.assert_ends(self.run_all("no_such"), "0 passed, 0 failed", 1)


if __name__ == "__main__":
    unittest.main()
