"""docs/INCIDENTS.md against the tests: all forty incidents, and each test it names is there."""
import re
import unittest
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent.parent
COUNT = 40
PYTHON_TEST = re.compile(r"`(test_\w+)` in\s+`([\w/.]+)`")


def cpp_tests():
    """Suite.name of every test in src, and the suites alone."""
    names = set()
    for path in sorted((REPOSITORY / "src").rglob("*")):
        if path.name.endswith("_test.cc") or path.match("ports/contract/*.h"):
            for suite, name in re.findall(r"^(?:TYPED_)?TEST(?:_F|_P)?\((\w+),\s*(\w+)\)",
                                          path.read_text("utf-8"), re.M):
                names |= {f"{suite}.{name}", f"{suite}.*"}
    return names


def complaints(page, known):
    """What is wrong with the page, a sentence each."""
    parts = re.split(r"^### ", page, flags=re.M)[1:]
    numbers = [int(part.split(".")[0]) for part in parts]
    if numbers != list(range(1, COUNT + 1)):
        yield f"the incidents are {numbers}, not 1 to {COUNT} in order"
    for number, part in zip(numbers, parts):
        yield from wrong_names(number, part, known)
        tested = PYTHON_TEST.search(part) or re.search(r"`[A-Z]\w+\.[a-z]\w+`", part)
        if "\n*Here*: " not in part or not (tested or "**Not yet**" in part):
            yield f"{number} says what happens here, and names a test or what is not there yet"


def wrong_names(number, part, known):
    """Tests and files that do not exist."""
    for name in re.findall(r"`([A-Z]\w+\.(?:[a-z]\w*|\*))`", part):
        if name not in known:
            yield f"{number} names {name}, which is no test in src"
    for path in re.findall(r"`((?:tests|src|script|docs)/[\w/.]*)`", part):
        if not (REPOSITORY / path).exists():
            yield f"{number} names {path}, which is not there"
    paired = PYTHON_TEST.findall(part)
    for name, path in paired:
        file = REPOSITORY / path
        if not file.is_file() or f"    def {name}(self" not in file.read_text("utf-8"):
            yield f"{number} names {name}, which is not in {path}"
    for name in set(re.findall(r"`(test_\w+)`", part)) - {name for name, _ in paired}:
        yield f"{number} names {name} without its file"


class Incidents(unittest.TestCase):
    """The page, and pages with a mistake planted in them."""

    def setUp(self):
        self.page = (REPOSITORY / "docs/INCIDENTS.md").read_text("utf-8")
        self.known = cpp_tests()

    def test_each_of_the_forty_is_there_with_tests_that_exist(self):
        self.assertEqual(list(complaints(self.page, self.known)), [])

    def test_each_test_that_names_an_incident_is_named_there(self):
        for file in sorted((REPOSITORY / "tests/e2e").glob("incidents*_test.py")):
            for name, text in re.findall(r'    def (test_\w+)\(self\):\n +"""Incidents? ([^:]+):',
                                         file.read_text("utf-8")):
                for number in re.findall(r"\d+", text):
                    part = re.search(rf"^### {number}\. .*?(?=^### |\Z)", self.page, re.M | re.S)
                    self.assertIn((name, f"tests/e2e/{file.name}"),
                                  PYTHON_TEST.findall(part.group(0)), number)

    def test_planted_mistakes_are_found(self):
        first = self.page[self.page.index("### 1. "):]
        cpp = re.search(r"`[A-Z]\w+\.[a-z]\w+`", first).group(0)
        python = PYTHON_TEST.search(first)
        for what, by in ((cpp, "`Service.is_no_test`"), ("### 7. ", "### 8. "),
                         (f"`{python[1]}`", "`test_is_none`"),
                         (f"`{python[2]}`", "`tests/e2e/none_test.py`"),
                         (python[0], f"`{python[1]}` of it"), ("*Here*: ", "")):
            with self.subTest(by):
                self.assertIn(what, self.page)
                planted = self.page.replace(what, by)
                self.assertNotEqual(list(complaints(planted, self.known)), [])


if __name__ == "__main__":
    unittest.main()
