"""The fleet of `script/bench why`: real servers on loopback, with a gate on every way between them.

nats-server, a Redis Cluster of three, two PostgreSQL shards, two orchestrators and a relay, started
once. Each orchestrator has gates of its own to both shards and to NATS; the Redis nodes are found
from each other, so their gates are everybody's. The relay's ways have no gates, but to Redis.
"""
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

from why_gates import Gates
from why_table import with_hurt_at

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/chaos"))
from parts import Failed, eventually, make_cluster  # pylint: disable=wrong-import-position
from chaos import tile_of  # pylint: disable=wrong-import-position
from hunt_process import (HUNT, HuntProcess, clean_environment,  # pylint: disable=wrong-import-position
                          run_hunt)
from nats_process import NatsServer  # pylint: disable=wrong-import-position
from postgres_process import PostgresServer  # pylint: disable=wrong-import-position

ORCHESTRATORS = 2
SHARDS = 2
REDIS_NODES = 3
HOT_BUDGET = 1_000_000
FLOOD_SECONDS = 30  # ended before


class Flood:
    """Single positions to one orchestrator over HTTP, more than it can take."""

    def __init__(self, url, rate):
        self.process = subprocess.Popen(  # pylint: disable=consider-using-with
            [str(HUNT), "rush", "--json", "--target", url, "--players", "2000", "--rate", str(rate),
             "--batch", "1", "--seconds", str(FLOOD_SECONDS)], env=clean_environment(), text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def tails(self):
        """What its own players felt; ends it. By the names of the client's tails."""
        self.process.send_signal(signal.SIGINT)
        report = json.loads(self.process.communicate(timeout=60)[0].splitlines()[-1])
        return {"answers": report["latency_seconds"]["tail"],
                "claims": report["claim_seconds"]["tail"]}

    def end(self):
        self.process.kill()
        self.process.communicate()


class Fleet:
    """Everything that runs; close() ends it."""

    def __init__(self, folder, seed, say):
        self.folder, self.say = folder, say
        self.client = None  # the measuring one, of the trial under way
        self.ends = []
        self.gate_ports = {}
        try:
            self._start(seed)
        except BaseException:
            self.close()
            raise

    def _start(self, seed):
        self.gates = self._made(Gates(seed), lambda gates: gates.stop())
        self.nats = self._made(NatsServer(self.folder), lambda server: server.kill())
        self.redis = make_cluster(self.folder, REDIS_NODES)
        self.ends += [node.kill for node in self.redis]
        self.redis_gates = [f"redis{i}" for i in range(REDIS_NODES)]
        self.cache = self._announce_gates()
        self.postgres = [self._made(PostgresServer(), lambda server: server.remove())
                         for _ in range(SHARDS)]
        for server in self.postgres:
            server.psql("ALTER SYSTEM SET max_connections = 200", database="postgres")
            server.make_database()
        self.say("burying the demo world")
        self._run("up", *self.store_words(None), "--seconds", 1, "--players", 100, "--rate", 100,
                  "--listen", "127.0.0.1:0")
        self.relay = self._made(
            HuntProcess(self.folder, "relay", "--bus", self.nats.url, "--cache", self.cache,
                        *self.store_words(None), listen=False), lambda one: one.kill())
        eventually(lambda: "tells the changes" in self.relay.output, "the relay telling changes")
        for at in range(ORCHESTRATORS):
            for shard, server in enumerate(self.postgres):
                self._gate(self.shard_gate(shard, at), server.port)
        self.bus_gates = [f"nats.{at}" for at in range(ORCHESTRATORS)]
        for name in self.bus_gates:
            self._gate(name, self.nats.port)
        self.fronts = []  # ports of the gates before the orchestrators' HTTP
        self.orchestrators = []
        self.starts = 0
        self.start_orchestrators()
        self.hot = self._bury_hot()
        self.loot = [tile_of(int(line)) for server in self.postgres for line in server.psql(
            "SELECT tile_id FROM loot_tiles WHERE spawn <> 0").stdout.split()]

    def _made(self, server, end):
        self.ends.append(lambda: end(server))
        return server

    def _gate(self, name, port):
        self.gate_ports[name] = self.gates.add(name, port)
        return self.gate_ports[name]

    def close(self):
        for end in reversed(self.ends):
            try:
                end()
            except (OSError, AssertionError, subprocess.SubprocessError, Failed) as error:
                self.say(f"while ending: {error}")
        self.ends.clear()

    def _announce_gates(self):
        """The nodes of the cluster name their gates, so that everybody comes through these."""
        ports = []
        for name, node in zip(self.redis_gates, self.redis):
            ports.append(str(self._gate(name, node.port)))
            node.command("CONFIG", "SET", "cluster-announce-port", ports[-1])

        def known(node):
            slots = node.command("CLUSTER", "SLOTS").split()
            return all(port in slots for port in ports)

        for node in self.redis:
            eventually(lambda node=node: known(node), "the gates named by the cluster")
        return "redis-cluster://" + ",".join(f"127.0.0.1:{port}" for port in ports)

    @staticmethod
    def shard_gate(shard, at):
        return f"shard{shard}.{at}"

    def shard_gates(self, shard, orchestrators=range(ORCHESTRATORS)):
        return [self.shard_gate(shard, at) for at in orchestrators]

    def store_words(self, at):
        """--store of each shard: through the gates of an orchestrator, or of nobody."""
        words = []
        for shard, server in enumerate(self.postgres):
            port = server.port if at is None else self.gate_ports[self.shard_gate(shard, at)]
            words += ["--store", f"postgres://hunt@127.0.0.1:{port}/hunt"]
        return words

    def _run(self, *words):
        done = run_hunt(*words, cwd=self.folder, timeout=180)
        if done.returncode != 0:
            raise Failed(f"hunt {words[0]}: {done.stdout}{done.stderr}")
        return done

    def start_orchestrators(self, *flags):
        """Anew, where they run already."""
        for process in self.orchestrators:
            process.kill()
        self.orchestrators = []
        for at in range(ORCHESTRATORS):
            process = HuntProcess(
                self.folder, "serve", "--bus",
                f"nats://127.0.0.1:{self.gate_ports[self.bus_gates[at]]}", "--cache", self.cache,
                *self.store_words(at), *flags)
            self.ends.append(process.kill)
            self.orchestrators.append(process)
        self.starts += 1
        self.fronts = [self._gate(f"front{self.starts}.{at}", process.wait_ready().port)
                       for at, process in enumerate(self.orchestrators)]

    def _bury_hot(self):
        """A tile of each shard with loot for everybody."""
        server = self.orchestrators[0]
        tiles = [tile_of(int(shard.psql("SELECT min(tile_id) FROM loot_tiles").stdout))
                 for shard in self.postgres]
        reply = server.bury([{"x": x, "y": y, "table": "starlight", "budget": HOT_BUDGET}
                             for x, y in tiles])
        if reply.status != 200:
            raise Failed(f"burying the hot tiles: {reply}")
        return tiles

    def front_gates(self):
        return [f"front{self.starts}.{at}" for at in range(ORCHESTRATORS)]

    def bury_again(self):
        """The demo world, where little of it is left."""
        self._run("rush", "--json", "--target", f"http://127.0.0.1:{self.orchestrators[0].port}",
                  "--players", 100, "--rate", 100, "--seconds", 1, "--demo", "--admin-token-file",
                  self.folder / "admin-token")

    @staticmethod
    def has_flag(command, flag):
        return flag in run_hunt(command, "--help").stdout

    def whys(self):
        """What `hunt why` says of each orchestrator, and when it had gathered what it judges
        (`gathered_at`, monotonic seconds); None of one that does not answer."""
        found = []
        for process in self.orchestrators:
            done = run_hunt("why", "--json", "--url", f"http://127.0.0.1:{process.port}",
                            timeout=30)
            why = json.loads(done.stdout) if done.returncode == 0 else None
            if why:
                why["gathered_at"] = time.monotonic() - why["age_seconds"]
            found.append(why)
        return found

    def whole(self):
        """What it says of all together, with those that it says are held up (`hurt_at`)."""
        urls = [f"http://127.0.0.1:{process.port}" for process in self.orchestrators]
        done = run_hunt("why", "--json", *[word for url in urls for word in ("--url", url)],
                        timeout=30)
        if done.returncode != 0:
            return None
        return with_hurt_at(json.loads(done.stdout), [f":{process.port}" for process in
                                                      self.orchestrators])

    def evidence(self):
        """What each of them judges, as text; empty of one that does not answer."""
        return [run_hunt("why", "--evidence", "--url", f"http://127.0.0.1:{process.port}",
                         timeout=30).stdout for process in self.orchestrators]

    def takers(self, inbox):
        """By orchestrator, the numbers of asks with this inbox that came to it over the bus."""
        return [self.gates.noted(name, inbox) for name in self.bus_gates]

    def signal(self, at, number):
        self.orchestrators[at].process.send_signal(getattr(signal, number))

    def pid(self, at):
        return self.orchestrators[at].process.pid
