"""deploy/kubernetes without a cluster: every overlay rendered and checked, its pods' command lines,
files and probes tried on the built program.

Not a run of Kubernetes: that pods are scheduled, that policies let packets pass and that the
autoscaler follows a load is seen on a cluster alone.
"""
import copy
import re
import shutil
import signal
import subprocess
import unittest

import yaml

from hunt_process import REPOSITORY, TOKEN, HuntTest, RedisServer, clean_environment, run_hunt
from kubernetes import kustomize, manifests
from nats_process import NatsCase

FOLDER = REPOSITORY / "deploy/kubernetes"
OVERLAYS = ("small", "production")
SERVER_TOKEN = TOKEN[::-1]
# Below these anybody may write any word: names of resources, keys of files, labels.
FREE = {"labels", "matchLabels", "annotations", "data", "requests", "limits", "selector"}
DRAIN_SECONDS = 5  # of serve and relay, at most: OPERATIONS, "What happens when"


def rendered(overlay):
    return kustomize.render(FOLDER / "overlays" / overlay)


def hunt_container(overlay, name):
    deployment = manifests.by_kind(rendered(overlay), "Deployment")[name]
    container, = deployment["spec"]["template"]["spec"]["containers"]
    return container


def fields(value, way=()):
    """(way to the mapping, key) of every field that a schema knows by name."""
    if isinstance(value, dict):
        for key, one in value.items():
            if not way or way[-1] not in FREE or isinstance(one, dict):
                yield way, key
            yield from fields(one, (*way, key))
    elif isinstance(value, list):
        for place, one in enumerate(value):
            yield from fields(one, (*way, place))


def at(value, way):
    for key in way:
        value = value[key]
    return value


def mebibytes(text):
    number, unit = re.fullmatch(r"(\d+)(Mi|Gi)B?", text).groups()
    return int(number) * {"Mi": 1, "Gi": 1024}[unit]


class Rendered(unittest.TestCase):
    """What can be said of the manifests by reading them."""

    def test_every_overlay_is_strictly_right(self):
        for overlay in OVERLAYS:
            documents = rendered(overlay)
            wrong = [line for document in documents for line in manifests.errors(document)]
            wrong += manifests.dangling(documents)
            self.assertEqual(wrong, [], overlay)
            self.assertEqual({one["metadata"].get("namespace", "hunt") for one in documents},
                             {"hunt"})

    def test_kubectl_renders_the_same(self):
        if not shutil.which("kubectl"):
            self.skipTest("kubectl is not installed: the tests' own renderer stands alone")
        for overlay in OVERLAYS:
            run = subprocess.run(["kubectl", "kustomize", FOLDER / "overlays" / overlay],
                                 capture_output=True, text=True, check=False)
            if "unknown command" in run.stderr or 'unknown field "' in run.stderr:
                self.skipTest("this kubectl is too old: " + run.stderr[:200])
            self.assertEqual(run.returncode, 0, run.stderr)
            # The hash in the names of two ConfigMaps is kustomize's own.
            text = re.sub(r"\b((?:hunt|nats)-config)-[a-z0-9]{10}\b", r"\1", run.stdout)
            self.assertNotEqual(text, run.stdout)
            theirs = {manifests.named(one): one for one in yaml.safe_load_all(text)}
            ours = {manifests.named(one): one for one in rendered(overlay)}
            self.assertEqual(ours, theirs, overlay)

    def test_every_misspelt_or_ill_typed_field_is_named(self):
        """Each field in turn is misspelt, and given a value of no type that any field has."""
        seen = set()
        for overlay in OVERLAYS:
            for document in rendered(overlay):
                for way, key in fields(document):
                    shape = (document["kind"], tuple(p for p in way if isinstance(p, str)), key)
                    if shape in seen:
                        continue
                    seen.add(shape)
                    spoilt = copy.deepcopy(document)
                    place = at(spoilt, way)
                    place[key + "x"] = place.pop(key)
                    found = manifests.errors(spoilt)
                    self.assertTrue(any(key in line for line in found), (shape, found))
                    spoilt = copy.deepcopy(document)
                    at(spoilt, way)[key] = [[1]]
                    found = manifests.errors(spoilt)
                    self.assertTrue(any(key in line for line in found), (shape, found))
        self.assertGreater(len(seen), 200)

    def test_a_name_that_leads_nowhere_is_found(self):
        def spoil(kind, name, way, value):
            documents = copy.deepcopy(rendered("production"))
            *where, last = way
            at(manifests.by_kind(documents, kind)[name], where)[last] = value
            return "\n".join(manifests.dangling(documents))

        pod = ("spec", "template", "spec")
        for words, spoilt in (
                ("no ConfigMap hunt-confg", ("Deployment", "hunt-serve", (
                    *pod, "volumes", 0, "configMap", "name"), "hunt-confg")),
                ("no volume rulez", ("Deployment", "hunt-serve", (
                    *pod, "containers", 0, "volumeMounts", 1, "name"), "rulez")),
                ("livenessProbe asks no port htp", ("Deployment", "hunt-relay", (
                    *pod, "containers", 0, "livenessProbe", "httpGet", "port"), "htp")),
                ("no Deployment hunt-server", ("HorizontalPodAutoscaler", "hunt-serve", (
                    "spec", "scaleTargetRef", "name"), "hunt-server")),
                ("has replicas", ("Deployment", "hunt-serve", ("spec", "replicas"), 10)),
                ("NetworkPolicy servers: selects no pod", ("NetworkPolicy", "servers", (
                    "spec", "podSelector", "matchLabels"), {"app": "hunt"})),
                ("no Service has a port metrics", ("ServiceMonitor", "hunt-serve", (
                    "spec", "endpoints", 0, "port"), "metrics"))):
            self.assertIn(words, spoil(*spoilt))

    def test_a_field_that_the_renderer_does_not_know_is_named(self):
        with self.assertRaisesRegex(kustomize.Wrong, "unknown field 'resource'"):
            kustomize.only({"resource": []}, kustomize.FIELDS, "kustomization.yaml")

    def test_pods_are_restricted_and_have_room_to_drain(self):
        for overlay in OVERLAYS:
            for document, spec in manifests.pod_specs(rendered(overlay)):
                of = f"{overlay}: {manifests.named(document)}"
                self.assertIs(spec["automountServiceAccountToken"], False, of)
                # Kubernetes would set HUNT_SERVE_PORT and the like, which look like flags of ours.
                self.assertIs(spec["enableServiceLinks"], False, of)
                self.assertIs(spec["securityContext"]["runAsNonRoot"], True, of)
                self.assertEqual(spec["securityContext"]["seccompProfile"],
                                 {"type": "RuntimeDefault"}, of)
                container, = spec["containers"]
                self.assertEqual(container["securityContext"], {
                    "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]}}, of)
                self.assertEqual(set(container["resources"]["requests"]), {"cpu", "memory"}, of)
                self.assertEqual(set(container["resources"]["limits"]), {"memory"}, of)
                if not container["image"].partition(":")[0].endswith("hunt"):
                    continue
                stop = container["lifecycle"]["preStop"]["sleep"]["seconds"] + DRAIN_SECONDS
                self.assertGreater(spec["terminationGracePeriodSeconds"], stop + 5, of)
                probes = {name: (probe["httpGet"]["path"], probe["periodSeconds"])
                          for name, probe in container.items() if name.endswith("Probe")}
                self.assertEqual(probes, {"startupProbe": ("/livez", 2),
                                          "livenessProbe": ("/livez", 5),
                                          "readinessProbe": ("/readyz", 2)}, of)

    def test_the_program_leaves_before_its_container_is_killed(self):
        for overlay in OVERLAYS:
            container = hunt_container(overlay, "hunt-serve")
            flag, = (word for word in container["args"] if word.startswith("--memory-limit="))
            limit = mebibytes(flag.partition("=")[2])
            resources = container["resources"]
            self.assertLess(limit, mebibytes(resources["limits"]["memory"]))
            self.assertGreater(limit, mebibytes(resources["requests"]["memory"]))

    def test_it_scales_from_ten_to_fifty_at_once_up_and_slowly_down(self):
        spec = manifests.by_kind(rendered("production"), "HorizontalPodAutoscaler")[
            "hunt-serve"]["spec"]
        self.assertEqual((spec["minReplicas"], spec["maxReplicas"]), (10, 50))
        self.assertEqual(spec["metrics"][0]["resource"]["target"],
                         {"type": "Utilization", "averageUtilization": 60})
        up, down = spec["behavior"]["scaleUp"], spec["behavior"]["scaleDown"]
        self.assertEqual(up["stabilizationWindowSeconds"], 0)
        self.assertGreaterEqual(down["stabilizationWindowSeconds"], 300)
        relay = manifests.by_kind(rendered("production"), "Deployment")["hunt-relay"]
        self.assertEqual(relay["spec"]["replicas"], 2)

    def test_every_secret_is_made_by_the_documented_commands(self):
        text = (REPOSITORY / "docs/OPERATIONS.md").read_text("utf-8")
        made = {name: set(re.findall(r"--from-(?:literal|file)=([\w-]+)", words))
                for name, words in re.findall(
                    r"create secret generic ([\w-]+) ((?:[^\n]|(?<=\\)\n)*)", text)}
        for overlay in OVERLAYS:
            for name, keys in manifests.secrets(rendered(overlay)).items():
                self.assertIn(name, made, overlay)
                self.assertLessEqual(keys, made[name], f"{overlay}: {name}")

    def test_the_rules_are_right_and_those_of_the_examples(self):
        events = FOLDER / "base/rules"
        self.assertEqual(run_hunt("rules", "check", events).returncode, 0)
        ours = yaml.safe_load((events / "starlight.yaml").read_text("utf-8"))
        example = REPOSITORY / "examples/rules/starlight.yaml"
        self.assertEqual(ours, yaml.safe_load(example.read_text("utf-8")))

    def test_the_alerts_become_a_rule_of_the_operator(self):
        text = (REPOSITORY / "docs/OPERATIONS.md").read_text("utf-8")
        command = re.search(r"```sh\n(for file in recording alerts.*?)\| kubectl apply", text,
                            re.S)[1]
        run = subprocess.run(["bash", "-e", "-c", command], cwd=REPOSITORY, text=True,
                             capture_output=True, check=False)
        self.assertEqual(run.returncode, 0, run.stderr)
        documents = list(yaml.safe_load_all(run.stdout))
        self.assertEqual(len(documents), 2)
        for document, file in zip(documents, ("recording", "alerts")):
            self.assertEqual(manifests.errors(document), [])
            groups = yaml.safe_load(
                (REPOSITORY / f"examples/prometheus/{file}.yaml").read_text("utf-8"))["groups"]
            self.assertEqual(document["spec"]["groups"], groups)

    def test_monitors_ask_for_all_figures_under_the_jobs_that_alerts_know(self):
        monitors = manifests.by_kind(rendered("production"), "ServiceMonitor")
        jobs = {}
        for name, monitor in monitors.items():
            endpoint, = monitor["spec"]["endpoints"]
            self.assertEqual(endpoint["path"], "/metrics")
            self.assertNotIn("metricRelabelings", endpoint)
            jobs[name] = endpoint["relabelings"][0]["replacement"]
        self.assertEqual(jobs, {"hunt-serve": "hunt", "hunt-relay": "hunt-relay"})


class Pods(NatsCase):
    """The pods' own words, but for addresses and folders, on servers of this machine."""

    def setUp(self):
        super().setUp()
        self.redis = RedisServer(self.folder)
        self.addCleanup(self.redis.stop)
        secrets = self.folder / "run/secrets/hunt"
        secrets.mkdir(parents=True)
        for name, token in (("admin-token", TOKEN), ("server-token", SERVER_TOKEN)):
            (secrets / name).write_text(token + "\n")
            (secrets / name).chmod(0o640)

    def pod(self, overlay, name):
        """Starts what the container of this Deployment starts."""
        documents = rendered(overlay)
        container = hunt_container(overlay, name)
        spec = manifests.by_kind(documents, "Deployment")[name]["spec"]["template"]["spec"]
        paths = {one["name"]: one["mountPath"] for one in container["volumeMounts"]}
        for volume in spec["volumes"]:
            place = self.folder / paths[volume["name"]].lstrip("/")
            place.mkdir(parents=True, exist_ok=True)
            if "configMap" in volume:
                data = manifests.by_kind(documents, "ConfigMap")[volume["configMap"]["name"]]
                for key, text in data["data"].items():
                    (place / key).write_text(re.sub(r"/(etc/hunt|run/secrets)/",
                                                    rf"{self.folder}/\1/", text))
        words = [word.replace("=/etc/hunt/", f"={self.folder}/etc/hunt/")
                 for word in container["args"] if not word.startswith("--profile-push")]
        values = {"HUNT_STORE": self.store, "HUNT_BUS": self.nats.url, "HUNT_CACHE": self.redis.url}
        self.assertEqual({one["name"] for one in container["env"]}, set(values))
        return self.start(*words, "--listen", "127.0.0.1:0", listen=False, ready=False,
                          env=clean_environment(**values))

    def test_they_start_answer_their_probes_and_drain(self):
        relay, serve = self.pod("production", "hunt-relay"), self.pod("production", "hunt-serve")
        for process, name in ((relay, "hunt-relay"), (serve, "hunt-serve")):
            process.wait_ready()
            container = hunt_container("production", name)
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                path = container[probe]["httpGet"]["path"]
                self.assertEqual(process.get(path).status, 200, path)
            monitor = manifests.by_kind(rendered("production"), "ServiceMonitor")[name]
            path = monitor["spec"]["endpoints"][0]["path"]
            self.assertEqual(process.get(path).status, 401)
            self.assertEqual(process.get(path, token=SERVER_TOKEN).status, 200)
        # The Service is a name of its own.
        headers = {"Host": "hunt-serve.hunt.svc:8080"}
        self.assertEqual(serve.get("/readyz", headers=headers).status, 200)
        self.assertEqual(serve.get("/readyz", headers={"Host": "evil.example"}).status, 403)
        self.assertIn('"message":"serving"', serve.output)
        for process in (serve, relay):
            self.assertEqual(process.stop(signal.SIGTERM), 0, process.output)

    def test_a_wrong_key_of_the_config_is_told_and_nothing_starts(self):
        self.pod("small", "hunt-serve").kill()
        config = self.folder / "etc/hunt/config/hunt.yaml"
        config.write_text(config.read_text() + "laness: 3\n")
        run = self.hunt("serve", "--config", config)
        self.assert_exit(run, 2)
        self.assert_says(run.stderr, "laness", "lanes", "hunt.yaml:")


class Flags(HuntTest):
    """Each word of the pods is a flag of the command that they start."""

    def test_every_flag_and_variable_is_known(self):
        for overlay in OVERLAYS:
            for name in ("hunt-serve", "hunt-relay"):
                container = hunt_container(overlay, name)
                command, *words = container["args"]
                text = self.hunt(command, "--help").stdout
                for word in words:
                    self.assertRegex(text, rf"(?m)^  {word.partition('=')[0]} ", name)
                for variable in container["env"]:
                    self.assertIn(f"(Env:{variable['name']})", text, name)


if __name__ == "__main__":
    unittest.main()
