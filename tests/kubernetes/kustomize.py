"""Renders a kustomization as `kubectl kustomize` does, where there is no kubectl.

Not all of kustomize: resources, components, namespace, images, a suffix of names, labels,
ConfigMaps of files, and patches in JSON Patch form, which is what deploy/kubernetes uses. Any other
field is an error that names it, as a misspelt one is. Names of ConfigMaps come without the hash
that kustomize adds.
"""
import copy

import yaml

FIELDS = {"apiVersion", "kind", "namespace", "resources", "components", "configMapGenerator",
          "images", "patches", "nameSuffix", "labels"}
# Of each kind, where its labels are beside those of its own.
LABELS = {
    "Deployment": [("spec", "selector", "matchLabels"), ("spec", "template", "metadata", "labels")],
    "HorizontalPodAutoscaler": [],
    "PodDisruptionBudget": [("spec", "selector", "matchLabels")],
    "Service": [("spec", "selector")]}


class Wrong(Exception):
    """What is wrong with a kustomization, and where."""


class Document(dict):
    """A document; patches find it by the name that it has, and by the one that it had."""

    def __init__(self, content):
        super().__init__(content)
        self.first_name = content["metadata"]["name"]

    def is_called(self, name):
        return name in (self["metadata"]["name"], self.first_name)


def only(found, known, where):
    for field in found:
        if field not in known:
            raise Wrong(f"{where}: unknown field {field!r}; expected one of {sorted(known)}")


def read_all(path):
    with open(path, encoding="utf-8") as file:
        return [one for one in yaml.safe_load_all(file) if one is not None]


def render(folder):
    """The documents of the kustomization in this folder."""
    return transformed(folder, [], "Kustomization")


def transformed(folder, documents, kind):
    """`documents`, and those that this kustomization adds, as it changes them."""
    file = folder / "kustomization.yaml"
    one, = read_all(file)
    only(one, FIELDS, file)
    if one.get("kind") != kind:
        raise Wrong(f"{file}: kind is {one.get('kind')!r}; expected {kind!r}")
    for name in one.get("resources", ()):
        path = folder / name
        if not path.exists():
            raise Wrong(f"{file}: there is no {name}")
        documents = documents + (render(path) if path.is_dir() else
                                 [Document(document) for document in read_all(path)])
    for name in one.get("components", ()):
        documents = transformed(folder / name, documents, "Component")
    documents = documents + [config_map(folder, generator, file)
                             for generator in one.get("configMapGenerator", ())]
    for patch in one.get("patches", ()):
        only(patch, {"target", "patch"}, file)
        apply_patch(documents, patch, file)
    if "nameSuffix" in one:
        add_suffix(documents, one["nameSuffix"], file)
    for labels in one.get("labels", ()):
        only(labels, {"pairs", "includeSelectors"}, file)
        for document in documents:
            add_labels(document, labels, file)
    for image in one.get("images", ()):
        only(image, {"name", "newName", "newTag", "digest"}, file)
        rename_image(documents, image)
    if "namespace" in one:
        for document in documents:
            if document["kind"] == "Namespace":
                document["metadata"]["name"] = one["namespace"]
            else:
                document["metadata"]["namespace"] = one["namespace"]
    return documents


def config_map(folder, generator, file):
    only(generator, {"name", "files", "options"}, file)
    only(generator.get("options", {}), {"disableNameSuffixHash"}, file)
    data = {}
    for name in generator["files"]:
        path = folder / name
        if not path.is_file() or folder.resolve() not in path.resolve().parents:
            raise Wrong(f"{file}: there is no file {name} below it")
        data[path.name] = path.read_text("utf-8")
    return Document({"apiVersion": "v1", "kind": "ConfigMap",
                     "metadata": {"name": generator["name"]}, "data": data})


def add_suffix(documents, suffix, file):
    """To every name, and where autoscalers name a renamed one: nothing else here does."""
    if not isinstance(suffix, str):
        raise Wrong(f"{file}: nameSuffix is {suffix!r}; expected a text: put it in quotes")
    renamed = {(document["kind"], document["metadata"]["name"]) for document in documents}
    for document in documents:
        document["metadata"]["name"] += suffix
        target = document["spec"].get("scaleTargetRef", {})
        if (target.get("kind"), target.get("name")) in renamed:
            target["name"] += suffix


def add_labels(document, labels, file):
    document["metadata"].setdefault("labels", {}).update(labels["pairs"])
    if not labels.get("includeSelectors"):
        return
    if document["kind"] not in LABELS:
        raise Wrong(f"{file}: where a {document['kind']} has selectors is not known here; known "
                    f"are {sorted(LABELS)}")
    pod = document["spec"].get("template", {}).get("spec", {})
    for way in LABELS[document["kind"]]:
        place = document
        for key in way:
            place = place[key]
        place.update(labels["pairs"])
    for spread in pod.get("topologySpreadConstraints", ()):
        spread["labelSelector"]["matchLabels"].update(labels["pairs"])


def apply_patch(documents, patch, file):
    target = patch["target"]
    only(target, {"kind", "name"}, file)
    met = [one for one in documents
           if one["kind"] == target["kind"] and one.is_called(target["name"])]
    if not met:
        raise Wrong(f"{file}: nothing to patch is a {target['kind']} {target['name']}")
    for document in met:
        for operation in yaml.safe_load(patch["patch"]):
            only(operation, {"op", "path", "value"}, file)
            change(document, operation, file)


def change(document, operation, file):
    """One operation of JSON Patch (RFC 6902): add, replace or remove."""
    *way, last = [part.replace("~1", "/").replace("~0", "~")
                  for part in operation["path"].lstrip("/").split("/")]
    place = document
    try:
        for part in way:
            place = place[int(part)] if isinstance(place, list) else place[part]
        if isinstance(place, list) and last == "-":
            place.append(copy.deepcopy(operation["value"]))
            return
        key = int(last) if isinstance(place, list) else last
        if operation["op"] in ("replace", "remove"):
            del place[key]
        if operation["op"] in ("replace", "add"):
            value = copy.deepcopy(operation["value"])
            if isinstance(place, list):
                place.insert(key, value)
            else:
                place[key] = value
    except (KeyError, IndexError, ValueError) as error:
        raise Wrong(f"{file}: nothing is at {operation['path']} of {document['kind']} "
                    f"{document['metadata']['name']}") from error


def rename_image(documents, image):
    for document in documents:
        spec = document.get("spec", {}).get("template", {}).get("spec", {})
        for container in spec.get("containers", []) + spec.get("initContainers", []):
            name, _, tag = container["image"].partition(":")
            if name != image["name"]:
                continue
            name, tag = image.get("newName", name), image.get("newTag", tag)
            container["image"] = (f"{name}@{image['digest']}" if "digest" in image
                                  else f"{name}:{tag}" if tag else name)
