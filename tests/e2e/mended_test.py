"""A start that cannot be: it ends with one line that says why, and the same command is ready by
itself once that is mended. So systemd and kubelet, which start it again and again, need nobody.

What a process waits for that runs already is in probes_test.py and store_trouble_test.py.
"""
import os
import re
import shutil
import subprocess
import unittest

from hunt_process import TOKEN, HuntProcess, HuntTest, free_port
from nats_process import NatsServer
from postgres_process import PostgresServer

# A folder on a disk that is read-only, or not any more.
DISK = ('set -e; mount --bind "$1" "$1"; if [ "$2" = ro ]; then mount -o remount,bind,ro "$1"; fi; '
        'exec "${@:3}"')


class Mended(HuntTest):
    def setUp(self):
        super().setUp()
        self.wrapper = ()

    def start_again(self, words, port):
        process = HuntProcess(self.folder, *words, "--listen", f"127.0.0.1:{port}", listen=False,
                              wrapper=self.wrapper)
        self.addCleanup(process.kill)
        return process

    def ends_until_mended(self, words, said, mend):
        port = free_port()
        for _ in range(2):
            process = self.start_again(words, port)
            self.assertEqual(process.wait_exit(60), 1, process.output)
            errors = [line for line in process.lines if re.search(r"^\S+Z error ", line)]
            self.assertEqual(len(errors), 1, process.output)
            self.assert_says(errors[0], *said)
        mend()
        process = self.start_again(words, port).wait_ready()
        self.assertEqual(process.stop(), 0, process.output)

    def test_a_secret_that_is_missing(self):
        file = self.folder / "admin-token"
        self.ends_until_mended(
            ["serve", "--store", self.store, "--admin-token-file", file],
            [f"admin-token-file: {file}: no such file", "openssl rand -hex 32"],
            lambda: file.write_text(TOKEN + "\n"))

    def test_a_token_file_that_is_wrong(self):
        file = self.folder / "server-token"
        file.write_text("\n" + TOKEN + "\n")
        self.ends_until_mended(
            ["serve", "--store", self.store, "--server-token-file", file],
            [f"server-token-file: {file} holds no token in its first line"],
            lambda: file.write_text(TOKEN + "\n"))

    def test_a_nats_that_is_not_there(self):
        nats = NatsServer(self.folder)
        self.addCleanup(lambda: nats.kill())
        nats.kill()
        self.ends_until_mended(["serve", "--store", self.store, "--bus", nats.url],
                               [nats.address], nats.start)
        nats.kill()
        self.ends_until_mended(["relay", "--store", self.store, "--bus", nats.url],
                               [nats.address], nats.start)

    def test_a_store_that_cannot_be_reached(self):
        server = PostgresServer()
        self.addCleanup(server.remove)
        store = server.make_database()
        server.crash()
        self.ends_until_mended(["serve", "--store", store], [f"127.0.0.1:{server.port}/hunt"],
                               server.start)

    def test_a_password_that_is_wrong(self):
        server = PostgresServer()
        self.addCleanup(server.remove)
        server.make_database()
        server.psql("CREATE ROLE locked SUPERUSER LOGIN PASSWORD 'of-before'")
        hba = server.data / "pg_hba.conf"
        hba.write_text("host all locked 127.0.0.1/32 scram-sha-256\n" + hba.read_text())
        server.psql("SELECT pg_reload_conf()")
        self.ends_until_mended(
            ["serve", "--store", f"postgres://locked:never-shown@127.0.0.1:{server.port}/hunt"],
            [f"port {server.port}", "password authentication failed", "--store"],
            lambda: server.psql("ALTER ROLE locked PASSWORD 'never-shown'"))

    def test_a_disk_that_is_read_only(self):
        self.assert_exit(self.hunt("world", "create", "two", "--store", self.store), 0)

        def use(how):
            self.wrapper = ("unshare", "--mount", "bash", "-c", DISK, "disk", str(self.folder), how)

        use("ro")
        tried = subprocess.run([*self.wrapper, "true"], capture_output=True, text=True, check=False)
        if tried.returncode != 0 or not shutil.which("unshare") or os.geteuid() != 0:
            self.skipTest("no folder can be made read-only here: " + tried.stderr)
        self.ends_until_mended(["serve", "--store", self.store],
                               [str(self.folder / "hunt.db"), "read-only"], lambda: use("rw"))


if __name__ == "__main__":
    unittest.main()
