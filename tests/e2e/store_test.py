"""What can be wrong with the place a store or a port is at: clear errors, nothing half-done."""
import os
import shutil
import socket
import sqlite3
import subprocess
import time
import unittest
from pathlib import Path

from hunt_process import HuntTest, free_port, player


class Place(HuntTest):
    """Starts that must fail, and say why and what to do."""

    def refused(self, *arguments, store=None, code=1):
        if "--listen" not in arguments:
            arguments += ("--listen", f"127.0.0.1:{free_port()}")
        run = self.hunt("serve", "--bus", "inproc:", "--cache", "none:", "--store",
                        store or self.store, *arguments)
        self.assert_exit(run, code)
        self.assertRegex(run.stderr, r"(?m)(^hunt: | error +process: )")
        return run.stderr

    def test_a_port_in_use_is_named(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            self.assert_says(self.refused("--listen", address), address, "in use", "--listen")
            run = self.hunt("up", "--store", self.store, "--seconds", "1", "--listen", address)
            self.assert_exit(run, 1)
            self.assert_says(run.stderr, address, "in use")

    def test_a_path_that_cannot_be_written_is_named(self):
        missing = self.folder / "no" / "such" / "folder" / "hunt.db"
        self.assert_says(self.refused(store=f"sqlite:{missing}"), str(missing))
        self.assert_says(self.refused(store=f"sqlite:{self.folder}"), str(self.folder))
        self.assert_says(self.refused(store="sqlite:/proc/hunt.db"), "/proc/hunt.db")

    def test_a_read_only_file_is_named(self):
        if os.geteuid() == 0:
            self.skipTest("root may write any file")
        self.hunt("world", "create", "two", "--store", self.store)
        path = self.folder / "hunt.db"
        path.chmod(0o444)
        self.assert_says(self.refused(), str(path), "read-only")

    def test_the_database_of_another_program_is_left_alone(self):
        path = self.folder / "hunt.db"
        with sqlite3.connect(path) as other:
            other.execute("CREATE TABLE songs(name TEXT)")
        before = path.read_bytes()
        self.assert_says(self.refused(), str(path), "another program")
        self.assertEqual(path.read_bytes(), before)

    def test_a_file_that_is_no_database_is_left_alone(self):
        path = self.folder / "hunt.db"
        path.write_text("my diary, " * 1000)
        self.assert_says(self.refused(), str(path))
        self.assertEqual(path.read_text(), "my diary, " * 1000)

    def test_a_database_from_a_newer_version_is_left_alone(self):
        server = self.serve()
        self.assertEqual(server.stop(), 0, server.output)
        with sqlite3.connect(self.folder / "hunt.db") as newer:
            newer.execute("PRAGMA user_version = 999")
        self.assert_says(self.refused(), "999", "newer")

    def test_store_urls_name_the_nearest_kind(self):
        self.assert_says(self.refused(store="sqlit:hunt.db", code=2), "sqlite")


@unittest.skipUnless(shutil.which("unshare"), "unshare is not installed")
class FullDisk(HuntTest):
    """The store on a file system of its own that is filled and emptied while it serves."""

    def mounted(self):
        """The command that runs a program with 24 MB mounted on folder/disk, or a skip."""
        (self.folder / "disk").mkdir()
        flags = ["--mount"] if os.geteuid() == 0 else ["--mount", "--map-root-user"]
        wrapper = ["unshare", *flags, "sh", "-c",
                   'mount -t tmpfs -o size=24m tmpfs "$0" && exec "$@"', self.folder / "disk"]
        probe = subprocess.run([*wrapper, "true"], capture_output=True, text=True, check=False)
        if probe.returncode != 0:
            self.skipTest(f"no file system of one's own here: {probe.stderr.strip()}")
        return wrapper

    def test_a_full_disk_stops_grants_with_an_error_and_nothing_is_half_granted(self):
        self.store = f"sqlite:{self.folder}/disk/hunt.db"
        server = self.serve(wrapper=self.mounted())
        inside = Path(f"/proc/{server.process.pid}/root{self.folder}/disk")
        tiles = [{"x": x, "y": y, "table": "starlight", "budget": 1000}
                 for x in range(10) for y in range(10)]
        self.assertEqual(server.bury(tiles).status, 200)
        granted = self.dig_all(server, range(50))
        self.assertEqual(len(granted), 50)

        self.fill(inside / "filler")
        refused = None
        for number in range(1000, 21000, 500):
            told = self.dig_some(server, range(number, number + 500))
            granted.update(told)
            if len(told) < 500:
                refused = number
                break
        self.assertIsNotNone(refused, "a full disk went unnoticed")
        self.assert_says(server.get("/v1/stats").json["store_error"], "full")
        bury = server.bury([{"x": 50, "y": 50, "table": "starlight", "budget": 1}])
        self.assert_error(bury, 503, "full")

        (inside / "filler").unlink()
        recovered = self.dig_all(server, range(refused, refused + 500))
        self.assertEqual(len(recovered), 500)
        granted.update(recovered)
        ledger = {g["claim"]: g["item"] for g in server.all_grants()}
        for claim, item in granted.items():
            self.assertEqual(ledger.get(claim), item)
        shutil.copy(inside / "hunt.db", self.folder / "copy.db")
        if (inside / "hunt.db-wal").exists():
            shutil.copy(inside / "hunt.db-wal", self.folder / "copy.db-wal")
        self.assertEqual(server.stop(), 0, server.output)
        self.assert_audit_clean(f"sqlite:{self.folder / 'copy.db'}")

    def fill(self, path):
        with open(path, "wb", buffering=0) as filler:
            try:
                while True:
                    filler.write(b"\0" * 4096)
            except OSError:
                pass

    def dig_some(self, server, numbers):
        """What is granted of one dig of each of these players, in batches."""
        granted = {}
        numbers = list(numbers)
        for first in range(0, len(numbers), 100):
            reply = server.dig(*[(player(n), n % 10, n // 10 % 10)
                                 for n in numbers[first:first + 100]])
            if reply.status != 200:
                self.assertGreaterEqual(reply.status, 500, reply)
                self.assertIn("error", reply.json)
                continue
            for outcome in reply.json["outcomes"]:
                if outcome["outcome"] == "granted":
                    granted[outcome["claim"]] = outcome["item"]
                else:
                    self.assertEqual(outcome["outcome"], "busy", outcome)
        return granted

    def dig_all(self, server, numbers):
        """The same, asked again for up to 15 s until all are granted."""
        for _ in range(30):
            granted = self.dig_some(server, numbers)
            if len(granted) == len(numbers):
                break
            time.sleep(0.5)
        return granted


if __name__ == "__main__":
    unittest.main()
