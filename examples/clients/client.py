#!/usr/bin/env python3
"""A game server in miniature: players dig, and each reward is credited exactly once.

python3 client.py http://127.0.0.1:8080 inventory.jsonl 10    (server, inventory, seconds)

The inventory stands for your database: a line for each credit, keyed by its claim, and where in the
ledger to go on. Kill this at any moment and start it again: nothing is lost and nothing is doubled.
"""
import json
import os
import random
import sys
import time
import urllib.error
import urllib.request
import uuid

if len(sys.argv) != 4:
    sys.exit("usage: client.py URL INVENTORY SECONDS")
URL, INVENTORY, SECONDS = sys.argv[1].rstrip("/"), sys.argv[2], float(sys.argv[3])
PLAYERS = [str(uuid.uuid4()) for _ in range(20)]


def call(path, body=None):
    """The answer of the server; None after a pause when it has none now: ask again later."""
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(URL + path, data), timeout=5) as reply:
            return json.load(reply)
    except urllib.error.HTTPError as error:
        said = error.read().decode()
        if "wrong_ledger" in said:
            sys.exit(f"the place is of another ledger, and no retry helps: {said}")
        print(f"no answer, trying again: {error}", file=sys.stderr)
        time.sleep(0.5)
        return None
    except (urllib.error.URLError, OSError, ValueError) as error:
        print(f"no answer, trying again: {error}", file=sys.stderr)
        time.sleep(0.5)
        return None


def read_inventory(file):
    """Which claims were credited, and the place in the ledger after them."""
    credited, place = set(), "0"
    file.seek(0)
    whole = file.read().rpartition(b"\n")[0]
    for line in whole.splitlines():
        entry = json.loads(line)
        if "claim" in entry:
            credited.add(entry["claim"])
        place = entry.get("next", place)
    file.truncate(len(whole) + 1 if whole else 0)  # a line that a crash cut short never counted
    return credited, place


def reward_of(grant):
    """All of it, or an exception: a part must not be credited, nor what this program cannot read."""
    return [{"item": str(stack["item"]), "count": int(stack["count"])} for stack in grant["items"]]


def credit(file, page, credited):
    """The credits first, and the new place after them, when both are on disk."""
    for grant in page["grants"]:
        if grant["claim"] in credited:
            continue  # told again: that is normal
        entry = {"claim": grant["claim"], "player": grant["player"],
                 "items": reward_of(grant)}
        file.write(json.dumps(entry).encode() + b"\n")
        credited.add(grant["claim"])
    file.write(json.dumps({"next": page["next"]}).encode() + b"\n")
    file.flush()
    os.fsync(file.fileno())


with open(INVENTORY, "a+b") as inventory:
    done, after = read_inventory(inventory)
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        steps = [{"player": random.choice(PLAYERS), "x": random.randrange(40),
                  "y": random.randrange(40), "kind": "dig"} for _ in range(20)]
        call("/v1/positions", {"world": 1, "positions": steps})
        while (found := call(f"/v1/grants?after={after}&limit=100")) and found["grants"]:
            credit(inventory, found, done)
            after = found["next"]
        time.sleep(0.05)
    print(f"{len(done)} grants credited")
