"""Every `hunt …` that documents, manifests, scripts and examples write: the command is one that the
program has, and so is each of its flags. Not run here: whether it does what the text says.

Of Markdown what stands in code: blocks and spans. Elsewhere, where there is prose, too, what begins
with a command's name. docs/REFERENCE.md has a test of its own; CHANGELOG.md tells of what was.
"""
import re
import unittest

import reference_test
from hunt_process import REPOSITORY, HuntTest

FILES = ("*.md", "docs/**/*.md", "docs/**/*.yaml", "deploy/**/*", "examples/**/*", "script/*",
         "Dockerfile", ".ci/*", "src/**/page.html")
ELSEWHERE = {"CHANGELOG.md", "docs/REFERENCE.md"}
NO_COMMANDS = {"hunt message 1"}  # under which processes sign: docs/PROTOCOLS.md
CODE = re.compile(r"```\w*\n(.*?)```|``(.+?)``|`([^`\n]+)`", re.S)
QUOTED = re.compile(r"\"[^\"\n]*\"|'[^'\n]*'|\$\([^()\n]*\)")
# Up to where the shell, or the sentence, has something else.
COMMAND = re.compile(r"(?<![\w./=:@-])hunt(?: +(?:\\\n *)?[^\s|;&`<>()\"'#\\]+)+")


def code_of(path):
    text = path.read_text("utf-8", errors="replace")
    if path.suffix == ".md":
        return ["".join(found.groups(default="")) for found in CODE.finditer(text)]
    return [text]


def commands_in(path, known):
    """The words of each command of `hunt` that is written in this file."""
    firsts = {command.split()[1] for command in known if " " in command}
    for code in code_of(path):
        for found in COMMAND.finditer(QUOTED.sub("…", code)):
            words = found[0].replace("\\\n", " ").split()[1:]
            is_all_of_it = path.suffix == ".md" and found.start() == 0
            if (words[0] in firsts or is_all_of_it) and found[0] not in NO_COMMANDS:
                yield words


def wrong_in(path, known):
    """A line for each command, and each flag of one, that the program does not have."""
    for words in commands_in(path, known):
        command, rest = "hunt", list(words)
        while rest and f"{command} {rest[0]}" in known:
            command += " " + rest.pop(0)
        has_more = any(one.startswith(command + " ") for one in known)
        unknown = [one for one in rest[:1] if has_more and re.fullmatch("[a-z][a-z-]+", one)]
        flags = [re.match(r"\[?(--[a-z][a-z-]*)", word) for word in rest]
        unknown += [flag[1] for flag in flags if flag and flag[1] not in known[command]]
        for one in unknown:
            yield f"{path}: `{command}` has no {one}: hunt {' '.join(words)}"


class DocumentedCommands(HuntTest):
    """Against what the program prints of itself."""

    help_of = reference_test.Flags.help_of
    commands = reference_test.Flags.commands
    printed = reference_test.Flags.printed

    def test_each_is_known_with_its_flags(self):
        known = self.printed()
        files = sorted({path for pattern in FILES for path in REPOSITORY.glob(pattern)
                        if path.is_file()})
        files = [path for path in files if str(path.relative_to(REPOSITORY)) not in ELSEWHERE]
        self.assertGreater(sum(1 for file in files for _ in commands_in(file, known)), 300,
                           "most of them are not seen")
        self.assertEqual([line for file in files for line in wrong_in(file, known)], [])

    def test_what_is_wrong_is_named(self):
        known = self.printed()
        file = self.folder / "README.md"
        for text, words in (("`hunt serve --lane 2`", "`hunt serve` has no --lane"),
                            ("```sh\nx=1 hunt rules chekc a.yaml\n```", "no chekc"),
                            ("`hunt stat`", "`hunt` has no stat"),
                            ("```sh\nhunt world import \"a b.csv\" \\\n  --wrold demo\n```",
                             "`hunt world import` has no --wrold")):
            file.write_text(text)
            self.assertTrue(any(words in line for line in wrong_in(file, known)),
                            (text, list(wrong_in(file, known))))
        for text in ("`hunt.ask.any`", "a hunt stat", "`kubectl -n hunt get pods`",
                     "`hunt serve` is not `--lane`", "`hunt world stats | head --lines 2`"):
            file.write_text(text)
            self.assertEqual(list(wrong_in(file, known)), [])


if __name__ == "__main__":
    unittest.main()
