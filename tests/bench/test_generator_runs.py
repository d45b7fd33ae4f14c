"""Two runs of a step each, on a work folder of a few pictures."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

import bench.generator_runs
from bench.generator_runs import SMALL, Run, gained, main
from data.corpus.arrays import Corpus
from tests.corpus_folder import write_corpus


def test_what_a_run_gains_is_paired_picture_by_picture() -> None:
    assert gained(torch.tensor([2.0, 5.0]), torch.tensor([3.0, 6.0])) == "-1.000 ± 0.000"


def test_runs_are_compared_and_not_trained_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(0)
    for made in ("corpus/result", "tokens/result"):
        (tmp_path / made).mkdir(parents=True)
    shown = Corpus(
        images=rng.integers(0, 256, (2, 16, 16, 3), dtype=np.uint8),
        image_id=["0", "1"],
        style=np.array(["noto", "tabler"]),
        concept=np.array(["house"] * 2),
        caption=["house", "home"],
        tags=[[]] * 2,
        split=np.array(["train"] * 2),
        coverage=np.array([20, 20], dtype=np.int32),
    )
    write_corpus(shown, tmp_path / "corpus/result")
    for name in ("trained", "kept_contents", "kept_looks"):
        folder = tmp_path / "draws/result" / name
        folder.mkdir(parents=True)
        np.save(folder / "images.npy", rng.integers(0, 256, (3, 16, 16, 3), dtype=np.uint8))
        np.save(tmp_path / f"tokens/result/{name}.npy", rng.integers(0, 4096, (3, 64), dtype=np.int16))
        pq.write_table(pa.table({"row": [0, 1, 0], "phrase": ["blue icon"] * 3}), folder / "draws.parquet")
    few = {"batch_size": 2}
    runs = {"medium": Run(steps=1, changes={}, schedule=few), "small": Run(steps=1, changes=SMALL, schedule=few)}
    monkeypatch.setattr(bench.generator_runs, "RUNS", runs)
    monkeypatch.setattr("sys.argv", ["generator_runs", "--work", str(tmp_path), "--out", str(tmp_path / "out")])
    main()
    medium, small = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert medium["kept_looks_gained"] == "+0.000 ± 0.000" != small["kept_looks_gained"]
    assert small["parameters"] < medium["parameters"] and medium["pictures"] == 2
    monkeypatch.setattr(torch.Tensor, "backward", None)  # a step would fail now
    main()
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == [medium, small]
