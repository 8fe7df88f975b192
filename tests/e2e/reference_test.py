"""docs/REFERENCE.md against program and source: each flag of each command, each error code."""
import re
import unittest

import yaml
from hunt_process import REPOSITORY, HuntTest

EVERY = "Of every command"
# Only `hunt serve` and `hunt doctor` have one: as many lanes as this machine has cores.
OF_THE_MACHINE = {"--lanes"}
OPTION = re.compile(r"^ {2,4}((?:-\w,)?--[a-z][a-z-]*)(?:\{false\})?([ \n].*)", re.M)


def code_spans(text):
    return re.findall(r"`([^`]+)`", text)


def section(text, heading):
    """What stands below a heading, up to the next of its rank or a higher one."""
    rank = heading.split(" ")[0]
    below = text[text.index(heading + "\n") + len(heading):]
    end = re.search(rf"^#{{1,{len(rank)}}} ", below, re.M)
    return below[:end.start()] if end else below


def section_between(text, begin, end):
    start = text.index(begin)
    return text[start:text.index(end, start)]


def rows(text):
    """The cells of each row of the tables in the text, without their heads."""
    lines = re.findall(r"^\| (.*) \|$", text, re.M)
    return [line.split(" | ") for line in lines if line.startswith("`")]


def told_default(text):
    """The default of an option in --help, as REFERENCE tells it."""
    if " REQUIRED" in text:
        return "required"
    found = re.match(r" [A-Z]+(?::\{[^}]*\}|:[A-Z]+(?: in)? \[[^\]]*\])?=(\S+)", text)
    value = found.group(1).strip("[]") if found else ""
    return value or ("none" if re.match(r" [A-Z]", text) else "off")


class Flags(HuntTest):
    """What --help prints, and the tables below `### Flags`."""

    def help_of(self, words):
        run = self.hunt(*words, "--help")
        self.assert_exit(run, 0)
        return run.stdout

    def commands(self, words=()):
        """Every command with its --help, those of commands too."""
        text = self.help_of(words)
        yield " ".join(["hunt", *words]), text
        below = re.search(r"^Subcommands:\n((?:  .*\n)+)", text, re.M)
        for name in re.findall(r"^  ([\w-]+)", below.group(1), re.M) if below else ():
            yield from self.commands((*words, name))

    def printed(self):
        """{command: {flag: (variable, default)}} of all --help."""
        out = {}
        for command, text in self.commands():
            out[command] = {}
            for match in OPTION.finditer(text):
                names, more = match.groups()
                variable = re.search(r"\(Env:(\w+)\)", more)
                default = told_default(more)
                if names.endswith(("--help", "--version")):
                    default = "none"
                for name in names.split(","):
                    out[command][name] = (variable.group(1) if variable else "none", default)
        return out

    def written(self, commands):
        """The same of docs/REFERENCE.md; a flag that stands twice for a command fails."""
        text = section((REPOSITORY / "docs/REFERENCE.md").read_text("utf-8"), "### Flags")
        out = {command: {} for command in commands}
        for block in re.split(r"^(?=Of |#### `)", text, flags=re.M)[1:]:
            head = block[:block.index("\n\n")]
            of = [re.sub(r" [A-Z[].*", "", name) for name in code_spans(head)]
            if head.startswith(EVERY):
                of = [command for command in commands if command not in of]
            for command in of:
                self.assertIn(command, out, f"REFERENCE has flags of `{command}`")
                for flags, variable, default, *_ in rows(block):
                    for flag in code_spans(flags):
                        self.assertNotIn(flag, out[command], f"{flag} of {command} stands twice")
                        out[command][flag] = (variable.strip("`"), default.strip("`"))
        return out

    def test_every_flag_stands_there_with_its_variable_and_default(self):
        printed = self.printed()
        written = self.written(list(printed))
        self.assertGreater(len(printed), 15)
        for command, flags in printed.items():
            with self.subTest(command):
                self.assertEqual(sorted(flags), sorted(written[command]))
                for flag in sorted(set(flags) - OF_THE_MACHINE):
                    self.assertEqual(flags[flag], written[command][flag], flag)
                for flag in sorted(set(flags) & OF_THE_MACHINE):
                    self.assertEqual(flags[flag][0], written[command][flag][0], flag)

    def test_no_flag_stands_there_that_no_command_has(self):
        known = {flag for flags in self.printed().values() for flag in flags}
        text = (REPOSITORY / "docs/REFERENCE.md").read_text("utf-8")
        self.assertEqual(set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text)) - known, set())


class Version(HuntTest):
    """It is written in CMakeLists.txt; what cannot read it there has to say the same."""

    def test_program_description_and_changelog_have_the_version_of_the_build(self):
        build = (REPOSITORY / "CMakeLists.txt").read_text("utf-8")
        version = re.search(r"^project\(.* VERSION (\S+)", build, re.M).group(1)
        run = self.hunt("--version")
        self.assert_exit(run, 0)
        self.assertRegex(run.stdout, rf"^hunt {re.escape(version)}\nbuild [0-9a-f]+\n$")
        description = yaml.safe_load((REPOSITORY / "docs/openapi.yaml").read_text("utf-8"))
        self.assertEqual(description["info"]["version"], version)
        changes = (REPOSITORY / "CHANGELOG.md").read_text("utf-8")
        released = re.findall(r"^## \[(\d\S*)\] - \d{4}-\d\d-\d\d$", changes, re.M)
        self.assertEqual(released[:1], [version])


class ErrorCodes(unittest.TestCase):
    """The codes and statuses of the source, and the tables below `### Errors`."""

    def of_the_source(self):
        """{code: statuses}: those of Errc, and what the HTTP half says by itself."""
        enum = (REPOSITORY / "src/base/result.h").read_text("utf-8")
        codes = re.findall(r"^  (\w+),", section_between(enum, "enum class Errc", "};"), re.M)
        mapping = (REPOSITORY / "src/adapters/http/message.cc").read_text("utf-8")
        out, waiting = {}, []
        for code, status in re.findall(r"case Errc::(\w+):|return (\d+);", mapping):
            if code:
                waiting.append(code)
                continue
            for one in waiting:
                out[one] = {status}
            waiting = []
        self.assertEqual(sorted(out), sorted(codes), "status_of() knows every code")
        for path in sorted((REPOSITORY / "src/adapters/http").glob("*.cc")):
            if path.name.endswith("_test.cc"):
                continue
            for status, code in re.findall(r'\berror_response\(\s*(\d+),\s*"(\w+)"',
                                           path.read_text("utf-8")):
                out.setdefault(code, set()).add(status)
        return out

    def test_every_code_stands_there_with_its_statuses_and_none_besides(self):
        text = (REPOSITORY / "docs/REFERENCE.md").read_text("utf-8")
        written = {}
        for code, statuses, *sentences in rows(section(text, "### Errors")):
            self.assertNotIn(code, written, "a code stands twice")
            self.assertTrue(all(sentences), f"{code} says what it means and what to do")
            written[code.strip("`")] = set(statuses.split(", "))
        self.assertEqual(written, self.of_the_source())

    def test_the_description_for_programs_has_the_same_codes(self):
        document = yaml.safe_load((REPOSITORY / "docs/openapi.yaml").read_text("utf-8"))
        code = document["components"]["schemas"]["ErrorBody"]["properties"]["code"]
        self.assertEqual(sorted(code["enum"]), sorted(self.of_the_source()))


class Surface(unittest.TestCase):
    """Routes, outcomes and metrics of the source, and their tables in both descriptions."""

    def setUp(self):
        self.reference = (REPOSITORY / "docs/REFERENCE.md").read_text("utf-8")
        self.description = yaml.safe_load((REPOSITORY / "docs/openapi.yaml").read_text("utf-8"))

    def first_cells(self, heading):
        return [row[0] for row in rows(section(self.reference, heading))]

    def routes(self):
        """{(method, path): (parameters, access, body, room)} of the source's table."""
        source = (REPOSITORY / "src/adapters/http/routes.h").read_text("utf-8")
        found = re.findall(r'\{"([A-Z]+)",\s+"([^"]+)",\s+\{([^}]*)\},\s+Access::(\w+),'
                           r'\s+Body::(\w+),\s+Room::(\w+),', source)
        self.assertGreater(len(found), 10)
        self.assertEqual(len(found), source.count(" Access::"), "each row is read")
        return {(method, path): (sorted(re.findall(r'"(\w+)"', parameters)), *rest)
                for method, path, parameters, *rest in found}

    def test_every_route_stands_in_the_reference_with_its_parameters_and_token(self):
        written = {}
        for cell, text in rows(section_between(self.reference, "\n## HTTP\n", "\n### Errors\n")):
            marked = re.match(r"\*(admin|open)\*;", text)
            method = ""
            for span in code_spans(cell):
                *new, target = span.split(" ")
                method = new[0] if new else method
                path, _, query = target.partition("?")
                parameters = sorted(re.findall(r"(\w+)=", query))
                written[method, path] = (parameters, marked.group(1) if marked else "game")
        self.assertEqual(written, {key: row[:2] for key, row in self.routes().items()})

    def test_those_that_are_answered_when_connections_run_short_stand_there(self):
        kept = {path for (_, path), (*_, room) in self.routes().items() if room == "kept"}
        text = section_between(self.reference, "the last 16 are for", "and the admin")
        self.assertEqual(set(code_spans(text)), kept)

    def test_every_route_stands_in_the_description_with_parameters_token_and_body(self):
        access = {"[]": "open", "[{'adminToken': []}]": "admin",
                  "[{}, {'serverToken': []}]": "game"}
        described = {}
        for path, item in self.description["paths"].items():
            for method in set(item) & {"get", "put", "post", "delete", "patch"}:
                parameters = [one["name"] for one in item[method].get("parameters", [])
                              if one["in"] == "query"]
                described[method.upper(), path.replace("{", "<").replace("}", ">")] = (
                    sorted(parameters), access[str(item[method]["security"])],
                    "requestBody" in item[method])
        self.assertEqual(described, {key: (parameters, who, body in ("taken", "needed"))
                                     for key, (parameters, who, body, _) in self.routes().items()})

    def test_every_outcome_stands_in_both(self):
        source = (REPOSITORY / "src/model/batch.h").read_text("utf-8")
        enum = section_between(source, "enum class Outcome", "};")
        outcomes = re.findall(r"^  (\w+),", enum, re.M)
        self.assertIn("granted", outcomes)
        written = [cell.strip("`") for cell in self.first_cells("## Outcomes")]
        self.assertEqual(sorted(written), sorted(outcomes))
        schema = self.description["components"]["schemas"]["Outcome"]
        self.assertEqual(schema["enum"], outcomes)

    def test_every_metric_stands_there(self):
        made = {name for file in ("adapters/http/metrics_text.cc", "model/figures.h", "model/stats.h")
                for name in re.findall(r'"((?:hunt|process)_\w+)',
                                       (REPOSITORY / "src" / file).read_text("utf-8"))}
        self.assertGreater(len(made), 40)
        # Which suffix a name gets depends on its kind and on the form that is asked for.
        written = {re.sub("_(total|info)$", "", name) for cell in self.first_cells("## Metrics")
                   for name in code_spans(cell)}
        self.assertEqual(written, made)

    def test_every_count_stands_in_the_description(self):
        source = (REPOSITORY / "src/model/figures.h").read_text("utf-8")
        names = re.findall(r'FigureKind::\w+,\s+"([\w.]+)"', source)
        self.assertGreater(len(names), 20)
        stats = self.description["components"]["schemas"]["Stats"]["properties"]
        for name in names:
            parent, _, key = name.rpartition(".")
            known = stats[parent]["required"] if parent else stats
            self.assertIn(key, known, name)


if __name__ == "__main__":
    unittest.main()
