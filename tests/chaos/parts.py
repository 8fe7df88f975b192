"""The parts of a whole stack, each of which can be killed and brought back.

Servers are real, on free loopback ports, in one folder that goes at the end. Redis is a cluster of
three primaries without replicas: while one is down a third of the cache is, which shows more.
"""
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "e2e"))
from hunt_process import HuntProcess, free_port, run_hunt  # pylint: disable=wrong-import-position
from nats_process import NatsServer  # pylint: disable=wrong-import-position
from postgres_process import PostgresServer  # pylint: disable=wrong-import-position

REDIS_NODES = 3
SHARDS = 2
START_SECONDS = 60
TOLD_AT_A_TIME = 200


class Failed(Exception):
    """What to tell people."""


def eventually(holds, what, seconds=START_SECONDS):
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise Failed(f"{what} did not happen in {seconds} s")
        time.sleep(0.02)


class RedisNode:
    """A primary of the cluster; it keeps its slots over a restart, and none of its keys."""

    def __init__(self, folder):
        self.port = free_port()
        self.folder = folder / f"redis-{self.port}"
        self.folder.mkdir()
        self.process = None
        self.bus_port = free_port()
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
             "--appendonly", "no", "--cluster-enabled", "yes", "--cluster-port",
             str(self.bus_port), "--cluster-node-timeout", "2000", "--dir", str(self.folder)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        eventually(self.answers, f"redis-server on {self.port} taking connections")

    def answers(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self):
        self.process.kill()
        self.process.wait()


def make_cluster(folder):
    """The nodes, joined and ready."""
    nodes = [RedisNode(folder) for _ in range(REDIS_NODES)]
    addresses = [f"127.0.0.1:{node.port}" for node in nodes]
    made = subprocess.run(["redis-cli", "--cluster", "create", *addresses, "--cluster-yes"],
                          capture_output=True, text=True, check=False)
    if made.returncode != 0:
        raise Failed(f"redis-cli --cluster create: {made.stdout}{made.stderr}")

    def joined(node):
        said = subprocess.run(["redis-cli", "-p", str(node.port), "CLUSTER", "INFO"],
                              capture_output=True, text=True, check=False).stdout
        return "cluster_state:ok" in said

    for node in nodes:
        eventually(lambda node=node: joined(node), f"the cluster on {node.port}")
    return nodes


class Stack:
    """All of it: `parts` names what can be killed, as kill and start functions."""

    def __init__(self, folder):
        self.folder = folder
        self.ends = []
        self.nats = self._made(NatsServer(folder), lambda server: server.kill())
        self.redis = make_cluster(folder)
        self.ends += [node.kill for node in self.redis]
        self.postgres = [self._made(PostgresServer(), lambda server: server.remove())
                         for _ in range(SHARDS)]
        self.stores = []
        for server in self.postgres:
            server.psql("ALTER SYSTEM SET max_connections = 100", database="postgres")
            self.stores.append(server.make_database())
        cache = "redis-cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in self.redis)
        self.store_words = [word for store in self.stores for word in ("--store", store)]
        self.words = ["--bus", self.nats.url, "--cache", cache, *self.store_words]
        self.orchestrators = []
        self.relay = None

    def _made(self, server, end):
        self.ends.append(lambda: end(server))
        return server

    def start_hunt(self):
        """Two orchestrators and the relay; loot is buried before the shards are served."""
        self.orchestrators = [self._orchestrator() for _ in range(2)]
        self.relay = self._relay()

    def _orchestrator(self):
        process = HuntProcess(self.folder, "serve", *self.words)
        self.ends.append(process.kill)
        return process.wait_ready(START_SECONDS)

    def _relay(self):
        process = HuntProcess(self.folder, "relay", *self.words, listen=False)
        self.ends.append(process.kill)
        eventually(lambda: "tells the changes" in process.output, "the relay telling the changes")
        return process

    def close(self):
        for end in reversed(self.ends):
            end()

    # Kill -9 of each, and back with the same settings. The first orchestrator is the one that the
    # report's figures come from, so the other one is killed.

    def kill_orchestrator(self):
        self.orchestrators[1].kill()

    def start_orchestrator(self):
        self.orchestrators[1] = self._orchestrator()

    def kill_relay(self):
        self.relay.kill()

    def start_relay(self):
        self.relay = self._relay()

    def kill_redis(self):
        self.redis[1].kill()

    def start_redis(self):
        self.redis[1].start()

    def kill_nats(self):
        self.nats.kill()

    def start_nats(self):
        self.nats.start()

    def kill_postgres(self):
        """kill -9 of the server process: its backends see that it is gone and end."""
        server = self.postgres[1]
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()

        def gone():
            pids = subprocess.run(["pgrep", "-f", f"postgres.*{server.data}"], capture_output=True,
                                  check=False).stdout
            with socket.socket() as probe:
                return not pids and probe.connect_ex(("127.0.0.1", server.port)) != 0

        eventually(gone, "the end of PostgreSQL's processes")

    def start_postgres(self):
        self.postgres[1].start()

    def hunt(self, *arguments, timeout=120):
        return run_hunt(*arguments, cwd=self.folder, timeout=timeout)

    def told_grants(self):
        """The claims that the stream HUNT_CLAIMS keeps as granted, each with how often."""
        client = self.nats.client()
        made = client.request("$JS.API.CONSUMER.CREATE.HUNT_CLAIMS", {
            "stream_name": "HUNT_CLAIMS",
            "config": {"ack_policy": "none", "deliver_policy": "all"}}).json
        if "error" in made:
            raise Failed(f"reading HUNT_CLAIMS: {made['error']}")
        told, left = {}, made["num_pending"]
        while left > 0:
            count = min(left, TOLD_AT_A_TIME)
            client.publish(f"$JS.API.CONSUMER.MSG.NEXT.HUNT_CLAIMS.{made['name']}",
                           {"batch": count, "no_wait": True}, "_INBOX.test.all")
            left -= count
            end = time.monotonic() + START_SECONDS
            while len(client.messages) < count:
                if time.monotonic() > end:
                    raise Failed("HUNT_CLAIMS cannot be read to its end")
                client.read(0.1)
            for message in client.messages:
                event = message.json
                if "grant" in event:
                    claim = event["grant"]["claim"]
                    told[claim] = told.get(claim, 0) + 1
            client.messages.clear()
        client.close()
        return told
