"""Each rule of script/tidy finds a violation planted for it, and accepts a clean tree."""
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent.parent

CLEAN = {
    ".clang-format": (REPOSITORY / ".clang-format").read_text(),
    "docs/ARCHITECTURE.md": "`src/model` has bounds, `src/service` serves.\n",
    "docs/REFERENCE.md": "| `things_max` | 4,096 | things |\n| `bytes_max` | 2,048 | bytes |\n",
    "src/model/limits.h": """// Bounds.
// Not configuration.
#pragma once

namespace hunt::limits {
inline constexpr int things_max = 4'096;
inline constexpr int bytes_max = 2 * 1'024;
}  // namespace hunt::limits
""",
    "src/service/serve.h": """// Serves.
// The lane owns it.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <string>

#include "model/limits.h"

namespace hunt::service {
boost::asio::awaitable<void> serve(std::string text);
}  // namespace hunt::service
""",
    "src/service/serve.cc": """#include "service/serve.h"

namespace hunt::service {

// co_await f({1}) in a comment is fine; so is "co_await f({})" in a literal.
boost::asio::awaitable<void> serve(std::string text) {
  const char* quoted = "co_await f({})";
  if (text == quoted) {
    co_await one(text);
  }
  for (int i = 0; i < 3; ++i) {
    auto result = co_await two(text, values[i]);
    if (!(co_await three(result))) co_return;
  }
  Options options{1, 2};
  co_await four(std::move(options));
}

void start() {
  co_spawn(
      executor, [text = std::string()]() -> awaitable<void> { co_await one(text); }, handler);
  co_spawn(executor, serve("x"), handler);
}

}  // namespace hunt::service
""",
}


def body(statement, parameters=""):
    """A coroutine with this statement in it, as the formatter wants it."""
    return f"""awaitable<void> f({parameters}) {{
  {statement}
}}
"""


# rule, file, its text, and the line to be named.
PLANTED = [
    ("floors", "src/model/up.cc", '#include "service/serve.h"\n', 1),
    ("floors", "src/engine/a.cc", '#include "rules/compile.h"\n', 1),
    ("floors", "src/adapters/http/a.cc", '#include "adapters/sqlite/store.h"\n', 1),
    ("floors", "src/adapters/http/b.cc", '#include "engine/l1.h"\n', 1),
    ("floors", "src/service/c.cc", '#include "nowhere.h"\n', 1),
    ("floors", "src/service/d_test.cc", '#include "adapters/http/server.h"\n', 1),
    ("floors", "src/cellar/a.cc", "int a;\n", 1),
    ("vendors", "src/engine/a.cc", "#include <boost/asio/awaitable.hpp>\n", 1),
    ("vendors", "src/service/a.cc", "#include <boost/asio.hpp>\n", 1),
    ("vendors", "src/adapters/http/a.h", "// A.\n// Not b.\n#pragma once\n"
     "#include <boost/beast/http.hpp>\n", 4),
    ("vendors", "src/rules/a.cc", "#include <sqlite3.h>\n", 1),
    ("vendors", "src/base/a.cc", "#include <iostream>\n", 1),
    ("vendors", "src/model/b.cc", "#include <openssl/evp.h>\n", 1),
    ("vendors", "src/service/e.cc", "#include <CLI/CLI.hpp>\n", 1),
    ("coroutine-statements", "src/service/a.cc", body("co_await f(Options{1, 2});"), 2),
    ("coroutine-statements", "src/service/a.cc", body("auto x = co_await f(a, {});"), 2),
    ("coroutine-statements", "src/service/a.cc", body("Pair x{1, co_await f()};"), 2),
    ("coroutine-statements", "src/service/a.cc", body("co_await f([&] { return 1; });"), 2),
    ("coroutine-statements", "src/service/a.cc", body("HUNT_CO_TRY(x, co_await f(T{}));"), 2),
    ("coroutine-statements", "src/service/a.cc", body("use(T{1}, co_await f());"), 2),
    ("coroutine-statements", "src/service/a.cc", body("if (co_await f(T{1})) return;"), 2),
    ("coroutine-spawns", "src/service/a.cc", "void f() { co_spawn(e, g(), asio::detached); }\n", 1),
    ("coroutine-spawns", "src/service/a.cc",
     "awaitable<void> g(const std::string& s);\nvoid f() { co_spawn(e, g(s), h); }\n", 1),
    ("coroutine-spawns", "src/service/a.cc",
     "awaitable<void> A::g(std::string_view s);\nvoid f() { tasks.spawn(self->g(s)); }\n", 1),
    ("coroutine-spawns", "src/service/a.cc",
     "void f() {\n  co_spawn(e, [x]() -> awaitable<void> { co_return; }(), h);\n}\n", 2),
    ("file-sizes", "src/base/a.cc", "int a;\n" * 801, 800),
    ("function-sizes", "src/base/a.cc", "void f(int a) {\n" + "  g(a);\n" * 69 + "}\n", 1),
    ("function-sizes", "tests/a.py", "def f():\n" + "    g()\n" * 70, 1),
    ("columns", "src/base/a.cc", "\n// " + "x" * 98 + "\n", 2),
    ("headers", "src/base/a.h", "// Only one line.\n#pragma once\n", 1),
    ("headers", "src/base/a.h", "#pragma once\n// What it is.\n// Whose it is.\n", 1),
    ("headers", "src/base/a.h", "// What it is.\n// Whose it is.\n#include <string>\n", 3),
    ("leftovers", "src/base/a.cc", "// TO" "DO: later\n", 1),
    ("machine-paths", "script/a", "#!/usr/bin/env bash\ncd /wo" "rk/main\n", 2),
    ("format", "src/base/a.cc", "int   a;\n", 1),
    ("limits-documented", "docs/REFERENCE.md", "| `things_max` | 4,096 |\n", 7),
    ("limits-documented", "docs/REFERENCE.md",
     "| `things_max` | 4,095 |\n| `bytes_max` | 2,048 |\n", 6),
    ("architecture", "src/base/new.h", "// A.\n// Not b.\n#pragma once\n", 1),
    ("architecture", "docs/ARCHITECTURE.md",
     "`src/model`\n`src/service`\n`model/gone.h`\n", 3),
    ("compiles-alone", "src/base/new.h", "// A.\n// Not b.\n#pragma once\nstd::string s;\n", 4),
]


class Tidy(unittest.TestCase):
    """Runs the program on small trees of its own."""

    def setUp(self):
        self.root = Path(tempfile.mkdtemp(prefix="hunt-tidy-"))
        self.addCleanup(shutil.rmtree, self.root)
        for path, text in CLEAN.items():
            self.write(path, text)

    def write(self, path, text):
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def tidy(self, *flags):
        return subprocess.run([REPOSITORY / "script/tidy", "--root", self.root, *flags],
                              capture_output=True, text=True, check=False)

    def test_a_clean_tree_passes(self):
        run = self.tidy()
        self.assertEqual(run.returncode, 0, run.stdout)
        self.assertRegex(run.stdout.splitlines()[-1], r"^\d+ passed, 0 failed$")

    def test_test_deps_widen_what_a_test_may_include(self):
        self.write("src/adapters/sqlite/a_test.cc", '#include "engine/l1.h"\n')
        self.assertIn("FAILED floors", self.tidy().stdout)
        self.write("src/engine/CMakeLists.txt", "hunt_floor(engine DEPS hunt_model)\n")
        self.write("src/adapters/sqlite/CMakeLists.txt",
                   "hunt_floor(sqlite DEPS hunt_ports TEST_DEPS hunt_engine)\n")
        self.assertIn("ok     floors", self.tidy().stdout)


def planted_test(rule, path, text, line):
    def test(self):
        self.write(path, text)
        run = self.tidy(*(["--headers"] if rule == "compiles-alone" else []))
        self.assertEqual(run.returncode, 1, run.stdout)
        self.assertIn(f"FAILED {rule}:", run.stdout)
        self.assertRegex(run.stdout, rf"(?m)^\S+:{line}: {rule}: ")
    return test


for index, planted in enumerate(PLANTED):
    name = f"test_{planted[0].replace('-', '_')}_finds_plant_{index}"
    setattr(Tidy, name, planted_test(*planted))

if __name__ == "__main__":
    unittest.main()
