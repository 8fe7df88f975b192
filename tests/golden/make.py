"""Keeps what a release leaves in its stores: make.py VERSION PROGRAM writes tests/golden/VERSION.

Four tiles with two treasures each, and three players who dig at each of them. SQLite and
PostgreSQL, as the SQL that makes such a store again; for tests/e2e/release_before_test.py of the
releases after.
"""
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

GOLDEN = Path(__file__).resolve().parent


def fill(folder, store):
    server = HuntProcess(folder, "serve", "--bus", "inproc:", "--cache", "none:", "--store",
                         store).wait_ready()
    try:
        tiles = [{"x": n, "y": -n, "table": "starlight", "budget": 2} for n in range(4)]
        if server.bury(tiles).status != 200:
            sys.exit("the loot could not be buried")
        for n in range(4):
            server.dig(*[(player(10 * n + k), n, -n) for k in range(3)])
        if len(server.all_grants()) != 8:
            sys.exit(f"eight grants were to come: {server.all_grants()}")
        server.stop()
    finally:
        server.kill()


def sqlite_text(folder):
    fill(folder, f"sqlite:{folder}/hunt.db")
    file = sqlite3.connect(folder / "hunt.db")
    pragmas = [f"PRAGMA {name} = {file.execute(f'PRAGMA {name}').fetchone()[0]};"
               for name in ("application_id", "user_version")]
    return "\n".join([*pragmas, *file.iterdump(), ""])


def postgres_text(folder):
    server = PostgresServer()
    try:
        fill(folder, server.make_database())
        dump = subprocess.run(
            ["pg_dump", "-h", "127.0.0.1", "-p", str(server.port), "-U", "hunt", "--no-owner",
             "--no-privileges", "--inserts", "hunt"], capture_output=True, text=True, check=True)
    finally:
        server.remove()
    return without_comments(dump.stdout)


def without_comments(text):
    """Of a dump, but for the bodies of functions; and without what only newer psql understand."""
    kept, is_inside = [], False
    for line in text.splitlines(keepends=True):
        marks = len(re.findall(r"\$[A-Za-z_]*\$", line))
        if is_inside or marks > 0 or not re.match(r"--|\\(un)?restrict|\s*$", line):
            kept.append(line)
        is_inside ^= marks % 2 == 1
    return "".join(kept)


def main(version):
    with tempfile.TemporaryDirectory(prefix="hunt-golden-") as name:
        made = {"sqlite.sql": sqlite_text(Path(name)), "postgres.sql": postgres_text(Path(name))}
    folder = GOLDEN / version
    folder.mkdir(exist_ok=True)
    for file, text in made.items():
        (folder / file).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    os.environ["HUNT_TEST_BINARY"] = str(Path(sys.argv[2]).resolve())
    sys.path.insert(0, str(GOLDEN.parent / "e2e"))
    from hunt_process import HuntProcess, player
    from postgres_process import PostgresServer
    main(sys.argv[1])
