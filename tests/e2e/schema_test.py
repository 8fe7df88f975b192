"""The JSON Schema against the checker, over the files of tests/rules, as an editor would use it."""
import json
import re
import unittest
from pathlib import Path

import jsonschema
import yaml

from hunt_process import REPOSITORY, HuntTest

CORPUS = REPOSITORY / "tests/rules"
OLD_TOOLS = "to YAML 1.1 tools"


class Yaml12(yaml.SafeLoader):
    """PyYAML with the types of YAML 1.2: what editors read."""


Yaml12.yaml_implicit_resolvers = {}
for tag, pattern, first in (
        ("null", r"^(null|Null|NULL|~|)$", list("nN~") + [""]),
        ("bool", r"^(true|True|TRUE|false|False|FALSE)$", list("tTfF")),
        ("int", r"^([-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$", list("-+0123456789")),
        ("float", r"^([-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)"
                  r"|\.(nan|NaN|NAN))$", list("-+0123456789."))):
    Yaml12.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(pattern), first)
# PyYAML's own reading of numbers is 1.1's: 010 is eight there, and 1:30 ninety.
Yaml12.add_constructor("tag:yaml.org,2002:int", lambda _, node: int(
    node.value, 0 if node.value[:2] in ("0o", "0x") else 10))
Yaml12.add_constructor("tag:yaml.org,2002:float", lambda _, node: float(node.value))


def header(path, word):
    return [line[len(word) + 4:] for line in path.read_text().split("\n")
            if line.startswith(f"# {word}: ")]


class Schema(HuntTest):
    """What it says of each file, and what the program says."""

    def setUp(self):
        super().setUp()
        schema = json.loads((REPOSITORY / "docs/rules.schema.json").read_text())
        jsonschema.Draft7Validator.check_schema(schema)
        self.schema = jsonschema.Draft7Validator(schema)

    def accepts(self, data):
        return self.schema.is_valid(data)

    def test_agrees_with_the_checker(self):
        judged = {"accepts": 0, "refuses": 0}
        for path in sorted(CORPUS.glob("*/*.yaml")):
            with self.subTest(f"{path.parent.name}/{path.name}"):
                expected, = header(path, "schema")
                data = yaml.load(path.read_text(), Yaml12)
                got = "accepts" if self.accepts(data) else "refuses"
                self.assertEqual(got, expected)
                judged[got] += 1
                if path.parent.name != "bad":
                    self.assertEqual(got, "accepts", "editors must not mark what is right")
        self.assertGreater(judged["accepts"], 20)
        self.assertGreater(judged["refuses"], 50)

    def test_agrees_on_the_examples(self):
        for path in sorted((REPOSITORY / "examples/rules").glob("*.yaml")):
            with self.subTest(path.name):
                self.assertTrue(self.accepts(yaml.load(path.read_text(), Yaml12)))
                self.assert_exit(self.hunt("rules", "check", path), 0)

    def test_tools_that_read_yaml_1_1_see_the_same_or_the_checker_warns(self):
        warned = 0
        for path in sorted(CORPUS.glob("good/*.yaml")) + sorted(CORPUS.glob("warned/*.yaml")):
            with self.subTest(path.name):
                text = path.read_text()
                new, old = yaml.load(text, Yaml12), yaml.safe_load(text)
                for data in (new, old):  # 1.1 has a type for times; JSON has not
                    for key in ("starts", "ends"):
                        data.pop(key, None)
                tells = any(OLD_TOOLS in line for line in header(path, "says"))
                self.assertEqual(new != old, tells)
                warned += tells
        self.assertGreater(warned, 3)

    def test_the_program_prints_it(self):
        run = self.hunt("rules", "schema")
        self.assert_exit(run, 0)
        self.assertEqual(run.stdout, (REPOSITORY / "docs/rules.schema.json").read_text())
        run = self.hunt("rules", "keys")
        self.assertIn(run.stdout, Path(REPOSITORY / "docs/RULES.md").read_text())


if __name__ == "__main__":
    unittest.main()
