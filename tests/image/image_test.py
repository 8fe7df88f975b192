"""The Dockerfile's image, made by buildah and run as Kubernetes would: nobody's rights, nothing to
write to. `script/test image`; not of every day, since it takes minutes and the network.

What is left out of the Dockerfile is compiling: the program is the one in build/. The base images
are the bare Debian of script/clean-room, since no registry is asked. Containers are namespaces made
here: the image's file system read-only, its user, its command.
"""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "e2e"))
import compose_test  # noqa: E402
from hunt_process import HUNT, REPOSITORY, HuntProcess, free_port, listens  # noqa: E402

ROOMS = Path(os.environ.get("HUNT_CLEAN_ROOM", "/var/tmp/hunt-clean-room"))
COMPILES = "RUN script/deps build && script/build release hunt \\\n    && "
# A shell that sees the image and no more: read-only, but for the one folder that a volume would be.
ENTER = r"""
set -euo pipefail
root=$1 user=$2 group=$3 state=$4
shift 4
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount --bind "$state" "$root/var/lib/hunt"
mount -o remount,bind,ro "$root"
exec chroot --userspec "$user:$group" --groups= "$root" /usr/bin/env -i \
  PATH=/usr/local/bin:/usr/bin:/bin \
  setpriv --no-new-privs sh -c 'cd /var/lib/hunt && exec "$@"' sh "$@"
"""


class Contained(HuntProcess):
    """In namespaces of its own: the signal is for the program, their first process."""

    def stop(self, how=signal.SIGTERM):
        pid = self.process.pid
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            os.kill(int(child), how)
        return self.wait_exit(60)


class ComposeOfImage(compose_test.Stack):
    """examples/compose with containers of this image; the other servers are this machine's."""

    image = None  # an Image

    def secrets(self):
        return "/var/lib/hunt"

    def start_service(self, name):
        port = free_port()
        state = self.folder / name
        state.mkdir()
        for token in self.services[name].get("secrets", ()):
            shutil.copy(self.folder / token, state)
        listen = {"HUNT_LISTEN": f"127.0.0.1:{port}"} if name == "relay" else {}
        variables = {**self.environment_of(name), **listen}
        enter = self.image.enter("env", *(f"{key}={one}" for key, one in variables.items()),
                                 state=state)
        self.hunts[name] = Contained(self.folder, *self.words_of(name, port), listen=False,
                                     wrapper=enter, program="hunt")
        self.addCleanup(self.hunts[name].kill)


class Image(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        for tool in ("buildah", "debootstrap", "objcopy"):
            if os.geteuid() != 0 or not shutil.which(tool):
                raise unittest.SkipTest(f"an image needs root and {tool}, which are not both here")
        cls.folder = Path(tempfile.mkdtemp(prefix="hunt-image-", dir="/var/tmp"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.addClassCleanup(cls.buildah, "rm", "--all")
        base = subprocess.run([REPOSITORY / "script/clean-room", "true"], capture_output=True,
                              text=True, timeout=900, check=False)
        if base.returncode != 0:
            raise unittest.SkipTest("no bare Debian can be made: " + base.stderr[-300:])
        cls.make_bases()
        cls.build("hunt")
        told = json.loads(cls.buildah("inspect", "--type", "image", "hunt"))
        cls.config = told["Docker"]["config"]
        container = cls.buildah("from", "--pull-never", "hunt").strip()
        cls.root = Path(cls.buildah("mount", container).strip())

    @classmethod
    def buildah(cls, *words):
        run = subprocess.run(
            ["buildah", "--root", cls.folder / "root", "--runroot", cls.folder / "run",
             "--storage-driver", "vfs", *words], capture_output=True, text=True, timeout=1200,
            check=False)
        if run.returncode != 0:
            raise AssertionError(f"buildah {words}\n{run.stdout[-4000:]}{run.stderr[-4000:]}")
        return run.stdout

    @classmethod
    def make_bases(cls):
        """debian:12 and debian:12-slim: the same here, bare and with the place of packages."""
        container = cls.buildah("from", "scratch").strip()
        cls.buildah("add", "--quiet", container, ROOMS / "base", "/")
        for name in ("debian:12", "debian:12-slim"):
            cls.buildah("commit", "--quiet", container, f"docker.io/library/{name}")
        cls.buildah("rm", container)

    @classmethod
    def build(cls, tag, *words):
        context = cls.folder / "context"
        (context / "build").mkdir(parents=True, exist_ok=True)
        shutil.copy(HUNT, context / "build/hunt")
        text = (REPOSITORY / "Dockerfile").read_text("utf-8")
        if COMPILES not in text:
            raise AssertionError("the Dockerfile compiles in other words than the test knows")
        text = text.replace(COMPILES, "RUN apt-get update -q && apt-get install -q -y "
                            "--no-install-recommends binutils \\\n    && ")
        (context / "Dockerfile").write_text(text)
        cls.buildah("bud", "--isolation", "chroot", "--format", "docker", "--pull-never",
                    "--layers", "--tag", tag, *words, context)

    def enter(self, *words, state=None):
        """The command line that runs these words in the image."""
        user, group = self.config["User"].split(":")
        if state is None:
            state = Path(tempfile.mkdtemp(dir=self.folder))
            os.chown(state, int(user), int(group))
        return ["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child",
                "bash", "-c", ENTER, "enter", self.root, user, group, state, *words]

    def inside(self, *words):
        return subprocess.run(self.enter(*words), capture_output=True, text=True, timeout=120,
                              check=False)

    def test_it_is_what_pods_and_compose_take_it_for(self):
        self.assertEqual(self.config["User"], "10001:10001")
        self.assertEqual(self.config["Entrypoint"], ["hunt"])
        self.assertEqual(self.config["WorkingDir"], "/var/lib/hunt")
        self.assertEqual(self.config["StopSignal"], "SIGTERM")
        self.assertIn("/livez", " ".join(self.config["Healthcheck"]["Test"]))
        size = (self.root / "usr/local/bin/hunt").stat().st_size
        self.assertLess(size, 40e6, "without lines and types, which are a stage of their own")

    def test_nobody_runs_it_on_a_file_system_that_is_read_only(self):
        run = self.inside("sh", "-c", "id -u; touch /usr/local/bin/x /etc/x /tmp/x 2>&1 | wc -l")
        self.assertEqual(run.stdout.split(), ["10001", "3"], run.stderr)
        run = self.inside("hunt", "up", "--seconds", "5", "--players", "500", "--rate", "2000",
                          "--listen", f"127.0.0.1:{free_port()}", "--json")
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        report = json.loads(run.stdout)
        self.assertGreater(report["answered"], 0)
        self.assertEqual(report["lost"], 0)

    def test_it_is_healthy_has_names_and_drains_on_its_signal(self):
        state = Path(tempfile.mkdtemp(dir=self.folder))
        os.chown(state, 10001, 10001)
        port = free_port()
        serve = subprocess.Popen(self.enter("hunt", "serve", "--listen", f"127.0.0.1:{port}",
                                            state=state), stdout=subprocess.PIPE, text=True)
        self.addCleanup(serve.wait)
        self.addCleanup(serve.kill)
        self.assertTrue(listens(port))
        check = self.config["Healthcheck"]["Test"][-1].replace(":8080", f":{port}")
        deadline = time.monotonic() + 60
        while self.inside("sh", "-c", check).returncode != 0:
            self.assertLess(time.monotonic(), deadline, "it never was healthy")
        sick = self.inside("sh", "-c", check.replace(f":{port}", f":{free_port()}"))
        self.assertNotEqual(sick.returncode, 0)
        self.assertGreater(int(subprocess.run(
            ["bash", "-c", 'nm "$0" | wc -l', self.root / "usr/local/bin/hunt"], text=True,
            capture_output=True, check=True).stdout), 10_000)
        # The signal is for the program, which is the first process of the namespace.
        children = Path(f"/proc/{serve.pid}/task/{serve.pid}/children").read_text().split()
        os.kill(int(children[0]), getattr(signal, self.config["StopSignal"]))
        self.assertEqual(serve.wait(60), 0)
        self.assertIn("draining", serve.stdout.read())
        serve.stdout.close()

    def test_compose_starts_the_whole_stack_from_it(self):
        stack = ComposeOfImage("test_the_whole_stack_starts_and_grants")
        stack.image = self
        result = stack.run()
        self.assertTrue(result.wasSuccessful() and not result.skipped, result.errors +
                        result.failures + result.skipped)

    def test_symbols_are_an_image_of_their_own(self):
        self.build("symbols", "--target", "symbols")
        container = self.buildah("from", "--pull-never", "symbols").strip()
        root = Path(self.buildah("mount", container).strip())
        self.assertEqual([path.name for path in root.iterdir() if path.is_file()], ["hunt.debug"])
        notes = [re.search(r"Build ID: (\w+)", subprocess.run(
            ["readelf", "-n", path], capture_output=True, text=True, check=True).stdout)[1]
            for path in (root / "hunt.debug", self.root / "usr/local/bin/hunt")]
        self.assertEqual(notes[0], notes[1])


def load_tests(loader, _tests, _pattern):
    """Not those of ComposeOfImage, which has its image from the other one."""
    return loader.loadTestsFromTestCase(Image)


if __name__ == "__main__":
    unittest.main()
