import io
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from data.documents.manifest import Manifest, read_manifest
from data.documents.spec import StyleSettings
from data.errors import ManifestError

SETTINGS = StyleSettings(store="file:///nowhere", seed=7, prompts=("cat",))
ROW = {
    "name": "disc",
    "images": "reference.png",
    "content_phrase": "a disc",
    "style_phrase": "in flat style",
    "licence": "CC0-1.0",
    "consent": "own work",
}


def write(path: Path, rows: list[dict[str, Any]]) -> str:
    columns = list(dict.fromkeys(column for row in rows for column in row))
    match path.suffix:
        case ".csv":
            lines = [columns, *([str(row.get(column, "")) for column in columns] for row in rows)]
            path.write_text("\ufeff" + "".join(",".join(line) + "\n" for line in lines))
        case ".parquet":
            pq.write_table(
                pa.Table.from_pylist([{column: row.get(column) for column in columns} for row in rows]), path
            )
        case _:
            path.write_text(yaml.safe_dump(rows))
    return str(path)


def reasons(manifest: Manifest) -> dict[int, str]:
    return {problem.row: problem.reason for problem in manifest.problems}


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".yaml"])
def test_every_format_gives_the_same_styles(tmp_path: Path, reference: Path, suffix: str) -> None:
    rows = [ROW, {**ROW, "name": "human", "feedback": "human", "rounds": 3, "fit": "pad"}]
    manifest = read_manifest(write(tmp_path / f"batch{suffix}", rows), SETTINGS)
    assert manifest.problems == ()
    first, second = manifest.styles
    assert (first.row, second.row) == (1, 2)
    assert first.spec.references[0].uri == str(reference)
    assert (first.spec.seed, first.spec.prompts, first.spec.feedback, first.spec.rounds) == (7, ("cat",), "clip", 2)
    assert (second.spec.name, second.spec.feedback, second.spec.rounds) == ("human", "human", 3)
    assert second.spec.references[0].fit == "pad"
    assert first.reference_sha256 == second.reference_sha256


def test_a_style_may_have_several_images_with_a_phrase_each_or_one_for_all(tmp_path: Path, reference: Path) -> None:
    images = "reference.png | reference.png"
    rows = [{**ROW, "images": images, "content_phrase": "a disc|a ball"}, {**ROW, "name": "one", "images": images}]
    manifest = read_manifest(write(tmp_path / "batch.csv", rows), SETTINGS)
    phrases = [[reference.content_phrase for reference in style.spec.references] for style in manifest.styles]
    assert phrases == [["a disc", "a ball"], ["a disc", "a disc"]]


def test_every_bad_row_is_named_with_its_reason_and_good_ones_stay(tmp_path: Path, reference: Path) -> None:
    (tmp_path / "broken.png").write_bytes(reference.read_bytes()[:100])
    rows = [
        ROW,
        {**ROW, "name": "Bad Name"},
        {**ROW, "name": "lost", "images": "lost.png"},
        {**ROW, "name": "broken", "images": "broken.png"},
        {**ROW, "name": "unasked", "consent": ""},
        {**ROW, "name": "twice"},
        {**ROW, "name": "twice"},
        {**ROW, "name": "phrases", "content_phrase": "a|b"},
        {**ROW, "name": "chance", "feedback": "dice"},
        {**ROW, "name": "typo", "roundz": 3},
        {**ROW, "name": "last"},
    ]
    manifest = read_manifest(write(tmp_path / "batch.yaml", rows), SETTINGS)
    assert [style.spec.name for style in manifest.styles] == ["disc", "last"]
    assert [style.row for style in manifest.styles] == [1, 11]
    assert [problem.name for problem in manifest.problems] == [row["name"] for row in rows[1:-1]]
    found = reasons(manifest)
    for row, words in {
        2: "got 'Bad Name'",
        3: "lost.png, got no such file",
        4: "broken.png, got a broken one",
        5: "consent: expected a value, got none",
        6: "got 'twice' in 2",
        7: "got 'twice' in 2",
        8: "got 1 images and 2 phrases",
        9: "feedback: .*got 'dice'",
        10: "roundz: expected a field of the spec",
    }.items():
        with pytest.raises(ManifestError, match=words):
            raise ManifestError(found[row])


def test_a_cell_too_many_makes_its_row_bad_only(tmp_path: Path, reference: Path) -> None:
    path = tmp_path / "batch.csv"
    write(path, [ROW])
    path.write_text(path.read_text() + "two,reference.png,a cat, a dog,in flat style,CC0-1.0,own work\n")
    manifest = read_manifest(str(path), SETTINGS)
    assert len(manifest.styles) == 1
    assert "expected 6 cells, got 1 more" in reasons(manifest)[2]


def test_images_are_found_beside_a_manifest_on_another_filesystem(reference: Path) -> None:
    filesystem = fsspec.filesystem("memory")
    filesystem.pipe_file("/batches/reference.png", reference.read_bytes())
    buffer = io.StringIO(yaml.safe_dump([ROW]))
    filesystem.pipe_file("/batches/batch.yml", buffer.read().encode())
    [style] = read_manifest("memory://batches/batch.yml", SETTINGS).styles
    assert style.spec.references[0].uri == "memory://batches/reference.png"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("batch.txt", b"x", r"expected a manifest \.csv.*batch\.txt"),
        ("batch.csv", b"name,images\n", "got 0 rows"),
        ("batch.csv", b"\xff\xfe", "expected csv at .*batch.csv.*save it anew"),
        ("batch.yaml", b"name: disc", "expected a list .*got dict"),
        ("batch.yaml", b"- [", "expected yaml at"),
        ("batch.parquet", b"PAR1", "expected parquet at"),
    ],
)
def test_a_file_that_is_no_manifest_is_one_error(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ManifestError, match=message):
        read_manifest(str(tmp_path / name), SETTINGS)


def test_a_manifest_that_is_not_there_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"expected a manifest at .*lost\.csv, but it cannot be read"):
        read_manifest(str(tmp_path / "lost.csv"), SETTINGS)
