import json
from pathlib import Path

import numpy as np
import pytest

import bench.evaluation_prompts
from bench.evaluation_prompts import main
from data.corpus.arrays import Corpus
from tests.corpus_folder import write_corpus


def test_the_last_line_says_which_prompts_the_corpus_has_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    concepts = ["clock", "globe", "tree"]
    corpus = Corpus(
        images=np.zeros((3, 4, 4, 3), dtype=np.uint8), image_id=["a", "b", "c"], style=np.array(["noto"] * 3),
        concept=np.array(concepts), caption=concepts, tags=[[]] * 3, split=np.array(["train"] * 3),
        coverage=np.array([28, 17, 12], dtype=np.int32),
    )  # fmt: skip
    write_corpus(corpus, tmp_path)
    rows = ["Prompt\tCategory\tChallenge\tNote", "a clock\tArtifacts\tBasic\t", "the Earth\tOutdoor Scenes\tBasic\t"]
    (tmp_path / "prompts.tsv").write_text("\n".join([*rows, "an F1\tVehicles\tBasic\t", ""]))
    monkeypatch.setattr(bench.evaluation_prompts, "EVALUATION_PROMPTS", ("clock", "tree"))
    monkeypatch.setattr("sys.argv", ["", "--parti", str(tmp_path / "prompts.tsv"), "--corpus", str(tmp_path)])
    main()
    *lines, last = capsys.readouterr().out.splitlines()
    assert "15 styles show 2 of 3: a clock, the Earth = globe" in lines
    assert json.loads(last) == {
        "parti_prompts": 3,
        "within_reach": {
            "20": {"a clock": "clock"},
            "15": {"a clock": "clock", "the Earth": "globe"},
            "10": {"a clock": "clock", "the Earth": "globe"},
        },
        "ours": 2,
        "ours_shown_by_at_least": 12,
    }
