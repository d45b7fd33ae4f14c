import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import styledrop
from bench.scorer import choices, content_of_drawn, kept_rows, likeness, main
from data.corpus.draws import Draws
from tasks.pretraining.draws import KEPT
from tests.bench.test_base_quality import tiny_judge, use_judge
from tests.bench.test_reconstruction import corpus
from tests.corpus_folder import write_corpus

CONCEPTS, STYLES = ("cat", "house", "sun"), ("noto", "twemoji", "ph-thin")


class Reading:
    """A scorer that knows what an icon shows from its place, and the prompts' words."""

    def __init__(self, *knows: str) -> None:
        self.knows = knows

    def compare(self, images: list[object], prompts: list[str]) -> np.ndarray:
        return np.array([[sum(word in prompt for word in self.knows) for prompt in prompts] for _ in images], float)


def test_content_is_chosen_in_the_style_of_the_icon_and_style_with_its_concept() -> None:
    shown = corpus(8)
    for knows, expected in {
        ("house", "softly shaded"): ([True] * 4, [True] * 2 + [False] * 2),
        ("sun", "flat colour emoji"): ([False] * 4, [False] * 2 + [True] * 2),
    }.items():
        rows = kept_rows(shown, CONCEPTS, STYLES)
        content, style = choices(Reading(*knows), shown, rows, CONCEPTS, STYLES)  # type: ignore[arg-type]
        assert (content.tolist(), style.tolist()) == expected, knows


def test_likeness_is_asked_of_pairs_that_share_one_thing_alone() -> None:
    shown = corpus(8)
    shown.concept[:] = np.resize(["cat", "house"], len(shown.concept))
    shown.style[:] = np.resize(["noto", "noto", "twemoji", "twemoji"], len(shown.style))
    rows = np.arange(4)

    class Seeing:
        def __init__(self, names: np.ndarray) -> None:
            self.names = names[rows]

        def embed(self, images: list[object]) -> np.ndarray:
            return (self.names[:, None] == np.unique(self.names)[None, :]).astype(float)

    assert likeness(Seeing(shown.concept), shown, rows) == (1.0, 0.5)  # type: ignore[arg-type]
    assert likeness(Seeing(shown.style), shown, rows) == (0.5, 1.0)  # type: ignore[arg-type]


def test_the_last_line_is_json(
    tmp_path: Path, tiny_base_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    judge = tiny_judge()
    use_judge(judge, tmp_path / "judge", monkeypatch)
    shown = corpus(styledrop.Base.from_pretrained(tiny_base_folder).size_px)
    shown.style[:], shown.concept[:] = judge.config.styles[0], judge.config.concepts[0]
    (tmp_path / "work/corpus/result").mkdir(parents=True)
    write_corpus(shown, tmp_path / "work/corpus/result")
    for name in KEPT:
        folder = tmp_path / "work/draws/result" / name
        folder.mkdir(parents=True)
        np.save(folder / "images.npy", shown.images)
        rows = list(range(len(shown)))
        pq.write_table(pa.table({"row": rows, "phrase": ["ink"] * len(shown)}), folder / "draws.parquet")
    monkeypatch.setattr("sys.argv", ["scorer", "--work", str(tmp_path / "work"), "--base", str(tiny_base_folder)])
    main()
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    drawn = {f"content_{name}" for name in KEPT}
    assert set(figures) == {
        "content", "style", *drawn, "like_content", "like_style", "judge_content", "judge_style", "icons"
    }  # fmt: skip
    assert all(0 <= figures[name] <= 1 for name in drawn)
    assert figures["icons"] == 4
    assert 0 <= figures["content"] <= 1


def test_a_corpus_without_the_concepts_is_said_in_words() -> None:
    with pytest.raises(ValueError, match="kept icons of the judge's concepts"):
        kept_rows(corpus(8), ("sun",), STYLES)


def test_content_of_drawn_pictures_is_asked_of_the_concepts_alone() -> None:
    shown = corpus(8)
    shown.concept[:] = np.resize(["cat", "house", "river"], len(shown.concept))
    drawn = Draws(images=shown.images, rows=np.arange(len(shown)), phrases=["ink"] * len(shown))
    known = np.isin(shown.concept, CONCEPTS)
    right = content_of_drawn(Reading("house"), shown, drawn, CONCEPTS)  # type: ignore[arg-type]
    assert right == round(float((shown.concept[known] == "house").mean()), 4)
