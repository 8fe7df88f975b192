"""The contenders of `script/bench peers`, each with servers of its own on loopback.

They answer the same requests over HTTP, keep the same loot, and are asked by the same client. All
commit a grant before they tell it, with fsync on, but for `redis`, which says so. PostgreSQL is the
one of bench/before_sites.py, with the schema of bench/before for all but ours.
"""
import dataclasses
import hashlib
import http.client
import json
import os
import subprocess
import time
from pathlib import Path

import before_sites
from before_sites import Site, eventually
from hunt_process import HuntProcess, free_port, run_hunt

ROOT = Path(__file__).resolve().parent.parent
PEERS = ROOT / "bench/peers"
FIRST_ANSWER_S_MAX = 60


@dataclasses.dataclass(frozen=True)
class Peer:
    """What runs: a module of bench/peers, or hunt where there is none."""
    name: str
    title: str
    module: str = ""
    postgres: bool = True
    redis: tuple = None  # how it is started; None: there is none
    workers: int = 2
    max_connections: int = 100
    role_settings: tuple = ()


IN_MEMORY = ("--appendonly", "no")
EACH_SECOND = ("--appendonly", "yes", "--appendfsync", "everysec")
CONTENDERS = [
    Peer("hunt-sqlite", "hunt, SQLite", postgres=False),
    Peer("hunt-postgres", "hunt, PostgreSQL"),
    Peer("map", "Node, loot in a Map, one SQL function", "map"),
    Peer("redis-postgres", "Node, Redis with Lua, PostgreSQL", "redis", redis=IN_MEMORY),
    Peer("postgres", "Node, PostgreSQL alone", "postgres"),
    Peer("redis", "Node, Redis alone (may lose grants)", "redis", False, EACH_SECOND),
]


def build_client():
    """(the client, None), compiled where its source is another than the last time; or (None, a word
    about why it cannot be)."""
    source = PEERS / "client.c"
    stamp = hashlib.sha256(source.read_bytes()).hexdigest()[:16]
    program = ROOT / f"build/peers-client-{stamp}"
    if not program.exists():
        program.parent.mkdir(exist_ok=True)
        made = program.with_suffix(f".{os.getpid()}")  # others may compile it, too
        done = subprocess.run(["cc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", made, source],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            return None, "the client cannot be compiled: " + done.stderr[-500:]
        made.rename(program)
    return program, None


def ask(port, player, x, y):
    """The outcome of one position, which is waited for; OSError while nobody listens."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("POST", "/v1/positions?wait=terminal", json.dumps(
            {"world": 1, "positions": [{"player": player, "x": x, "y": y}]}),
            {"Content-Type": "application/json"})
        response = connection.getresponse()
        body = response.read()
        return json.loads(body)["outcomes"][0] if response.status == 200 else None
    except http.client.HTTPException as error:
        raise OSError(error) from error
    finally:
        connection.close()


class PeerSite(Site):
    """A contender with its servers; `port` is where it answers."""

    def start(self):
        if not self.contender.postgres:
            del self.parts["postgres"]
        self.prepare()
        self.start_service()
        self.wait_ready()

    def restart(self, player, x, y):
        """Ends the service and starts it again; (seconds until the first answer, that answer)."""
        self.end_service()
        begun = time.monotonic()
        self.start_service()
        while time.monotonic() < begun + FIRST_ANSWER_S_MAX:
            try:
                outcome = ask(self.port, player, x, y)
                if outcome is not None:
                    took = time.monotonic() - begun
                    self.wait_ready()
                    return took, outcome
            except OSError:
                pass
            time.sleep(0.001)
        raise before_sites.Failed(f"{self.contender.name} does not answer after its restart")


class NodePeer(PeerSite):
    """server.mjs with one of the modules."""

    def prepare(self):
        if self.contender.postgres:
            self.database.bury(self.loot)
        self.url = None
        if self.contender.redis:
            self.url = self.redis(*self.contender.redis)
            fields = (line.split(",") for line in self.loot.read_text().splitlines()[1:])
            feed = "".join(f"HSET left {x},{y} {budget}\n" for x, y, _, budget in fields)
            subprocess.run(["redis-cli", "-p", str(self.redis_port)], input=feed, text=True,
                           stdout=subprocess.DEVNULL, check=True)

    def start_service(self):
        self.port = free_port()
        settings = {"module": self.contender.module, "workers": self.contender.workers,
                    "port": self.port, "redis": self.url,
                    "postgres": self.store if self.contender.postgres else None}
        self.parts["service"] = []
        self.service, self.service_log = self.launch(
            f"service-{self.port}", before_sites.NODE, PEERS / "server.mjs", json.dumps(settings),
            part="service")

    def wait_ready(self):
        eventually(lambda: self.service.poll() is not None or
                   self.service_log.read_text().count("ready") == self.contender.workers,
                   f"the contender {self.contender.name} being ready")
        if self.service.poll() is not None:
            raise before_sites.Failed(self.service_log.read_text())

    def end_service(self):
        before_sites.end(self.service)

    def ledger(self):
        """[(player, x, y)] of all that was granted."""
        if not self.contender.postgres:
            done = subprocess.run(["redis-cli", "-p", str(self.redis_port), "HKEYS", "won"],
                                  capture_output=True, text=True, check=True)
            rows = (line.split(",") for line in done.stdout.splitlines() if line)
            return [(player, int(x), int(y)) for x, y, player in rows]
        rows = self.database.server.psql("SELECT player, tile_id FROM grants").stdout.splitlines()
        pairs = (row.split("|") for row in rows)
        return [(player, int(tile) // 65536 - 32768, int(tile) % 65536 - 32768)
                for player, tile in pairs]

    def audit(self):
        """Stock and ledger agree, where PostgreSQL has both."""
        if self.contender.module in ("map", "postgres"):
            granted, left = self.watcher.ask(
                "SELECT (SELECT count(*) FROM grants), (SELECT sum(remaining) FROM loot_tiles)")
            buried = sum(int(line.rpartition(",")[2])
                         for line in self.loot.read_text().splitlines()[1:])
            if granted + left != buried:
                raise before_sites.Failed(f"{self.contender.name}: {buried} buried, {granted}"
                                          f" granted, {left} left")


class HuntPeer(PeerSite):
    """Ours, alone."""

    def prepare(self):
        self.hunt_store = (self.store.replace("site@", "hunt@") if self.contender.postgres
                           else f"sqlite:{self.folder / 'hunt.db'}")
        done = run_hunt("world", "import", self.loot, "--world", "1", "--store", self.hunt_store)
        if done.returncode != 0:
            raise before_sites.Failed(f"hunt world import: {done.stdout}{done.stderr}")

    def start_service(self):
        self.server = HuntProcess(self.folder, "serve", "--bus", "inproc:", "--cache", "none:",
                                  "--store", self.hunt_store, "--lanes", self.contender.workers)
        self.ends.append(self.server.kill)
        self.service, self.port = self.server.process, self.server.port
        self.parts["service"] = [self.service.pid]

    def wait_ready(self):
        self.server.wait_ready()

    def end_service(self):
        self.server.stop()

    def ledger(self):
        return [(one["player"], one["x"], one["y"]) for one in self.server.all_grants()]

    def audit(self):
        done = run_hunt("audit", "--store", self.hunt_store)
        if done.returncode != 0:
            raise before_sites.Failed(f"hunt audit: {done.stdout}{done.stderr}")


def open_site(contender, database, folder, loot):
    made = folder / contender.name
    made.mkdir()
    kind = NodePeer if contender.module else HuntPeer
    return kind(contender, database, made, loot, 0)


def make_loot(folder, tiles, side, hot_tiles, hot_budget, budget):
    """The loot of bench/before, with budgets that sell out on the first tiles and nowhere else."""
    loot = before_sites.make_loot(folder, tiles, side)
    head, *lines = loot.read_text().splitlines()
    budgets = [hot_budget if i < hot_tiles else budget for i in range(len(lines))]
    loot.write_text("\n".join([head, *(f"{line.rpartition(',')[0]},{budget}"
                                       for line, budget in zip(lines, budgets))]) + "\n")
    return loot


def make_walks(folder, scene, count, side, players, loot, tiles):
    file = folder / f"{scene}.walks"
    settings = {"scene": scene, "count": count, "side": side, "players": players,
                "loot": str(loot), "tiles": tiles}
    with open(file, "wb") as out:
        subprocess.run([before_sites.NODE, PEERS / "walks.mjs", json.dumps(settings)], stdout=out,
                       check=True)
    return file
