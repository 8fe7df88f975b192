"""Checks rendered manifests: unknown fields, types, required ones, and names that lead nowhere.

Stricter than Kubernetes, which lets unknown fields pass unless it is asked not to. Says nothing of
what only a cluster knows: whether images exist, whether a class of storage is there.
"""
import json
from pathlib import Path

import jsonschema

SCHEMA = json.loads((Path(__file__).parent / "schema.json").read_text("utf-8"))


def named(document):
    metadata = document.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return f"{document.get('kind')} {name}"


def errors(document):
    """A line for each thing that is wrong with one document: whose, where, what."""
    kind = f"{document.get('apiVersion')} {document.get('kind')}"
    if kind not in SCHEMA["kinds"]:
        return [f"{named(document)}: apiVersion and kind are {kind!r}; known are "
                f"{sorted(SCHEMA['kinds'])}"]
    schema = {**SCHEMA["kinds"][kind], "definitions": SCHEMA["definitions"]}
    if "$ref" in schema:  # beside a $ref the draft takes nothing else
        schema = {"allOf": [{"$ref": schema["$ref"]}], "definitions": SCHEMA["definitions"]}
    found = jsonschema.Draft7Validator(schema).iter_errors(document)
    return [f"{named(document)}: {'.'.join(map(str, one.absolute_path)) or 'top'}: {one.message}"
            for one in found]


def pod_specs(documents):
    """(document, spec) of everything that makes pods."""
    for document in documents:
        if document["kind"] in ("DaemonSet", "Deployment", "StatefulSet"):
            yield document, document["spec"]["template"]["spec"]


def by_kind(documents, kind):
    return {one["metadata"]["name"]: one for one in documents if one["kind"] == kind}


def selects(selector, labels):
    return all(labels.get(key) == value for key, value in selector.items())


def dangling(documents):
    """A line for each name in these documents that none of them has. Secrets are made by hand."""
    maps = by_kind(documents, "ConfigMap")
    for document, spec in pod_specs(documents):
        own = document["spec"]["template"]["metadata"]["labels"]
        if not selects(document["spec"]["selector"]["matchLabels"], own):
            yield f"{named(document)}: selects no pod of its own"
        volumes = {one["name"]: one for one in spec.get("volumes", ())}
        volumes |= {one["metadata"]["name"]: one for one in
                    document["spec"].get("volumeClaimTemplates", ())}
        for volume in volumes.values():
            name = volume.get("configMap", {}).get("name")
            if name and name not in maps:
                yield f"{named(document)}: no ConfigMap {name}"
        for container in spec["containers"]:
            ports = {port["name"] for port in container.get("ports", ())}
            for mount in container.get("volumeMounts", ()):
                if mount["name"] not in volumes:
                    yield f"{named(document)}: no volume {mount['name']}"
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                asked = container.get(probe, {})
                port = (asked.get("httpGet") or asked.get("tcpSocket") or {}).get("port")
                if port is not None and port not in ports:
                    yield f"{named(document)}: {probe} asks no port {port}"
        account = spec.get("serviceAccountName")
        if account and account not in by_kind(documents, "ServiceAccount"):
            yield f"{named(document)}: no ServiceAccount {account}"
    for document in documents:
        yield from dangling_selectors(documents, document)
        yield from dangling_references(documents, document)


def selected(documents, selector):
    """The pods, as the documents that make them, with these labels."""
    return [document for document, _ in pod_specs(documents)
            if selects(selector, document["spec"]["template"]["metadata"]["labels"])]


def ports_of(makers):
    """Names and numbers of the ports of these documents' pods."""
    found = [port for document in makers
             for container in document["spec"]["template"]["spec"]["containers"]
             for port in container.get("ports", ())]
    return {port.get("name") for port in found} | {port["containerPort"] for port in found}


def dangling_selectors(documents, document):
    """Of Services, budgets and policies: which pods they mean, and which ports of them."""
    kind, spec = document["kind"], document.get("spec", {})
    if kind in ("Service", "PodDisruptionBudget"):
        labels = spec["selector"] if kind == "Service" else spec["selector"]["matchLabels"]
        makers = selected(documents, labels)
        if len(makers) != 1:
            yield f"{named(document)}: selects {len(makers)} workloads; expected one"
        for port in spec["ports"] if kind == "Service" else ():
            if port["targetPort"] not in ports_of(makers):
                yield f"{named(document)}: its pods have no port {port['targetPort']}"
    if kind == "NetworkPolicy":
        makers = selected(documents, spec["podSelector"].get("matchLabels", {}))
        if not makers:
            yield f"{named(document)}: selects no pod"
        for port in ports_of_rules(spec, "ingress"):
            if port not in ports_of(makers):
                yield f"{named(document)}: its pods have no port {port}"
        for port in ports_of_rules(spec, "egress"):  # of pods elsewhere: their names are not known
            if not isinstance(port, int):
                yield f"{named(document)}: a way out needs the number of a port, not {port}"
        for way in ("ingress", "egress"):
            if way in spec and way.capitalize() not in spec["policyTypes"]:
                yield f"{named(document)}: has {way} and not the type {way.capitalize()}"


def ports_of_rules(spec, way):
    return [port["port"] for rule in spec.get(way, ()) for port in rule.get("ports", ())
            if "port" in port]


def dangling_references(documents, document):
    """Of autoscalers, monitors and roles: what they name."""
    kind, spec = document["kind"], document.get("spec", {})
    if kind == "HorizontalPodAutoscaler":
        target = spec["scaleTargetRef"]
        scaled = by_kind(documents, target["kind"]).get(target["name"])
        if scaled is None:
            yield f"{named(document)}: no {target['kind']} {target['name']}"
        elif "replicas" in scaled["spec"]:
            yield f"{named(scaled)}: has replicas, which are the autoscaler's"
    if kind == "ServiceMonitor":
        met = [one for one in by_kind(documents, "Service").values()
               if selects(spec["selector"]["matchLabels"], one["metadata"]["labels"])]
        if not met:
            yield f"{named(document)}: selects no Service"
        for one in met:
            known = {port["name"] for port in one["spec"]["ports"]}
            for endpoint in spec["endpoints"]:
                if endpoint["port"] not in known:
                    yield f"{named(document)}: {named(one)} has no port {endpoint['port']}"
    if kind == "ClusterRoleBinding":
        for one in (document["roleRef"], *document["subjects"]):
            if one["name"] not in by_kind(documents, one["kind"]):
                yield f"{named(document)}: no {one['kind']} {one['name']}"


def secrets(documents):
    """{name of a Secret: the keys asked of it}, of pods and of monitors; none of files."""
    asked = {}
    for _, spec in pod_specs(documents):
        for container in spec["containers"]:
            for variable in container.get("env", ()):
                key = variable.get("valueFrom", {}).get("secretKeyRef")
                if key:
                    asked.setdefault(key["name"], set()).add(key["key"])
        for volume in spec.get("volumes", ()):
            if "secret" in volume:
                asked.setdefault(volume["secret"]["secretName"], set())
    for monitor in by_kind(documents, "ServiceMonitor").values():
        for endpoint in monitor["spec"]["endpoints"]:
            key = endpoint["authorization"]["credentials"]
            asked.setdefault(key["name"], set()).add(key["key"])
    return asked
