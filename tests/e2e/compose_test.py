"""examples/compose and the Dockerfile beside the program: flags are known, libraries installed.

Not a run of containers: what is checked needs no Docker.
"""
import json
import os
import re
import subprocess
import unittest

import yaml

from hunt_process import HUNT, REPOSITORY, HuntTest, free_port

FOLDER = REPOSITORY / "examples/compose"
# Of the packages that the program needs, those that every Debian 12 has.
EVERYWHERE = {"libc6", "libgcc-s1", "libstdc++6"}


class Compose(HuntTest):
    """The files as a person would use them."""

    def test_every_flag_of_a_hunt_is_known(self):
        services = yaml.safe_load((FOLDER / "compose.yaml").read_text())["services"]
        hunts = [name for name, service in services.items() if service["image"] == "hunt"]
        self.assertEqual(sorted(hunts), ["orchestrator-1", "orchestrator-2", "relay"])
        for name in hunts:
            command, *words = services[name]["command"]
            text = self.hunt(command, "--help").stdout
            flags = [word.partition("=")[0] for word in words]
            flags += ["--" + key.removeprefix("HUNT_").lower().replace("_", "-")
                      for key in services[name]["environment"]]
            for flag in flags:
                self.assertRegex(text, rf"(?m)^  {flag} ", f"{name}: {flag}")
            self.assertEqual(sum(flag == "--store" for flag in flags), 2, name)

    def test_nobody_runs_it_where_nothing_can_be_written(self):
        """As in the image, on this machine's own root: read-only, but for the folder of a volume.
        The image itself is made by `script/test image`."""
        user = re.search(r"(?m)^USER (\d+):(\d+)$", (REPOSITORY / "Dockerfile").read_text())[1]
        state = self.folder / "state"
        state.mkdir()
        self.folder.chmod(0o755)
        enter = ('set -e; cp "$1" "$2/hunt"; mount --bind "$2" /mnt; mount -o remount,bind,ro /; '
                 'cd /mnt; exec setpriv --reuid "$3" --regid "$3" --clear-groups --no-new-privs '
                 '/mnt/hunt "${@:4}"')
        if os.geteuid() == 0:
            os.chown(state, int(user), int(user))
        run = subprocess.run(
            ["unshare", "--mount", "bash", "-c", enter, "enter", HUNT, state, user, "up",
             "--seconds", "2", "--players", "200", "--rate", "1000", "--json", "--listen",
             f"127.0.0.1:{free_port()}"], capture_output=True, text=True, check=False, timeout=120)
        if re.search(r"unshare|mount:|setpriv:", run.stderr):
            self.skipTest("no read-only root can be made here: " + run.stderr.strip())
        self.assert_exit(run, 0)
        self.assertGreater(json.loads(run.stdout)["answered"], 0)
        self.assertEqual((state / "hunt.db").stat().st_uid, int(user))

    def test_the_image_has_every_library_of_the_program(self):
        headers = subprocess.run(["objdump", "-p", HUNT], capture_output=True, text=True,
                                 check=True).stdout
        paths = subprocess.run(["ldd", HUNT], capture_output=True, text=True, check=True).stdout
        places = dict(re.findall(r"(\S+) => (/\S+)", paths))
        needed = set()
        for library in re.findall(r"NEEDED +(\S+)", headers):
            place = places.get(library)
            if place is None:
                continue  # the loader
            # Debian's packages have some as /lib/…, some as /usr/lib/…: the same folder.
            owner = subprocess.run(["dpkg", "-S", "*" + place.removeprefix("/usr")],
                                   capture_output=True, text=True, check=True).stdout
            needed.add(owner.split(":")[0])
        text = (REPOSITORY / "Dockerfile").read_text()
        installed = set(re.search(r"recommends(.*?)&&", text, re.S)[1].replace("\\", "").split())
        self.assertEqual(needed - EVERYWHERE - installed, set())


if __name__ == "__main__":
    unittest.main()
