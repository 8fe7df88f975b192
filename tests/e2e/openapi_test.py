"""docs/openapi.yaml against the running server: every route, every method, every status, and a
client that is generated from it."""
import json
import shutil
import socket
import subprocess
import unittest

import yaml
from hunt_process import REPOSITORY, TOKEN, HuntTest, player
from web_socket import WebSocket

METHODS = {"get", "put", "post", "delete", "patch"}
FILLED = {"{world}": "1", "{claim}": "0" * 32}
QUERIES = {"/v1/explain": "player=0f8fad5b-d9cb-469f-a165-70867728950e"}  # what has to be asked
# Those that watch for as long as they are told, five seconds otherwise.
QUICKLY = {"/debug/pprof/profile": "seconds=1", "/debug/flame": "seconds=1"}
GAME_TOKEN = "the-game-servers-token-of-the-tests"
NPM = ["openapi-typescript@7.4.4", "openapi-fetch@0.13.4", "typescript@5.6.3"]
COMPILER = {"strict": True, "noUncheckedIndexedAccess": True, "target": "ES2022",
            "module": "NodeNext", "moduleResolution": "NodeNext", "types": [],
            "lib": ["ES2022", "DOM", "DOM.Iterable"]}


def fill(path, *queries):
    """The path with its places filled and these parameters, each `name=value`."""
    queries = [query for query in (QUICKLY.get(path), *queries) if query]
    for name, value in FILLED.items():
        path = path.replace(name, value)
    return path + ("?" + "&".join(queries) if queries else "")


class OpenApiCase(HuntTest):
    """A server that asks everybody for a token, and the description."""

    def setUp(self):
        super().setUp()
        self.document = yaml.safe_load((REPOSITORY / "docs/openapi.yaml").read_text("utf-8"))
        self.paths = self.document["paths"]
        (self.folder / "game-token").write_text(GAME_TOKEN + "\n")
        self.server = self.serve("--server-token-file", self.folder / "game-token")

    def operations(self):
        for path, item in self.paths.items():
            for method in sorted(METHODS & set(item)):
                yield path, method, item[method]

    def resolved(self, schema):
        while "$ref" in schema:
            name = schema["$ref"].rsplit("/", 1)[1]
            schema = self.document["components"]["schemas"][name]
        return schema

    def properties(self, schema):
        """Names that an object may have, and those that it must have."""
        schema = self.resolved(schema)
        parts = [self.properties(part) for part in schema.get("allOf", [])]
        may = set(schema.get("properties", {})).union(*(part[0] for part in parts))
        return may, set(schema.get("required", [])).union(*(part[1] for part in parts))

    def assert_like(self, value, schema):
        may, must = self.properties(schema)
        self.assertLessEqual(set(value), may)
        self.assertLessEqual(must, set(value))


class OpenApi(OpenApiCase):
    """Asks every path of the description with every method, rightly and wrongly."""

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

    def test_every_refusal_is_described_and_has_the_documented_form(self):
        """Each operation is refused in every way that its description lists and some others."""
        seen = {}
        for path, method, operation in self.operations():
            body = b"{}" if "requestBody" in operation else None
            big = b" " * 262_145 if body else None
            zipped = {"Content-Encoding": "gzip"}
            for query, sent, token, headers, wanted in (
                    ("nmae=1", body, TOKEN, {}, 400), ("", body, TOKEN, {"Host": "a b"}, 400),
                    ("", body, TOKEN, {"Host": "evil.example"}, 403), ("", body, None, {}, 401),
                    ("", body, "wrong", {}, 401), ("", body, TOKEN, {"X": "x" * 9000}, 431),
                    ("", big, TOKEN, {}, 413), ("", body, TOKEN, zipped, 415 if body else None),
                    ("", body, TOKEN, {"Accept": "text/plain;q=0"}, None)):
                if (wanted == 401 and not operation["security"]) or (wanted == 413 and not body):
                    continue
                with self.subTest(path=path, method=method, wanted=wanted, headers=list(headers)):
                    reply = self.server.request(method.upper(), fill(path, query), body=sent,
                                                token=token, headers=headers)
                    self.assertIn(str(reply.status), operation["responses"], reply)
                    if wanted:
                        self.assertEqual(reply.status, wanted, reply)
                    if reply.status >= 400:
                        self.assertEqual(reply.headers["Content-Type"], "application/json")
                        self.assert_like(reply.json, {"$ref": "#/Error"})
                        self.assert_like(reply.json["error"], {"$ref": "#/ErrorBody"})
                        codes = self.resolved({"$ref": "#/ErrorBody"})["properties"]["code"]["enum"]
                        self.assertIn(reply.json["error"]["code"], codes)
                    seen.setdefault(reply.status, set()).add(operation["operationId"])
        self.assertLessEqual({400, 401, 403, 404, 406, 413, 415, 426, 431}, set(seen))
        for operation in ("listWorlds", "getMetrics", "getLivez", "openStream", "getPage"):
            self.assertIn(operation, seen[400])

    def test_http_of_other_versions_is_refused_as_described(self):
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=10) as raw:
            raw.sendall(b"GET /livez HTTP/3.0\r\nHost: localhost\r\n\r\n")
            self.assertTrue(raw.recv(4096).startswith(b"HTTP/1.1 505 "))

    def test_operations_have_names_of_their_own(self):
        names = [operation["operationId"] for _, _, operation in self.operations()]
        self.assertEqual(len(names), len(set(names)))
        for name in names:
            self.assertRegex(name, r"^[a-z][A-Za-z]+$")

    def test_replies_have_only_the_fields_described(self):
        for path, method, operation in self.operations():
            content = operation["responses"].get("200", {}).get("content", {})
            schema = content.get("application/json", {}).get("schema")
            asked = fill(path, QUERIES.get(path))
            reply = self.server.get(asked, token=TOKEN) if schema and method == "get" else None
            if reply is None or reply.status != 200 or not self.properties(schema)[0]:
                continue
            with self.subTest(path=path):
                self.assert_like(reply.json, schema)

    def test_messages_of_the_stream_are_as_described(self):
        self.server.bury([{"x": 1, "y": 2, "table": "starlight", "budget": 1}])
        stream = WebSocket(self.server.port, "/v1/stream?after=0", GAME_TOKEN)
        self.addCleanup(stream.close)
        seen = []
        for number, tile in ((1, (1, 2)), (2, (1, 2)), (3, (50, 50))):
            stream.send(json.dumps({"id": number, "world": 1, "positions": [
                {"player": player(number), "x": tile[0], "y": tile[1], "kind": "dig"}]}))
        stream.send("{")
        # Four answers and a grant; the second is refused by memory, or by a message of its own.
        while len(seen) < 5 or not any("grant" in message for message in seen):
            seen.append(json.loads(stream.receive()))
        for message in seen:
            kind = ("StreamGrant" if "grant" in message else
                    "StreamClaim" if "claim" in message else "StreamAnswer")
            self.assert_like(message, {"$ref": "#/" + kind})
            if kind == "StreamGrant":
                schema = self.resolved({"$ref": "#/StreamGrant"})["properties"]["grant"]
                self.assert_like(message["grant"], schema)
                for stack in message["grant"]["items"]:
                    self.assert_like(stack, self.resolved({"$ref": "#/Items"})["items"])
        self.assertTrue(any("grant" in message for message in seen), seen)


class GeneratedClient(OpenApiCase):
    """Types by openapi-typescript, calls by openapi-fetch, compiled by tsc without a complaint."""

    def tool(self, name, *arguments):
        run = subprocess.run([self.npm / "node_modules/.bin" / name, *map(str, arguments)],
                             cwd=self.work, capture_output=True, text=True, timeout=180,
                             check=False)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)

    def test_a_generated_client_compiles_and_works(self):
        self.npm = self.npm_folder(*NPM)
        self.work = self.folder / "client"
        self.work.mkdir()
        (self.work / "node_modules").symlink_to(self.npm / "node_modules")
        shutil.copy(REPOSITORY / "tests/e2e/generated_client.mts", self.work)
        (self.work / "tsconfig.json").write_text(json.dumps(
            {"compilerOptions": COMPILER, "files": ["generated_client.mts"]}))
        self.tool("openapi-typescript", REPOSITORY / "docs/openapi.yaml", "-o", "hunt_api.d.ts")
        self.tool("tsc", "-p", ".")
        run = subprocess.run(["node", "generated_client.mjs", f"http://127.0.0.1:{self.server.port}",
                              GAME_TOKEN, TOKEN], cwd=self.work, capture_output=True, text=True,
                             timeout=60, check=False)
        self.assertEqual(run.returncode, 0, run.stderr)
        seen = json.loads(run.stdout)
        (stack,) = seen.pop("items")
        self.assertEqual((bool(stack["item"]), stack["count"]), (True, 1))
        self.assertEqual(seen, {
            "buried": 1, "listed": 1, "outcome": "granted", "claim": True, "grants": [True],
            "shown": "granted", "streams": 0, "worlds": ["demo"], "shards": 1, "ready": True,
            "metrics": True, "refused": 401, "code": "unauthorized", "closed": 1})


if __name__ == "__main__":
    unittest.main()
