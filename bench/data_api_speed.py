"""What the gateway costs over native PostgreSQL, for data_api.py: one statement a call, on this
machine. The same generator drives both: one thread of Python, whose own CPU is told, too.
"""
import time

from data_api_drive import Drive, Http, Postgres, postgres_call, quantile
from data_api_ways import api_request
from stack import cpu_seconds

SQL = "select 42"
SIGNED_S = 200  # a signature holds for five minutes


def http_call():
    """Made again before it is too old."""
    made = [0.0, b""]

    def call():
        if time.monotonic() > made[0] + SIGNED_S:
            made[:] = [time.monotonic(), api_request("/Execute", {"sql": SQL})]
        status, body = yield made[1]
        assert status == 200, body
    return call


def wire_call():
    request = postgres_call(SQL)

    def call():
        yield request
    return call


def steady(drive, call, rate, seconds):
    """Open loop, at equal distances."""
    drive.connect_ahead(16)
    begin = time.monotonic() + 0.05
    for at in (0, 1):  # the first is the warm-up
        drive.forget()
        count = int(rate * (seconds if at else 1))
        drive.run((begin + i / rate, call()) for i in range(count))
        begin = time.monotonic() + 0.05
    drive.close()
    return {"calls": len(drive.seconds), "failed": drive.failed,
            "p50_ms": 1e3 * quantile(drive.seconds, 0.5),
            "p99_ms": 1e3 * quantile(drive.seconds, 0.99)}


def flat_out(drive, call, links, seconds):
    """Closed loop: each connection asks again when it is answered."""
    drive.connect_ahead(links)
    end = time.monotonic() + seconds
    count = [0]

    def again():
        while time.monotonic() < end:
            yield from call()
            count[0] += 1
    begin = time.monotonic()
    drive.run([(begin, again()) for _ in range(links)])
    took = time.monotonic() - begin
    drive.close()
    return count[0] / took, drive.failed


def measure(site, rate, seconds, links, say):
    site.delay(0)
    contenders = {"native": (site.postgres.port, Postgres("hunt", "hunt"), wire_call()),
                  "gateway": (site.gateway.port, Http(), http_call())}
    out = {"rate": rate}
    for name, (port, wire, call) in contenders.items():
        out[name] = steady(Drive(port, wire, 64), call, rate, seconds)
    out["p99_over_native_ms"] = out["gateway"]["p99_ms"] - out["native"]["p99_ms"]
    say(f"{rate:,} calls/s: p99 {out['native']['p99_ms']:.2f} ms native, "
        f"{out['gateway']['p99_ms']:.2f} ms by the gateway")
    for name, (port, wire, call) in contenders.items():
        cpu = {"gateway": cpu_seconds(site.gateway.process.pid), "generator": time.process_time()}
        per_second, failed = flat_out(Drive(port, wire, 64), call, links, seconds)
        out[name] |= {"calls_per_second_max": per_second, "failed_flat_out": failed,
                      "generator_cores": (time.process_time() - cpu["generator"]) / seconds}
        if name == "gateway":
            used = cpu_seconds(site.gateway.process.pid) - cpu["gateway"]
            out[name]["gateway_cores"] = used / seconds
        say(f"as fast as {links} connections go, {name}: {per_second:,.0f} calls/s")
    return out


def abandon(site, count, say):
    """Transactions that nobody ends: memory and connections of the gateway meanwhile."""
    drive = Drive(site.gateway.port, Http(), 16)

    def begin():
        status, body = yield api_request("/BeginTransaction", {})
        assert status in (200, 503), body
        tally[status] += 1
    tally = {200: 0, 503: 0}
    before = figures(site)
    start = time.monotonic()
    drive.run(((start + i / 1000, begin()) for i in range(count)), give_up_s=120)
    drive.close()
    after = figures(site)
    say(f"{count:,} transactions that nobody ends: {tally[200]} begun, {tally[503]:,} refused; "
        f"{after['resident_bytes'] / 2**20:.0f} MiB resident,"
        f" {before['resident_bytes'] / 2**20:.0f} before; {after['connections']} connections")
    return {"asked": count, "begun": tally[200], "refused": tally[503], "before": before,
            "after": after}


def figures(site):
    text = site.gateway.get("/metrics").body.decode()
    values = {line.rpartition(" ")[0]: line.rpartition(" ")[2] for line in text.splitlines()
              if line and not line.startswith("#")}
    return {"resident_bytes": int(float(values["process_resident_memory_bytes"])),
            "open_files": int(float(values["process_open_fds"])),
            "connections": int(float(values['hunt_data_api_connections{resource="*"}']))}
