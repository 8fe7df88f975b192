"""Tables of measured figures, on a terminal and in documents: there between two comments, so that a
command makes them."""
import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def print_table(rows):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        print("  " + "  ".join(word.rjust(width) for word, width in zip(row, widths)))


def goal_line(goal):
    return f"{goal['what']}: {goal['measured']}: {'met' if goal['met'] else 'NOT MET'}"


def markdown(heads, rows):
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def put(text, name, body):
    """The text with the body between the comments of that name."""
    pattern = re.compile(rf"(<!-- {name}: [^\n]*-->\n).*?(<!-- end of {name} -->)", re.S)
    out, count = pattern.subn(lambda found: f"{found[1]}\n{body}\n\n{found[2]}", text)
    if count != 1:
        raise SystemExit(f"expected one place `<!-- {name}: … -->`, found {count}")
    return out


def of_machine(machine):
    """What bench/run.py knows of the machine, as a line."""
    return (f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB,"
            f" {machine['system']}")


def add_flags(parser, name):
    """Those of a benchmark that can be published."""
    parser.add_argument("--publish", metavar="NOTE",
                        help=f"no run: <out>/{name}.json goes into docs/BENCHMARKS.md, with a NOTE"
                             " of what else ran on the machine; the picture to"
                             f" docs/{name}.svg")
    parser.add_argument("--hunt", type=Path, default=ROOT / "build/hunt", metavar="PATH")
    parser.add_argument("--out", type=Path, default=ROOT / "bench/results", metavar="DIR")


def publish(out, name, note, body_of):
    """What is in `out` of a benchmark goes to docs/BENCHMARKS.md, its picture beside that page.
    `body_of(results)`: the lines before the goals, those of the goals, what the picture shows."""
    results = json.loads((out / f"{name}.json").read_text())
    lines, goals, picture = body_of(results)
    body = "\n".join([
        *lines, "", *(f"- {line.replace('NOT MET', '**not met**')}" for line in goals), "",
        f"![{picture}]({name}.svg)", "", f"`script/bench {name}`,"
        f" {results['date'][:10]}, {of_machine(results['machine'])}; {note}."])
    page = ROOT / "docs/BENCHMARKS.md"
    page.write_text(put(page.read_text(), name, body))
    (ROOT / f"docs/{name}.svg").write_text((out / f"{name}.svg").read_text())
