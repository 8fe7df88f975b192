"""What the systemd units forbid, held against what the processes do, call by call.

Not systemd itself: strace writes down the calls of the kernel, and this reads the units. A place
that only systemd makes (a root that is read-only, another /tmp) is not there.
"""
import re
import shutil
import subprocess
import unittest

from hunt_process import REPOSITORY, TOKEN, RedisServer, player
from nats_process import NatsCase

# SQLite gives a file that root makes the owner of its database; the service is not root.
OF_ROOT = {"fchown"}


def groups_of_calls():
    """{"@name": calls and other groups}, as systemd has them."""
    text = subprocess.run(["systemd-analyze", "syscall-filter", "--no-pager"], capture_output=True,
                          text=True, check=True).stdout
    groups = {}
    for line in re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines():
        if line.startswith("@"):
            members = groups.setdefault(line.strip(), set())
        elif line.startswith("    ") and not line.strip().startswith("#"):
            members.add(line.strip())
    return groups


def expanded(groups, name):
    if not name.startswith("@"):
        return {name}
    return set().union(*(expanded(groups, one) for one in groups[name]))


class Unit:
    """The limits of one unit."""

    def __init__(self, command):
        text = (REPOSITORY / f"deploy/debian/hunt-{command}.service").read_text("utf-8")
        groups = groups_of_calls()
        self.calls = expanded(groups, "@default")
        for sign, words in re.findall(r"(?m)^SystemCallFilter=(~?)(.*)$", text):
            named = set().union(*(expanded(groups, word) for word in words.split()))
            self.calls = self.calls - named if sign else self.calls | named
        self.families = set(re.search(r"(?m)^RestrictAddressFamilies=(.*)$", text)[1].split())
        for line in ("MemoryDenyWriteExecute=yes", "RestrictNamespaces=yes", "RestrictRealtime=yes",
                     "ProtectSystem=strict"):
            assert f"\n{line}\n" in text, line

    def forbidden(self, line, folder):
        """Why systemd would refuse this call, or "". Its files are those of this folder."""
        name, _, words = line.partition("(")
        if name not in self.calls | OF_ROOT:
            return "not in SystemCallFilter"
        if name in ("mmap", "mprotect") and "PROT_EXEC" in words and (
                "PROT_WRITE" in words or name == "mprotect"):
            return "memory that is written and executed"
        family = re.match(r"(AF_\w+)", words)
        if name == "socket" and family[1] not in self.families:
            return "an address family that is not allowed"
        if "CLONE_NEW" in words or re.search(r"SCHED_(FIFO|RR)\b", words):
            return "a namespace, or a real-time priority"
        path = re.search(r'"([^"]*)"', words)
        writes = name.startswith("open") and re.search(r"O_WRONLY|O_RDWR|O_CREAT", words)
        if writes and not path[1].startswith((str(folder), "/dev/")) and path[1].startswith("/"):
            return "a file outside of its folder"
        return ""


class Hardening(NatsCase):
    def setUp(self):
        super().setUp()
        for tool in ("strace", "systemd-analyze"):
            if not shutil.which(tool):
                self.skipTest(f"{tool} is not installed")
        tried = subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True,
                               text=True, check=False)
        if tried.returncode != 0:
            self.skipTest("no process may be traced here: " + tried.stderr.strip())
        self.redis = RedisServer(self.folder)
        self.addCleanup(self.redis.stop)

    def traced(self, command, *words):
        return self.start(command, "--store", self.store, "--bus", self.nats.url, "--cache",
                          self.redis.url, *words, listen=command == "serve", wrapper=(
                              "strace", "-D", "-f", "-qq", "-o", f"{command}.calls"))

    def test_the_units_forbid_nothing_that_the_processes_do(self):
        (self.folder / "token").write_text(TOKEN)
        relay = self.traced("relay", "--admin-token-file", "token")
        serve = self.traced("serve", "--memory-limit", "1792MiB")
        self.assertEqual(serve.bury([{"x": 3, "y": 3, "table": "starlight", "budget": 1}]).status,
                         200)
        self.assertEqual(serve.dig((player(1), 3, 3)).status,
                         200)
        for process in (serve, relay):
            for path in ("/readyz", "/metrics", "/v1/why", "/debug/flame?seconds=1",
                         "/debug/pprof/heap"):
                self.assertEqual(process.get(path, token=TOKEN, timeout=60).status, 200, path)
        for process in (serve, relay):
            self.assertEqual(process.stop(), 0, process.output)
        for command in ("serve", "relay"):
            unit, seen, wrong = Unit(command), set(), {}
            text = (self.folder / f"{command}.calls").read_text("utf-8", errors="replace")
            for line in re.findall(r"(?m)^\d+ +(\w+\(.*)$", text):
                name = line.partition("(")[0]
                seen.add(name)
                why = unit.forbidden(line, self.folder)
                if why:
                    wrong.setdefault(f"{name}: {why}", line[:120])
            self.assertEqual(wrong, {}, command)
            self.assertLessEqual({"openat", "mmap", "socket", "bind", "sendto"}, seen)

    def test_a_call_that_a_unit_forbids_is_seen(self):
        unit = Unit("serve")
        for line, words in (
                ('openat(AT_FDCWD, "/etc/passwd", O_RDONLY) = 3', ""),
                ('openat(AT_FDCWD, "hunt.db", O_RDWR|O_CREAT, 0600) = 3', ""),
                ('openat(AT_FDCWD, "/etc/hunt/x", O_WRONLY|O_CREAT, 0600) = 3', "a file outside"),
                ("socket(AF_INET, SOCK_STREAM, IPPROTO_TCP) = 3", ""),
                ("socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE) = 3", "family"),
                ("mmap(NULL, 4096, PROT_READ|PROT_EXEC, MAP_PRIVATE, 3, 0) = 0x7f", ""),
                ("mmap(NULL, 4096, PROT_WRITE|PROT_EXEC, MAP_ANONYMOUS, -1, 0) = 0x7f", "executed"),
                ("mprotect(0x7f, 4096, PROT_READ|PROT_EXEC) = 0", "executed"),
                ("perf_event_open({}, 0, -1, -1, 0) = 3", "SystemCallFilter"),
                ("mount(NULL, \"/\", NULL, 0, NULL) = 0", "SystemCallFilter"),
                ("unshare(CLONE_NEWNS) = 0", "namespace")):
            found = unit.forbidden(line, self.folder)
            self.assertTrue(words in found if words else found == "", (line, found))


if __name__ == "__main__":
    unittest.main()
