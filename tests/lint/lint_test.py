"""script/lint finds what is planted for it, with the flags that g++ has and clang has not."""
import json
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent.parent
FLAGS = ("-std=c++20 -Wall -Wextra -Werror -ftrivial-auto-var-init=zero -fcf-protection=full"
         " -fstack-clash-protection -D_GLIBCXX_ASSERTIONS")

CLEAN = """#include "base/name.h"

namespace hunt {

std::string name() {
  return "lantern";
}

}  // namespace hunt
"""
HEADER = """// A name.
// Not a title.
#pragma once
#include <string>

namespace hunt {
std::string name();
}  // namespace hunt
"""

# file, what is wrong with it, the line to be named, the check that finds it.
PLANTED = [
    ("src/base/name.cc",  # moved away, then used
     CLEAN.replace('  return "lantern";\n', '  std::string all = "lantern";\n'
                   '  const std::string taken = std::move(all);\n  return all + taken;\n'),
     8, "bugprone-use-after-move"),
    ("src/base/name.cc", CLEAN.replace(  # copied for nothing
        '  return "lantern";\n', '  const std::string all = "lantern";\n'
        "  const std::string copy = all;\n  return copy.substr(1);\n"),
     7, "performance-unnecessary-copy-initialization"),
    ("src/base/name.h", HEADER.replace("std::string name();", "std::string name();\n"
     "struct Named {\n  virtual ~Named() = default;\n};\n"
     "struct Lantern : Named {\n  virtual ~Lantern() {}\n};"),
     12, "modernize-use-override"),
    ("src/base/name.cc", CLEAN.replace('"lantern"', "lantern"), 6, "clang-diagnostic-error"),
]


class Lint(unittest.TestCase):
    """Runs the program on a small tree of its own."""

    def setUp(self):
        self.root = Path(tempfile.mkdtemp(prefix="hunt-lint-"))
        self.addCleanup(shutil.rmtree, self.root)
        shutil.copy(REPOSITORY / ".clang-tidy", self.root)
        self.write("src/base/name.h", HEADER)
        self.write("src/base/name.cc", CLEAN)
        self.write("src/base/name_test.cc", "this is no C++, and nobody's business here\n")
        self.write("build/compile_commands.json", json.dumps([{
            "directory": str(self.root / "build"), "file": str(self.root / "src/base/name.cc"),
            "command": f"/usr/bin/c++ -I{self.root}/src {FLAGS} -c {self.root}/src/base/name.cc"}]))

    def write(self, path, text):
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def lint(self):
        return subprocess.run([REPOSITORY / "script/lint", "--root", self.root],
                              capture_output=True, text=True, check=False)

    def test_a_clean_tree_passes(self):
        run = self.lint()
        self.assertEqual(run.stdout, "1 passed, 0 failed\n")
        self.assertEqual(run.returncode, 0)

    def test_a_tree_without_files_fails(self):
        (self.root / "src/base/name.cc").unlink()
        self.assertEqual(self.lint().returncode, 1)

    def test_each_plant_is_found_where_it_is(self):
        for path, text, line, check in PLANTED:
            with self.subTest(check):
                self.write("src/base/name.h", HEADER)
                self.write("src/base/name.cc", CLEAN)
                self.write(path, text)
                run = self.lint()
                self.assertEqual(run.returncode, 1, run.stdout)
                self.assertRegex(run.stdout, rf"(?m)^{path}:{line}: lint: .*\[{check}\b")
                self.assertTrue(run.stdout.endswith("0 passed, 1 failed\n"), run.stdout)


if __name__ == "__main__":
    unittest.main()
