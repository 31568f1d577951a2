"""The Job of profiles/kubernetes: Kubernetes takes it, and its pods' command computes a study part by part."""

import copy
import json
import os
import subprocess
import sys
from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from toys import tiny_study, write_suite

from zsad.cli import main
from zsad.study.project import project_root

JOB = yaml.safe_load((project_root() / "profiles" / "kubernetes" / "job.yaml").read_text())
POD = JOB["spec"]["template"]["spec"]
(PART,) = POD["containers"]
GIVEN = {variable["name"]: variable["value"] for variable in PART["env"]}
OLDEST = "1.29"  # the first in which parts may fail by themselves


@pytest.mark.parametrize("version", [OLDEST, kubernetes_validate.latest_version()])
def test_kubernetes_takes_it(version):
    kubernetes_validate.validate(JOB, version, strict=True)
    wrong = copy.deepcopy(JOB)
    wrong["spec"]["template"]["spec"]["containers"][0]["memory"] = "16Gi"
    with pytest.raises(kubernetes_validate.ValidationError, match="memory"):
        kubernetes_validate.validate(wrong, version, strict=True)


def test_a_pod_has_memory_minutes_and_a_gpu_and_each_part_has_a_pod():
    assert {"memory", "nvidia.com/gpu"} <= set(PART["resources"]["limits"])
    assert POD["activeDeadlineSeconds"] > 0
    assert JOB["spec"]["completions"] == JOB["spec"]["maxFailedIndexes"] == int(GIVEN["PARTS"])
    (mount,), (volume,) = PART["volumeMounts"], POD["volumes"]
    assert mount["name"] == volume["name"]
    assert mount["mountPath"] == PART["workingDir"]


def run_pod(checkout: Path, index: int, check: bool = True) -> int:
    """The exit code of a pod's command."""
    given = {"STUDY": "tiny.yaml", "PARTS": "2", "JOB_COMPLETION_INDEX": str(index)}
    command = [*PART["command"], *PART["args"]]
    return subprocess.run(command, cwd=checkout, env=os.environ | given, check=check, capture_output=True).returncode


def checkout_in(folder: Path) -> Path:
    """Where `.venv/bin/zsad` will stand."""
    (folder / ".venv" / "bin").mkdir(parents=True)
    return folder / ".venv" / "bin" / "zsad"


@pytest.mark.parametrize(("code", "failed"), [(0, False), (3, False), (1, True), (2, True), (130, True)])
def test_a_part_some_of_which_cannot_be_computed_is_done_and_any_other_that_fails_is_begun_again(
    tmp_path, code, failed
):
    """A failed index fails the Job, which is then never complete."""
    zsad = checkout_in(tmp_path)
    zsad.write_text(f"#!/bin/sh\nexit {code}\n")
    zsad.chmod(0o755)
    assert (run_pod(tmp_path, 0, check=False) != 0) == failed
    assert [rule["action"] for rule in JOB["spec"]["podFailurePolicy"]["rules"]] == ["Ignore"]


@pytest.mark.parametrize("said", ["book/cluster.md", "profiles/kubernetes/job.yaml"])
def test_who_waits_as_is_said_waits_for_either_end(said):
    """A Job that failed is never complete."""
    text = (project_root() / said).read_text()
    assert "--for=condition=complete" in text
    assert "--for=condition=failed" in text


def test_its_pods_compute_a_study_between_them_and_nothing_twice(tmp_path, monkeypatch, capsys):
    write_suite(tmp_path / "data" / "toys")
    content = tiny_study(tmp_path, detectors=["clip"]).model_dump(mode="json", exclude={"name"})
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(content))
    checkout_in(tmp_path).symlink_to(Path(sys.executable).with_name("zsad"))

    def pod(index: int) -> dict[str, str]:
        """Key -> when it was begun, of all that is there behind it."""
        run_pod(tmp_path, index)
        kept = [json.loads(path.read_text()) for path in (tmp_path / "records").glob("*.json")]
        return {cell["key"]: cell["started_at"] for cell in kept}

    first = pod(0)
    both = pod(1)
    assert 0 < len(first) < len(both)
    assert both.items() >= first.items()
    assert pod(0) == both, "a part that is begun again computes nothing twice"
    monkeypatch.chdir(tmp_path)
    assert main(["run", "tiny.yaml", "--dry-run"]) == 0
    assert f"{len(both)} cells, {len(both)} of them there" in capsys.readouterr().out
