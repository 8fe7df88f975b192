"""Man pages and the completion of bash, from what `hunt … --help` says of commands and flags.

    pages.py HUNT FOLDER     writes FOLDER/man1/hunt-….1.gz and FOLDER/hunt
"""
import gzip
import re
import subprocess
import sys
from pathlib import Path

FLAG = re.compile(r"  (-\S+)")


class Command:
    """One command: its name as typed, and its help in parts."""

    def __init__(self, hunt, words):
        self.words = words
        self.name = " ".join(["hunt", *words])
        text = subprocess.run([hunt, *words, "--help"], capture_output=True, text=True,
                              check=True).stdout
        self.summary, _, rest = text.partition("\n")
        self.summary = self.summary.removeprefix("hunt: ")
        self.usage, _, rest = rest.partition("\n")
        self.parts = {"": []}
        part, before = self.parts[""], None
        for line in rest.splitlines():
            if line in ("Options:", "Subcommands:", "Examples:", "Positionals:"):
                part = self.parts.setdefault(line[:-1], [])
            else:
                # Words after the last flag, and what they show, are of the command, not of the flag.
                if before == "" and line and line[0] != " ":
                    part = self.parts[""]
                part.append(line)
            before = line

    @property
    def flags(self):
        """[(names, what else the line says, the sentence)]"""
        found = []
        for line in self.parts.get("Options", ()) + self.parts.get("Positionals", []):
            if re.match(r"  \S", line):
                names, more = re.match(r"  (\S+) ?(.*)", line).groups()
                names = names.replace("{false}", "")
                sentence = ""
                if "  " in more:  # a short flag has its sentence on the same line
                    more, _, sentence = more.partition("  ")
                found.append([names, more.strip(), sentence.strip()])
            elif line.strip():
                found[-1][2] = f"{found[-1][2]} {line.strip()}".strip()
        return found

    @property
    def commands(self):
        lines = self.parts.get("Subcommands", ())
        return [re.match(r"  (\S+)", line)[1] for line in lines if re.match(r"  \S", line)]


def all_commands(hunt, words=()):
    command = Command(hunt, list(words))
    yield command
    for name in command.commands:
        yield from all_commands(hunt, (*words, name))


def roff(text):
    """As text for roff: nothing of it is a request, and each hyphen is one that can be copied."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    text = re.sub(r"[^\x00-\x7f]", lambda one: f"\\[u{ord(one[0]):04X}]", text)
    return "\\&" + text if text.startswith((".", "'")) else text


def man_page(command, version, others):
    title = command.name.replace(" ", "-")
    lines = [f'.TH {title.upper()} 1 "" "hunt {version}" "hunt-orchestrator"',
             ".SH NAME", f"{roff(title)} \\- {roff(command.summary)}",
             ".SH SYNOPSIS", roff(command.usage.removeprefix("Usage: "))]
    words = [line for line in command.parts[""] if line.strip()]
    if words:
        lines.append(".SH DESCRIPTION")
    for line in words:
        lines += [".nf", roff(line), ".fi"] if line.startswith(" ") else [roff(line)]
    if command.flags:
        lines.append(".SH OPTIONS")
        for names, more, sentence in command.flags:
            lines += [".TP", f"\\fB{roff(names)}\\fR {roff(more)}".rstrip(), roff(sentence)]
    if command.parts.get("Examples"):
        lines += [".SH EXAMPLES", ".nf",
                  *(roff(line.removeprefix("  ")) for line in command.parts["Examples"]), ".fi"]
    lines += [".SH EXIT STATUS", "0: done. 1: failed; the message says what, where, why and what to "
              "do. 2: a flag, command or key of the configuration is wrong.",
              ".SH SEE ALSO", ", ".join(f"\\fB{roff(one)}\\fR(1)" for one in others if one != title)]
    return "\n".join(lines) + "\n"


def completion(commands):
    lines = ["# Completion of bash for hunt.", "_hunt() {",
             '  local word=${COMP_WORDS[COMP_CWORD]} command="hunt" each', "  local -A next=("]
    for command in commands:
        names = [name for flag in command.flags for name in flag[0].split(",") if name[0] == "-"]
        lines.append(f'    ["{command.name}"]="{" ".join(command.commands + names)}"')
    lines += [
        "  )",
        "  # The longest command that is there: hunt, hunt world, hunt world import.",
        "  for each in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do",
        "    if [[ -n ${next[\"$command $each\"]:-} ]]; then command+=\" $each\"; fi",
        "  done",
        "  COMPREPLY=($(compgen -W \"${next[$command]}\" -- \"$word\"))",
        "  # Values, such as files.",
        "  if [[ ${#COMPREPLY[@]} -eq 0 ]]; then COMPREPLY=($(compgen -f -- \"$word\")); fi",
        "}", "complete -o filenames -F _hunt hunt", ""]
    return "\n".join(lines)


def main():
    hunt, folder = Path(sys.argv[1]).resolve(), Path(sys.argv[2])
    version = subprocess.run([hunt, "--version"], capture_output=True, text=True,
                             check=True).stdout.split()[1]
    commands = list(all_commands(hunt))
    titles = [command.name.replace(" ", "-") for command in commands]
    (folder / "man1").mkdir(parents=True, exist_ok=True)
    for command, title in zip(commands, titles):
        with gzip.GzipFile(folder / f"man1/{title}.1.gz", "wb", mtime=0) as file:
            file.write(man_page(command, version, titles).encode())
    (folder / "hunt").write_text(completion(commands), encoding="utf-8")


if __name__ == "__main__":
    main()
