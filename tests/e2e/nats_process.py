"""A real nats-server for tests, and a client that speaks the NATS protocol by hand.

Not a client library: one connection, one thread, and what JetStream says is read as plain answers.
"""
import base64
import json
import re
import select
import socket
import subprocess
import time

from hunt_process import (HUNT, REPOSITORY, HuntProcess, HuntTest, clean_environment,
                          free_port, listens)

SMALL = ["--players", 2000, "--rate", 4000]


class NatsServer:
    """On a free loopback port; what JetStream keeps lies in `folder`. `url` is what --bus takes."""

    def __init__(self, folder, jetstream=True, config="", room="4GB"):
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.url = f"nats://{self.address}"
        self.file = folder / "nats.conf"
        stream = f'jetstream {{ store_dir: "{folder / "jetstream"}", max_file: {room} }}\n'
        self.file.write_text(f"listen: {self.address}\n{config}\n{stream if jetstream else ''}")
        self.process = None
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            ["nats-server", "-c", str(self.file)], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if not listens(self.port):
            self.kill()
            raise AssertionError("nats-server did not start")

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def client(self, **who):
        return NatsClient(self.port, **who)


class Message:
    """What came: subject, reply subject or None, headers as a dict, and the body."""

    def __init__(self, subject, reply, head, body):
        self.subject, self.reply, self.body = subject, reply, body
        lines = head.decode().split("\r\n")[1:]
        self.headers = dict(line.split(": ", 1) for line in lines if ": " in line)

    @property
    def json(self):
        return json.loads(self.body)


class NatsClient:
    """Subscribes, publishes, asks; `messages` are those that nobody has taken yet."""

    def __init__(self, port, user=None, password=None, inbox=None):
        self.inbox = inbox or (f"_INBOX_{user}.test" if user else "_INBOX.test")
        self.errors = []  # what the server refused, in its words
        self.pongs = 0
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.buffer = b""
        self.messages = []
        self.requests = 0
        self.sids = 0
        who = {"user": user, "pass": password} if user else {}
        options = {"verbose": False, "headers": True, "no_responders": True, **who}
        self._send(f"CONNECT {json.dumps(options)}\r\n")
        self.subscribe(f"{self.inbox}.*")

    def close(self):
        self.socket.close()

    def _send(self, head, body=b""):
        self.socket.sendall(head.encode() + body)

    def subscribe(self, subject):
        self.sids += 1
        self._send(f"SUB {subject} {self.sids}\r\n")

    def publish(self, subject, body, reply="", headers=None):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        if not headers:
            return self._send(f"PUB {subject} {reply} {len(body)}\r\n", body + b"\r\n")
        head = "NATS/1.0\r\n" + "".join(f"{k}: {v}\r\n" for k, v in headers.items()) + "\r\n"
        return self._send(f"HPUB {subject} {reply} {len(head)} {len(head) + len(body)}\r\n",
                          head.encode() + body + b"\r\n")

    def flush(self, seconds=10):
        """Returns when the server has seen all before; what it refused by then is in `errors`."""
        wanted = self.pongs + 1
        self._send("PING\r\n")
        end = time.monotonic() + seconds
        while self.pongs < wanted:
            if time.monotonic() > end:
                raise AssertionError("no PONG came")
            self.read(0.05)

    def request(self, subject, body=b"", headers=None, seconds=10):
        """The first answer; raises when there is none."""
        self.requests += 1
        inbox = f"{self.inbox}.{self.requests}"
        self.publish(subject, body, inbox, headers)
        return self.wait(lambda message: message.subject == inbox, seconds)

    def wait(self, wanted=lambda message: True, seconds=10):
        """Takes the first message that is wanted; the others stay."""
        end = time.monotonic() + seconds
        while True:
            for i, message in enumerate(self.messages):
                if wanted(message):
                    return self.messages.pop(i)
            if time.monotonic() > end:
                raise AssertionError("no such message came")
            self.read(0.05)

    def read(self, seconds=0.0):
        """Reads what has come, waiting for so long at most."""
        while select.select([self.socket], [], [], seconds)[0]:
            more = self.socket.recv(1 << 16)
            if not more:
                raise AssertionError("the connection to NATS ended")
            self.buffer += more
            seconds = 0
        while self._take():
            pass

    def _take(self):
        line, end, rest = self.buffer.partition(b"\r\n")
        if not end:
            return False
        words = line.decode().split(" ")
        if words[0] not in ("MSG", "HMSG"):
            self.buffer = rest
            if words[0] == "PING":
                self._send("PONG\r\n")
            self.pongs += words[0] == "PONG"
            if words[0] == "-ERR":
                self.errors.append(line.decode())
            return True
        head = int(words[-2]) if words[0] == "HMSG" else 0
        size = int(words[-1])
        if len(rest) < size + 2:
            return False
        plain = 5 if words[0] == "HMSG" else 4
        reply = words[3] if len(words) > plain else None
        self.messages.append(Message(words[1], reply, rest[:head], rest[head:size]))
        self.buffer = rest[size + 2:]
        return True


def documented_users():
    """The `authorization` block of docs/OPERATIONS.md, as it stands there."""
    text = (REPOSITORY / "docs/OPERATIONS.md").read_text()
    block = re.search(r"```conf\n(.*?)```", text, re.S).group(1)
    return block[block.index("authorization"):]


def users_url(nats, user):
    """The URL of a documented user, with the password that stands there."""
    password = re.search(rf"user: {user}, password: ([\w-]+)", documented_users()).group(1)
    return f"nats://{user}:{password}@{nats.address}"


class NatsCase(HuntTest):
    """A nats-server with JetStream, and processes on it."""

    def setUp(self):
        super().setUp()
        self.nats = NatsServer(self.folder)
        self.addCleanup(lambda: self.nats.kill())

    def serve_nats(self, *arguments, **keywords):
        return self.start("serve", "--bus", self.nats.url, *self.store_words(), *arguments,
                          **keywords)

    def store_words(self):
        return ["--store", self.store]

    def relay(self, *arguments, says="tells the changes", env=None):
        process = HuntProcess(self.folder, "relay", "--bus", self.nats.url, *self.store_words(),
                              *arguments, listen=False, env=env)
        self.addCleanup(process.kill)
        self.wait_for(lambda: says in process.output, process)
        return process

    def wait_for(self, holds, process=None, seconds=20):
        deadline = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > deadline:
                raise AssertionError(f"did not happen in {seconds} s\n"
                                     f"{process.output if process else ''}")
            time.sleep(0.02)

    def client(self):
        client = self.nats.client()
        self.addCleanup(client.close)
        return client


class NatsLoadCase(NatsCase):
    """`hunt rush` over NATS, with books that must balance."""

    def rush_words(self, server, *arguments):
        return ["rush", "--json", "--target", self.nats.url, "--url",
                f"http://127.0.0.1:{server.port}", "--admin-token-file",
                self.folder / "admin-token", *SMALL, *arguments]

    def rush(self, server, *arguments):
        run = self.hunt(*self.rush_words(server, *arguments), timeout=120)
        self.assert_exit(run, 0)
        return json.loads(run.stdout)

    def rush_meanwhile(self, server, *arguments, seconds=20):
        """Under way when this returns, once it has read the loot; report_of() waits for its end."""
        process = subprocess.Popen(
            [HUNT, *map(str, self.rush_words(server, *arguments))], cwd=self.folder, text=True,
            env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(process.kill)
        before = server.get("/v1/stats").json["batches"]
        self.wait_for(lambda: server.get("/v1/stats").json["batches"] > before + 20,
                      seconds=seconds)
        return process

    def report_of(self, process):
        out, errors = process.communicate(timeout=120)
        self.assertEqual(process.returncode, 0, out + errors)
        return json.loads(out)

    def ledger(self):
        """How many grants the ledger has; it is clean."""
        self.assert_audit_clean()
        audit = json.loads(self.hunt("audit", "--store", self.store, "--json").stdout)
        return audit["stores"][0]["grants"]

    def told_grants(self):
        """The claims that HUNT_CLAIMS keeps as granted, each with how often it was told."""
        client = self.client()
        state = client.request("$JS.API.STREAM.INFO.HUNT_CLAIMS").json["state"]
        told = {}
        for sequence in range(state["first_seq"], state["last_seq"] + 1):
            kept = client.request("$JS.API.STREAM.MSG.GET.HUNT_CLAIMS", {"seq": sequence}).json
            event = json.loads(base64.b64decode(kept["message"]["data"]))
            if "grant" in event:
                claim = event["grant"]["claim"]
                told[claim] = told.get(claim, 0) + 1
        return told

    def assert_all_told(self, server):
        """Every row of the ledger is in HUNT_CLAIMS, and nothing else."""
        ledger = {grant["claim"] for grant in server.all_grants()}
        end = time.monotonic() + 20
        told = self.told_grants()
        while set(told) != ledger and time.monotonic() < end:
            time.sleep(0.5)
            told = self.told_grants()
        self.assertEqual(len(ledger - set(told)), 0, "granted, but not told")
        self.assertEqual(len(set(told) - ledger), 0, "told, but not granted")
