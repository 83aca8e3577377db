"""The rubric: the guide's weights, a hand-worked score, and files that cannot be one."""

import re
from pathlib import Path

import pytest
import yaml

from seekforge.core.errors import ConfigError, DataError
from seekforge.evaluate.rubric import check_scores, language_of, load_rubric, names, said, weighted

CRITERIA = """
  - {name: depth, weight: 0.75, title: {en: Depth, zh: 深度}, question: {en: Deep enough, zh: 是否深入}}
  - {name: tone, weight: 0.25, title: {en: Tone, zh: 语气}, question: {en: Polite enough, zh: 是否得体}}
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "r.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_guides_rubric_comes_with_the_package() -> None:
    rubric = load_rubric()
    assert {c.name: c.weight for c in rubric.criteria} == {"relevance": 0.4, "accuracy": 0.3, "readability": 0.3}
    assert (rubric.scale.lowest, rubric.scale.highest) == (0, 3)
    assert sorted(rubric.levels) == [0, 1, 2, 3]
    for criterion in rubric.criteria:
        assert language_of(said(criterion.question, "zh")) == "zh"
        assert language_of(said(criterion.question, "en")) == "en"


@pytest.mark.parametrize(
    ("scores", "total"),
    [
        ((3, 3, 3), 3.0),
        ((0, 0, 0), 0.0),
        ((3, 2, 1), 2.1),  # 0.4 * 3 + 0.3 * 2 + 0.3 * 1
        ((1, 3, 0), 1.3),
        ((0, 0, 3), 0.9),
    ],
)
def test_weighted_scores_worked_by_hand(scores: tuple[int, ...], total: float) -> None:
    rubric = load_rubric()
    assert weighted(rubric, dict(zip(names(rubric), scores, strict=True))) == pytest.approx(total, abs=1e-12)


def test_a_rubric_of_ones_own(tmp_path: Path) -> None:
    rubric = load_rubric(written(tmp_path, f"name: own\nscale: {{lowest: 1, highest: 5}}\ncriteria:{CRITERIA}"))
    assert names(rubric) == ["depth", "tone"]
    assert weighted(rubric, {"depth": 5, "tone": 1}) == 4.0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"name: x\ncriteria:{CRITERIA.replace('0.25', '0.5')}", "r.yaml:1: the weights sum to 1.25 (0.75 + 0.5)"),
        (f"name: x\ncriteria:{CRITERIA.replace('tone', 'depth')}", "the criterion 'depth' stands twice"),
        (f"name: x\ncriteria:{CRITERIA.replace('weight', 'wieght')}", "r.yaml:3: criteria.0: unknown key 'wieght'"),
        (f"name: x\ncriteria:{CRITERIA.replace(', zh: 语气', '')}", "criteria.1.title: the key 'zh' is missing"),
        (f"name: x\ncriteria:{CRITERIA.replace('0.75', '-0.75')}", "criteria.0.weight"),
        (f"name: x\nscale: {{lowest: 3, highest: 3}}\ncriteria:{CRITERIA}", "highest is to be above lowest"),
        (f"name: x\nlevels: {{0: {{en: a, zh: 甲}}}}\ncriteria:{CRITERIA}", "levels are to be given for each of 0, 1"),
        ("name: x\ncriteria: []\n", "criteria"),
        ("- 1\n", "not a mapping of keys"),
        ("name: [\n", "not YAML"),
    ],
)
def test_what_is_no_rubric_is_told_in_one_line(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_rubric(written(tmp_path, text))
    assert words in str(caught.value), str(caught.value)
    assert caught.value.exit_code == 2


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none.yaml: no such rubric file"):
        load_rubric(tmp_path / "none.yaml")


def test_the_shipped_file_can_be_copied(tmp_path: Path) -> None:
    import seekforge.evaluate

    shipped = Path(seekforge.evaluate.__file__).parent / "rubrics" / "guide.yaml"
    tree = yaml.safe_load(shipped.read_text(encoding="utf-8"))
    assert load_rubric(written(tmp_path, yaml.safe_dump(tree, allow_unicode=True))) == load_rubric()


def test_the_documents_example_is_a_rubric(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "evaluation.md").read_text(encoding="utf-8")
    (example,) = [block for block in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL) if "criteria:" in block]
    assert names(load_rubric(written(tmp_path, example))) == ["relevance", "accuracy"]


@pytest.mark.parametrize(
    ("scores", "words"),
    [
        ({"relevance": 4}, "relevance 4 is no score. Give a whole number from 0 to 3"),
        ({"relevance": -1}, "-1"),
        ({"relevance": True}, "True"),
        ({"relevance": 2.5}, "2.5"),
        ({"relevance": "2"}, "'2'"),
        ({"relevence": 2}, "did you mean 'relevance'?"),
        ({"relevance": 2, "accuracy": 2}, "no score for readability"),
    ],
)
def test_what_is_no_score(scores: dict[str, object], words: str) -> None:
    with pytest.raises(DataError) as caught:
        check_scores(load_rubric(), scores, "scores")
    assert words in str(caught.value)
