import os
import subprocess
import sys

import pytest

import styledrop


def test_the_public_names_are_these() -> None:
    assert [name for name in dir(styledrop) if not name.startswith("_") and name[0].isupper()] == [
        name for name in styledrop.__all__ if name[0].isupper()
    ]
    assert sorted(styledrop.__all__) == styledrop.__all__
    assert all(hasattr(styledrop, name) for name in styledrop.__all__)


@pytest.mark.parametrize(
    ("module", "said", "found"),
    [
        ("styledrop", {}, "10000"),
        ("flows.onboard_style", {}, "10000"),
        ("styledrop", {"GOMP_SPINCOUNT": "7"}, "7"),
        ("styledrop", {"OMP_WAIT_POLICY": "passive"}, ""),
    ],
)
def test_how_long_threads_wait_is_said_before_pytorch_is_imported(
    module: str, said: dict[str, str], found: str
) -> None:
    code = f"""
import importlib.abc, os, sys

class Watch(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "torch":
            print("at torch:", os.environ.get("GOMP_SPINCOUNT", ""))
            sys.stdout.flush()
            os._exit(0)

sys.meta_path.insert(0, Watch())
import {module}, styledrop
styledrop.Base
"""
    kept = {name: value for name, value in os.environ.items() if name not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")}
    printed = subprocess.run([sys.executable, "-c", code], env=kept | said, capture_output=True, text=True, check=True)
    assert printed.stdout.splitlines()[-1] == f"at torch: {found}"
