"""examples/compose and the Dockerfile beside the program: flags are known, libraries installed.

Not a run of containers: what is checked needs no Docker.
"""
import re
import subprocess
import unittest

import yaml

from hunt_process import HUNT, REPOSITORY, HuntTest

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
