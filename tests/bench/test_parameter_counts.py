import json
from pathlib import Path

import pytest

from bench.parameter_counts import amused_generator, counts_on, main, muse_counts


def test_counts_at_the_papers_shapes_are_the_papers() -> None:
    assert muse_counts() == {"shared_4": 229_760, "unshared_32": 12_582_912}  # "0.23M", "12.6M" (Tab. S3)


def test_counts_on_amused_are_under_one_percent() -> None:
    counts = counts_on(amused_generator())
    assert counts["generator"] == 603_537_664
    assert (counts["shared_4"], counts["unshared_32"]) == (61_616, 2_883_584)
    assert counts["shared_4_share"] < counts["unshared_32_share"] < 0.01


def test_the_last_line_is_json(
    tiny_base_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["parameter_counts", "--base", str(tiny_base_folder)])
    main()
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert set(figures) == {"muse", "amused_256", "tiny"}
    assert set(figures["tiny"]) == {"generator", "shared_4", "shared_4_share", "unshared_32", "unshared_32_share"}
