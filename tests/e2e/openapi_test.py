"""docs/openapi.yaml against the running server: every route, every method, every status."""
import unittest

import yaml
from hunt_process import REPOSITORY, TOKEN, HuntTest

METHODS = {"get", "put", "post", "delete", "patch"}
FILLED = {"{world}": "1", "{claim}": "0" * 32}


def fill(path):
    for name, value in FILLED.items():
        path = path.replace(name, value)
    return path


class OpenApi(HuntTest):
    """Asks every path of the description with every method."""

    def setUp(self):
        super().setUp()
        with open(REPOSITORY / "docs/openapi.yaml", encoding="utf-8") as file:
            self.paths = yaml.safe_load(file)["paths"]
        self.server = self.serve()

    def test_every_route_takes_the_methods_described_and_no_others(self):
        self.assertGreater(len(self.paths), 10)
        for path, item in self.paths.items():
            described = METHODS & set(item)
            allowed = {m.upper() for m in described} | ({"HEAD"} if "get" in described else set())
            for method in sorted(METHODS):
                with self.subTest(path=path, method=method):
                    reply = self.server.request(method.upper(), fill(path), body=b"", token=TOKEN)
                    if method in described:
                        self.assertIn(str(reply.status), map(str, item[method]["responses"]), reply)
                    else:
                        self.assertEqual(reply.status, 405, reply)
                        self.assertEqual(set(reply.headers["Allow"].split(", ")), allowed)

    def test_replies_have_only_the_fields_described(self):
        for path, item in self.paths.items():
            content = item.get("get", {}).get("responses", {}).get("200", {}).get("content", {})
            example = content.get("application/json", {}).get("example")
            reply = self.server.get(fill(path), token=TOKEN) if isinstance(example, dict) else None
            if reply is None or reply.status != 200:
                continue
            with self.subTest(path=path):
                self.assertEqual(set(reply.json), set(example) & set(reply.json), reply)


if __name__ == "__main__":
    unittest.main()
