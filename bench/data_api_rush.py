"""The reference rush in small, for data_api.py: one orchestrator over the gateway, then over
postgres://, with a cache and the relay; everything on this machine."""
import json

from data_api_ways import ROOT
import small_world
from hunt_process import RedisServer, run_hunt

SCENARIO = ROOT / "examples/scenarios/starlight.yaml"


def summary(report, name):
    return {"p50_ms": 1e3 * report[name]["p50"], "p99_ms": 1e3 * report[name]["p99"]}


def rush_over(site, name, seconds, flags, is_small):
    """A database with the demo world in it, or a small one, and the rush over it."""
    redis = RedisServer(site.folder)
    hunt = site.hunt(f"rush_{name}", "--cache", redis.url)
    store = hunt.url if name == "native" else hunt.store_over(site.gateway.port)
    try:
        server = hunt.serve(store, "--cache", redis.url)

        def rush(*more):
            done = run_hunt("rush", "--json", "--target", hunt.nats.url, "--url",
                            f"http://127.0.0.1:{server.port}", "--admin-token-file",
                            site.folder / "admin-token", *more, cwd=site.folder,
                            timeout=seconds + 300)
            if done.returncode != 0:
                raise SystemExit(f"hunt rush: {done.stdout}{done.stderr}")
            return json.loads(done.stdout)
        if is_small:
            small_world.bury(server)
        else:
            rush("--demo", "--players", 10, "--rate", 10, "--seconds", 1)  # buries it
        report = rush("--scenario", SCENARIO, "--seconds", seconds, *flags)
        server.stop()
    finally:
        hunt.close()
        redis.stop()
    audit = run_hunt("audit", "--store", hunt.url, cwd=site.folder)
    return {"store": name, "seconds": seconds, "grants": report["grants"], "lost": report["lost"],
            "busy": report["outcomes"]["busy"], "audit_clean": audit.returncode == 0,
            "load": summary(report, "store_seconds"), "grant": summary(report, "grant_seconds"),
            "answer": summary(report, "latency_seconds")}


def measure(site, seconds, flags, is_small, say):
    site.delay(0)
    rows = []
    for name in ("gateway", "native"):
        rows.append(rush_over(site, name, seconds, flags, is_small))
        one = rows[-1]
        say(f"the rush, {name}: a load p99 {one['load']['p99_ms']:.1f} ms, a grant call p99"
            f" {one['grant']['p99_ms']:.1f} ms, {one['grants']:,} grants")
    return rows
