"""Makes schema.json: what the manifests under deploy/kubernetes may say, as a strict JSON Schema.

    make_schema.py SWAGGER SERVICEMONITORS-CRD PROMETHEUSRULES-CRD >schema.json

SWAGGER is Kubernetes' own description (swagger.json of kubernetes/kubernetes, Apache-2.0), the
others are JSON files of prometheus-operator (Apache-2.0). Kept of them: types, required fields and
names of fields, of the kinds below and what they hold. Not kept: words, and what Kubernetes lets
pass: a field that nobody knows is an error here. Only needed for a newer Kubernetes, or a new kind.
"""
import json
import sys

KINDS = {
    "apps/v1": ["Deployment", "StatefulSet"],
    "autoscaling/v2": ["HorizontalPodAutoscaler"],
    "networking.k8s.io/v1": ["NetworkPolicy"],
    "policy/v1": ["PodDisruptionBudget"],
    "v1": ["ConfigMap", "Namespace", "Secret", "Service", "ServiceAccount"],
}
QUANTITY = {"type": ["string", "number"],
            "pattern": r"^[+-]?(\d+\.?\d*|\.\d+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?\d+)?$"}
# Where Kubernetes' description has a plain string, and its server takes these words only.
WORDS = {
    "DeploymentStrategy.type": ["Recreate", "RollingUpdate"],
    "HPAScalingPolicy.type": ["Pods", "Percent"],
    "HPAScalingRules.selectPolicy": ["Max", "Min", "Disabled"],
    "MetricTarget.type": ["Utilization", "Value", "AverageValue"],
    "ContainerPort.protocol": ["TCP", "UDP", "SCTP"],
    "NetworkPolicyPort.protocol": ["TCP", "UDP", "SCTP"],
    "HTTPGetAction.scheme": ["HTTP", "HTTPS"],
    "PodSpec.restartPolicy": ["Always", "OnFailure", "Never"],
    "SeccompProfile.type": ["RuntimeDefault", "Localhost", "Unconfined"],
    "ServiceSpec.type": ["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"],
    "TopologySpreadConstraint.whenUnsatisfiable": ["DoNotSchedule", "ScheduleAnyway"],
    "Container.imagePullPolicy": ["Always", "IfNotPresent", "Never"],
}


def strict(schema, owner=""):
    """The same without words; objects with fields take no others."""
    if "$ref" in schema:
        return {"$ref": schema["$ref"]}
    if schema.get("format") == "int-or-string" or schema.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    kept = {key: schema[key] for key in ("type", "enum", "required", "pattern", "minimum",
                                         "maximum", "minLength", "maxLength") if key in schema}
    if "properties" in schema:
        kept["type"] = "object"
        kept["properties"] = {name: strict(one, owner) for name, one in
                              schema["properties"].items()}
        for name, one in kept["properties"].items():
            if f"{owner}.{name}" in WORDS:
                one["enum"] = WORDS[f"{owner}.{name}"]
        if not schema.get("x-kubernetes-preserve-unknown-fields"):
            kept["additionalProperties"] = False
    elif isinstance(schema.get("additionalProperties"), dict):
        kept["additionalProperties"] = strict(schema["additionalProperties"], owner)
    if "items" in schema:
        kept["items"] = strict(schema["items"], owner)
    return kept


def references(schema):
    if isinstance(schema, dict):
        for key, value in schema.items():
            if key == "$ref":
                yield value.rpartition("/")[2]
            else:
                yield from references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from references(value)


def of_kubernetes(swagger):
    """(schema by "apiVersion Kind", the definitions that they refer to)"""
    known = swagger["definitions"]
    roots = {}
    for version, kinds in KINDS.items():
        for kind in kinds:
            roots[f"{version} {kind}"], = (
                name for name, one in known.items()
                if {"group": "" if version == "v1" else version.partition("/")[0],
                    "version": version.rpartition("/")[2], "kind": kind}
                in one.get("x-kubernetes-group-version-kind", ()))
    definitions, waiting = {}, list(roots.values())
    while waiting:
        name = waiting.pop()
        if name in definitions:
            continue
        definitions[name] = (QUANTITY if name.endswith(".Quantity")
                             else strict(known[name], name.rpartition(".")[2]))
        waiting += references(definitions[name])
    return {kind: {"$ref": f"#/definitions/{name}"} for kind, name in roots.items()}, definitions


def of_a_crd(crd):
    version, = (one for one in crd["spec"]["versions"] if one["storage"])
    schema = strict(version["schema"]["openAPIV3Schema"])
    schema["properties"]["metadata"] = {
        "$ref": "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"}
    names = crd["spec"]
    return {f"{names['group']}/{version['name']} {names['names']['kind']}": schema}


def main():
    swagger, *crds = [json.load(open(path, encoding="utf-8")) for path in sys.argv[1:]]
    kinds, definitions = of_kubernetes(swagger)
    for crd in crds:
        kinds.update(of_a_crd(crd))
    parts = {"kinds": kinds, "definitions": definitions}
    print("{" + ",\n".join(f'"{part}": {{\n' + ",\n".join(
        f"{json.dumps(name)}: {json.dumps(one, sort_keys=True)}"
        for name, one in sorted(named.items())) + "}" for part, named in parts.items()) + "}")


if __name__ == "__main__":
    main()
