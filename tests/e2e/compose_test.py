"""examples/compose and the Dockerfile beside the program: fields and flags are known, names lead
somewhere, libraries are installed, and what each service starts is a stack that works.

Not a run of containers: what is checked needs no Docker. `script/test image` has the image itself.
"""
import copy
import json
import os
import re
import subprocess
import time
import unittest

import jsonschema
import yaml

from hunt_process import (HUNT, REPOSITORY, TOKEN, HuntTest, clean_environment, free_port, listens,
                          player)
from postgres_process import PostgresServer

FOLDER = REPOSITORY / "examples/compose"
# Has the schema of the Compose Specification in it.
SCHEMA = "dclint@3.1.0"
# Below these anybody may write any word.
FREE = ("services", "environment", "depends_on", "secrets", "volumes")
SERVER_TOKEN = TOKEN[::-1]
PASSWORD = "of-the-tests"
# Of the packages that the program needs, those that every Debian 12 has.
EVERYWHERE = {"libc6", "libgcc-s1", "libstdc++6"}


def compose():
    return yaml.safe_load((FOLDER / "compose.yaml").read_text("utf-8"))


def without_anchors(document):
    """As Compose takes it: what is merged stands where it was merged, `x-…` is nobody's."""
    return {key: copy.deepcopy(one) for key, one in document.items() if not key.startswith("x-")}


def fields(value, way=()):
    """(way to the mapping, key) of every field that the schema knows by name."""
    if isinstance(value, dict):
        for key, one in value.items():
            if not way or way[-1] not in FREE:
                yield way, key
            yield from fields(one, (*way, key))
    elif isinstance(value, list):
        for place, one in enumerate(value):
            yield from fields(one, (*way, place))


def dangling(document):
    """A line for each name that nothing in the file, or beside it, has."""
    services = document["services"]
    for name, service in services.items():
        for other, how in service.get("depends_on", {}).items():
            if other not in services:
                yield f"{name}: there is no service {other}"
            elif how["condition"] == "service_healthy" and "healthcheck" not in services[other]:
                yield f"{name}: {other} has no healthcheck to wait for"
        for secret in service.get("secrets", ()):
            if secret not in document["secrets"]:
                yield f"{name}: there is no secret {secret}"
        for word in service.get("command", ()):
            secret = re.search(r"=/run/secrets/(.*)", word)
            if secret and secret[1] not in service.get("secrets", ()):
                yield f"{name}: its container has no secret {secret[1]}"
            for host in re.findall(r"@([\w-]+)[:/]", word):
                if host not in services:
                    yield f"{name}: there is no service {host}"
        for value in service.get("environment", {}).values():
            for host in re.findall(r"//([\w-]+):", value):
                if host not in services:
                    yield f"{name}: there is no service {host}"
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            if "/" in source and not (FOLDER / source).is_file():
                yield f"{name}: there is no file {source}"
            if "/" not in source and source not in document["volumes"]:
                yield f"{name}: there is no volume {source}"
        context = service.get("build", {}).get("context")
        if context and not (FOLDER / context / "Dockerfile").is_file():
            yield f"{name}: no Dockerfile is in {context}"


class Described(HuntTest):
    """The file against what Compose takes, and against itself."""

    def test_every_field_is_known_and_a_misspelt_or_ill_typed_one_is_named(self):
        npm = self.npm_folder(SCHEMA)
        schema = json.loads(
            (npm / "node_modules/dclint/schemas/compose.schema.json").read_text("utf-8"))
        check = jsonschema.Draft7Validator(schema)
        document = without_anchors(compose())
        self.assertEqual([error.message for error in check.iter_errors(document)], [])
        seen = 0
        for way, key in fields(document):
            for spoil in ("misspelt", "ill-typed"):
                spoilt = copy.deepcopy(document)
                place = spoilt
                for step in way:
                    place = place[step]
                if spoil == "misspelt":
                    place[key + "x"] = place.pop(key)
                else:
                    place[key] = [[1]]
                seen += 1
                self.assertFalse(check.is_valid(spoilt), (spoil, way, key))
        self.assertGreater(seen, 60)

    def test_every_name_leads_somewhere(self):
        self.assertEqual(list(dangling(compose())), [])
        for way, value, words in (
                (("services", "relay", "depends_on"),
                 {"shard-2": {"condition": "service_started"}}, "no service shard-2"),
                (("services", "relay", "depends_on"),
                 {"nats": {"condition": "service_healthy"}}, "nats has no healthcheck"),
                (("services", "orchestrator-1", "secrets"), ["server-token"],
                 "its container has no secret admin-token"),
                (("services", "orchestrator-1", "secrets"), ["server-tokn"],
                 "no secret server-tokn"),
                (("services", "relay", "command"), ["relay", "--store=postgres://hunt@shard/hunt"],
                 "no service shard"),
                (("services", "relay", "environment"), {"HUNT_BUS": "nats://bus:4222"},
                 "no service bus"),
                (("services", "nats", "volumes"), ["nat:/data"], "no volume nat"),
                (("services", "nats", "volumes"), ["./nats.conf:/etc/nats.conf"], "no file ./nats"),
                (("services", "relay", "build"), {"context": ".."}, "no Dockerfile is in ..")):
            spoilt = without_anchors(compose())
            *where, last = way
            place = spoilt
            for step in where:
                place = place[step]
            place[last] = value
            self.assertIn(words, "\n".join(dangling(spoilt)))


class Stack(HuntTest):
    """What each service starts, with servers of this machine: the file's own words, but for
    addresses and folders."""

    def setUp(self):
        super().setUp()
        self.services = compose()["services"]
        self.shards = {name: self.shard(service) for name, service in self.services.items()
                       if service["image"].startswith("postgres")}
        self.urls = {"nats:4222": self.nats(), "redis:6379": self.redis()}
        for name, token in (("server-token", SERVER_TOKEN), ("admin-token", TOKEN)):
            (self.folder / name).write_text(token + "\n")
        self.hunts = {}

    def shard(self, service):
        server = PostgresServer()
        self.addCleanup(server.remove)
        server.make_database(service["environment"]["POSTGRES_DB"])
        program, *words = service["command"]
        self.assertEqual((program, words[::2]), ("postgres", ["-c"] * (len(words) // 2)))
        for name, value in (word.split("=") for word in words[1::2]):
            server.psql(f"ALTER SYSTEM SET {name} = '{value}'", database="postgres")
        self.assert_healthy(service["healthcheck"]["test"] + ["--port", str(server.port)])
        return server

    def background(self, words, port):
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.assertTrue(listens(port), words)
        return f"127.0.0.1:{port}"

    def nats(self):
        service, port = self.services["nats"], free_port()
        config, = (volume.split(":") for volume in service["volumes"] if "nats.conf" in volume)
        text = (FOLDER / config[0]).read_text("utf-8")
        file = self.folder / "nats.conf"
        file.write_text(text.replace("0.0.0.0:4222", f"127.0.0.1:{port}")
                        .replace("0.0.0.0:8222", f"127.0.0.1:{free_port()}")
                        .replace('"/data"', f'"{self.folder}/nats"'))
        words = [str(file) if word == config[1] else word for word in service["command"]]
        self.assertIn(str(file), words)
        return self.background(["nats-server", *words], port)

    def redis(self):
        port = free_port()
        return self.background([*self.services["redis"]["command"], "--bind", "127.0.0.1", "--port",
                                str(port), "--dir", str(self.folder)], port)

    def assert_healthy(self, test, **ports):
        """The words of a healthcheck, with this machine's ports."""
        words = [word for word in test if word != "CMD"]
        for old, new in ports.items():
            words = [word.replace(f":{old[1:]}", f":{new}") for word in words]
        run = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
        self.assertEqual(run.returncode, 0, (words, run.stdout, run.stderr))

    def words_of(self, name, port):
        """The command of a service as Compose hands it on, on this machine."""
        for word in self.services[name]["command"]:
            word = re.sub(r"\$\{HUNT_PASSWORD[^}]*\}", PASSWORD, word)
            for shard, server in self.shards.items():
                word = word.replace(f"@{shard}/", f"@127.0.0.1:{server.port}/")
            word = word.replace("=/run/secrets/", f"={self.secrets()}/")
            yield word.replace("=0.0.0.0:8080", f"=127.0.0.1:{port}")

    def environment_of(self, name):
        out = {}
        for key, value in self.services[name]["environment"].items():
            for old, new in self.urls.items():
                value = value.replace(f"//{old}", f"//{new}")
            out[key] = value
        return out

    def secrets(self):
        """The folder of the tokens, as the program sees it."""
        return self.folder

    def start_service(self, name):
        port = free_port()
        self.hunts[name] = self.start(*self.words_of(name, port), listen=False, ready=False,
                                      env=clean_environment(**self.environment_of(name)))

    def test_the_whole_stack_starts_and_grants(self):
        names = [name for name, service in self.services.items() if service["image"] == "hunt"]
        for name in names:
            self.start_service(name)
        for name in names:
            hunt = self.hunts[name].wait_ready()
            health = self.services[name].get("healthcheck", {}).get("test")
            if health:
                self.assert_healthy(health, _8080=hunt.port)
        image = (REPOSITORY / "Dockerfile").read_text("utf-8")
        of_image = re.search(r"(?m)^  CMD ((?:.*\\\n)*.*)$", image)[1].replace("\\\n", " ")
        self.assert_healthy(["sh", "-c", of_image], _8080=free_port(), _8099=free_port(),
                            _8090=self.hunts["relay"].port)
        first, second = self.hunts["orchestrator-1"], self.hunts["orchestrator-2"]
        self.assertEqual(first.get("/v1/map", token=SERVER_TOKEN).json["shards"], len(self.shards))
        for name in ("orchestrator-1", "orchestrator-2"):
            reply = first.get("/readyz", headers={"Host": f"{name}:8080"})
            self.assertEqual(reply.status, 200, reply)
        self.assertEqual(first.bury([{"x": 3, "y": 4, "table": "starlight", "budget": 1}]).status,
                         200)
        dig = {"world": 1, "positions": [{"player": player(1), "x": 3, "y": 4, "kind": "dig"}]}

        def outcome():
            reply = second.post("/v1/positions?wait=terminal", dig, token=SERVER_TOKEN)
            return reply.json["outcomes"][0]["outcome"]

        self.wait_until(lambda: outcome() == "granted", self.hunts)
        for name in names:
            self.assertEqual(self.hunts[name].stop(), 0, self.hunts[name].output)

    def wait_until(self, holds, hunts):
        deadline = time.monotonic() + 30
        while not holds():
            self.assertLess(time.monotonic(), deadline, {name: hunt.output
                                                         for name, hunt in hunts.items()})
            time.sleep(0.1)


class Compose(HuntTest):
    """The files as a person would use them."""

    def test_every_flag_of_a_hunt_is_known(self):
        services = compose()["services"]
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
