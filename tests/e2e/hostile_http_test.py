"""Clients that mean harm, against the built program: each attack with the bound that holds.

The bounds are of bytes and of who is answered; times are only such that a stuck server fails, so
that a busy machine does not.
"""
import os
import resource
import socket
import statistics
import time
import unittest

from hunt_process import TOKEN, HuntTest, player
from web_socket import WebSocket

MIB = 1 << 20
GAME_TOKEN = "the-game-servers-token-of-the-tests"
BODY = 262_144
# What malloc keeps, buffers of connections and coroutines add to what is counted.
SLACK = 48 * MIB
BODIES = 32 * MIB
ANSWERS = 64 * MIB
FEED = 256 * 1024
FEW_FILES = ("bash", "-c", 'ulimit -n 256; exec "$@"', "few-files")


class Hostile(HuntTest):
    """A server, its memory and its probes."""

    def setUp(self):
        super().setUp()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = 8192 if hard == resource.RLIM_INFINITY else min(8192, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
        self.held = []
        self.addCleanup(lambda: [one.close() for one in self.held])

    def memory(self):
        """Bytes in use, as the kernel counts them."""
        with open(f"/proc/{self.server.process.pid}/status", encoding="ascii") as status:
            line = next(line for line in status if line.startswith("VmRSS:"))
        return int(line.split()[1]) * 1024

    def connect(self, receive_bytes=None):
        raw = socket.socket()
        if receive_bytes:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        raw.settimeout(10)
        raw.connect(("127.0.0.1", self.server.port))
        self.held.append(raw)
        return raw

    def send_all(self, sockets, data, seconds=20):
        """As much as each takes; who is refused meanwhile takes no more."""
        rest = []
        for raw in sockets:
            raw.setblocking(False)
            rest.append([raw, memoryview(data)])
        deadline = time.monotonic() + seconds
        while rest and time.monotonic() < deadline:
            moved = False
            for entry in rest:
                try:
                    count = entry[0].send(entry[1][:65536])
                    entry[1] = entry[1][count:]
                    moved = True
                except BlockingIOError:
                    pass
                except OSError:
                    entry[1] = entry[1][:0]
            rest = [entry for entry in rest if entry[1]]
            if not moved:
                time.sleep(0.005)

    def probe(self, times=5):
        """Probes and a dig are answered; returns the most memory seen meanwhile."""
        waits, most = [], 0
        for _ in range(times):
            started = time.monotonic()
            self.assertEqual(self.server.get("/livez").status, 200)
            self.assertEqual(self.server.get("/readyz").status, 200)
            waits.append((time.monotonic() - started) / 2)
            most = max(most, self.memory())
            self.assertEqual(self.server.dig((player(1), 3, 3)).status, 200)
        self.assertLess(statistics.median(waits), 2, waits)
        return most

    def refused(self, reason):
        return self.server.get("/v1/stats").json["http"]["refused"][reason]

    def big_body_is_taken(self):
        """Within a few tries: who was waited for longest gives way."""
        body = " " * 100_000 + ('{"world":1,"positions":[{"player":"%s","x":1,"y":1}]}' % player(1))
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            reply = self.server.post("/v1/positions", body)
            if reply.status == 200:
                return
            self.assert_error(reply, 503, "send it again")
            time.sleep(0.1)
        self.fail("no large body was taken for 30 s")


class Bytes(Hostile):
    """What clients can make the server hold."""

    def setUp(self):
        super().setUp()
        self.server = self.serve("--memory-limit", "512MiB")
        self.before = self.memory()

    def test_bodies_without_their_last_byte_are_bounded(self):
        head = (b"POST /v1/positions HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
                % BODY)
        self.send_all([self.connect() for _ in range(400)], head + b" " * (BODY - 1))
        most = self.probe()
        self.assertLess(most - self.before, BODIES + SLACK * 5 // 8)
        self.big_body_is_taken()
        self.assertGreater(self.refused("bodies"), 0)
        self.assertIsNone(self.server.process.poll())

    def test_messages_of_streams_without_their_last_byte_are_bounded(self):
        streams = [WebSocket(self.server.port, "/v1/stream") for _ in range(400)]
        self.held += streams
        part = WebSocket.frame(b" " * (BODY - 1), length=BODY)
        self.send_all([stream.socket for stream in streams], part, 8)
        most = self.probe()
        self.assertLess(most - self.before, BODIES + SLACK * 5 // 8)
        self.big_body_is_taken()

    def fill_ledger(self, grants):
        self.server.bury([{"x": 9, "y": 9, "table": "starlight", "budget": grants}])
        for first in range(0, grants, 1000):
            digs = [(player(1000 + number), 9, 9) for number in range(first, first + 1000)]
            self.assertEqual(self.server.dig(*digs).status, 200)
        self.before = self.memory()

    def test_streams_that_never_read_are_bounded_and_others_get_every_grant(self):
        self.fill_ledger(5000)
        for _ in range(100):
            self.held.append(WebSocket(self.server.port, "/v1/stream?after=0", receive_bytes=4096))
        time.sleep(1)
        most = self.probe()
        self.assertLess(most - self.before, 100 * FEED + SLACK)
        stream = WebSocket(self.server.port, "/v1/stream?after=0")
        self.held.append(stream)
        seen = [stream.receive().startswith('{"grant":') for _ in range(5000)]
        self.assertTrue(all(seen))

    def test_answers_that_nobody_reads_are_bounded_and_others_get_theirs(self):
        self.fill_ledger(1000)
        ask = b"GET /v1/grants?limit=1000 HTTP/1.1\r\nHost: localhost\r\n\r\n"
        self.send_all([self.connect(4096) for _ in range(400)], ask * 4)
        most = self.probe()
        self.assertLess(most - self.before, ANSWERS + SLACK)
        deadline = time.monotonic() + 30
        while self.server.get("/v1/grants?limit=1000").status != 200:
            self.assertLess(time.monotonic(), deadline)


class Places(Hostile):
    """Who gets a connection."""

    def test_silent_connections_cost_nobody_an_answer(self):
        self.server = self.serve()
        before = self.memory()
        for _ in range(6000):
            self.connect()
        most = self.probe()
        self.assertLess(most - before, SLACK)
        self.assertGreater(self.refused("evicted"), 0)
        self.assertEqual(self.refused("connections"), 0)

    def wait_for_a_place(self):
        """An idle connection that gives its place away ends a moment later."""
        end = time.monotonic() + 20
        while self.server.dig((player(2), 3, 3)).status == 503:
            self.assertLess(time.monotonic(), end, "no idle connection makes room")
            time.sleep(0.02)

    def test_with_few_descriptors_probes_admins_and_players_are_answered(self):
        self.server = self.serve(wrapper=FEW_FILES)
        self.assertRegex(self.server.output, r"at most \d+ HTTP connections: 256 open files")
        head = b"POST /v1/positions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n"
        whole = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
        for data in (b"", b"GET /livez HT", head, whole):
            for _ in range(400):
                raw = self.connect()
                try:
                    raw.sendall(data)
                except OSError:
                    pass  # its place was given away
            with self.subTest(data=data):
                self.wait_for_a_place()
                self.probe()
                made = self.server.bury([{"x": 5, "y": 5, "table": "starlight", "budget": 1}])
                self.assertEqual(made.status, 200, made)
        self.assertLess(len(self.server.lines), 20, "a line for each refused connection")

    def test_descriptors_that_run_out_while_running_block_no_probe(self):
        """Something else took them: more than was foreseen."""
        self.server = self.serve()
        pid = self.server.process.pid
        used = len(os.listdir(f"/proc/{pid}/fd"))
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (used + 4, used + 4))
        for _ in range(60):
            self.connect()
        before = self.cpu_seconds(pid)
        self.probe()
        time.sleep(1)
        self.assertLess(self.cpu_seconds(pid) - before, 1.0, "it spins")

    @staticmethod
    def cpu_seconds(pid):
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def test_streams_in_every_place_leave_room_for_probes_and_admins(self):
        self.server = self.serve(wrapper=FEW_FILES)
        for _ in range(250):
            try:
                self.held.append(WebSocket(self.server.port, "/v1/stream"))
            except (AssertionError, OSError):
                break
        self.assertGreater(len(self.held), 30)
        for _ in range(3):
            self.assertEqual(self.server.get("/livez").status, 200)
            self.assertEqual(self.server.get("/metrics").status, 200)
            made = self.server.bury([{"x": 5, "y": 5, "table": "starlight", "budget": 1}])
            self.assertEqual(made.status, 200, made)
        late = self.server.dig((player(1), 3, 3))
        self.assert_error(late, 503, "kept for probes and admins")


class Names(Hostile):
    """Names and tokens."""

    def ask(self, head):
        raw = self.connect()
        raw.sendall(head.encode() + b"\r\nConnection: close\r\n\r\n")
        received = b""
        while part := raw.recv(65536):
            received += part
        return int(received.split(b" ", 2)[1]), received

    def test_only_names_of_this_server_are_answered(self):
        self.server = self.serve("--allow-host", "hunt.example")
        for host, wanted in (("localhost", 200), ("LocalHost.:1", 200), ("[::1]:80", 200),
                             ("hunt.example:8080", 200), ("127.0.0.9", 200), ("evil.example", 403),
                             ("localhost.evil.example", 403), ("192.0.2.7", 403), ("127.1", 403),
                             ("a b", 400), ("localhost:99999", 400), ("", 400)):
            for path in ("/v1/stats", "/livez"):
                with self.subTest(host=host, path=path):
                    status, _ = self.ask(f"GET {path} HTTP/1.1\r\nHost: {host}")
                    self.assertEqual(status, wanted)
        with self.subTest("a token does not help"):
            status, _ = self.ask("GET /v1/stats HTTP/1.1\r\nHost: evil.example\r\n"
                                 f"Authorization: Bearer {TOKEN}")
            self.assertEqual(status, 403)
        for host in ("", "Host: localhost\r\nHost: localhost"):
            status, _ = self.ask(f"GET /livez HTTP/1.1\r\n{host}".rstrip())
            self.assertEqual(status, 400, host)

    def test_an_allowed_host_is_a_name(self):
        run = self.hunt("serve", "--store", self.store, "--allow-host", "http://hunt.example")
        self.assert_exit(run, 2)
        self.assert_says(run.stderr, "allow-host", "hunt.example")

    def test_tokens_are_demanded_where_they_are_given_or_needed(self):
        (self.folder / "game").write_text(GAME_TOKEN + "\n")
        self.server = self.serve("--server-token-file", self.folder / "game")
        self.assertEqual(self.server.get("/v1/stats").status, 401)
        self.assertEqual(self.server.get("/v1/stats", token=GAME_TOKEN).status, 200)
        for listen in ("0.0.0.0:0", "[::]:0"):
            run = self.hunt("serve", "--store", self.store, "--listen", listen)
            self.assertNotEqual(run.returncode, 0)
            self.assert_says(run.stderr, "--server-token-file")
        run = self.hunt("serve", "--store", self.store, "--listen", "127.0.0.1:0",
                        "--server-token-file", "game", "--admin-token-file", "game")
        self.assertNotEqual(run.returncode, 0)
        self.assert_says(run.stderr, "a token of its own")


if __name__ == "__main__":
    unittest.main()
