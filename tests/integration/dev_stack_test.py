"""script/dev-stack: the servers are what the printed line says, and are gone after down."""
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


class DevStack(unittest.TestCase):
    """Each test has a temporary folder, and so a stack, of its own."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="hunt-dev-stack-test-")
        os.chmod(self.folder, 0o755)  # the user `postgres` goes through it
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.addCleanup(self.stack, "down")

    def stack(self, *words):
        return subprocess.run([str(ROOT / "script/dev-stack"), *words], capture_output=True,
                              text=True, timeout=300, check=False,
                              env={**os.environ, "TMPDIR": self.folder})

    def state(self):
        (file,) = Path(self.folder).glob("hunt-dev-stack-*/stack.json")
        return file

    def pids(self):
        return [p["pid"] for p in json.loads(self.state().read_text(encoding="utf-8"))["processes"]]

    @staticmethod
    def is_gone(pid):
        """Ended; whoever inherited it may not have looked yet."""
        try:
            status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return True
        return "\nState:\tZ" in status

    def ask(self, *arguments, **more):
        done = subprocess.run(arguments, capture_output=True, text=True, timeout=60, check=False,
                              **more)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_brings_up_what_it_prints_and_takes_it_down(self):
        up = self.stack("up", "--redis-nodes", "3", "--shards", "2")
        self.assertEqual(up.returncode, 0, up.stderr)
        pids = self.pids()
        self.assertEqual(len(pids), 6)

        flags = self.stack("flags")
        printed = up.stdout.split("build/hunt serve")[1].replace("\\", "")
        self.assertEqual(flags.stdout.split(), printed.split())

        host, port = re.search(r"--bus nats://([\d.]+):(\d+)", up.stdout).groups()
        with socket.create_connection((host, int(port)), 10) as bus:
            self.assertIn('"jetstream":true', bus.recv(4096).decode())

        nodes = re.search(r"--cache redis-cluster://(\S+)", up.stdout).group(1).split(",")
        self.assertEqual(len(nodes), 3)
        for node in nodes:
            info = self.ask("redis-cli", "-h", "127.0.0.1", "-p", node.split(":")[1],
                            "CLUSTER", "INFO")
            self.assertIn("cluster_state:ok", info)
            self.assertIn("cluster_slots_ok:16384", info)
            self.assertIn("cluster_size:3", info)

        stores = re.findall(r"--store (postgres://\S+)", up.stdout)
        self.assertEqual(len(set(stores)), 2)
        for store in stores:
            told = self.ask("psql", store, "-Atc",
                            "select current_database(), current_setting('wal_level')")
            self.assertEqual(told.strip(), "hunt|logical")
            stranger = subprocess.run(["psql", re.sub(r":\w+@", ":wrong@", store), "-c", ""],
                                      capture_output=True, text=True, timeout=60, check=False)
            self.assertNotEqual(stranger.returncode, 0)

        again = self.stack("up")
        self.assertEqual(again.returncode, 1)
        self.assertIn("down ends it", again.stderr)

        down = self.stack("down")
        self.assertEqual((down.returncode, down.stdout), (0, "ended 6 servers\n"))
        for pid in pids:
            self.assertTrue(self.is_gone(pid), pid)
        self.assertEqual(os.listdir(self.folder), [])
        self.assertEqual(self.stack("down").stdout, "nothing was up\n")

    def test_one_redis_is_a_plain_one_and_down_spares_processes_that_are_not_its_own(self):
        up = self.stack("--redis-nodes", "1", "--shards", "1")
        self.assertEqual(up.returncode, 0, up.stderr)
        port = re.search(r"--cache redis://127.0.0.1:(\d+)\s", up.stdout).group(1)
        self.assertEqual(self.ask("redis-cli", "-p", port, "PING"), "PONG\n")
        pids = self.pids()
        with subprocess.Popen(["sleep", "300"]) as other:
            try:
                state = json.loads(self.state().read_text(encoding="utf-8"))
                # A number that another process has by now.
                state["processes"].append({"name": "old", "pid": other.pid, "started": 1})
                self.state().write_text(json.dumps(state), encoding="utf-8")
                self.assertEqual(self.stack("down").stdout, "ended 3 servers\n")
                self.assertIsNone(other.poll())
            finally:
                other.kill()
        for pid in pids:
            self.assertTrue(self.is_gone(pid), pid)

    def test_a_start_that_fails_leaves_nothing(self):
        tools = Path(self.folder) / "tools"
        tools.mkdir()
        fake = tools / "redis-server"
        fake.write_text("#!/bin/sh\necho 'no room at all'\nexit 3\n", encoding="utf-8")
        fake.chmod(0o755)
        up = subprocess.run([str(ROOT / "script/dev-stack")], capture_output=True, text=True,
                            timeout=300, check=False,
                            env={**os.environ, "TMPDIR": self.folder,
                                 "PATH": f"{tools}:{os.environ['PATH']}"})
        self.assertEqual(up.returncode, 1)
        self.assertIn("redis-0 ended", up.stderr)
        self.assertIn("no room at all", up.stderr)
        self.assertEqual(os.listdir(self.folder), ["tools"])

    def test_says_what_it_takes(self):
        for words, why in ((["--redis-nodes", "2"], "no majority"), (["--shards", "0"], "1 to 64"),
                           (["sideways"], "invalid choice"), (["--redis-nodes", "x"], "1 to 100")):
            wrong = self.stack(*words)
            self.assertEqual(wrong.returncode, 2, words)
            self.assertIn(why, wrong.stderr)


if __name__ == "__main__":
    unittest.main()
