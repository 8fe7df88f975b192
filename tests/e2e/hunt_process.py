"""Starts and talks to the built program, for tests that see it as a user does.

Not a client library. Every process runs in a folder of its own, listens on a free loopback port, is
stopped by its own id, and its output is kept for the message of a failing test.
"""
import fcntl
import http.client
import itertools
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent.parent
HUNT = Path(os.environ.get("HUNT_TEST_BINARY", REPOSITORY / "build/hunt"))
TOKEN = "a-token-of-the-tests-only-0123456789"
# Bounds and not expectations: both take a second, or ten where others have the cores.
START_SECONDS = 60
STOP_SECONDS = 60


def clean_environment(**extra):
    """The caller's environment without its HUNT_ settings, which would change the flags."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("HUNT_")}
    return {**kept, **extra}


def ports_in_turn():
    """Of this process alone, where tests run beside each other; the system gives none of them to
    connections. Made at the first use: not before the process is one of its own."""
    slot = int(os.environ.get("HUNT_TEST_SLOT", "0"))
    for number in itertools.count(time.monotonic_ns()):
        yield 16_000 + PORTS_COUNT * slot + number % PORTS_COUNT


PORTS_COUNT = 1000
PORTS = ports_in_turn()


def free_port():
    for port in itertools.islice(PORTS, PORTS_COUNT):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise AssertionError("no port is free")


def listens(port):
    """Whether somebody does, after some patience."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return True
        time.sleep(0.02)
    return False


class RedisServer:
    """A redis-server of its own on loopback, without a file; `url` is what --cache takes."""

    def __init__(self, folder):
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}"
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
             "--appendonly", "no", "--dir", str(folder)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if not listens(self.port):
            self.stop()
            raise AssertionError("redis-server did not start")

    def command(self, *words):
        """Sends one command and returns the first bytes of its answer."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            text = f"*{len(words)}\r\n" + "".join(f"${len(w)}\r\n{w}\r\n" for w in words)
            connection.sendall(text.encode())
            return connection.recv(65536).decode(errors="replace")

    def stop(self):
        self.process.kill()
        self.process.wait()


def run_hunt(*arguments, cwd=None, timeout=60, stdin=None, env=None, program=HUNT):
    """Runs a command to its end; the result has returncode, stdout and stderr."""
    return subprocess.run([program, *map(str, arguments)], cwd=cwd, timeout=timeout, input=stdin,
                          env=env or clean_environment(), capture_output=True, text=True,
                          check=False)


class Reply:
    """Status, headers and body of one answer; `json` reads the body."""

    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.body[:2000]!r}"


class HuntProcess:
    """One running `hunt up`, `hunt serve` or `hunt relay`."""

    def __init__(self, folder, *arguments, listen=True, wrapper=(), env=None, program=HUNT):
        self.folder = Path(folder)
        self.port = free_port()
        command = [*wrapper, program, *map(str, arguments)]
        env = env or clean_environment()
        if "relay" in arguments and "--listen" not in arguments:
            # Not as a flag: relays of 0.1.0 do not listen, and do not know it.
            env = {**env, "HUNT_LISTEN": f"127.0.0.1:{self.port}"}
        if listen:
            token_file = self.folder / "admin-token"
            token_file.write_text(TOKEN + "\n")
            token_file.chmod(0o600)
            command += ["--listen", f"127.0.0.1:{self.port}"]
            if "serve" in arguments:
                command += ["--admin-token-file", token_file]
        self.lines = []
        self.process = subprocess.Popen(
            command, cwd=self.folder, env=env, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    @property
    def output(self):
        return "\n".join(self.lines)

    def address(self):
        """The address it printed; None before."""
        match = re.search(r"(?<!\+)http://(127\.0\.0\.1|localhost):(\d+)", self.output)
        return int(match.group(2)) if match else None

    def printed_token(self):
        """The admin token it made and printed, when it was given none."""
        return re.search(r"admin token: (\w+)", self.output).group(1)

    def wait_ready(self, seconds=START_SECONDS):
        """Waits until the printed address serves; raises with the output when it does not."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                self.reader.join()
                raise AssertionError(f"ended with {self.process.returncode}:\n{self.output}")
            port = self.address()
            if port:
                self.port = port
                try:
                    if self.get("/readyz").status == 200:
                        return self
                except OSError:
                    pass
            time.sleep(0.01)
        raise AssertionError(f"not ready within {seconds} s:\n{self.output}")

    def wait_exit(self, seconds):
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired as error:
            self.kill()
            raise AssertionError(f"still running after {seconds} s:\n{self.output}") from error
        self.reader.join(5)
        return code

    def stop(self, how=signal.SIGTERM):
        """Asks it to drain; returns the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.wait_exit(STOP_SECONDS)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.reader.join(5)
        self.process.stdout.close()

    def request(self, method, path, body=None, token=None, headers=None, timeout=10):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            sent = dict(headers or {})
            if token:
                sent["Authorization"] = f"Bearer {token}"
            if body is not None and not isinstance(body, (bytes, str)):
                body = json.dumps(body)
            if body is not None:
                sent.setdefault("Content-Type", "application/json")
            connection.request(method, path, body, sent)
            return Reply(connection.getresponse())
        finally:
            connection.close()

    def get(self, path, **keywords):
        return self.request("GET", path, **keywords)

    def post(self, path, body, **keywords):
        return self.request("POST", path, body, **keywords)

    def bury(self, tiles, world=1):
        return self.request("PUT", f"/v1/worlds/{world}/tiles", {"tiles": tiles}, token=TOKEN)

    def dig(self, *positions, wait=True, world=1):
        """positions: (player, x, y); returns the reply of POST /v1/positions."""
        body = {"world": world, "positions": [
            {"player": p, "x": x, "y": y, "kind": "dig"} for p, x, y in positions]}
        return self.post("/v1/positions" + ("?wait=terminal" if wait else ""), body)

    def all_grants(self):
        """The whole ledger, page by page."""
        grants, cursor = [], "0"
        while True:
            reply = self.get(f"/v1/grants?after={cursor}&limit=1000")
            if reply.status != 200:
                raise AssertionError(f"GET /v1/grants: {reply}")
            page = reply.json
            if not page["grants"]:
                return grants
            grants += page["grants"]
            cursor = page["next"]


class HuntTest(unittest.TestCase):
    """A folder of its own, and processes that are gone when the test is."""

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="hunt-e2e-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.store = f"sqlite:{self.folder / 'hunt.db'}"

    def npm_folder(self, *packages):
        """Where these packages are, installed once."""
        if not shutil.which("node") or not shutil.which("npm"):
            self.skipTest("node and npm are not installed")
        folder = REPOSITORY / "build/npm"
        folder.mkdir(parents=True, exist_ok=True)
        names = [package.rpartition("@")[0] for package in packages]
        with open(folder / "lock", "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if all((folder / "node_modules" / name).exists() for name in names):
                return folder
            made = subprocess.run(["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund",
                                   "--prefix", folder, *packages], capture_output=True, text=True,
                                  timeout=180, check=False)
        if made.returncode != 0:
            self.skipTest("the packages cannot be installed: " + made.stderr[-300:])
        return folder

    def start(self, *arguments, ready=True, **keywords):
        process = HuntProcess(self.folder, *arguments, **keywords)
        self.addCleanup(process.kill)
        return process.wait_ready() if ready else process

    def serve(self, *arguments, **keywords):
        return self.start("serve", "--bus", "inproc:", "--cache", "none:", "--store", self.store,
                          *arguments, **keywords)

    def hunt(self, *arguments, **keywords):
        return run_hunt(*arguments, cwd=self.folder, **keywords)

    def assert_exit(self, run, code):
        self.assertEqual(run.returncode, code, f"{run.args}\n{run.stdout}\n{run.stderr}")

    def assert_says(self, text, *words):
        """Each word stands in the text; the failing message shows all of it."""
        for word in words:
            self.assertIn(word.lower(), text.lower())

    def assert_audit_clean(self, store=None):
        run = self.hunt("audit", "--store", store or self.store)
        self.assert_exit(run, 0)
        return run

    def assert_balanced(self, report):
        """The books of a load test: all that was sent was answered, nothing granted twice."""
        self.assertEqual(report["sent"], report["scheduled"], report)
        self.assertEqual(report["sent"], report["answered"] + report["lost"], report)
        self.assertEqual(report["lost"], 0, report)
        self.assertEqual(sum(report["outcomes"].values()), report["answered"], report)
        self.assertEqual(report["outcomes"]["found"], 0, report)
        self.assertEqual(report["duplicate_grants"], 0, report)
        self.assertGreater(report["grants"], 0, report)

    def assert_error(self, reply, status, *words):
        """An error of the documented shape with this status, whose message has these words."""
        self.assertEqual(reply.status, status, reply)
        self.assertIn("error", reply.json, reply)
        error = reply.json["error"]
        self.assertTrue(error.get("code"), reply)
        self.assert_says(error["message"] + " " + error.get("field", ""), *words)
        return error


def player(number):
    """A UUID for a small number."""
    return f"00000000-0000-4000-8000-{number:012x}"
