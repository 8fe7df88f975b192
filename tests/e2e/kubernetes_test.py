"""deploy/kubernetes without a cluster: every overlay rendered and checked, its pods' command lines,
files and probes tried on the built program. The manifests of examples/ are checked, too.

Not a run of Kubernetes: that pods are scheduled, that policies let packets pass and that the
autoscaler follows a load is seen on a cluster alone.
"""
import copy
import json
import math
import re
import shutil
import signal
import subprocess
import unittest

import yaml

from hunt_process import (REPOSITORY, TOKEN, HuntTest, RedisServer, clean_environment, free_port,
                          player, run_hunt)
from kubernetes import kustomize, manifests
from nats_process import NatsCase
from postgres_process import OwnDatabase

FOLDER = REPOSITORY / "deploy/kubernetes"
OVERLAYS = ("small", "production", "data-api")
SERVER_TOKEN = TOKEN[::-1]
# Below these anybody may write any word: names of resources, keys of files, labels.
FREE = {"labels", "matchLabels", "annotations", "data", "selector"}
DRAIN_SECONDS = 5  # of serve and relay, at most: OPERATIONS, "What happens when"


def rendered(overlay):
    return kustomize.render(FOLDER / "overlays" / overlay)


def container_of(deployment):
    container, = deployment["spec"]["template"]["spec"]["containers"]
    return container


def hunt_container(overlay, name):
    return container_of(manifests.by_kind(rendered(overlay), "Deployment")[name])


def served_shards(container):
    """Those of --shards; None of one that serves all."""
    found = [word for word in container["args"] if word.startswith("--shards=")]
    return [int(one) for one in found[0].partition("=")[2].split(",")] if found else None


def orchestrators(overlay):
    """{name: Deployment} of all that start `hunt serve`."""
    return {name: one for name, one in manifests.by_kind(rendered(overlay), "Deployment").items()
            if container_of(one)["args"][0] == "serve"}


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

    def test_the_manifests_of_the_examples_are_strictly_right(self):
        documents = kustomize.read_all(REPOSITORY / "examples/profiling/daemonset.yaml")
        wrong = [line for document in documents for line in manifests.errors(document)]
        self.assertEqual(wrong + list(manifests.dangling(documents)), [])
        self.assertIn("profiler", manifests.by_kind(documents, "DaemonSet"))

    def assert_told(self, document, way, words):
        """One line of errors() is of this place, and says all of these words."""
        start = f"{manifests.named(document)}: {'.'.join(map(str, way)) or 'top'}"
        found = manifests.errors(document)
        self.assertTrue(any(line.startswith(start) and all(word in line for word in words)
                            for line in found), (start, words, found))

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
                    misspelt, ill_typed = copy.deepcopy(document), copy.deepcopy(document)
                    place = at(misspelt, way)
                    place[key + "x"] = place.pop(key)
                    at(ill_typed, way)[key] = [[1]]
                    if key in ("apiVersion", "kind") and not way:
                        for spoilt in (misspelt, ill_typed):
                            self.assertIn("apiVersion and kind are", manifests.errors(spoilt)[0])
                        continue
                    self.assert_told(misspelt, way, [f"'{key}x'"])
                    self.assert_told(ill_typed, (*way, key), [])
        self.assertGreater(len(seen), 200)

    def test_a_word_that_kubernetes_does_not_know_is_named(self):
        """What is text for its description, and yet one of a few words for its server."""
        pod = ("spec", "template", "spec")
        for overlay, kind, name, way in (
                ("production", "NetworkPolicy", "servers", ("spec", "policyTypes", 0)),
                ("production", "NetworkPolicy", "dns", (
                    "spec", "egress", 0, "ports", 0, "protocol")),
                ("small", "StatefulSet", "postgres", (
                    "spec", "volumeClaimTemplates", 0, "spec", "accessModes", 0)),
                ("production", "HorizontalPodAutoscaler", "hunt-serve", (
                    "spec", "metrics", 0, "type")),
                ("production", "HorizontalPodAutoscaler", "hunt-serve", (
                    "spec", "metrics", 0, "resource", "target", "type")),
                ("production", "PodDisruptionBudget", "hunt-serve", (
                    "spec", "unhealthyPodEvictionPolicy")),
                ("production", "Deployment", "hunt-serve", (
                    *pod, "containers", 0, "securityContext", "capabilities", "drop", 0)),
                ("production", "Deployment", "hunt-serve", (
                    *pod, "topologySpreadConstraints", 0, "whenUnsatisfiable"))):
            documents = rendered(overlay)
            document = manifests.by_kind(documents, kind)[name]
            *where, last = way
            at(document, where)[last] += "x"
            self.assert_told(document, way, ["x' is not one of"])
        document = manifests.by_kind(rendered("small"), "PodDisruptionBudget")["hunt-serve"]
        document["spec"]["selector"]["matchExpressions"] = [{"key": "a", "operator": "Is"}]
        self.assert_told(document, ("spec", "selector", "matchExpressions", 0, "operator"),
                         ["'Is' is not one of"])

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
                ("a way out needs the number of a port, not htp", ("NetworkPolicy", "servers", (
                    "spec", "egress", 0, "ports", 0, "port"), "htp")),
                ("NetworkPolicy game-to-serve: its pods have no port htp", (
                    "NetworkPolicy", "game-to-serve", (
                        "spec", "ingress", 0, "ports", 0, "port"), "htp")),
                ("has egress and not the type Egress", ("NetworkPolicy", "servers", (
                    "spec", "policyTypes"), ["Ingress"])),
                ("Service hunt-serve: selects 4 workloads", ("Service", "hunt-serve", (
                    "spec", "selector"), {"app.kubernetes.io/part-of": "hunt"})),
                ("Service hunt-relay: its pods have no port web", ("Service", "hunt-relay", (
                    "spec", "ports", 0, "targetPort"), "web")),
                ("PodDisruptionBudget hunt-relay: selects 0 workloads", (
                    "PodDisruptionBudget", "hunt-relay", ("spec", "selector", "matchLabels"),
                    {"app.kubernetes.io/name": "hunt-rely"})),
                ("NetworkPolicy servers: selects no pod", ("NetworkPolicy", "servers", (
                    "spec", "podSelector", "matchLabels"), {"app": "hunt"})),
                ("Service hunt-serve-1 has no port metrics", ("ServiceMonitor", "hunt-serve", (
                    "spec", "endpoints", 0, "port"), "metrics"))):
            self.assertIn(words, spoil(*spoilt))

    def test_a_field_that_the_renderer_does_not_know_is_named(self):
        with self.assertRaisesRegex(kustomize.Wrong, "unknown field 'resource'"):
            kustomize.only({"resource": []}, kustomize.FIELDS, "kustomization.yaml")
        with self.assertRaisesRegex(kustomize.Wrong, "nameSuffix is -1; expected a text"):
            kustomize.add_suffix([], -1, "kustomization.yaml")

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
            for deployment in orchestrators(overlay).values():
                container = container_of(deployment)
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

    def test_production_has_orchestrators_for_all_shards_and_for_each(self):
        """What is asked of `any` is served without --shards alone; each number by one group."""
        groups = {name: served_shards(container_of(one))
                  for name, one in orchestrators("production").items()}
        self.assertEqual(groups, {"hunt-serve": None, "hunt-serve-0": [0], "hunt-serve-1": [1]})
        documents = rendered("production")
        for kind in ("HorizontalPodAutoscaler", "PodDisruptionBudget", "Service"):
            self.assertLessEqual(set(groups), set(manifests.by_kind(documents, kind)), kind)
        for name, deployment in orchestrators("production").items():
            met = manifests.selected(
                documents, manifests.by_kind(documents, "Service")[name]["spec"]["selector"])
            self.assertEqual(met, [deployment], "positions of other shards would be `moved`")
        policies = manifests.by_kind(documents, "NetworkPolicy")
        reached = manifests.selected(
            documents, policies["game-to-serve"]["spec"]["podSelector"]["matchLabels"])
        self.assertEqual({one["metadata"]["name"] for one in reached}, set(groups))

    def test_postgresql_has_connections_for_a_rollout_at_full_scale(self):
        """A wave more than there are pods, and the wave before it, whose pods still drain."""
        text = (REPOSITORY / "docs/OPERATIONS.md").read_text("utf-8")
        each, relay_each = re.search(r"connections of a shard \| (\w+) for each `hunt serve`.*?, "
                                     r"up to (\w+) for each `hunt relay`", text).groups()
        numbers = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6}
        documents = rendered("production")
        pods = 0
        for name, deployment in orchestrators("production").items():
            most = manifests.by_kind(documents, "HorizontalPodAutoscaler")[name]["spec"][
                "maxReplicas"]
            surge = deployment["spec"]["strategy"]["rollingUpdate"]["maxSurge"]
            pods += most + 2 * math.ceil(most * int(surge.removesuffix("%")) / 100)
        relay = manifests.by_kind(documents, "Deployment")["hunt-relay"]["spec"]
        relays = relay["replicas"] + 2 * relay["strategy"]["rollingUpdate"]["maxSurge"]
        needed = pods * numbers[each] + relays * numbers[relay_each]
        told = re.search(r"so\s+(\d+) orchestrators\s+and\s+(\d+)\s+relays\s+need\s+(\d+)"
                         r".*?`max_connections\s+=\s+(\d+)`", text, re.S)
        self.assertIsNotNone(told)
        self.assertEqual([int(one) for one in told.groups()[:3]],
                         [pods, relays, needed])
        self.assertGreater(int(told[4]), needed + 10, "people, and what is kept for superusers")

    def test_one_makes_the_rules_and_another_may(self):
        """The component, or the rules' own repository: both make the same name, with no hash."""
        example = yaml.safe_load((REPOSITORY / "examples/gitops/kustomization.yaml").read_text())
        generator, = example["configMapGenerator"]
        self.assertTrue(example["generatorOptions"]["disableNameSuffixHash"])
        base = kustomize.render(FOLDER / "base")
        self.assertNotIn(generator["name"], manifests.by_kind(base, "ConfigMap"))
        self.assertEqual(list(manifests.dangling(base)),
                         [f"Deployment hunt-serve: no ConfigMap {generator['name']}"])

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
        events = FOLDER / "components/rules/events"
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
        self.assertEqual({one["name"] for one in container["env"]}, {*values, "SSL_CERT_FILE"})
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
            for host in (name, f"{name}.hunt", f"{name}.hunt.svc:8080",
                         f"{name}.hunt.svc.cluster.local:8080"):
                self.assertEqual(process.get("/readyz", headers={"Host": host}).status, 200, host)
            self.assertEqual(process.get("/readyz", headers={"Host": "evil.example"}).status, 403)
        self.assertIn('"message":"serving"', serve.output)
        for process in (serve, relay):
            self.assertEqual(process.stop(signal.SIGTERM), 0, process.output)

    def test_those_of_one_shard_answer_under_its_subject_and_their_service(self):
        serve = self.pod("production", "hunt-serve-0").wait_ready()
        client = self.nats.client()
        self.addCleanup(client.close)
        position = {"world": 1, "positions": [{"player": player(1), "x": 1, "y": 1, "kind": "dig"}]}
        answer = client.request("hunt.ask.0", position).json
        self.assertEqual(answer["outcomes"][0]["outcome"], "nothing", answer)
        self.assertEqual(client.request("hunt.ask.any", position).body, b"", "no responders")
        for host in ("hunt-serve-0", "hunt-serve-0.hunt.svc.cluster.local:8080"):
            self.assertEqual(serve.get("/readyz", headers={"Host": host}).status, 200, host)
        self.assertEqual(serve.get("/readyz", headers={"Host": "hunt-serve"}).status, 403)
        self.assertEqual(serve.stop(signal.SIGTERM), 0, serve.output)

    def test_a_wrong_key_of_the_config_is_told_and_nothing_starts(self):
        self.pod("small", "hunt-serve").kill()
        config = self.folder / "etc/hunt/config/hunt.yaml"
        config.write_text(config.read_text() + "laness: 3\n")
        run = self.hunt("serve", "--config", config)
        self.assert_exit(run, 2)
        self.assert_says(run.stderr, "laness", "lanes", "hunt.yaml:")


class DataApiPod(OwnDatabase, HuntTest):
    """The gateway's own words, on a PostgreSQL of this machine."""

    def test_it_starts_answers_its_probes_and_drains(self):
        container = hunt_container("data-api", "hunt-data-api")
        keys = self.folder / "run/secrets/hunt/keys.json"
        keys.parent.mkdir(parents=True)
        keys.write_text(json.dumps({
            "access_keys": [{"id": "AKIDTEST", "secret": "a-key-of-the-tests-only"}],
            "secrets": [{"arn": "arn:aws:secretsmanager:local:1:secret:hunt", "user": "hunt"}]}))
        keys.chmod(0o440)
        self.assertEqual({one["name"] for one in container["env"]}, {"HUNT_STORE"})
        words = [word.replace("=/run/secrets/", f"={self.folder}/run/secrets/")
                 for word in container["args"]]
        port = free_port()
        process = self.start(
            *[word.replace("=0.0.0.0:8099", f"=127.0.0.1:{port}") for word in words],
            listen=False, ready=False,
            env=clean_environment(HUNT_STORE=self.store))
        process.wait_ready()
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            path = container[probe]["httpGet"]["path"]
            self.assertEqual(process.get(path).status, 200, path)
        # Kubernetes and clients ask by the pod's address and the Service's name.
        for host in ("10.1.2.3:8099", "hunt-data-api.hunt:8099"):
            self.assertEqual(process.get("/livez", headers={"Host": host}).status, 200, host)
        self.assertEqual(process.stop(signal.SIGTERM), 0, process.output)


class Flags(HuntTest):
    """Each word of the pods is a flag of the command that they start."""

    def test_every_flag_and_variable_is_known(self):
        for overlay in OVERLAYS:
            for name, deployment in manifests.by_kind(rendered(overlay), "Deployment").items():
                container = container_of(deployment)
                command, *words = container["args"]
                text = self.hunt(command, "--help").stdout
                for word in words:
                    self.assertRegex(text, rf"(?m)^  {word.partition('=')[0]} ", name)
                for variable in container["env"]:
                    if variable["name"] != "SSL_CERT_FILE":  # which is OpenSSL's
                        self.assertIn(f"(Env:{variable['name']})", text, name)


if __name__ == "__main__":
    unittest.main()
