"""`script/bench tiles` in small: both worlds get the same positions, and answer all of them."""
import sys
import tempfile
import unittest
from pathlib import Path

from hunt_process import HUNT

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))
import tiles  # pylint: disable=wrong-import-position


class TilesBench(unittest.TestCase):
    """Nothing is judged by time."""

    def test_both_worlds_are_walked_alike(self):
        sizes = tiles.SMOKE
        with tempfile.TemporaryDirectory() as folder:
            found = tiles.measure(HUNT, sizes, Path(folder))
        walked = sizes["players"] * sizes["seconds"] * tiles.STEPS_A_SECOND
        for name, runs in found["runs"].items():
            for one in runs:  # what is answered late is asked again
                self.assertGreaterEqual(one["answered"], walked, (name, one))
                self.assertGreater(one["grants"], 0, (name, one))


if __name__ == "__main__":
    unittest.main()
