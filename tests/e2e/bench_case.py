"""What the tests of benchmarks of the whole stack share: their smoke."""
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree

from hunt_process import HUNT, clean_environment

BENCH = Path(__file__).resolve().parents[2] / "bench"
sys.path.insert(0, str(BENCH))  # for whoever tries a part of one by itself


def smoke(test, name):
    """`script/bench NAME --smoke`: its results, and the root of its picture."""
    with tempfile.TemporaryDirectory(prefix=f"hunt-{name}-test-") as out:
        done = subprocess.run(
            [sys.executable, "-B", BENCH / f"{name}.py", "--smoke", "--hunt", HUNT, "--out", out],
            env=clean_environment(), capture_output=True, text=True, timeout=300, check=False)
        test.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        picture = ElementTree.parse(Path(out) / f"{name}.svg").getroot()
        test.assertTrue(picture.tag.endswith("svg"))
        return json.loads((Path(out) / f"{name}.json").read_text()), picture
