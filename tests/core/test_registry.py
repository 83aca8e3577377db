"""The lazy registry and the nearest name."""

import subprocess
import sys
from fractions import Fraction

import pytest

from seekforge.core.errors import ConfigError
from seekforge.core.registry import Registry, nearest

THINGS = Registry("thing", {"fraction": "fractions:Fraction", "broken": "no_such_module:X"})


def test_a_name_loads_what_it_stands_for() -> None:
    assert THINGS.load("fraction") is Fraction
    assert (list(THINGS), len(THINGS), THINGS["fraction"]) == (["fraction", "broken"], 2, "fractions:Fraction")


def test_an_unknown_name_says_which_is_nearest() -> None:
    with pytest.raises(ConfigError, match=r"unknown thing 'fractoin'\. did you mean 'fraction'\?"):
        THINGS.load("fractoin")
    with pytest.raises(ConfigError, match=r"unknown thing 'zzz'\. known: broken, fraction"):
        THINGS.load("zzz")


def test_nothing_is_imported_before_it_is_asked_for() -> None:
    code = """
import sys
from seekforge.core.registry import Registry
r = Registry("thing", {"x": "fractions:Fraction"})
before = "fractions" in sys.modules
r.load("x")
print(before, "fractions" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]


@pytest.mark.parametrize(
    ("word", "mend"),
    [("exakt", "did you mean 'exact'?"), ("minhsh", "did you mean 'minhash'?"), ("qqq", "known: exact, minhash")],
)
def test_nearest(word: str, mend: str) -> None:
    assert nearest(word, ["minhash", "exact"]) == mend
