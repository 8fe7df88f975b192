"""Judges the evidence that `script/bench why` kept once more, by the rules of another build.

    python3 bench/why_again.py --hunt PATH FILE.json...     the tables, and what is said otherwise

No server is started and nothing is measured: what each orchestrator knew in each trial is read by
`hunt why --judge`, and the sentence is held against what was planted. A rule that was changed after
a look at a run proves nothing by that run; it shows whether the change breaks what was right.
"""
import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import why_table


def said_of(hunt, texts):
    """What this build says of the evidence of one process, or of several together."""
    with tempfile.TemporaryDirectory(prefix="hunt-why-again-") as folder:
        words = []
        for at, text in enumerate(texts):
            path = Path(folder) / f"{at}.txt"
            path.write_text(text, encoding="utf-8")
            words += ["--judge", str(path)]
        done = subprocess.run([str(hunt), "why", *words, "--json"], text=True,
                              capture_output=True, check=True)
    return json.loads(done.stdout)


def judged_again(hunt, trial):
    """The trial with other verdicts; None where it has no evidence."""
    texts = trial.get("evidence")
    if not texts or not all(texts):
        return None
    verdicts = []
    for was, text in zip(trial["verdicts"], texts):
        why = said_of(hunt, [text])
        fits = why_table.fits(why, was["accepted"])
        verdicts.append({**was, **why,
                         "judged": why_table.judge(why, fits, trial["felt"], was["planted"])})
    whole = said_of(hunt, texts)
    endings = [f"/{at}.txt" for at in range(len(texts))]
    trial = {**trial, "verdicts": verdicts, "whole": why_table.with_hurt_at(whole, endings)}
    why_table.sum_up(trial)
    return trial


def changes(before, after):
    """A line for each verdict that is another one now."""
    lines = []
    for was, now in zip(before["verdicts"], after["verdicts"]):
        if (was["judged"], was["cause"], was["resource"]) == \
                (now["judged"], now["cause"], now["resource"]):
            continue
        lines.append(f"{before['seed']} trial {before['number']} {before['cause']} at"
                     f" {was['orchestrator']}: {was['judged']} ({was['cause']} {was['resource']}),"
                     f" now {now['judged']}: {now['verdict']}")
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hunt", type=Path, required=True, metavar="PATH")
    parser.add_argument("files", type=Path, nargs="+")
    flags = parser.parse_args()
    before = [trial for file in flags.files for trial in json.loads(file.read_text())["trials"]]
    pairs = [(trial, judged_again(flags.hunt.resolve(), trial)) for trial in before]
    known = [(was, now) for was, now in pairs if now is not None]
    after = [now for _, now in known]
    print(why_table.confusion(after), why_table.said_table(after), sep="\n\n")
    print("\n" + "\n".join(line for pair in known for line in changes(*pair)))
    if len(known) < len(pairs):
        print(f"{len(pairs) - len(known)} trials have no evidence", file=sys.stderr)


if __name__ == "__main__":
    main()
