"""What is compared with what, in which unit, and which goals there are.

A row is a benchmark of the program, by its name `<contestant>/<case>`. The first row of a group is
ours; the others stand beside it in the same run: a ceiling is what nothing can beat, an alternative
is another way of doing the same. A program without an entry is shown by this convention alone.
"""

from dataclasses import dataclass, field

# How a unit is read from a run of Google Benchmark, and whether more is better.
UNITS = {
    "MB/s": (lambda run: run["bytes_per_second"] / 1e6, True),
    "GB/s": (lambda run: run["bytes_per_second"] / 1e9, True),
    "per second": (lambda run: run["items_per_second"], True),
    "ns per position": (lambda run: 1e9 / run["items_per_second"], False),
    "ns per item": (lambda run: 1e9 / run["items_per_second"], False),
    "ns": (lambda run: run["cpu_time"] * SCALES[run["time_unit"]], False),
}
SCALES = {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}


@dataclass
class Row:
    """One contestant. `kind` is ours, ceiling or alternative."""
    id: str
    label: str
    kind: str = "ours"


@dataclass
class Goal:
    """`row` reaches `least` or stays below `most`; with `beside`, the ratio of the two does."""
    text: str
    row: str
    least: float = None
    most: float = None
    beside: str = None


@dataclass
class Group:
    title: str
    unit: str
    rows: list
    goals: list = field(default_factory=list)


@dataclass
class Suite:
    """One program and how it is run: `min_time` is seconds for each repetition."""
    groups: list
    repetitions: int = 9
    min_time: float = 0.1


def json_decode(case, title, goals=()):
    return Group(f"JSON decode, {title}", "MB/s", [
        Row(f"json_decode/{case}", "codec::PositionsReader"),
        Row(f"simdjson_walk/{case}", "bare simdjson walk", "ceiling"),
    ], list(goals))


CODEC = Suite([
    json_decode("json_100", "a batch of 100", [
        Goal("JSON decode of 100 positions: at least 500 MB/s", "json_decode/json_100",
             least=500)]),
    json_decode("json_256", "a batch of 256", [
        Goal("JSON decode of 256 positions: at least 500 MB/s", "json_decode/json_256",
             least=500)]),
    json_decode("json_256_all_fields", "256 with seq and sent_at"),
    Group("JSON encode, reply to 256", "MB/s", [
        Row("json_encode/json_reply_256", "codec::write_reply"),
        Row("boost_serialize/json_reply_256", "Boost.JSON, tree already built", "alternative"),
    ]),
    Group("FlatBuffers decode, a batch of 256", "ns", [
        Row("flat_decode/flat_256", "codec::read_flat_request"),
        Row("verify_and_memcpy/flat_256", "verification and memcpy", "ceiling"),
    ], [Goal("FlatBuffers decode of 256 positions: at most 2 times verification and memcpy",
             "flat_decode/flat_256", most=2, beside="verify_and_memcpy/flat_256")]),
    Group("FlatBuffers decode, a batch of 100", "ns", [
        Row("flat_decode/flat_100", "codec::read_flat_request"),
        Row("verify_and_memcpy/flat_100", "verification and memcpy", "ceiling"),
    ]),
    Group("The same batch of 256 in both forms", "ns", [
        Row("flat_decode/flat_256", "FlatBuffers, decode"),
        Row("json_decode/json_256_all_fields", "JSON, decode", "alternative"),
    ]),
    Group("FlatBuffers encode, a batch of 256", "ns", [
        Row("flat_encode/flat_request_256", "codec::FlatWriter"),
        Row("copy_of_flat/flat_request_256", "memcpy of the message", "ceiling"),
    ]),
])


def engine_case(case, title):
    return Group(f"Position to outcome, {title}", "ns per position", [
        Row(f"answer_batch/{case}", "engine::answer"),
        Row(f"flat_map/{case}", "one unordered_flat_map look-up", "alternative"),
        Row(f"flat_array/{case}", "one read of a flat array", "ceiling"),
    ], [Goal(f"position to outcome, {title}: no slower than one look-up", f"answer_batch/{case}",
             most=1, beside=f"flat_map/{case}")])


ENGINE = Suite([
    engine_case("crowd", "crowd near the loot"),
    engine_case("uniform", "uniform positions"),
])


def roll_case(case, title):
    return Group(f"A roll, {title}", "ns", [
        Row(f"roll/{case}", "engine::Roller, with the HMACs of its words"),
        Row(f"draw_only/{case}", "the draw, over words that are there", "alternative"),
        Row("hmac", "one HMAC: four words", "ceiling"),
    ], [Goal(f"a roll, {title}: at most 200 ns beside the HMAC", f"draw_only/{case}", most=200)])


ROLL = Suite([
    roll_case("short", "a table of six entries"),
    roll_case("pools", "about ten picks of three pools"),
])

SQLITE = Suite([
    Group("Durable grants, calls of 64 claims", "per second", [
        Row("store_calls/64_in_flight", "SqliteStore, 64 calls in flight"),
        Row("store_calls/8_in_flight", "SqliteStore, 8 calls in flight"),
        Row("store_calls/1_in_flight", "SqliteStore, 1 call in flight"),
        Row("transaction_per_claim", "one transaction for each claim", "alternative"),
        Row("page_and_sync", "append 4 KiB and fdatasync", "ceiling"),
        Row("statements_without_commits", "the statements, one commit", "ceiling"),
    ], [Goal("durable SQLite grants: at least 20,000/s", "store_calls/64_in_flight",
             least=20_000)]),
], repetitions=7)



def postgres_grants(case, title, per_second):
    return Group(f"Durable grants in PostgreSQL, calls of 64 claims, {title}", "per second", [
        Row(f"store_grants/{case}", "PostgresStore"),
        Row(f"least_statement/{case}", "the least statement for a batch", "ceiling"),
    ], [Goal(f"PostgreSQL grants over {title}: at least {per_second:,}/s", f"store_grants/{case}",
             least=per_second),
        Goal(f"PostgreSQL grants over {title}: at least 0.8 of the least statement",
             f"store_grants/{case}", least=0.8, beside=f"least_statement/{case}")])


POSTGRES = Suite([
    postgres_grants("1_connection", "one connection", 25_000),
    postgres_grants("2_connections", "two connections", 45_000),
    Group("Durable grants in PostgreSQL, two connections", "per second", [
        Row("store_grants/2_connections", "PostgresStore, any of 98,304 tiles"),
        Row("store_grants/2_connections_one_tile", "the same, all on one tile"),
        Row("store_grants/2_connections_single_claims", "a call for each claim", "alternative"),
    ]),
    Group("Chunk loads from PostgreSQL, 64 in a call, six tiles each", "per second", [
        Row("store_loads", "PostgresStore"),
        Row("range_scans", "a plain range scan", "ceiling"),
    ], [Goal("PostgreSQL chunk loads: at least 0.8 of a plain range scan", "store_loads",
             least=0.8, beside="range_scans")]),
], repetitions=5)



def nats_asks(positions, title, ratio):
    return Group(f"Asks over NATS, {title}", "per second", [
        Row(f"bus_ask/{positions}", "NatsBus: read, answered, written, read"),
        Row(f"bare_echo/flusher/{positions}", "bare cnats echo of the same bytes", "ceiling"),
        Row(f"bare_echo/asap/{positions}", "the same, sent at once", "alternative"),
    ], [Goal(f"asks over NATS, {title}: at least {ratio} of the bare echo",
             f"bus_ask/{positions}", least=ratio, beside=f"bare_echo/flusher/{positions}")])


NATS = Suite([
    nats_asks(1, "one position each", 0.7),
    nats_asks(100, "100 positions each", 0.5),
    nats_asks(256, "256 positions each", 0.5),
    Group("Stored positions over JetStream, file storage, acknowledged when answered",
          "per second", [
              Row("stored_ask/256", "batches of 256"), Row("stored_ask/100", "batches of 100"),
          ], [Goal("stored positions: at least 2,000,000/s", "stored_ask/256",
                   least=2_000_000)]),
], repetitions=5)

SUITES = {"codec": CODEC, "engine": ENGINE, "nats": NATS, "postgres": POSTGRES, "roll": ROLL,
          "sqlite": SQLITE}


def suite_of(name, ids):
    """The suite of a program, with groups by convention for what no entry names."""
    known = SUITES.get(name, Suite([]))
    named = {row.id for group in known.groups for row in group.rows}
    cases = {}
    for id in ids:
        if id not in named:
            contestant, _, case = id.partition("/")
            cases.setdefault(case, []).append(Row(id, contestant))
    for case, rows in cases.items():
        for row in rows[1:]:
            row.kind = "alternative"
        known.groups.append(Group(case or name, "", rows))
    return known
