"""Tables of measured figures in documents, between two comments, so that a command makes them."""
import re


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
