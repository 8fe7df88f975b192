"""What a million positions cost, by one model for every contender, and the story's own bills.

A server is paid by the hour, busy or not. So the CPU seconds that a million took are divided by
the utilisation at which servers would be run, and cost what a vCPU-hour of that kind of server
costs; its memory is in that price. Bytes to and from the service are counted as if each crossed a
zone once. Storage, backups and people are not counted.
"""
import json

from before_sites import BEFORE

PRICES = json.loads((BEFORE / "prices.json").read_text())
MODEL = PRICES["model"]
KINDS = {"redis": "cache_hour", "postgres": "database_hour"}  # the others are compute
SECONDS = 3600


def usd(name):
    return PRICES["prices"][name]["usd"]


def vcpu_hour(name):
    price = PRICES["prices"][name]
    return price["usd"] / price["vcpus"]


def of_million(step):
    """{what: dollars for a million positions}, of a step of the ladder."""
    millions = max(1, step["ok"]) / 1e6
    out = {"compute": 0.0, "cache": 0.0, "database": 0.0}
    for part, cpu_s in step["cpu_s"].items():
        name = KINDS.get(part, "compute_hour")
        hours = cpu_s / millions / SECONDS / MODEL["utilisation"]
        out[name.removesuffix("_hour")] += hours * vcpu_hour(name)
    out["transfer"] = step["bytes"] / millions / 1e9 * usd("transfer_gb")
    out["total"] = sum(out.values())
    serverless = MODEL["acus_per_vcpu"] * usd("acu_hour") / vcpu_hour("database_hour")
    out["total_serverless"] = out["total"] + (serverless - 1) * out["database"]
    out["data_api"] = step["statements"] / millions / 1e6 * usd("data_api_million")
    return out


def of_story():
    """Sentences: what the story's bills take, and what its two regrets come to."""
    month = MODEL["hours_per_month"]
    before = usd("compute_large_hour") + 4 * usd("database_hour")
    after = 10 * usd("compute_hour") + 7 * usd("cache_hour") + 0.5 * usd("acu_hour")
    floor = 0.5 * usd("acu_hour") * month
    larger = usd("cache_hour") * month
    api = usd("data_api_million")
    return [
        f"$1.87 a million: a c6g.2xlarge and a database of 8 vCPU cost ${before:.2f} an hour, which"
        f" is $1.87 a million at a mean of {before / 1.87 * 1e6 / SECONDS:,.0f} requests/s.",
        "$0.63 a million: ten c6g.large, seven cache.r6g.xlarge and 0.5 ACU cost"
        f" ${after:.2f} an hour, which is $0.63 a million at"
        f" {after / 0.63 * 1e6 / SECONDS:,.0f} requests/s;"
        f" {100 * 7 * usd('cache_hour') / after:.0f} % of it is Redis. So the new bill is for"
        f" {after / 0.63 / (before / 1.87):.0f} times as many requests an hour as the old one, or"
        " for servers that are turned off between events: one figure cannot be had from the other"
        " by a smaller database alone.",
        f"One call of the Data API for each request would be ${api:.2f} a million by itself:"
        f" {100 * api / 0.63:.0f} % of $0.63.",
        f"The first regret, serverless: 0.5 ACU all month is ${floor:.0f}, and $72 for the instance"
        f" that is awake at the beginning of an event makes ${floor + 72:.0f}; that instance alone,"
        f" kept all month, would have been ${floor:.0f} less.",
        f"The second, a larger Redis node: twice a cache.r6g.xlarge is ${larger:.0f} a month more"
        f" for each node; ${floor:.0f} is {100 * floor / larger:.0f} % of that.",
    ]
