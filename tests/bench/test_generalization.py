"""Error on what was seen and what was not, with the tiny base and pictures of a tiny work folder."""

import json
import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import bench.generalization
import styledrop
from bench.generalization import DRAWN, PLAIN, Pictures, main, make_pictures, measure, read_pictures
from data.corpus.arrays import Corpus
from tests.corpus_folder import write_corpus


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """Five icons, and three pictures of each kind that were drawn from them."""
    rng, size_px = np.random.default_rng(0), 16
    images = rng.integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
    shown = Corpus(
        images=images[:, ::2, ::2],
        image_id=[str(row) for row in range(5)],
        style=np.array(["noto", "tabler", "noto", "tabler", "noto"]),
        concept=np.array(["house"] * 5),
        caption=["house", "home", "house", "home", "hut"],
        tags=[[]] * 5,
        split=np.array(["train", "train", "kept", "kept", "kept"]),
        coverage=np.array([20, 15, 14, 30, 16], dtype=np.int32),
    )
    for folder in ("corpus/result", *(f"draws/result/{name}" for name in DRAWN)):
        (tmp_path / "work" / folder).mkdir(parents=True)
    write_corpus(shown, tmp_path / "work/corpus/result")
    for name in DRAWN:
        folder = tmp_path / "work/draws/result" / name
        np.save(folder / "images.npy", rng.integers(0, 256, (3, size_px, size_px, 3), dtype=np.uint8))
        pq.write_table(pa.table({"row": [0, 1, 0], "phrase": [f"{name} look"] * 3}), folder / "draws.parquet")
    return tmp_path / "work"


@pytest.fixture
def pictures(work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Pictures]:
    monkeypatch.setattr(bench.generalization, "OF_EACH_SET", 2)
    monkeypatch.setattr(bench.generalization, "PICTURES", tmp_path / "generalization.parquet")
    make_pictures(work, tmp_path / "generalization.parquet")
    return read_pictures(16)


def test_the_sets_are_those_of_the_work_folder_and_the_held_out_icons(
    work: Path, pictures: dict[str, Pictures]
) -> None:
    assert set(pictures) >= {*DRAWN, *PLAIN, "held_out", "held_out/pepicons-print"}
    for name in DRAWN:
        assert pictures[name].captions == ["house", "home"] and pictures[name].phrases == [f"{name} look"] * 2
        drawn = np.load(work / "draws/result" / name / "images.npy")
        assert np.array_equal(pictures[name].images, drawn[:2])
    assert pictures["plain_trained"].captions == ["house", "home"]
    assert pictures["plain_kept"].captions == ["home", "hut"]  # few styles show the first kept one's concept
    assert len(pictures["held_out"].captions) == 300


def test_a_base_of_random_weights_knows_nothing(tiny_base_folder: Path, pictures: dict[str, Pictures]) -> None:
    base = styledrop.Base.from_pretrained(tiny_base_folder)
    figures = measure(base, pictures["kept_looks"])
    assert figures.nats == pytest.approx(math.log(16), abs=1.5)
    assert 0 <= figures.share_right <= 1 and figures.nats_se > 0
    assert 0 < figures.psnr < 20  # noise, which no VQGAN keeps


def test_the_last_line_is_json(
    tiny_base_folder: Path,
    pictures: dict[str, Pictures],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    few = {name: some for name, some in pictures.items() if not name.startswith("held_out")}
    monkeypatch.setattr(bench.generalization, "read_pictures", lambda _: few)
    monkeypatch.setattr("sys.argv", ["generalization", "--base", str(tiny_base_folder)])
    main()
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert {"trained", "kept_looks", "kept_looks_se", "psnr_kept_contents", "plain_kept_minus_trained"} <= set(figures)
    assert figures["kept_looks_minus_trained"] == pytest.approx(figures["kept_looks"] - figures["trained"], abs=2e-3)
    assert figures["kept_looks_share_of_uniform"] == pytest.approx(figures["kept_looks"] / math.log(16), abs=1e-3)
