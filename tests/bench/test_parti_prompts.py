import os
from pathlib import Path

import pytest

from bench.parti_prompts import read_parti_prompts, within_reach
from data.errors import AddressError, SpecError

REAL_FILE = "STYLEDROP_PARTI_PROMPTS"
"""Names PartiPrompts.tsv (a path or URI), if the real one is to be tested with."""

ROWS = """Prompt\tCategory\tChallenge\tNote
bond\tAbstract\tBasic\t
a clock\tArtifacts\tBasic\t
"a" 12" ruler\tArtifacts\tBasic\tquotes are letters
a clock on a wall\tArtifacts\tSimple Detail\t
Mona Lisa\tArts\tBasic\t
a nurse\tPeople\tBasic\t
the Eiffel Tower\tWorld Knowledge\tBasic\t
caf\u00e9\tFood & Beverage\tBasic\t
"""


def test_the_papers_rule_picks_basic_prompts_of_things(tmp_path: Path) -> None:
    (tmp_path / "prompts.tsv").write_text(ROWS, encoding="utf-8")
    wanted = ("a clock", '"a" 12" ruler', "caf\u00e9")
    assert read_parti_prompts(str(tmp_path / "prompts.tsv")) == wanted
    assert read_parti_prompts(f"file://{tmp_path}/prompts.tsv") == wanted


def test_other_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AddressError, match="none.tsv"):
        read_parti_prompts("none.tsv")
    Path("other.tsv").write_text("name,licence\nnoto,Apache-2.0\n")
    with pytest.raises(SpecError, match=r"Challenge of PartiPrompts.tsv in other.tsv, got \['name,licence'\]"):
        read_parti_prompts("other.tsv")
    Path("half.tsv").write_text("".join(ROWS.splitlines(keepends=True)[:2]))
    with pytest.raises(SpecError, match="'Basic' in half.tsv, got none"):
        read_parti_prompts("half.tsv")


def test_a_prompt_is_within_reach_if_enough_styles_show_what_it_names() -> None:
    coverage = {"television": 23, "globe": 27, "headphones": 21, "t shirt": 18, "red circle": 9, "chair": 17}
    prompts = (
        "a TV",
        "the Earth",
        "a pair of headphones",
        "a t-shirt",
        "chair",
        "a chair",
        "chairs",
        "a red chair",
        "",
    )
    of_fifteen = {
        "a TV": "television", "the Earth": "globe", "a pair of headphones": "headphones", "a t-shirt": "t shirt",
        "chair": "chair", "a chair": "chair",
    }  # fmt: skip
    assert within_reach(prompts, coverage, 15) == of_fifteen
    assert list(within_reach(prompts, coverage, 21)) == ["a TV", "the Earth", "a pair of headphones"]


@pytest.mark.skipif(REAL_FILE not in os.environ, reason=f"{REAL_FILE} names no PartiPrompts.tsv")
def test_the_real_file_gives_the_papers_190() -> None:
    prompts = read_parti_prompts(os.environ[REAL_FILE])
    assert len(prompts) == 190
    # Shown in the paper's Fig. S8 to S13.
    assert {"a baby penguin", "a moose", "a towel", "an espresso machine", "an avocado", "a crown"} <= set(prompts)
