"""Judges what `hunt why` said against what was planted, and tells it as tables in Markdown.

    python3 bench/why_table.py FILE.json...     the tables of runs that are over, together
"""
import json
import re
import sys
from fnmatch import fnmatchcase
from pathlib import Path

# Worst first. `wrong`: confident of something else. `missed`: said that nothing is wrong.
# `faint`: nothing is wrong, and the client felt nothing, either.
JUDGED = ("wrong", "missed", "unclear", "right", "faint")
TAIL_WITHIN = 0.2
TWO = ("two_shards", "shard_and_redis")
# So a sentence says that there was a wait which the process cannot see.
UNSEEN = "what waits there for one before it comes to us"
# What the client has to feel before `none` is called a miss: a tail twice as long, and by so much.
FELT_TIMES = 2
FELT_SECONDS = {"answers": 0.005, "claims": 0.02}
# Below it a difference between two clocks' tails is as good as none.
TAIL_FLOOR_SECONDS = FELT_SECONDS["answers"]


def was_felt(before, during):
    """Whether the planted cause reached the client."""
    for timeline, least in FELT_SECONDS.items():
        old, new = before[timeline]["tail_seconds"], during[timeline]["tail_seconds"]
        if new is None or old is None:
            continue
        if new >= FELT_TIMES * old and new >= old + least:
            return True
    return False


def fits(why, patterns):
    """Whether it names one of these causes where it may be."""
    return any(why["cause"] == cause and fnmatchcase(why["resource"], resource)
               for cause, resource in patterns)


def judge(why, right, felt, planted):
    """One of JUDGED. `planted`: something was, where this orchestrator could see it."""
    if why is None:
        return "missed"  # it does not even answer
    if why["cause"] == "none":
        if right:
            return "right"
        return "missed" if felt or not planted else "faint"
    if why["cause"] == "unclear" or not why["confident"]:
        return "unclear"
    return "right" if right else "wrong"


def with_hurt_at(why, endings):
    """A sentence of all, with the numbers of those that it says are held up, the worst first; by
    how their names end."""
    hurt = why["places"][0]["hurt"] if why["places"] and why["confident"] else []
    numbers = [[name.endswith(ending) for ending in endings].index(True) for name in hurt]
    return {**why, "hurt_at": numbers}


def judge_whole(why, trial):
    """One of JUDGED, of the sentence about all: the cause that was planted, where it was planted,
    at an orchestrator that it strikes."""
    if why is None:
        return "missed"
    right = fits(why, trial["accepted"])
    everywhere = trial["cause"] in ("none", "http_front")  # the load fills the machine for all
    if right and not everywhere:
        right = bool(why["hurt_at"]) and why["hurt_at"][0] in trial["at"]
    return judge(why, right, trial["felt"], True)


def worst(judged):
    return min(judged, key=JUDGED.index)


def tails(trial):
    """The longest tail that was told, and what the client felt of it; None: no such, or a client of
    before seed 90012, which did not know who took what from the bus."""
    told = [one for one in trial["verdicts"] if one.get("tail_seconds")]
    if not told:
        return None
    longest = max(told, key=lambda one: one["tail_seconds"])
    by_server = trial["client"][longest["timeline"]].get("by_server")
    felt = by_server and by_server[longest["orchestrator"]]
    return (longest, felt) if felt else None


def sum_up(trial):
    """What a trial comes to, from its verdicts."""
    trial["judged"] = worst([one["judged"] for one in trial["verdicts"]])
    if "whole" in trial:
        trial["whole_judged"] = judge_whole(trial["whole"], trial)
    found = tails(trial)
    trial["tail_ratio"] = found and found[0]["tail_seconds"] / found[1]
    trial["tail_off_seconds"] = found and found[0]["tail_seconds"] - found[1]
    trial["tail_unseen"] = bool(found and UNSEEN in found[0]["verdict"])


def agrees(trial):
    """Whether what was told of the tail is what the client felt: within a fifth, or so little that
    nobody feels it, or shorter, and the sentence says that there is a wait which it cannot see."""
    off = trial["tail_off_seconds"]
    return (abs(trial["tail_ratio"] - 1) <= TAIL_WITHIN or abs(off) <= TAIL_FLOOR_SECONDS
            or (off < 0 and trial["tail_unseen"]))


def beside(verdict):
    """What a sentence tells beside the culprit: "; beside it (…", "; besides, …"."""
    return verdict.partition("; beside")[2]


def is_listed(trial):
    """Of two causes: whether some verdict names one, and the other beside it."""
    patterns = trial["accepted"]
    for one in trial["verdicts"]:
        if one["judged"] != "right":
            continue
        others = [resource.rstrip("*") for _, resource in patterns
                  if resource.rstrip("*") not in one["resource"]]
        if all(other in beside(one["verdict"]) for other in others):
            return True
    return False


def lists_too_much(one):
    """A verdict on one cause that says of another shard, or of the cache, that it is slow besides."""
    slow = re.findall(r"; besides, of each ([a-z ]+) [^;]*?(shard \d+|cache)", one["verdict"])
    patterns = [resource for _, resource in one["accepted"]]
    return any(not any(fnmatchcase(place, pattern) for pattern in patterns) for _, place in slow)


def row_of(name, trials):
    verdicts = [one["judged"] for trial in trials for one in trial["verdicts"]]
    ratios = [trial["tail_ratio"] for trial in trials if trial["tail_ratio"]]
    near = sum(abs(ratio - 1) <= TAIL_WITHIN for ratio in ratios)
    agreed = sum(agrees(trial) for trial in trials if trial["tail_ratio"])
    whole = [trial.get("whole_judged") for trial in trials]
    counts = [sum(trial["judged"] == kind for trial in trials) for kind in reversed(JUDGED)]
    return [name, len(trials), *counts, f"{verdicts.count('right')} of {len(verdicts)}",
            verdicts.count("wrong"), f"{whole.count('right') + whole.count('faint')} of {len(trials)}",
            whole.count("wrong"), f"{near} of {len(ratios)}", f"{agreed} of {len(ratios)}"]


def markdown(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def confusion(trials):
    """One row a cause; a trial is as good as the worst of its verdicts."""
    trials = [trial for trial in trials if not trial["disturbed"]]
    names = list(dict.fromkeys(trial["cause"] for trial in trials))
    rows = [row_of(name, [one for one in trials if one["cause"] == name]) for name in sorted(names)]
    rows.append(row_of("**all**", trials))
    head = ["planted", "trials", *reversed(JUDGED), "verdicts right", "verdicts wrong",
            "of all: right", "wrong", "tail within 20 %", "or as good as"]
    text = markdown(head, rows)
    two = [trial for trial in trials if trial["cause"] in TWO]
    if two:
        text += f"\n\nOf {len(two)} trials with two causes, {sum(map(is_listed, two))} list both."
    ones = [one for trial in trials if trial["cause"] not in TWO for one in trial["verdicts"]]
    text += (f"\n\nOf {len(ones)} verdicts on one cause or none, {sum(map(lists_too_much, ones))}"
             " say that something else is slow besides.")
    return text


def said_table(trials):
    """What was said instead: planted, said, how often."""
    said = {}
    for trial in trials:
        if trial["disturbed"]:
            continue
        for one in trial["verdicts"]:
            if one["judged"] not in ("right", "faint"):
                sure = "" if one["confident"] else " (not sure)"
                key = (trial["cause"], one["judged"], f"{one['cause']} at {one['resource']}{sure}")
                said[key] = said.get(key, 0) + 1
    return markdown(["planted", "judged", "said", "verdicts"],
                    [[*key, count] for key, count in sorted(said.items())])


def ms(seconds):
    return "-" if seconds is None else f"{1e3 * seconds:.3g} ms"


def details(trial):
    """Of a trial: each verdict that is not right, with its stages."""
    size = " ".join(f"{name}={value}" for name, value in
                    {**trial["size"], **trial["where"]}.items())
    told = trial["client"]
    whole = trial.get("whole") or {"verdict": "nothing"}
    lines = [f"trial {trial['number']} {trial['cause']} {size} at {trial['at']} by {trial['path']}:"
             f" client answers {ms(told['answers']['tail_seconds'])},"
             f" claims {ms(told['claims']['tail_seconds'])}"
             f" (before {ms(trial['client_before']['answers']['tail_seconds'])},"
             f" {ms(trial['client_before']['claims']['tail_seconds'])});"
             f" others had {trial['others_cores']:.2f} cores",
             f"  of all: {trial.get('whole_judged', 'not asked').upper()}: {whole['verdict']}"]
    for one in trial["verdicts"]:
        if one["judged"] in ("right", "faint"):
            continue
        lines.append(f"  orchestrator {one['orchestrator']}: {one['judged'].upper()}:"
                     f" {one['verdict']}")
        parts = [f"{stage['stage']} {stage['resource']} {stage['share']:.0%}"
                 f" p99 {ms(max(stage['waited_p99'], stage['worked_p99']))}"
                 for stage in one["stages"] if stage["share"] >= 0.01]
        lines.append(f"    {one['samples']} {one['timeline']}, tail {ms(one['tail_seconds'])};"
                     f" next: {one['next']}")
        lines.append("    " + "; ".join(parts))
    return "\n".join(lines)


def main():
    trials = [trial for name in sys.argv[1:] for trial in json.loads(Path(name).read_text())["trials"]]
    print(confusion(trials), said_table(trials), sep="\n\n")
    for trial in trials:
        if trial["judged"] not in ("right", "faint") and not trial["disturbed"]:
            print("\n" + details(trial))


if __name__ == "__main__":
    main()
