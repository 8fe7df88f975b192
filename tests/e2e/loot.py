"""Loot tables by hand: what a claim yields and what is likely, in Python, from the YAML of a file.

Shares no code with the program. The hash, the picks and the fractions are Python's own.
"""
import hashlib
import hmac
from fractions import Fraction


class Words:
    """HMAC-SHA256(seed, begin | block), four words to a block; of one claim, its id is `begin`."""

    def __init__(self, seed, begin):
        self.seed, self.begin, self.block, self.words = seed, begin, 0, []

    def below(self, total):
        while True:
            if not self.words:
                message = self.begin + self.block.to_bytes(4, "big")
                digest = hmac.new(self.seed, message, hashlib.sha256).digest()
                self.words = [int.from_bytes(digest[i:i + 8], "big") for i in range(0, 32, 8)]
                self.block += 1
            word = self.words.pop(0)
            if word < 2**64 - 2**64 % total:
                return word % total


def range_of(value):
    """Every whole number that "3" or "5..8" can be."""
    low, _, high = str(value).partition("..")
    return range(int(low), int(high or low) + 1)


def chance_of(value):
    text = str(value)
    if text.endswith("%"):
        return Fraction(text[:-1].strip()) / 100
    return Fraction(text)


def parts_of(table):
    """The entries of `always`, and the pools."""
    if isinstance(table, list):
        return [], [{"draw": table}]
    return table.get("always", []), table.get("pools", [])


def entries_of(table):
    always, pools = parts_of(table)
    return always + [entry for pool in pools for entry in pool["draw"]]


def is_there(entry, is_open):
    return "during" not in entry or is_open(entry["during"])


class Find:
    """One find, pick by pick."""

    def __init__(self, tables, words, is_open):
        self.tables, self.words, self.is_open, self.stacks = tables, words, is_open, {}

    def number(self, values):
        return values[0] if len(values) == 1 else values[self.words.below(len(values))]

    def give(self, entry):
        if "table" in entry:
            self.table(entry["table"])
        elif "item" in entry:
            count = self.number(range_of(entry.get("count", 1)))
            if count:
                self.stacks[entry["item"]] = self.stacks.get(entry["item"], 0) + count

    def table(self, name):
        always, pools = parts_of(self.tables[name])
        for entry in always:
            self.give(entry)
        for pool in pools:
            if "chance" in pool:
                chance = chance_of(pool["chance"])
                if self.words.below(chance.denominator) >= chance.numerator:
                    continue
            drawn = [entry for entry in pool["draw"] if is_there(entry, self.is_open)]
            for _ in range(self.number(range_of(pool.get("rolls", 1)))):
                left = self.words.below(sum(entry["weight"] for entry in drawn))
                for at, entry in enumerate(drawn):
                    if left < entry["weight"]:
                        break
                    left -= entry["weight"]
                if pool.get("distinct"):
                    del drawn[at]
                self.give(entry)


def text_of(stacks):
    return ",".join(item if count == 1 else f"{item}*{count}" for item, count in stacks.items())


def reward(seed, tables, table, claim, is_open=lambda name: False):
    """The text that the ledger keeps."""
    find = Find(tables, Words(seed, bytes.fromhex(claim)), is_open)
    find.table(table)
    return text_of(find.stacks)
#Outcomes : {((item, count), ...)by item : probability }.
NOTHING = {(): Fraction(1)}


def together(first, second):
    out = {}
    for one, share in first.items():
        for other, part in second.items():
            stacks = dict(one)
            for item, count in other:
                stacks[item] = stacks.get(item, 0) + count
            key = tuple(sorted(stacks.items()))
            out[key] = out.get(key, 0) + share * part
    return out


def mixed(parts):
    """Of [(probability, outcomes)]."""
    out = {}
    for share, outcomes in parts:
        for key, part in outcomes.items():
            out[key] = out.get(key, 0) + share * part
    return out


def outcomes_of(tables, name, is_open):
    """Every reward that a find of the table can give, with its probability."""

    def given(entry):
        if "nothing" in entry:
            return NOTHING
        if "table" in entry:
            return outcomes_of(tables, entry["table"], is_open)
        counts = range_of(entry.get("count", 1))
        return {(((entry["item"], count),) if count else ()): Fraction(1, len(counts))
                for count in counts
}

    def rolled(drawn, rolls, distinct):
        if rolls == 0:
            return NOTHING
        total = sum(entry["weight"] for entry, _ in drawn)
        parts = []
        for at, (entry, outcomes) in enumerate(drawn):
            rest = drawn[:at] + drawn[at + 1:] if distinct else drawn
            parts.append((Fraction(entry["weight"], total), outcomes, rest))
        if distinct:
            return mixed([(share, together(outcomes, rolled(rest, rolls - 1, True)))
                          for share, outcomes, rest in parts])
        return together(mixed([(share, outcomes) for share, outcomes, _ in parts]),
                        rolled(drawn, rolls - 1, False))

    always, pools = parts_of(tables[name])
    out = NOTHING
    for entry in always:
        out = together(out, given(entry))
    for pool in pools:
        drawn = [(entry, given(entry)) for entry in pool["draw"] if is_there(entry, is_open)]
        numbers = range_of(pool.get("rolls", 1))
        found = mixed([(Fraction(1, len(numbers)), rolled(drawn, n, pool.get("distinct", False)))
                       for n in numbers])
        if "chance" in pool:
            chance = chance_of(pool["chance"])
            found = mixed([(chance, found), (1 - chance, NOTHING)])
        out = together(out, found)
    return out
