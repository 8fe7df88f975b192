"""The parts of a whole stack, each of which can be broken and mended.

Servers are real, on free loopback ports, in one folder that goes at the end. Only the first of the
Redis primaries has a replica: while another one is down its part of the cache is, which shows more.
"""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "e2e"))
import small_world  # pylint: disable=wrong-import-position
from hunt_process import HUNT, HuntProcess  # pylint: disable=wrong-import-position
from hunt_process import free_port, run_hunt  # pylint: disable=wrong-import-position
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
             str(self.bus_port), "--cluster-node-timeout", "2000",
             "--cluster-require-full-coverage", "no", "--enable-debug-command",
             "local", "--dir", str(self.folder)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        eventually(self.answers, f"redis-server on {self.port} taking connections")

    def answers(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self):
        self.process.kill()
        self.process.wait()

    def command(self, *words):
        return redis_cli("-p", str(self.port), *words)


def redis_cli(*words):
    done = subprocess.run(["redis-cli", *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failed(f"redis-cli {' '.join(words)}: {done.stdout}{done.stderr}")
    return done.stdout


def make_cluster(folder, count):
    """The nodes, joined and ready."""
    nodes = [RedisNode(folder) for _ in range(count)]
    addresses = [f"127.0.0.1:{node.port}" for node in nodes]
    redis_cli("--cluster", "create", *addresses, "--cluster-yes")

    def joined(node):
        return "cluster_state:ok" in node.command("CLUSTER", "INFO")

    for node in nodes:
        eventually(lambda node=node: joined(node), f"the cluster on {node.port}")
    return nodes


def add_replica(folder, primary):
    """A replica of the primary that follows it."""
    node = RedisNode(folder)
    redis_cli("--cluster", "add-node", f"127.0.0.1:{node.port}", f"127.0.0.1:{primary.port}",
              "--cluster-slave", "--cluster-master-id",
              primary.command("CLUSTER", "MYID").strip())
    eventually(lambda: "connected" in node.command("ROLE").split(), "a replica in step")
    return node


def say(text):
    print(text, flush=True)


def told_since(stack, before):
    """(the claims that the ledgers have beside `before`, how often each claim was told), once all
    of these are told, or after a while."""
    ledger = {grant["claim"] for grant in stack.orchestrators[0].all_grants()} - before
    told = {}

    def all_told():
        told.clear()
        told.update(stack.told_grants())
        return ledger <= set(told)

    try:
        eventually(all_told, "the last grant told")
    except Failed:
        pass  # who compares the two sees which are missing
    return ledger, told


def play(name, make, flags):
    """Makes a run in a folder of its own, plays it and tells how it ended; the exit code."""
    folder = Path(tempfile.mkdtemp(prefix=f"hunt-{Path(name).name.replace(' ', '-')}-"))
    run = None
    try:
        run = make(flags, folder)
        result = run.run()
    except (Failed, AssertionError, OSError) as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"{name}: stopped", file=sys.stderr)
        return 130
    finally:
        if run is not None:
            run.stack.close()
        shutil.rmtree(folder, ignore_errors=True)
    if flags.json:
        Path(flags.json).write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    for failure in result["failures"]:
        say(f"FAILED: {failure}")
    say("nothing lost, nothing granted twice, every grant told" if not result["failures"] else
        f"{len(result['failures'])} of the promises were not kept")
    return 1 if result["failures"] else 0


class Stack:
    """All of it, with what can be broken and mended."""

    def __init__(self, folder, redis_nodes=REDIS_NODES):
        self.folder = folder
        self.ends = []
        self.nats = self._made(NatsServer(folder), lambda server: server.kill())
        self.redis = make_cluster(folder, redis_nodes)
        self.ends += [node.kill for node in self.redis]
        self.pair = [self.redis[0], self._made(add_replica(folder, self.redis[0]),
                                               lambda node: node.kill())]
        self.busy, self.over = None, threading.Event()  # of a fault that goes on
        self.postgres = [self._made(PostgresServer(), lambda server: server.remove())
                         for _ in range(SHARDS)]
        self.stores = []
        for server in self.postgres:
            server.psql("ALTER SYSTEM SET max_connections = 100", database="postgres")
            self.stores.append(server.make_database())
        self.cache = "redis-cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in self.redis)
        self.store_words = [word for store in self.stores for word in ("--store", store)]
        self.words = ["--bus", self.nats.url, "--cache", self.cache, *self.store_words]
        self.orchestrators = []
        self.relay = None

    def _made(self, server, end):
        self.ends.append(lambda: end(server))
        return server

    def start_hunt(self, orchestrators=2, flags=(), program=HUNT, relay_flags=()):
        """Orchestrators and the relay; loot is buried before the shards are served."""
        self.relay = self.start_relay(*relay_flags, program=program)
        self.orchestrators = [self.start_orchestrator(*flags, program=program)
                              for _ in range(orchestrators)]

    def bury_demo(self, program=HUNT):
        """The reference world."""
        done = self.hunt("up", *self.store_words, "--seconds", 0.2, "--players", 10, "--rate", 10,
                         "--listen", "127.0.0.1:0", program=program)
        if done.returncode != 0:
            raise Failed(f"hunt up: {done.stdout}{done.stderr}")

    def bury_small(self):
        """Enough for a small crowd."""
        done = self.hunt(*small_world.import_words(self.folder, *self.store_words))
        if done.returncode != 0:
            raise Failed(f"hunt world import: {done.stdout}{done.stderr}")

    def start_orchestrator(self, *flags, program=HUNT):
        process = HuntProcess(self.folder, "serve", *self.words, *flags, program=program)
        self.ends.append(process.kill)
        return process.wait_ready(START_SECONDS)

    def start_relay(self, *flags, program=HUNT):
        process = HuntProcess(self.folder, "relay", *self.words, *flags, listen=False,
                              program=program)
        self.ends.append(process.kill)
        eventually(lambda: "tells the changes" in process.output, "the relay telling the changes")
        return process

    def close(self):
        for end in reversed(self.ends):
            end()

    # Each fault breaks something and mends it. First kill -9, and back with the same settings. The
    # first orchestrator is the one that the report's figures come from, so the other one is killed.

    def break_orchestrator(self):
        self.orchestrators[1].kill()

    def mend_orchestrator(self):
        self.orchestrators[1] = self.start_orchestrator()

    def break_relay(self):
        self.relay.kill()

    def mend_relay(self):
        self.relay = self.start_relay()

    def break_redis(self):
        self.redis[1].kill()

    def mend_redis(self):
        self.redis[1].start()

    def break_nats(self):
        self.nats.kill()

    def mend_nats(self):
        self.nats.start()

    def break_postgres(self):
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

    def mend_postgres(self):
        self.postgres[1].start()

    def break_crash(self):
        """An immediate shutdown, as `pg_ctl stop -m immediate`."""
        self.postgres[1].crash()

    def mend_crash(self):
        self.postgres[1].start()

    def break_terminate(self):
        """Every connection of a shard is ended, again and again."""
        def loop():
            while not self.over.wait(0.05):
                self.postgres[1].psql(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = 'hunt' AND pid <> pg_backend_pid()", check=False)

        self.over.clear()
        self.busy = threading.Thread(target=loop, daemon=True)
        self.busy.start()

    def mend_terminate(self):
        self.over.set()
        self.busy.join()

    def break_lock(self):
        """Somebody locks a shard's loot, and goes for lunch."""
        self.busy = subprocess.Popen(
            ["psql", "-h", "127.0.0.1", "-p", str(self.postgres[1].port), "-U", "hunt", "-d",
             "hunt", "-qX", "-c", "BEGIN; LOCK TABLE loot_tiles; SELECT pg_sleep(600)"],
            env={**os.environ, "PGAPPNAME": "lunch"}, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def mend_lock(self):
        self.postgres[1].psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                              " WHERE application_name = 'lunch'")
        self.busy.wait()

    def break_flushall(self):
        for node in self.redis:
            node.command("FLUSHALL")

    def mend_flushall(self):
        pass

    def break_sleep(self):
        """A Redis node that answers nothing, and keeps its connections."""
        self.busy = subprocess.Popen(
            ["redis-cli", "-p", str(self.redis[2].port), "DEBUG", "SLEEP", "2"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def mend_sleep(self):
        self.busy.wait()

    def break_failover(self):
        """A primary dies and its replica takes over; what was the primary comes back as one."""
        self.pair.sort(key=lambda node: node.command("ROLE").startswith("slave"))
        self.pair[0].kill()
        self.pair[1].command("CLUSTER", "FAILOVER", "TAKEOVER")

    def mend_failover(self):
        self.pair[0].start()

    def hunt(self, *arguments, timeout=120, program=HUNT):
        return run_hunt(*arguments, cwd=self.folder, timeout=timeout, program=program)

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
