"""`hunt rules bury`: loot lies where seed and file put it, once, and not where other loot is."""
import csv
import io
import json
import sqlite3
import unittest

from hunt_process import HuntTest
from loot import Words
from postgres_process import OwnDatabase

TWO_AREAS = """event: winter
starts: 2026-01-01
ends: 2100-01-01
tables:
  chest: [{item: bell, weight: 1}]
  golden: [{item: crown, weight: 1}]
placement:
  - table: chest
    world: main
    from: [-200, -200]
    to: [199, 199]
    except: [{from: [-20, -20], to: [19, 19]}]
    spawns: 600
    budget: 3
    apart: 5
  - {table: golden, world: main, from: [-200, -200], to: [199, 199], spawns: 100, every: 24h}
"""


def words_of(seed, event, placement, occurrence):
    """The words that an occurrence is placed by, by the header of src/rules/placement.h."""
    numbers = placement.to_bytes(4, "big") + occurrence.to_bytes(4, "big")
    return Words(seed, b"hunt-place\0" + event.encode() + b"\0" + numbers)


def far(one, other):
    return max(abs(one[0] - other[0]), abs(one[1] - other[1]))


class Bury(HuntTest):
    """Stores in files of the test's folder."""

    def setUp(self):
        super().setUp()
        self.rules = self.folder / "event.yaml"
        self.rules.write_text(TWO_AREAS)
        self.good("world", "create", "main")

    def good(self, *words):
        run = self.hunt(*words)
        self.assert_exit(run, 0)
        return run

    def bury(self, *flags):
        return json.loads(self.good("rules", "bury", self.rules, "--json", *flags).stdout)

    def loot(self, store="hunt.db"):
        """table -> places"""
        text = self.good("world", "export", "--world", "main", "--store",
                         f"sqlite:{store}").stdout
        out = {}
        for row in csv.DictReader(io.StringIO(text)):
            out.setdefault(row["table"], []).append((int(row["x"]), int(row["y"])))
        return {table: sorted(places) for table, places in out.items()}

    def seed(self):
        with sqlite3.connect(self.folder / "hunt.db") as store:
            (seed,), = store.execute("SELECT seed FROM seeds")
        return seed

    def test_lies_where_an_independent_program_puts_it(self):
        told = self.bury()
        self.assertEqual((told["buried"], told["unchanged"]), (700, 0))
        words = words_of(self.seed(), "winter", 1, 1)
        places = []
        while len(places) < 600:
            place = tuple(words.below(400) - 200 for _ in "xy")
            inside = all(-20 <= c <= 19 for c in place)
            if not inside and all(far(place, other) >= 5 for other in places):
                places.append(place)
        loot = self.loot()
        self.assertEqual(loot["chest"], sorted(places))
        self.assertEqual(len(loot["golden"]), 100)
        self.assertFalse(set(loot["golden"]) & set(loot["chest"]))

    def test_a_repeat_changes_nothing_and_a_dry_run_neither(self):
        self.assertEqual(self.bury("--dry-run")["buried"], 0)
        self.assertEqual(self.loot(), {})
        self.bury()
        before = self.loot()
        told = self.bury()
        self.assertEqual((told["buried"], told["unchanged"]), (0, 700))
        self.assertEqual(self.loot(), before)

    def test_other_loot_stays_and_closed_loot_makes_room(self):
        full = "".join(f"{x},{y},other,1,o/{x}/{y},{closes}\n"
                       for x in range(-200, 200) for y in range(-200, 200)
                       if x + y > 0 for closes in ["2020-01-01T00:00:00Z" if x > 150 else ""])
        (self.folder / "loot.csv").write_text("x,y,table,budget,key,closes\n" + full)
        self.good("world", "import", self.folder / "loot.csv", "--world", "main")
        self.bury()
        loot = self.loot()
        placed = loot["chest"] + loot["golden"]
        self.assertEqual(len(placed), 700)
        self.assertTrue(all(x + y <= 0 or x > 150 for x, y in placed))
        self.assertTrue(any(x > 150 and x + y > 0 for x, y in placed))

    def test_no_room_is_a_clear_failure_that_buries_nothing(self):
        text = TWO_AREAS.replace("spawns: 600", "spawns: 4000")
        text = text.replace("to: [199, 199]\n    except", "to: [115, 115]\n    except")
        self.rules.write_text(text)
        run = self.hunt("rules", "bury", self.rules)
        self.assert_exit(run, 1)
        self.assertRegex(run.stderr, r"event\.yaml:8:5: placement: \d,\d{3} of 4,000 spawns found "
                                     r"a place in 256,000 tries; .* Nothing was buried")
        self.assertEqual(self.loot(), {})

    def test_occurrences_ahead_lie_elsewhere_and_open_one_after_the_other(self):
        told = self.bury("--ahead-days", 3)
        golden = [lot for lot in told["placements"] if lot["placement"] == 2]
        self.assertEqual(len(golden), 4)
        for one, following in zip(golden, golden[1:]):
            self.assertEqual(one["closes"], following["opens"])
            self.assertEqual(one["occurrence"] + 1, following["occurrence"])
        self.assertEqual(len(set(self.loot()["golden"])), 400)
        self.assertEqual(self.bury("--ahead-days", 3)["unchanged"], told["buried"])

    def test_occurrences_ahead_overwrite_nothing_of_before(self):
        text = TWO_AREAS[:TWO_AREAS.index("placement:")] + "placement:\n" + "".join(
            f"  - {{table: {table}, world: main, from: [0, 0], to: [29, 29], spawns: 100, "
            "every: 24h}\n" for table in ("chest", "golden"))
        self.rules.write_text(text)
        self.bury()
        before = self.loot()
        told = self.bury("--ahead-days", 3)
        self.assertEqual((told["buried"], told["unchanged"]), (600, 200))
        after = self.loot()
        for table in ("chest", "golden"):
            self.assertEqual(len(after[table]), 400)
            self.assertLessEqual(set(before[table]), set(after[table]))

    def refused(self, *flags):
        run = self.hunt("rules", "bury", self.rules, *flags)
        self.assert_exit(run, 1)
        return run.stderr

    def test_what_lies_there_in_part_is_refused_until_resume(self):
        self.rules.write_text(TWO_AREAS.replace("spawns: 600", "spawns: 250"))
        self.bury()
        before = self.loot()
        self.rules.write_text(TWO_AREAS)
        self.assertRegex(self.refused(), r"event\.yaml:8:5: .*250 of 600 spawns like those of "
                                         r"winter/1/1 lie there already.*--resume")
        self.assertEqual(self.loot(), before)
        told = self.bury("--resume")
        self.assertEqual((told["buried"], told["unchanged"]), (350, 350))
        after = self.loot()
        self.assertEqual((len(after["chest"]), after["golden"]), (600, before["golden"]))
        self.assertLessEqual(set(before["chest"]), set(after["chest"]))
        self.assertEqual(self.bury()["unchanged"], 700)

    def test_another_event_of_the_same_name_is_no_success(self):
        self.bury()
        before = self.loot()
        self.rules.write_text(TWO_AREAS.replace("starts: 2026-01-01", "starts: 2026-01-02")
                              .replace("budget: 3", "budget: 4"))
        text = self.refused()
        self.assert_says(text, "event.yaml:8:5", "winter/1/1 were buried before",
                         "give the event another name")
        self.assertEqual(self.loot()["chest"], before["chest"])

    def test_sold_out_and_closed_loot_was_buried_all_the_same(self):
        self.bury()
        with sqlite3.connect(self.folder / "hunt.db") as store:
            store.execute("UPDATE loot_tiles SET closes_us = 1 WHERE tile_id IN "
                          "(SELECT tile_id FROM loot_tiles WHERE loot_table = 'chest' LIMIT 9)")
        told = self.bury()
        self.assertEqual((told["buried"], told["unchanged"]), (0, 700))
        with sqlite3.connect(self.folder / "hunt.db") as store:
            store.execute("UPDATE loot_tiles SET closes_us = 1 WHERE loot_table = 'chest'")
        self.assert_says(self.refused(), "winter/1/1 were buried before")

    def test_too_much_for_one_command_is_refused_at_once(self):
        self.rules.write_text(
            "event: e\nstarts: 2026-01-01\ntables: {t: [{item: a, weight: 1}]}\nplacement: "
            "[{table: t, world: main, from: [0, 0], to: [999, 999], spawns: 100000, every: 1h}]\n")
        self.assert_says(self.refused("--ahead-days", 90), "more than 10,000,000 spawns")

    def test_what_is_missing_is_named(self):
        self.rules.write_text(TWO_AREAS.replace("world: main", "world: mian"))
        run = self.hunt("rules", "bury", self.rules)
        self.assert_exit(run, 1)
        self.assert_says(run.stderr, 'event.yaml:8:5: world: there is no world "mian" '
                                     '(did you mean "main"?)')
        self.rules.write_text(TWO_AREAS[:TWO_AREAS.index("placement:")])
        run = self.hunt("rules", "bury", self.rules)
        self.assert_exit(run, 1)
        self.assert_says(run.stderr, "has placement; add it")

    def test_check_diff_and_the_page_for_players_say_how_much_there_is(self):
        more = self.folder / "more.yaml"
        more.write_text(TWO_AREAS.replace("spawns: 600", "spawns: 800"))
        run = self.good("rules", "diff", self.rules, more)
        self.assert_says(run.stdout, "event winter, placement 1: chest, 600 places in main",
                         "→ chest, 800 places in main, for 3 players each")
        run = self.good("rules", "disclose", self.rules)
        self.assert_says(run.stdout, "- chest: 600 places in main, for 3 players each",
                         "- golden: 100 places in main, for 1 player each, anew every day")
        supply = json.loads(self.good("rules", "disclose", self.rules, "--format",
                                      "json").stdout)["supply"]
        self.assertEqual([(one["table"], one["places"], one["finds_each"], one.get("every_s"))
                          for one in supply],
                         [("chest", 600, 3, None), ("golden", 100, 1, 86400)])
        run = self.good("rules", "check", self.rules, "--players", 10_000_000)
        self.assert_says(run.stderr, "winter: 2,704,600 finds are placed for 10,000,000 players: "
                                     "at least 7,295,400 of them find nothing")

    def test_is_found_by_whoever_digs_there(self):
        self.bury()
        server = self.serve("--rules", self.rules)
        at = self.loot()["golden"][0]
        reply = server.dig(("0f8fad5b-d9cb-469f-a165-70867728950e", *at), world=2)
        self.assertEqual(reply.json["outcomes"][0].get("item"), "crown", reply)
        self.assertEqual(server.stop(), 0)
        told = self.bury()  # sold out, it was buried all the same
        self.assertEqual((told["buried"], told["unchanged"]), (0, 700))


class TwoShards(OwnDatabase, HuntTest):
    """Keys are known to the shard of the tile alone."""

    def stores(self):
        other = self.database + "b"
        self.postgres.make_database(other)
        return ("--store", self.store,
                "--store", f"postgres://hunt@127.0.0.1:{self.postgres.port}/{other}")

    def test_a_dry_run_says_of_the_stores_what_a_real_one_says(self):
        stores = self.stores()
        swapped = (*stores[2:], *stores[:2])
        rules = self.folder / "event.yaml"
        rules.write_text(TWO_AREAS)
        bury = lambda *flags: self.hunt("rules", "bury", rules, "--json", *flags)
        self.assert_exit(self.hunt("world", "create", "main", *stores), 0)
        for foreign in (swapped, (*stores[:2], *stores[:2]), stores[2:]):
            dry, real = bury("--dry-run", *foreign), bury(*foreign)
            self.assert_exit(dry, 1)
            self.assert_exit(real, 1)
            said, really = (run.stderr.replace("postgres://", "") for run in (dry, real))
            self.assertEqual(said, really)
        run = bury("--dry-run", *swapped)
        self.assert_says(run.stderr, "stands at place 0", "put them in order")
        # Whoever else only reads is told the same.
        for words in (("world", "stats", "--world", "main"), ("shards", "status"), ("audit",)):
            run = self.hunt(*words, *swapped)
            self.assert_exit(run, 1)
            self.assert_says(run.stderr, "stands at place 0", "put them in order")
        dry, real = (json.loads(bury(*flags, *stores).stdout) for flags in (("--dry-run",), ()))
        self.assertEqual(dry["placements"], real["placements"])
        self.assertEqual((dry["buried"], real["buried"]), (0, 700))

    def test_a_repeat_buries_nothing_when_the_loot_around_has_changed(self):
        stores = self.stores()
        rules = self.folder / "event.yaml"
        rules.write_text(TWO_AREAS)
        (self.folder / "loot.csv").write_text("x,y,table,budget\n" + "".join(
            f"{x},{y},other,1\n" for x in range(-200, 200) for y in range(-200, 200, 2)))
        (self.folder / "over.csv").write_text("x,y,table,budget,closes\n" + "".join(
            f"{x},{y},other,1,2020-01-01T00:00:00Z\n"
            for x in range(-200, 200) for y in range(-200, 0, 2)))
        self.assert_exit(self.hunt("world", "create", "main", *stores), 0)

        def import_loot(name):
            run = self.hunt("world", "import", self.folder / name, "--world", "main", *stores)
            self.assert_exit(run, 0)

        def bury():
            run = self.hunt("rules", "bury", rules, "--json", *stores)
            self.assert_exit(run, 0)
            told = json.loads(run.stdout)
            return told["buried"], told["unchanged"]

        import_loot("loot.csv")
        self.assertEqual(bury(), (700, 0))
        import_loot("over.csv")
        self.assertEqual(bury(), (0, 700))
        # The places of many are others now; there are never more than 900.
        rules.write_text(TWO_AREAS.replace("spawns: 600", "spawns: 900"))
        resumed = self.hunt("rules", "bury", rules, "--json", "--resume", *stores)
        buried = json.loads(resumed.stdout)["buried"]
        run = self.hunt("world", "export", "--world", "main", *stores)
        self.assertEqual(run.stdout.count(",chest,"), 600 + buried)
        self.assertLessEqual(buried, 300)
        self.assert_exit(resumed, 0 if buried == 300 else 1)
        if buried < 300:
            self.assert_says(resumed.stderr, f"{300 - buried} of 900 spawns of winter/1/1 were not")


if __name__ == "__main__":
    unittest.main()
