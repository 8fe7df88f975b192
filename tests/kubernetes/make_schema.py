"""Makes schema.json: what manifests of this repository may say, as a strict JSON Schema.

    make_schema.py SWAGGER SERVICEMONITORS-CRD PROMETHEUSRULES-CRD >schema.json

SWAGGER is Kubernetes' own description (swagger.json of kubernetes/kubernetes, Apache-2.0), the
others are JSON files of prometheus-operator (Apache-2.0). Kept of them: types, required fields and
names of fields, of the kinds below and what they hold. Not kept: words, and what Kubernetes lets
pass: a field that nobody knows is an error here. Only needed for a newer Kubernetes, or a new kind.
"""
import json
import sys

KINDS = {
    "apps/v1": ["DaemonSet", "Deployment", "StatefulSet"],
    "autoscaling/v2": ["HorizontalPodAutoscaler"],
    "networking.k8s.io/v1": ["NetworkPolicy"],
    "policy/v1": ["PodDisruptionBudget"],
    "rbac.authorization.k8s.io/v1": ["ClusterRole", "ClusterRoleBinding"],
    "v1": ["ConfigMap", "Namespace", "Secret", "Service", "ServiceAccount"],
}
QUANTITY = {"type": ["string", "number"],
            "pattern": r"^[+-]?(\d+\.?\d*|\.\d+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?\d+)?$"}
# Where Kubernetes' description has a plain string, or a list of them, and its server takes these
# words only. Of capabilities those that Pod Security's level "restricted" lets pass.
WORDS = {
    "Capabilities.add": ["NET_BIND_SERVICE"],
    "Capabilities.drop": ["ALL"],
    "DaemonSetUpdateStrategy.type": ["OnDelete", "RollingUpdate"],
    "DeploymentStrategy.type": ["Recreate", "RollingUpdate"],
    "HPAScalingPolicy.type": ["Pods", "Percent"],
    "HPAScalingRules.selectPolicy": ["Max", "Min", "Disabled"],
    "LabelSelectorRequirement.operator": ["In", "NotIn", "Exists", "DoesNotExist"],
    "MetricSpec.type": ["Resource", "ContainerResource", "Pods", "Object", "External"],
    "MetricTarget.type": ["Utilization", "Value", "AverageValue"],
    "ContainerPort.protocol": ["TCP", "UDP", "SCTP"],
    "NetworkPolicyPort.protocol": ["TCP", "UDP", "SCTP"],
    "NetworkPolicySpec.policyTypes": ["Ingress", "Egress"],
    "NodeSelectorRequirement.operator": ["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"],
    "HTTPGetAction.scheme": ["HTTP", "HTTPS"],
    "PersistentVolumeClaimSpec.accessModes": ["ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany",
                                              "ReadWriteOncePod"],
    "PersistentVolumeClaimSpec.volumeMode": ["Filesystem", "Block"],
    "PodDisruptionBudgetSpec.unhealthyPodEvictionPolicy": ["IfHealthyBudget", "AlwaysAllow"],
    "PodSecurityContext.fsGroupChangePolicy": ["Always", "OnRootMismatch"],
    "PodSpec.dnsPolicy": ["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"],
    "PodSpec.restartPolicy": ["Always", "OnFailure", "Never"],
    "RoleRef.kind": ["ClusterRole", "Role"],
    "SeccompProfile.type": ["RuntimeDefault", "Localhost", "Unconfined"],
    "ServicePort.protocol": ["TCP", "UDP", "SCTP"],
    "ServiceSpec.externalTrafficPolicy": ["Cluster", "Local"],
    "ServiceSpec.sessionAffinity": ["ClientIP", "None"],
    "ServiceSpec.type": ["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"],
    "StatefulSetSpec.podManagementPolicy": ["OrderedReady", "Parallel"],
    "StatefulSetUpdateStrategy.type": ["OnDelete", "RollingUpdate"],
    "Subject.kind": ["ServiceAccount", "User", "Group"],
    "Toleration.effect": ["NoSchedule", "PreferNoSchedule", "NoExecute"],
    "Toleration.operator": ["Exists", "Equal"],
    "TopologySpreadConstraint.whenUnsatisfiable": ["DoNotSchedule", "ScheduleAnyway"],
    "Container.imagePullPolicy": ["Always", "IfNotPresent", "Never"],
}
# Where it takes any name, and these are all that anybody means.
NAMES = {f"{owner}.{field}": names
         for owner, names in (("ResourceRequirements", ["cpu", "memory", "ephemeral-storage"]),
                              ("VolumeResourceRequirements", ["storage"]))
         for field in ("requests", "limits")}


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
                one.get("items", one)["enum"] = WORDS[f"{owner}.{name}"]
            if f"{owner}.{name}" in NAMES:
                one["propertyNames"] = {"enum": NAMES[f"{owner}.{name}"]}
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
