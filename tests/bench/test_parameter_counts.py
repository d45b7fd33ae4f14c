import json
from pathlib import Path

import pytest

from bench.embedded import FIRST_ROUND, LATER_ROUNDS
from bench.parameter_counts import SETTINGS, amused_generator, counts_on, main, muse_counts
from styledrop import Base


def test_counts_at_the_papers_shapes_are_the_papers() -> None:
    counts = muse_counts()
    assert (counts["shared_4"], counts["unshared_32"]) == (229_760, 12_582_912)  # "0.23M", "12.6M" (Tab. S3)


def test_counts_on_amused_are_under_one_percent() -> None:
    counts = counts_on(amused_generator())
    assert counts["generator"] == 603_537_664
    assert (counts["shared_4"], counts["unshared_32"]) == (61_616, 2_883_584)
    assert counts["shared_4_share"] < counts["unshared_32_share"] < 0.01
    # Rank 4 on both sides of eight projections in each of 22 layers of width 1024; 8 vectors of 768.
    assert (counts["lora"], counts["soft_prompt"]) == (22 * 8 * 2 * 4 * 1024, 8 * 768)


def test_the_pipelines_adapters_are_under_one_percent_of_the_embedded_generator() -> None:
    counts = counts_on(Base.from_pretrained("embedded").generator)
    assert (FIRST_ROUND.bottleneck, LATER_ROUNDS.bottleneck) == (4, 12)
    assert counts["shared_4_share"] < counts["unshared_12_share"] < 0.01


def test_the_last_line_is_json(
    tiny_base_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["parameter_counts", "--base", str(tiny_base_folder)])
    main()
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert set(figures) == {"muse", "amused_256", "tiny"}
    assert set(figures["tiny"]) == {"generator", *SETTINGS, *(f"{name}_share" for name in SETTINGS)}
