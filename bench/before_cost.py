"""What a million positions cost, by one model for every contender, and the story's own bills.

A server is paid by the hour, busy or not. So the CPU seconds that a million took, at a load at
which the servers are as busy as they would be run, are divided by that utilisation, and cost what
an hour of a core of that kind of server costs; its memory is in that price. Bytes to and from the
service are counted as if each crossed a zone once. Storage, backups and people are not counted.
`hunt plan` and `hunt up` reckon alike (src/plan/cost.h), from the same files.
"""
import json

from before_ladder import calm
from before_sites import ROOT

PLAN = ROOT / "src/plan"
PRICES = json.loads((PLAN / "prices.json").read_text())
MODEL = PRICES["model"]
KINDS = {"redis": "cache_hour", "postgres": "database_hour"}  # the others are compute
SECONDS = 3600

# What docs/STORY.md tells of the team: dollars a million, ACUs that its database has when it is
# idle, dollars a month of the instance that is awake, and its servers.
BEFORE_USD, AFTER_USD = 1.87, 0.63
BEFORE_ACUS, AFTER_ACUS = 2, 0.5
AWAKE_USD = 72
PODS, NODES = 10, 7
TILES, TILE_BYTES, NODE_GIB = 100_000, 1024, 26


def measured():
    """What `script/bench before-after --publish` kept last."""
    return json.loads((PLAN / "measured.json").read_text())


def usd(name):
    return PRICES["prices"][name]["usd"]


def core_hour(name):
    """Dollars for an hour of a core that the program can use."""
    price = PRICES["prices"][name]
    return price["usd"] / price["cores"]


def step_of(entry, cores):
    """The step of a ladder that is paid for."""
    return calm(entry, cores, MODEL["utilisation"])


def of_million(step):
    """{what: dollars for a million positions}, of a step of the ladder."""
    millions = max(1, step["ok"]) / 1e6
    out = {"compute": 0.0, "cache": 0.0, "database": 0.0}
    for part, cpu_s in step["cpu_s"].items():
        name = KINDS.get(part, "compute_hour")
        hours = cpu_s / millions / SECONDS / MODEL["utilisation"]
        out[name.removesuffix("_hour")] += hours * core_hour(name)
    out["transfer"] = step["bytes"] / millions / 1e9 * usd("transfer_gb")
    out["total"] = sum(out.values())
    serverless = MODEL["acus_per_vcpu"] * usd("acu_hour") / core_hour("database_hour")
    out["total_serverless"] = out["total"] + (serverless - 1) * out["database"]
    out["data_api"] = step["statements"] / millions / 1e6 * usd("data_api_million")
    return out


def bills():
    """The figures behind of_story(). As the story explains it, only what the idle database costs
    changed: two bills, so the requests of a month and the rest of the bill are what they have to
    be. As its servers cost: the requests a second at which these come to those bills."""
    month = MODEL["hours_per_month"]
    acu_month = usd("acu_hour") * month
    millions = (BEFORE_ACUS - AFTER_ACUS) * acu_month / (BEFORE_USD - AFTER_USD)
    servers = PODS * usd("compute_hour") + NODES * usd("cache_hour")
    old = usd("compute_large_hour") + 4 * usd("database_hour")
    new = servers + AFTER_ACUS * usd("acu_hour")
    floor = AFTER_ACUS * acu_month
    return {
        "millions_a_month": millions,
        "per_second": millions * 1e6 / month / SECONDS,
        "rest_a_month": BEFORE_USD * millions - BEFORE_ACUS * acu_month,
        "before_a_month": BEFORE_USD * millions, "after_a_month": AFTER_USD * millions,
        "idle_before": BEFORE_ACUS * acu_month, "idle_after": floor,
        "servers_a_month": servers * month, "servers_a_million": servers * month / millions,
        "old_hour": old, "old_per_second": old / BEFORE_USD * 1e6 / SECONDS,
        "new_hour": new, "new_per_second": new / AFTER_USD * 1e6 / SECONDS,
        "redis_percent": 100 * NODES * usd("cache_hour") / new,
        "serverless_a_month": floor + AWAKE_USD,
        "acus_of_provisioned": usd("database_hour") / usd("acu_hour"),
        "provisioned_a_month": usd("database_hour") * month,
        "larger_node_a_month": usd("cache_hour") * month,
        "tiles_percent": 100 * TILES * TILE_BYTES / (NODES * NODE_GIB * 2**30),
    }


def of_story():
    """Sentences: what the story's bills take, and what its two regrets come to."""
    b = bills()
    api = usd("data_api_million")
    return [
        f"${BEFORE_USD} and ${AFTER_USD} a million, as the story explains them, by an idle database"
        f" of {BEFORE_ACUS} and then {AFTER_ACUS} ACUs: that is ${b['idle_before']:.2f} and"
        f" ${b['idle_after']:.2f} a month, so both hold at {b['millions_a_month']:.0f} million"
        f" requests a month ({b['per_second']:.0f} a second) where everything else costs"
        f" ${b['rest_a_month']:.2f} a month, before and after: bills of ${b['before_a_month']:.2f}"
        f" and ${b['after_a_month']:.2f}. The {PODS} pods and {NODES} Redis nodes cannot be in"
        f" them: they are ${b['servers_a_month']:,.0f} a month, ${b['servers_a_million']:.2f} a"
        " million of those requests.",
        f"${BEFORE_USD} with the servers in it: a c6g.2xlarge and a db.r6g.2xlarge are"
        f" ${b['old_hour']:.2f} an hour, which takes a mean of {b['old_per_second']:,.0f} requests"
        f" a second. ${AFTER_USD}: {PODS} c6g.large, {NODES} cache.r6g.xlarge and {AFTER_ACUS} ACU"
        f" are ${b['new_hour']:.2f} an hour, which takes {b['new_per_second']:,.0f} a second, of"
        f" the money {b['redis_percent']:.0f} % for Redis. So the second bill is for"
        f" {b['new_per_second'] / b['old_per_second']:.1f} times as many requests an hour as the"
        " first, or for servers that are off between events.",
        f"Not in either: the Data API, ${api:.2f} a million if each request is one call,"
        f" {100 * api / AFTER_USD:.0f} % of ${AFTER_USD} by itself.",
        f"The first regret, serverless: {AFTER_ACUS} ACU all month and ${AWAKE_USD} for the"
        f" instance that is awake when an event begins are ${b['serverless_a_month']:.2f} a month;"
        f" that instance alone, kept all month, is ${b['idle_after']:.2f} less and never asleep."
        f" A provisioned db.r6g.large (${b['provisioned_a_month']:.0f}) costs as much as"
        f" {b['acus_of_provisioned']:.1f} ACUs: serverless is cheaper while a mean hour needs"
        " fewer.",
        f"The second, to spend that on a larger Redis node: twice a cache.r6g.xlarge is"
        f" ${b['larger_node_a_month']:.0f} a month more for each node, so ${b['idle_after']:.2f} is"
        f" {100 * b['idle_after'] / b['larger_node_a_month']:.0f} % of one of {NODES}. It would not"
        f" have raised the hits: {TILES:,} loot tiles of a kilobyte are {b['tiles_percent']:.2f} %"
        f" of the memory of the {NODES}. What a cache of that size misses has run out or was"
        " flushed.",
    ]
