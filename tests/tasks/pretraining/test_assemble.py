"""A finished base replaces a base, and nothing else."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from data.errors import PretrainingError
from tasks.pretraining.assemble import refuse_other_files


def _link(out: Path) -> None:
    out.rename(out.with_name("elsewhere"))
    out.symlink_to(out.with_name("elsewhere"))


def _file(out: Path) -> None:
    shutil.rmtree(out)
    out.write_text("mine")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda out: (out / "thesis.tex").write_text("mine"), r"got other files \(thesis\.tex\)"),
        (lambda out: (out / "photos").mkdir(), r"got other files \(photos\)"),
        (lambda out: (out / "clip/notes.txt").write_text("mine"), r"got other files \(clip/notes\.txt\)"),
        (lambda out: (out / "vqvae/old").mkdir(), r"got other files \(vqvae/old\)"),
        (lambda out: (out / ".git").mkdir(), r"got other files \(\.git\)"),
        (lambda out: (out / "model_index.json").unlink(), r"got other files \(no model_index\.json\)"),
        (_link, "got a file or a link"),
        (_file, "got a file or a link"),
    ],
)
def test_files_that_are_no_bases_are_never_removed(
    spoil: Callable[[Path], None], words: str, tiny_base_folder: Path, tmp_path: Path
) -> None:
    out = Path(shutil.copytree(tiny_base_folder, tmp_path / "out"))
    refuse_other_files(out)
    spoil(out)
    with pytest.raises(PretrainingError, match=f"expected nothing or a base at .*out, {words}"):
        refuse_other_files(out)


def test_a_place_where_nothing_lies_and_the_embedded_base_may_be_written(tmp_path: Path) -> None:
    refuse_other_files(tmp_path / "new")
    refuse_other_files(tmp_path)
    refuse_other_files(Path(__file__).parents[3] / "model/styledrop/embedded")
