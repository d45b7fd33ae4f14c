import json
from pathlib import Path

import pytest

from bench.mixed_batch import main


def test_a_mixed_batch_draws_what_each_adapter_draws_alone(
    tiny_base_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["mixed_batch", "--base", str(tiny_base_folder), "--repeats", "1"])
    main()
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert figures["equal"] is True
    assert figures["cost"] > 0
