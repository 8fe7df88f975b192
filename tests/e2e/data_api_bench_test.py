"""`script/bench data-api` in small: each way does what is said of it, by counted work."""
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))
import data_api  # pylint: disable=wrong-import-position


class DataApiBench(unittest.TestCase):
    """Nothing is judged by time."""

    def test_each_way_asks_as_often_as_is_said_of_it(self):
        rows = data_api.measure(("ways",), {**data_api.SMOKE, "rate": 2_000})["ways"]
        by_way = {way: [one for one in rows if one["way"] == way]
                  for way in ("connect", "kept", "batched", "native")}
        for one in rows:
            self.assertEqual((one["failed"], one["claims"]), (0, data_api.SMOKE["claims"]), one)
        for one in by_way["connect"]:
            self.assertEqual(one["round_trips_a_claim"], 5, one)
        for one in by_way["kept"]:  # and a connection for the first of them
            self.assertGreaterEqual(one["round_trips_a_claim"], 4, one)
            self.assertLessEqual(one["round_trips_a_claim"], 5, one)
        for one in by_way["batched"] + by_way["native"]:
            self.assertLessEqual(one["round_trips_a_claim"], 1, one)
            if one["added_ms"] > 0:  # while a call is under way, claims come together
                self.assertLess(one["round_trips_a_claim"], 1, one)

    def test_who_was_woken_before_meets_nobody_asleep(self):
        rows = data_api.measure(("sleep",), data_api.SMOKE)["sleep"]
        cold, woken = rows
        self.assertFalse(cold["wake_up"])
        self.assertGreater(cold["met_asleep"], 0, cold)
        self.assertGreater(woken["met_before"], 0, woken)
        self.assertEqual(woken["met_asleep"], 0, woken)
        self.assertEqual((cold["failed"], woken["failed"]), (0, 0), rows)

    def test_the_rush_is_the_same_over_both(self):
        for one in data_api.measure(("rush",), data_api.SMOKE)["rush"]:
            self.assertTrue(one["audit_clean"], one)
            self.assertEqual(one["lost"], 0, one)
            self.assertGreater(one["grants"], 0, one)

    def test_speed_is_measured_on_both_wires_and_nobody_keeps_all_connections(self):
        out = data_api.measure(("speed",), data_api.SMOKE)
        for name in ("native", "gateway"):
            self.assertEqual((out["speed"][name]["failed"], out["speed"][name]["calls"]), (0, 100),
                             out)
            self.assertGreater(out["speed"][name]["calls_per_second_max"], 0)
            self.assertEqual(out["speed"][name]["failed_flat_out"], 0, out)
        abandoned = out["abandoned"]
        self.assertEqual(abandoned["begun"] + abandoned["refused"], data_api.SMOKE["abandoned"])
        self.assertLessEqual(abandoned["begun"], 53)
        self.assertLessEqual(abandoned["after"]["connections"], 60)


if __name__ == "__main__":
    unittest.main()
