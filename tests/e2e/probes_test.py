"""The table of probes in docs/OPERATIONS.md: each failure done to real processes."""
import ctypes
import os
import re
import signal
import socket
import subprocess
import threading
import time
import unittest
from pathlib import Path

from hunt_process import REPOSITORY, RedisServer, clean_environment, player
from nats_process import NatsCase
from reference_test import rows, section

WAITS = True  # For watchdogs and reconnections.
PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT, WALL = 17, 0x4206, 0x4207, 0x40000000
STILL_SECONDS = 10  # lane_still_ns_max of model/limits.h


class Held:
    """Holds one thread of a process, as a call that never returns would; the others go on."""

    def __init__(self, process, name):
        found = [int(task.name) for task in Path(f"/proc/{process.pid}/task").iterdir()
                 if (task / "comm").read_text().strip() == name]
        if not found:
            raise AssertionError(f"no thread is called {name}")
        self.thread = min(found)  # the others were made by it, and have its name
        self.let_go, self.is_held, self.trouble = threading.Event(), threading.Event(), None
        self.tracer = threading.Thread(target=self._hold, daemon=True)
        self.tracer.start()
        self.is_held.wait(10)

    def _hold(self):
        """A tracer is a thread, and only that one may let go."""
        libc = ctypes.CDLL(None, use_errno=True)
        libc.ptrace.argtypes = [ctypes.c_long] * 4
        if libc.ptrace(PTRACE_SEIZE, self.thread, 0, 0) != 0:
            self.trouble = os.strerror(ctypes.get_errno())
        else:
            libc.ptrace(PTRACE_INTERRUPT, self.thread, 0, 0)
            os.waitpid(self.thread, WALL)
        self.is_held.set()
        self.let_go.wait()
        if self.trouble is None:
            libc.ptrace(PTRACE_DETACH, self.thread, 0, 0)

    def release(self):
        self.let_go.set()
        self.tracer.join()


class Probes(NatsCase):
    def setUp(self):
        super().setUp()
        self.redis = RedisServer(self.folder)
        self.addCleanup(lambda: self.redis.stop())

    def status(self, process, path):
        """The status, or "none" where nobody answers within what a probe waits."""
        try:
            return process.get(path, timeout=2).status
        except OSError:
            return "none"

    def relay_there(self, *arguments):
        relay = self.start("relay", "--bus", self.nats.url, *self.store_words(), *arguments,
                           listen=False)
        self.wait_for(lambda: "tells the changes" in relay.output, relay)
        return relay

    def waits_for(self, process, part):
        """Alive, ready, and says that it waits for this part: the sentence, or nothing."""
        self.assertEqual(self.status(process, "/livez"), 200)
        ready = process.get("/readyz")
        self.assertEqual(ready.status, 200, ready)
        found = [one["waits_for"] for one in ready.json["parts"]
                 if one["part"].startswith(part) and not one["ready"]]
        if found:
            self.assertIn("warning", ready.json)
        return "; ".join(found)

    def is_well(self, process):
        return "warning" not in process.get("/readyz").json

    def test_a_thread_that_hangs_fails_liveness_and_starves_the_watchdog(self):
        heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(heard.close)
        heard.bind(str(self.folder / "notify"))
        relay = self.relay_there()
        serve = self.serve_nats("--lanes", "2", env=clean_environment(
            NOTIFY_SOCKET=str(self.folder / "notify")))
        held = []
        for process, name in ((serve, "lane-1"), (relay, "relay")):
            self.assertEqual(self.status(process, "/livez"), 200)
            held.append(Held(process.process, name))
            self.addCleanup(held[-1].release)
            if held[-1].trouble:
                self.skipTest("no thread can be held here: " + held[-1].trouble)
        begun = time.monotonic()
        for process, words in ((serve, "lane 1 has not turned"),
                               (relay, "the relay's thread has not turned")):
            self.wait_for(lambda one=process: self.status(one, "/livez") == 503, process, 60)
            self.assertGreater(time.monotonic() - begun, STILL_SECONDS - 2)
            self.assert_says(process.get("/livez").json["error"]["message"], words)
            self.assertEqual(self.status(process, "/readyz"), 200)
        heard.settimeout(60)
        while b"STATUS=not alive" not in (datagram := heard.recv(4096)):
            pass
        self.assertNotIn(b"WATCHDOG=1", datagram)
        for one in held:
            one.release()
        for process in (serve, relay):
            self.wait_for(lambda one=process: self.status(one, "/livez") == 200, process, 60)
        while b"WATCHDOG=1" not in heard.recv(4096):
            pass

    def test_a_process_that_is_stopped_answers_no_probe(self):
        serve = self.serve_nats()
        serve.process.send_signal(signal.SIGSTOP)
        self.addCleanup(serve.process.send_signal, signal.SIGCONT)
        tasks = Path(f"/proc/{serve.process.pid}/task")
        # On a full machine a thread stops when it comes by a core next.
        self.wait_for(lambda: all(") T" in (task / "stat").read_text()
                                  for task in tasks.iterdir()), serve)
        self.assertEqual((self.status(serve, "/livez"), self.status(serve, "/readyz")),
                         ("none", "none"))
        serve.process.send_signal(signal.SIGCONT)
        self.assertEqual(self.status(serve, "/livez"), 200)

    def test_one_that_waits_for_nats_lives_and_says_so_until_it_is_back(self):
        relay, serve = self.relay_there(), self.serve_nats()
        self.wait_for(lambda: self.is_well(serve), serve)
        self.nats.kill()
        for process in (serve, relay):
            self.wait_for(lambda one=process: self.nats.address in self.waits_for(one, "bus"),
                          process)
        self.nats.start()
        for process in (serve, relay):
            self.wait_for(lambda one=process: self.is_well(one), process, 60)

    def test_one_without_its_redis_lives_and_says_so_until_it_is_back(self):
        words = ("--cache", self.redis.url)
        relay, serve = self.relay_there(*words), self.serve_nats(*words)
        self.wait_for(lambda: self.is_well(serve), serve)
        self.redis.stop()
        self.assertEqual(serve.bury([{"x": 5, "y": 5, "table": "starlight",
                                      "budget": 1}]).status, 200)
        self.wait_for(lambda: serve.dig((player(1), 5, 5)).json["outcomes"][0]["outcome"]
                      == "granted", serve)
        for process in (serve, relay):
            self.wait_for(lambda one=process: str(self.redis.port) in self.waits_for(one, "cache"),
                          process)
        again = subprocess.Popen(["redis-server", "--port", str(self.redis.port), "--bind",
                                  "127.0.0.1", "--save", "", "--dir", self.folder],
                                 stdout=subprocess.DEVNULL)
        self.addCleanup(again.wait)
        self.addCleanup(again.kill)
        for process in (serve, relay):
            self.wait_for(lambda one=process: self.is_well(one), process, 60)
            self.assertEqual(process.stop(), 0, process.output)

    def test_one_that_waits_for_a_relay_lives_and_says_so(self):
        serve = self.serve_nats()
        self.wait_for(lambda: "no relay" in self.waits_for(serve, "relays"), serve)
        relay = self.relay_there()
        self.wait_for(lambda: self.is_well(serve), serve, 60)
        second = self.start("relay", "--bus", self.nats.url, *self.store_words(), listen=False)
        self.assertEqual((self.status(second, "/livez"), self.status(second, "/readyz")),
                         (200, 200))
        self.assertEqual(relay.stop(), 0)

    def test_it_is_not_ready_while_it_starts_and_answers_nobody_once_it_drains(self):
        # With loot and without a relay it waits for one for a second, and answers probes meanwhile.
        tiles = self.folder / "tiles.csv"
        tiles.write_text("x,y,table,budget\n3,3,starlight,1\n")
        self.assert_exit(self.hunt("world", "import", tiles, "--world", "demo", "--store",
                                   self.store), 0)
        for _ in range(5):  # on a busy machine the second may pass between two looks
            serve = self.serve_nats(ready=False)
            seen = []
            while not seen or seen[-1] != (200, 200):
                self.assertIsNone(serve.process.poll(), serve.output)
                seen.append((self.status(serve, "/livez"), self.status(serve, "/readyz")))
                time.sleep(0.01)
            if (200, 503) in seen:
                break
            self.assertEqual(serve.stop(), 0)
        self.assertIn((200, 503), seen)
        serve.process.send_signal(signal.SIGTERM)
        self.wait_for(lambda: self.status(serve, "/readyz") in (503, "none"), serve)
        self.assertEqual(serve.wait_exit(60), 0)

    def test_a_start_that_cannot_be_ends_with_one_line_that_says_why(self):
        wrong = self.folder / "wrong.yaml"
        wrong.write_text("event: [")
        empty = self.folder / "empty"
        empty.write_text("\n")
        nowhere = "nats://127.0.0.1:1"
        for words, said in ((["--bus", nowhere], "127.0.0.1:1"),
                            (["--rules", wrong], "wrong.yaml"),
                            (["--admin-token-file", self.folder / "none"], "none"),
                            (["--server-token-file", empty], "holds no token"),
                            (["--store", "postgres://hunt@127.0.0.1:1/hunt"], "127.0.0.1:1")):
            run = self.hunt("serve", "--store", self.store, *words) if "--store" not in words \
                else self.hunt("serve", *words)
            self.assert_exit(run, 1)
            self.assert_says(run.stderr, said)


class Table(unittest.TestCase):
    def test_every_row_names_a_test_that_exists(self):
        text = (REPOSITORY / "docs/OPERATIONS.md").read_text("utf-8")
        table = [row for row in rows(section(text, "## Probes")) if len(row) == 5]
        tests = "\n".join(path.read_text("utf-8")
                          for path in (REPOSITORY / "tests/e2e").glob("*_test.py"))
        self.assertGreater(len(table), 12)
        for row in table:
            name = re.search(r"`(test_\w+)`", row[4])
            self.assertTrue(name, row)
            self.assertIn(f"def {name[1]}(", tests, row[1])


if __name__ == "__main__":
    unittest.main()
