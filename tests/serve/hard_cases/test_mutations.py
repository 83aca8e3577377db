"""The tests of the hard cases fail when what they test is taken away; docs/hard-cases.md names them all."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from tests.serve.hard_cases.mutations import MUTATIONS, Mutation

ROOT = Path(__file__).parents[3]
TESTS = ROOT / "tests" / "serve"
PAGE = ROOT / "docs" / "hard-cases.md"
ONE_ENGINE = {"7", "8", *map(str, range(11, 21)), "SIGTERM"}


def run(tests: Iterable[str], source: Path) -> subprocess.CompletedProcess[str]:
    """Runs tests against a copy of the source; its child processes see the same copy."""
    paths = [f"{TESTS / test}" for test in tests]
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *paths]
    environment = {**os.environ, "PYTHONPATH": str(source)}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=900)


def exists(test: str) -> bool:
    file, _, function = test.partition("::")
    path = TESTS / file
    return path.is_file() and f"def {function.partition('[')[0]}(" in path.read_text(encoding="utf-8")


def named(mutation: Mutation) -> str:
    return f"{mutation.case}-{Path(mutation.file).stem}-{mutation.test.partition('::')[2]}"


@pytest.mark.parametrize("mutation", MUTATIONS, ids=named)
def test_every_mutation_has_its_place_and_its_test(mutation: Mutation) -> None:
    text = (ROOT / "src" / "seekforge" / mutation.file).read_text(encoding="utf-8")
    assert text.count(mutation.old) == 1
    assert mutation.new != mutation.old
    assert exists(mutation.test)


def test_the_page_has_every_case_with_tests_that_exist() -> None:
    rows = re.findall(r"^\| (\w+) \| (.+) \| (.+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    tests = {case: re.findall(r"`([\w/]+\.py::\w+)`", cell) for case, _, cell in rows}
    assert set(tests) >= ONE_ENGINE
    assert all(tests[case] for case in ONE_ENGINE)
    missing = [test for found in tests.values() for test in found if not exists(test)]
    assert not missing
    for mutation in MUTATIONS:
        assert mutation.test.partition("[")[0] in tests[mutation.case], f"case {mutation.case}: {mutation.test}"


def test_every_case_has_a_mutation() -> None:
    assert {mutation.case for mutation in MUTATIONS} == ONE_ENGINE


@pytest.mark.slow
def test_without_a_mutation_they_pass() -> None:
    done = run(sorted({mutation.test for mutation in MUTATIONS}), ROOT / "src")
    assert done.returncode == 0, done.stdout[-3000:]


@pytest.mark.slow
@pytest.mark.parametrize("mutation", MUTATIONS, ids=named)
def test_without_the_behaviour_the_test_fails(mutation: Mutation, tmp_path: Path) -> None:
    source = tmp_path / "src"
    shutil.copytree(ROOT / "src", source, ignore=shutil.ignore_patterns("__pycache__"))
    file = source / "seekforge" / mutation.file
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace(mutation.old, mutation.new), encoding="utf-8")
    done = run([mutation.test], source)
    assert done.returncode == 1, f"status {done.returncode}: the test does not notice\n{done.stdout[-2000:]}"
