"""Everything that can happen to rules, on two orchestrators and two shards over NATS under load:
each seen in status, log, metric and page, while somebody is killed in between.

One stack and one table: a row says what is done, who is killed meanwhile, and what has to be seen.
"""
import http.client
import re
import shutil
import sys
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "console"))
import timeline_test  # noqa: E402
from browser import Browser  # noqa: E402
from hunt_process import player  # noqa: E402
from nats_process import NatsCase  # noqa: E402
from postgres_process import OwnDatabase  # noqa: E402
from timeline_test import FIRST, SECOND, event  # noqa: E402

LINE = ("edit", "broken edit", "half-copied directory", "ConfigMap swap", "older revision",
        "rollback", "stop")


class Mount:
    """A directory of rules as Kubernetes mounts a ConfigMap: names are links through `..data`."""

    def __init__(self, folder, files):
        self.folder = folder
        self.count = 0
        folder.mkdir()
        self.swap(files)

    def swap(self, files):
        self.count += 1
        fresh = self.folder / f"..{self.count}"
        fresh.mkdir()
        for name, text in files.items():
            (fresh / name).write_text(text)
        self._link("..data", fresh.name)
        for name in files:
            self._link(name, f"..data/{name}")
        for link in self.folder.glob("[!.]*"):
            if link.name not in files:
                link.unlink()

    def _link(self, name, target):
        link = self.folder / "..link"
        link.symlink_to(target)
        link.replace(self.folder / name)

    def edit(self, name, text):
        """In place, as an editor does."""
        fresh = self.folder / "..data/.fresh"
        fresh.write_text(text)
        fresh.replace(self.folder / "..data" / name)


@dataclass
class Row:
    """`act` is done, and `victim` killed meanwhile. Afterwards `version` is in force everywhere,
    and status (its exit code first), a log, the metrics and the page of both say these."""
    name: str
    act: Callable
    victim: str
    version: str
    status: tuple
    log: str
    metric: str
    page: str


@unittest.skipUnless(shutil.which("chromium"), "chromium is not installed: script/deps console")
class RulesLine(OwnDatabase, NatsCase, timeline_test.TimelineCase):
    def setUp(self):
        super().setUp()
        self.other = self.postgres.make_database(self.database + "b")
        self.sets = {}
        self.versions = {}
        for revision, item in enumerate(("first", "second", "third", "fourth"), 1):
            self.make_set(revision, item)
        self.mounts = [Mount(self.folder / f"mount{i}", self.sets[1]) for i in (1, 2)]
        loot = self.folder / "loot.csv"
        loot.write_text("x,y,table,budget\n" +
                        "".join(f"{x * 64},0,box,1000000\n" for x in range(40)))
        self.assert_exit(self.hunt("world", "import", loot, "--world", "demo", "--rules",
                                   self.mounts[0].folder, *self.store_words()), 0)
        self.teller = self.relay()
        self.servers = [self.orchestrator(0), self.orchestrator(1)]
        self.outputs = []  # of lives that are over
        self.digs = 0
        self.ends = threading.Event()

    def make_set(self, revision, item):
        """The files of a revision, with the lock that CI makes."""
        folder = self.folder / f"set{revision}"
        folder.mkdir()
        (folder / "gala.yaml").write_text(event(item))
        (folder / "ball.yaml").write_text(event(item, "ball").replace("box", "shoebox"))
        self.lock(revision, folder=folder)
        self.sets[revision] = {path.name: path.read_text() for path in folder.iterdir()}
        self.versions[revision] = re.search(r'(?m)^version: "(\w+)"',
                                            self.sets[revision]["rules.lock"])[1]

    def store_words(self):
        return ["--store", self.store, "--store", self.other]

    def orchestrator(self, index):
        return self.serve_nats("--rules", self.mounts[index].folder)

    def walk(self, index):
        """The load: new players dig in both shards, whoever is alive."""
        count = 0
        while not self.ends.is_set():
            count += 1
            who = player(10_000_000 * (index + 1) + count)
            try:
                self.servers[index].dig((who, FIRST, 0), (who, SECOND, 0))
                self.digs += 1
            except (OSError, http.client.HTTPException):
                time.sleep(0.05)

    def kill(self, victim):
        """kill -9, and up again."""
        if victim == "nats-server":
            self.nats.kill()
            return self.nats.start()
        if victim == "PostgreSQL":
            self.postgres.crash()
            return self.postgres.start()
        if victim == "the relay":
            self.teller.kill()
            self.teller = self.relay(says="")
            return None
        index = int(victim[-1]) - 1
        self.servers[index].kill()
        self.outputs.append(self.servers[index].output)
        self.servers[index] = self.orchestrator(index)
        return None

    def set_files(self, change):
        for mount in self.mounts:
            change(mount)

    def command(self, *words):
        """Repeated until it is done: the answer of a process that is killed is lost."""
        def done():
            run = self.change(self.servers[0], *words)
            self.assertTrue(run.returncode == 0 or "is in force" in run.stderr, run.stderr)
        self.holds(done, 60)

    def edit_all(self, mount):
        for name, text in self.sets[2].items():
            mount.edit(name, text)

    def half_copy(self, mount):
        mount.edit("rules.lock", self.sets[3]["rules.lock"])
        mount.edit("gala.yaml", self.sets[3]["gala.yaml"])

    def rows(self):
        at = self.versions
        in_force = "All 2 processes, and the files are those"
        refused = "its files are refused for"
        bad = r"hunt_rules_last_reload_success 0\b"

        def info(revision):
            return rf'hunt_rules_info\{{version="{at[revision]}",revision="{revision}"\}} 1'

        def comes(revision, by="the files of "):
            return rf"version {at[revision]} is in force from \S+ on \(by {by}"

        return [
            Row("edit", lambda: self.set_files(self.edit_all), "orchestrator 2", at[2],
                (0, at[2], in_force), comes(2), info(2), f"rules {at[2]}"),
            Row("broken edit",
                lambda: self.set_files(lambda mount: mount.edit("gala.yaml", "event: [broken\n")),
                "orchestrator 2", at[2], (1, at[2], refused, "gala.yaml"), "is not valid", bad,
                "The rule files are refused"),
            Row("half-copied directory",
                lambda: self.set_files(self.half_copy), "nats-server", at[2],
                (1, at[2], refused, "the lock is for version"), "the lock is for version", bad,
                "The lock is for version"),
            Row("its end",
                lambda: self.set_files(lambda mount: mount.edit("ball.yaml",
                                                                self.sets[3]["ball.yaml"])),
                "orchestrator 1", at[3], (0, at[3], in_force), comes(3), info(3),
                f"rules {at[3]}"),
            Row("ConfigMap swap", lambda: self.set_files(lambda mount: mount.swap(self.sets[4])),
                "PostgreSQL", at[4], (0, at[4], in_force), comes(4), info(4),
                f"rules {at[4]}"),
            Row("older revision", lambda: self.set_files(lambda mount: mount.swap(self.sets[3])),
                "the relay", at[4], (1, at[4], refused, "revision 4 was taken already"),
                "revision 4 was taken already", bad, "Revision 4 was taken already"),
            Row("rollback", lambda: self.command("rollback", at[2]), "orchestrator 1", at[2],
                (1, at[2], refused), comes(2, "test"), info(2), f"rules {at[2]}"),
            Row("stop", lambda: self.command("stop", "gala", "--note", "too generous"),
                "orchestrator 2", at[2], (1, "gala is stopped"),
                r'the event "gala" is stopped \(by test\), too generous',
                r"hunt_rules_events_stopped 1\b", 'the event "gala" is stopped by hand'),
        ]

    def holds(self, what, seconds=40):
        """An assertion that becomes true, or the last way in which it is not."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                return what()
            except (AssertionError, OSError):
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.1)

    def check_status(self, row):
        run = self.status(*self.servers)
        self.assert_exit(run, row.status[0])
        self.assert_says(run.stdout, *row.status[1:])

    def check_metrics(self, row):
        for server in self.servers:
            self.assertRegex(server.get("/metrics").body.decode(), row.metric)

    def check(self, row, browser):
        self.holds(lambda: self.assertEqual([self.version(one) for one in self.servers],
                                            [row.version] * 2))
        self.holds(lambda: self.check_status(row))
        self.holds(lambda: self.check_metrics(row))
        logs = "\n".join(self.outputs + [one.output for one in self.servers])
        self.assertRegex(logs, row.log)
        for index in (0, 1):
            browser.open(f"http://127.0.0.1:{self.servers[index].port}/")
            shown = "(document.body ? document.body.innerText : '')"
            said = f"{shown}.toLowerCase().includes({row.page.lower()!r})"
            self.assertTrue(browser.wait_for(said, 20), browser.evaluate(shown))

    def sql(self, text):
        return [self.postgres.psql(text, self.database + suffix).stdout.strip()
                for suffix in ("", "b")]

    def test_the_whole_line(self):
        rows = self.rows()
        self.assertLessEqual(set(LINE), {row.name for row in rows})
        walkers = [threading.Thread(target=self.walk, args=(index,)) for index in (0, 1)]
        for walker in walkers:
            walker.start()
        self.addCleanup(self.ends.set)
        with Browser() as browser:
            for row in rows:
                with self.subTest(row.name, killed=row.victim):
                    with ThreadPoolExecutor() as pool:
                        both = [pool.submit(row.act), pool.submit(self.kill, row.victim)]
                    for one in both:
                        one.result()
                    self.check(row, browser)
        granted = self.sql("SELECT count(*) FROM grants")
        time.sleep(1)
        self.ends.set()
        for walker in walkers:
            walker.join()
        self.assertGreater(self.digs, 100)
        self.assertEqual(self.sql("SELECT count(*) FROM grants"), granted, "nothing after the stop")
        # By the time that each grant was judged by, whoever rolled it.
        wrong = self.sql("SELECT count(*) FROM grants g WHERE g.rules <> (SELECT t.version FROM"
                         " rules_timeline t WHERE t.from_us <= g.as_of_us OR t.place = 1"
                         " ORDER BY t.place DESC LIMIT 1)")
        self.assertEqual(wrong, ["0", "0"], "each by the rules of its time")
        self.assertEqual(self.sql("SELECT count(DISTINCT rules) > 2 FROM grants"), ["t", "t"])
        timelines = self.sql("SELECT json_agg(t ORDER BY place) FROM rules_timeline t")
        self.assertEqual(timelines[0], timelines[1])
        self.assert_exit(self.hunt("audit", *self.store_words()), 0)


if __name__ == "__main__":
    unittest.main()
