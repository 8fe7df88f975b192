"""The README's examples as written: each curl is run, each answer compared with the one shown."""
import re
import subprocess
import time
import unittest

from hunt_process import REPOSITORY, HuntTest, clean_environment


def examples():
    """Pairs of a command with curl and the answer shown below it."""
    text = (REPOSITORY / "README.md").read_text()
    return re.findall(r"```sh\n(curl .*?)\n```.*?```json\n(.*?)\n```", text, re.S)


class Readme(HuntTest):
    """Against `hunt up`, as the README says; only the port and the token are put in."""

    def test_every_curl_gives_the_answer_shown(self):
        hunt = self.start("up", "--store", self.store, "--players", "500", "--rate", "5000")
        shown = examples()
        self.assertGreaterEqual(len(shown), 3)
        for command, answer in shown:
            with self.subTest(command=command):
                self.assertIn("http://127.0.0.1:8080/", command)
                command = command.replace(":8080/", f":{hunt.port}/")
                run = subprocess.run(["bash", "-c", command], capture_output=True, text=True,
                                     env=clean_environment(TOKEN=hunt.printed_token()), check=False)
                pattern = re.escape(answer.strip()).replace("…", "[^\"]+")
                self.assertRegex(run.stdout.strip(), f"^{pattern}$")
                time.sleep(1.2)  # the README says that a change takes up to a second


if __name__ == "__main__":
    unittest.main()
