"""The Debian package of the built program: made, installed, run, upgraded and removed.

In a copy of this machine's own root that is written to nowhere (an overlay in a mount namespace):
no network is needed, and nothing of it stays. systemd itself does not run there, so the units are
read by systemd-analyze, and what they start is started as systemd would.
"""
import gzip
import os
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from hunt_process import REPOSITORY, HuntTest, free_port, run_hunt
from reference_test import rows, section

COPY = r"""
set -euo pipefail
room=$1
mount -t tmpfs none "$room"
mkdir "$room"/{upper,work,root}
mount -t overlay none -o lowerdir=/,upperdir="$room/upper",workdir="$room/work" "$room/root"
root=$room/root
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs none "$root/run"
"""
# What happens in the copy, step by step: `say` tells what the test asks for afterwards.
LIFE = COPY + r"""
first=$2 second=$3
mkdir -p "$root/packages"
cp "$first" "$second" "$root/packages"
cat >"$root/packages/life.sh"
exec chroot "$root" /bin/bash /packages/life.sh "/packages/${first##*/}" "/packages/${second##*/}" \
  "$4"
"""
INSIDE = r"""
set -euo pipefail
export PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive
first=$1 second=$2 port=$3
say() { echo "SAYS $*"; }
started() { /usr/bin/python3 /packages/as_systemd.py "$@"; }
answers() { curl -fsS -o /dev/null -w '%{http_code}' "http://127.0.0.1:$port/readyz"; }
cat >/packages/as_systemd.py <<'PYTHON'
# Starts the unit's command as its user until it says READY=1; then SIGTERM ends it, or, with --stay
# before the unit, somebody else does: its process is in /run/UNIT.pid.
import os, pwd, re, signal, socket, subprocess, sys, time
stay = sys.argv[1] == "--stay"
name, *more = sys.argv[2 if stay else 1:]
unit = open(f"/lib/systemd/system/{name}.service").read()
words = re.search(r"ExecStart=(.*)", unit)[1].split() + more
user = pwd.getpwnam(re.search(r"User=(.*)", unit)[1])
os.makedirs("/var/lib/hunt", exist_ok=True)
os.chown("/var/lib/hunt", user.pw_uid, user.pw_gid)
heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
place = f"/run/notify-{os.getpid()}"
heard.bind(place); os.chmod(place, 0o777); heard.settimeout(60)
def become():
    os.setgroups([]); os.setgid(user.pw_gid); os.setuid(user.pw_uid); os.umask(0o027)
environment = dict(re.findall(r"^Environment=(\w+)=(.*)$", unit, re.M))
process = subprocess.Popen(words, preexec_fn=become, cwd="/var/lib/hunt",
                           env={"NOTIFY_SOCKET": place, **environment})
told = ""
while "READY=1" not in told:
    told += heard.recv(4096).decode()
if stay:
    with open(f"/run/{name}.pid", "w") as file: file.write(str(process.pid))
    code = process.wait()
    os.unlink(f"/run/{name}.pid")
    with open(f"/run/{name}.ended", "a") as file: file.write(f"{code}\n")
    sys.exit()
time.sleep(0.6)
heard.setblocking(False)
process.send_signal(signal.SIGTERM)
code = process.wait(60)
try:
    while True: told += heard.recv(4096).decode()
except BlockingIOError: pass
os.unlink(place)
print("SAYS told", told.count("READY=1"), told.count("WATCHDOG=1") > 2, "STOPPING=1" in told, code)
PYTHON

# This machine may have one of its own, which stays as it is outside of the copy.
dpkg --purge hunt-orchestrator >/dev/null 2>&1 || true
rm -rf /var/lib/hunt
if getent passwd hunt >/dev/null; then userdel hunt; fi
say before "$(getent passwd hunt | wc -l)" "$(command -v hunt || echo none)"
dpkg --install "$first"
say user "$(getent passwd hunt | cut -d: -f6,7)"
say token "$(stat -c '%U %a' /etc/hunt/admin-token)" "$(wc -c </etc/hunt/admin-token)"
cp /etc/hunt/admin-token /packages/token
say version "$(hunt --version | head -1)"
say names "$(nm /usr/bin/hunt | wc -l)"
for unit in hunt-serve hunt-relay; do
  file=/lib/systemd/system/$unit.service
  say verify "$(systemd-analyze verify --man=no $file 2>&1 | grep "$unit" || true)"
  say exposure "$(systemd-analyze security --offline=true --no-pager $file |
    sed -n 's/.*Overall exposure level for [^:]*: \([0-9.]*\).*/\1/p')"
done
started hunt-serve --listen 127.0.0.1:0
say store "$(stat -c '%U %a' /var/lib/hunt/hunt.db)"
echo '# mine' >>/etc/hunt/serve.yaml

# An upgrade over a service that runs. systemd is asked for it, who is played here: what it is to
# restart drains, and starts with the new program.
cat >/packages/stays <<'STAYS'
#!/bin/bash
/usr/bin/python3 /packages/as_systemd.py --stay "$@" </dev/null >/dev/null 2>&1 &
for _ in $(seq 600); do [ -s "/run/$1.pid" ] && exit; sleep 0.1; done
exit 1
STAYS
mkdir -p /packages/bin /run/systemd/system
cat >/packages/bin/systemctl <<'SYSTEMCTL'
#!/bin/bash
echo "$*" >>/packages/asked
if [ "$1" != try-restart ]; then exit; fi
for unit in "${@:2}"; do
  file=/run/${unit%.service}.pid
  if [ ! -e "$file" ]; then continue; fi
  { readlink "/proc/$(cat "$file")/exe"; curl -fsS "http://127.0.0.1:$PORT/readyz"; } >/packages/was
  kill -TERM "$(cat "$file")"
  while [ -e "$file" ]; do sleep 0.1; done
  /packages/stays "${unit%.service}" --listen "127.0.0.1:$PORT"
done
SYSTEMCTL
chmod +x /packages/stays /packages/bin/systemctl
/packages/stays hunt-serve --listen "127.0.0.1:$port"
say runs "$(answers)"
PORT=$port PATH=/packages/bin:$PATH dpkg --install "$second"
say asked "$(sort -u /packages/asked | xargs)"
say was "$(head -1 /packages/was)" "$(grep -c '"ready":true' /packages/was)"
say restarted "$(cat /run/hunt-serve.ended)" "$(readlink "/proc/$(cat /run/hunt-serve.pid)/exe")" \
  "$(answers)"
kill -TERM "$(cat /run/hunt-serve.pid)"
while [ -e /run/hunt-serve.pid ]; do sleep 0.1; done
rm -r /run/systemd

say upgraded "$(dpkg-query -W -f '${Version}' hunt-orchestrator)" "$(tail -1 /etc/hunt/serve.yaml)"
started hunt-serve --listen 127.0.0.1:0
cmp /etc/hunt/admin-token /packages/token
echo HUNT_STORE=postgres://hunt:secret@pg/hunt >/etc/hunt/serve.env
cp /etc/hunt/admin-token /etc/hunt/server-token
dpkg --remove hunt-orchestrator
say removed "$(command -v hunt || echo none)" \
  "$(ls /etc/hunt/serve.yaml /etc/hunt/serve.env /lib/systemd/system/hunt-* 2>/dev/null | xargs)"
dpkg --purge hunt-orchestrator
say purged "$(ls -d /etc/hunt /usr/share/man/man1/hunt* 2>/dev/null | xargs)" \
  "$(ls /var/lib/hunt/hunt.db)"
"""


class Packages(HuntTest):
    """Made once, looked at by each test."""

    @classmethod
    def setUpClass(cls):
        cls.made = Path(tempfile.mkdtemp(prefix="hunt-packages-"))
        cls.addClassCleanup(shutil.rmtree, cls.made, ignore_errors=True)
        for tool in ("cpack", "dpkg-deb", "dpkg-shlibdeps", "objcopy"):
            if not shutil.which(tool):
                raise unittest.SkipTest(f"{tool} is not installed")
        run = subprocess.run([REPOSITORY / "script/package", cls.made], capture_output=True,
                             text=True, timeout=300, check=False)
        if run.returncode != 0:
            raise AssertionError(run.stdout + run.stderr)
        cls.package, cls.symbols = (
            next(cls.made.glob(f"hunt-orchestrator{kind}_*.deb")) for kind in ("", "-dbgsym"))
        subprocess.run(["dpkg-deb", "-x", cls.package, cls.made / "tree"], check=True)

    def field(self, package, name):
        return subprocess.run(["dpkg-deb", "-f", package, name], capture_output=True, text=True,
                              check=True).stdout.strip()

    def next_release(self):
        """The same program as the revision after this one."""
        folder = self.folder / "next"
        subprocess.run(["dpkg-deb", "-R", self.package, folder], check=True)
        control = folder / "DEBIAN/control"
        control.write_text(re.sub(r"(?m)^Version: (.*)-1$", r"Version: \1-2", control.read_text()))
        path = self.folder / "next.deb"
        subprocess.run(["dpkg-deb", "-Znone", "--root-owner-group", "-b", folder, path], check=True,
                       capture_output=True)
        return path

    def test_it_lives_and_goes_as_a_package_should(self):
        if os.geteuid() != 0 or not shutil.which("systemd-analyze"):
            self.skipTest("installing in a copy of this machine needs root, and systemd's tools")
        elsewhere = [place for place in ("/usr", "/var", "/etc") if os.path.ismount(place)]
        if elsewhere:
            self.skipTest(f"{elsewhere} have file systems of their own: a copy of / has not")
        room = self.folder / "room"
        room.mkdir()

        def apart(script, *words, **more):
            return subprocess.run(["unshare", "--mount", "--pid", "--fork", "--kill-child", "bash",
                                   "-c", script, "life", room, *words], capture_output=True,
                                  text=True, timeout=300, check=False, **more)

        tried = apart(COPY + 'chroot "$root" /bin/true')
        if tried.returncode != 0:
            self.skipTest("no copy of this machine can be made: " + tried.stderr.strip())
        run = apart(LIFE, self.package, self.next_release(), str(free_port()), input=INSIDE)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        says = re.findall(r"(?m)^SAYS (.*)$", run.stdout)
        version = self.field(self.package, "Version").removesuffix("-1")
        exposures = [float(line.split()[-1]) for line in says if line.startswith("exposure")]
        names = [int(line.split()[1]) for line in says if line.startswith("names")]
        self.assertEqual([line for line in says if line.split()[0] not in ("exposure", "names")], [
            "before 0 none", "user /var/lib/hunt:/usr/sbin/nologin", "token hunt 400 65",
            f"version hunt {version}",
            "verify ", "verify ", "told 1 True True 0", "store hunt 600", "runs 200",
            "asked daemon-reload try-restart hunt-relay.service hunt-serve.service",
            "was /usr/bin/hunt (deleted) 1", "restarted 0 /usr/bin/hunt 200",
            f"upgraded {version}-2 # mine", "told 1 True True 0",
            "removed none /etc/hunt/serve.env /etc/hunt/serve.yaml",
            "purged  /var/lib/hunt/hunt.db"], run.stdout)
        self.assertNotIn("admin token:", run.stdout, "the journal is no place for it")
        self.assertEqual(len(exposures), 2)
        self.assertLess(max(exposures), 3.0, "systemd calls everything from 5.0 on exposed")
        self.assertGreater(names[0], 10_000, "flame graphs need the names of functions")

    def test_it_depends_on_the_libraries_of_the_program(self):
        depends = self.field(self.package, "Depends")
        for library in ("libpq5", "libnats3.4", "libhiredis0.14", "libjemalloc2", "libssl3",
                        "libc6", "systemd"):
            self.assertIn(library, depends)
        self.assertEqual(self.field(self.symbols, "Depends"),
                         "hunt-orchestrator (= " + self.field(self.package, "Version") + ")")

    def test_the_symbols_are_of_this_build(self):
        listed = subprocess.run(["dpkg-deb", "-c", self.symbols], capture_output=True, text=True,
                                check=True).stdout
        build = re.search(r"build (\w+)", run_hunt("--version").stdout)[1]
        self.assertIn(f"/usr/lib/debug/.build-id/{build[:2]}/{build[2:]}.debug", listed)

    def test_every_command_and_flag_has_its_place_in_a_man_page(self):
        text = (REPOSITORY / "docs/REFERENCE.md").read_text("utf-8")
        pages = {path.name: gzip.decompress(path.read_bytes()).decode().replace("\\-", "-")
                 for path in (self.made / "tree/usr/share/man/man1").iterdir()}
        for command in ("serve", "relay", "up", "why", "doctor"):
            flags = [row[0].strip("`") for row in rows(section(text, f"#### `hunt {command}`"))] \
                if f"#### `hunt {command}`\n" in text else []
            page = pages[f"hunt-{command}.1.gz"]
            for flag in flags + ["--version", "--config"]:
                self.assertIn(f"\\fB{flag}\\fR", page, command)
            self.assertIn(".SH EXAMPLES", page)
        self.assertIn("hunt-world-import.1.gz", pages)
        # What help says after the flags is of the command: not of its last flag, nor a flag.
        words, _, flags = pages["hunt-data-api.1.gz"].partition(".SH OPTIONS")
        self.assertIn('{"access_keys"', words)
        self.assertNotIn("access_keys", flags.partition(".SH EXAMPLES")[0])
        if shutil.which("groff"):
            for name, page in pages.items():
                run = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z"], input=page,
                                     text=True, capture_output=True, check=False)
                self.assertEqual(run.stderr, "", name)

    def completed(self, *words):
        script = self.made / "tree/usr/share/bash-completion/completions/hunt"
        run = subprocess.run(
            ["bash", "-c", 'source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _hunt;'
             ' printf "%s\\n" "${COMPREPLY[@]}"', script, *words],
            capture_output=True, text=True, cwd=self.folder, check=True)
        return run.stdout.split()

    def test_bash_completes_commands_flags_and_files(self):
        self.assertEqual(self.completed("hunt", "ser"), ["serve"])
        self.assertEqual(self.completed("hunt", "world", "imp"), ["import"])
        self.assertEqual(self.completed("hunt", "serve", "--lanes", "2", "--mem"),
                         ["--memory-limit"])
        self.assertIn("--no-prewarm", self.completed("hunt", "serve", "--no"))
        (self.folder / "loot.csv").touch()
        self.assertEqual(self.completed("hunt", "world", "import", "loot"), ["loot.csv"])

    def test_the_units_start_what_the_program_knows(self):
        for command in ("serve", "relay"):
            unit = (self.made / f"tree/lib/systemd/system/hunt-{command}.service").read_text()
            start = re.search(r"ExecStart=/usr/bin/hunt (\w+) --config (\S+)", unit)
            self.assertEqual(start.groups(), (command, f"/etc/hunt/{command}.yaml"))
            text = run_hunt(command, "--help").stdout
            for variable in re.findall(r"(?m)^Environment=(\w+)=", unit):
                self.assertIn(f"(Env:{variable})", text)
            config = self.made / f"tree/etc/hunt/{command}.yaml"
            # A key that is left out behind a # is one that somebody will put in.
            for key in re.findall(r"(?m)^(?:# )?([a-z-]+): ", config.read_text()):
                self.assertRegex(text, rf"(?m)^  --{key} ", f"{config.name}: {key}")


if __name__ == "__main__":
    unittest.main()
