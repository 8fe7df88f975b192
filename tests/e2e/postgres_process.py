"""A real PostgreSQL server for tests, started as the user `postgres` where the tests are root."""
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from hunt_process import START_SECONDS, RedisServer, free_port


def program(name):
    """Where Debian keeps PostgreSQL's programs: those of the newest version."""
    return str(max(Path("/usr/lib/postgresql").iterdir(), key=lambda path: int(path.name)) /
               "bin" / name)


class PostgresServer:
    """On a free loopback port, in a folder of its own. `url(database)` is what --store takes."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="hunt-postgres-"))
        self.user = None
        if os.geteuid() == 0:
            owner = pwd.getpwnam("postgres")
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
            self.user = "postgres"
        self.port = free_port()
        self.data = self.folder / "data"
        subprocess.run([program("initdb"), "--pgdata", self.data, "--auth", "trust", "--username",
                        "hunt", "--encoding", "UTF8", "--no-locale", "--no-sync"], user=self.user,
                       cwd=self.folder, check=True, stdout=subprocess.DEVNULL)
        with open(self.data / "postgresql.auto.conf", "a", encoding="utf-8") as settings:
            settings.write(f"port = {self.port}\nlisten_addresses = '127.0.0.1'\n"
                           "unix_socket_directories = ''\nwal_level = logical\n"
                           "max_replication_slots = 80\nmax_wal_senders = 20\n")
        self.process = None
        self.start()

    def start(self):
        log = open(self.folder / "log", "ab")  # pylint: disable=consider-using-with
        self.process = subprocess.Popen(
            [program("postgres"), "-D", self.data], user=self.user, cwd=self.folder,
            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        log.close()
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.psql("SELECT 1", database="postgres", check=False).returncode == 0:
                return
            time.sleep(0.05)
        raise AssertionError((self.folder / "log").read_text())

    def psql(self, sql, database="hunt", check=True):
        """What a person in psql does; the result's stdout has the rows, a line each."""
        return subprocess.run(
            ["psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", "hunt", "-d", database, "-AtX",
             "-v", "ON_ERROR_STOP=1", "-c", sql], check=check, capture_output=True, text=True)

    def make_database(self, name="hunt"):
        self.psql(f"CREATE DATABASE {name}", database="postgres")
        return f"postgres://hunt@127.0.0.1:{self.port}/{name}"

    def crash(self):
        """An immediate shutdown: as after a power loss, it must recover from its log."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait()

    def remove(self):
        self.crash()
        shutil.rmtree(self.folder, ignore_errors=True)


class OwnDatabase:
    """Of a HuntTest: a database for each test, on one PostgreSQL server."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.postgres = PostgresServer()
        cls.addClassCleanup(cls.postgres.remove)
        cls.databases = 0

    def setUp(self):
        super().setUp()
        type(self).databases += 1
        self.database = f"hunt{self.databases}"
        self.store = self.postgres.make_database(self.database)


class OwnServers(OwnDatabase):
    """A Redis for each test, too."""

    def setUp(self):
        super().setUp()
        self.redis = RedisServer(self.folder)
        self.addCleanup(self.redis.stop)
