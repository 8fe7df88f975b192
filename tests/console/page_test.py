"""The live page of `hunt up` in a real browser: players move, treasure is found."""
import hashlib
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "e2e"))
from hunt_process import REPOSITORY, HuntTest  # noqa: E402

from browser import Browser  # noqa: E402

PICTURE = REPOSITORY / "build/page.png"
MAP = "document.getElementById('map')"


class Page(HuntTest):
    """A running hunt, and a browser on its printed address."""

    def test_shows_players_that_move_and_finds_that_grow(self):
        hunt = self.start("up", "--store", self.store, "--players", "2000", "--rate", "20000")
        with Browser() as browser:
            browser.open(f"http://127.0.0.1:{hunt.port}/")
            self.assertTrue(browser.wait_for(
                "window.huntPage && huntPage.players > 0 && huntPage.finds > 0", 20),
                f"huntPage is {browser.evaluate('window.huntPage')}; {browser.problems}")
            hashes = []
            for _ in range(3):
                pixels = browser.evaluate(f"{MAP}.toDataURL()")
                hashes.append(hashlib.sha256(pixels.encode()).hexdigest())
                time.sleep(0.7)
            self.assertEqual(len(set(hashes)), 3, "the map stands still")
            first = browser.evaluate("huntPage.finds")
            self.assertTrue(browser.wait_for(f"huntPage.finds > {first}", 20), "no new finds")
            self.assertGreater(browser.evaluate("document.getElementById('finds').children.length"),
                               0, "the list of finds is empty")
            self.assertNotIn(browser.evaluate("document.querySelector('#finds .item').textContent"),
                             ("", "loot"), "it says what was found")
            self.assertEqual(browser.evaluate("rewardText({items: [{item: 'star_shard', count: 12},"
                                              " {item: 'bell', count: 1}]})"),
                             "12 Star shard, Bell")
            size = browser.evaluate(f"[{MAP}.clientWidth, {MAP}.clientHeight]")
            self.assertGreater(min(size), 200, "the map is too small to see")
            PICTURE.parent.mkdir(exist_ok=True)
            browser.screenshot(PICTURE)
            self.assertGreater(PICTURE.stat().st_size, 10_000)
            self.assertEqual(browser.problems, [])
        self.assertEqual(hunt.stop(), 0, hunt.output)

    def test_loads_nothing_from_elsewhere(self):
        hunt = self.start("up", "--store", self.store, "--players", "100", "--rate", "1000")
        text = hunt.get("/").body.decode()
        self.assertNotRegex(text, r"(src|href)\s*=\s*[\"']?(https?:)?//")
        with Browser(width=390, height=800) as browser:
            browser.open(f"http://127.0.0.1:{hunt.port}/")
            self.assertTrue(browser.wait_for("window.huntPage && huntPage.players > 0", 20))
            wide = browser.evaluate("document.documentElement.scrollWidth - innerWidth")
            self.assertLessEqual(wide, 0, "a narrow screen has to scroll sideways")


if __name__ == "__main__":
    unittest.main()
