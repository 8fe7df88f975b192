"""examples/gitops: each file is what it says, and the workflow's own commands do their work."""
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import yaml

from hunt_process import HUNT, REPOSITORY, HuntTest, clean_environment

FOLDER = REPOSITORY / "examples/gitops"
EVENT = "lantern_night.yaml"


class Gitops(HuntTest):
    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory(prefix="hunt-gitops-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.events = self.folder / "events"
        self.events.mkdir()
        shutil.copy(REPOSITORY / "examples/rules" / EVENT, self.events / EVENT)
        (self.folder / "bin").mkdir()
        (self.folder / "bin/hunt").symlink_to(HUNT)
        self.git("init", "-q", "-b", "main")
        self.commit("First rules")

    def environment(self):
        return {**clean_environment(), "PATH": f"{self.folder}/bin:{os.environ['PATH']}",
                "HOME": str(self.folder), "GITHUB_BASE_REF": "main", "GIT_AUTHOR_NAME": "a",
                "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"}

    def git(self, *words):
        return subprocess.run(["git", *words], cwd=self.folder, env=self.environment(), check=True,
                              capture_output=True, text=True).stdout

    def commit(self, subject):
        self.git("add", "events")
        self.git("commit", "-q", "-m", subject)
        self.git("update-ref", "refs/remotes/origin/main", "HEAD")

    def step(self, job, name):
        """Runs a step of the workflow as its runner would: bash -e."""
        workflow = yaml.safe_load((FOLDER / "workflow.yaml").read_text())
        script, = (step["run"] for step in workflow["jobs"][job]["steps"]
                   if step.get("name") == name)
        return subprocess.run(["bash", "-e", "-c", script], cwd=self.folder, text=True,
                              env=self.environment(), capture_output=True, check=False)

    def test_a_good_change_passes_every_step_and_a_bad_one_none(self):
        path = self.events / EVENT
        path.write_text(path.read_text().replace("weight: 5}", "weight: 6}"))
        check = self.step("check", "Are the files right?")
        self.assertEqual(check.returncode, 0, check.stderr)
        diff = self.step("check", "What changes for players?")
        self.assertEqual(diff.returncode, 0, diff.stderr)
        self.assert_says(diff.stdout, "aurora_crown")
        simulate = self.step("check", "Do rolls follow the odds?")
        self.assertEqual(simulate.returncode, 0, simulate.stdout + simulate.stderr)
        path.write_text(path.read_text().replace("weight: 6}", "weight: 6 %}"))
        for name in ("Are the files right?", "What changes for players?",
                     "Do rolls follow the odds?"):
            self.assertNotEqual(self.step("check", name).returncode, 0, name)

    def test_the_lock_that_is_written_holds_the_files(self):
        self.git("commit", "-q", "--allow-empty", "-m", "Crown 1/500 -> 1/400 \N{SNOWMAN}")
        lock = self.step("lock", "Write the lock")
        self.assertEqual(lock.returncode, 0, lock.stderr)
        text = (self.events / "rules.lock").read_text()
        self.assertIn("Crown 1/500 -> 1/400", text)
        self.assertRegex(text, r"(?m)^revision: 1$")
        self.assertEqual(self.hunt("rules", "check", self.events).returncode, 0)
        path = self.events / EVENT
        path.write_text(path.read_text().replace("weight: 5}", "weight: 6}"))
        self.assertEqual(self.hunt("rules", "check", self.events).returncode, 1)

    def test_manifests_are_what_their_tools_take(self):
        kinds = {}
        for path in sorted(FOLDER.glob("*.yaml")):
            for document in yaml.safe_load_all(path.read_text()):
                kinds.setdefault(path.name, []).append(document.get("kind"))
        self.assertEqual(kinds, {
            "argo.yaml": ["Application"], "kustomization.yaml": ["Kustomization"],
            "flux.yaml": ["GitRepository", "Kustomization"], "workflow.yaml": [None]})
        kustomization = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
        generator, = kustomization["configMapGenerator"]
        self.assertEqual([Path(name).parts[0] for name in generator["files"]], ["events"] * 2)
        self.assertIn("events/rules.lock", generator["files"])
        self.assertTrue(kustomization["generatorOptions"]["disableNameSuffixHash"])
        git, apply = yaml.safe_load_all((FOLDER / "flux.yaml").read_text())
        self.assertEqual(apply["spec"]["sourceRef"]["name"], git["metadata"]["name"])
        workflow = yaml.safe_load((FOLDER / "workflow.yaml").read_text())
        self.assertEqual(set(workflow["jobs"]), {"check", "lock"})


if __name__ == "__main__":
    unittest.main()
