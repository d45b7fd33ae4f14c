import io
import re
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from data.documents import table
from data.documents.manifest import Manifest, read_manifest
from data.documents.spec import StyleSettings
from data.errors import ManifestError
from data.pictures.images import ReferenceImage, load_reference

HEADING = b"name,images,content_phrase,style_phrase,licence,consent\n"
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


def test_a_row_may_leave_phrases_out(tmp_path: Path, reference: Path) -> None:
    rows = [{**ROW, "content_phrase": ""}, {name: cell for name, cell in ROW.items() if not name.endswith("_phrase")}]
    first, second = (read_manifest(write(tmp_path / "batch.csv", [row]), SETTINGS).styles[0].spec for row in rows)
    assert (first.phrases_left_out, first.style_phrase) == ((1,), "in flat style")
    assert second.phrases_left_out == (1, 0)


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


GOOD = "{0},reference.png,a disc,in flat style,CC0-1.0,own work"
STRAY = '{0},reference.png,"a disc,in flat style,CC0-1.0,own work'
LINES: dict[str, tuple[list[str], list[int], dict[int, str]]] = {
    # what stands in the lines under the heading, the good rows, and the words of the bad ones
    "two stray quotes three rows apart": (
        [STRAY.format("a"), GOOD.format("b"), GOOD.format("c"), STRAY.format("d"), GOOD.format("e")],
        [2, 3, 5],
        {1: "line 2: expected quotes at both ends", 4: "line 5: "},
    ),
    "a line break in a cell": (
        ['a,reference.png,"a', 'disc",in flat style,CC0-1.0,own work', GOOD.format("b")],
        [3],
        {1: r"line 2: .* or a line break in a cell.* \(it goes on to line 3\)"},
    ),
    "a quote that is never closed": ([GOOD.format("a"), STRAY.format("b")], [1], {2: "line 3: "}),
    "a quote within a word": (
        [GOOD.format("a"), 'b,reference.png,5" disc,x,y,z', GOOD.format("c")],
        [1, 3],
        {2: "line 3: "},
    ),
    "rows without a word": (["", ",,,,,", GOOD.format("a"), " , ,,,, ", ",,,,,,,,", ""], [3], {}),
    "blanks after the comma": (["a, reference.png , a disc,in flat style, CC0-1.0, own work"], [1], {}),
    "quotes after a blank": (['a, "reference.png", "a, disc",in flat style,CC0-1.0,own work'], [1], {}),
    "commas that a spreadsheet leaves at the end": ([GOOD.format("a") + ",,,"], [1], {}),
    "a cell too many": (
        [GOOD.format("a") + ",x", GOOD.format("b")],
        [2],
        {1: "line 2: expected 6 cells, got 1 more: 'x'"},
    ),
    "cells too few": (["a,reference.png,a disc", GOOD.format("b")], [2], {1: "licence: expected a value"}),
    "a control character": ([GOOD.format("a").replace("disc", "di\0sc"), GOOD.format("b")], [2], {1: r"U\+0000"}),
    "a name with a control character": ([GOOD.format("a\x1b"), GOOD.format("b")], [2], {1: "name: expected 1 to 64"}),
    "different style phrases": (
        [GOOD.format("a").replace("in flat style", "flat|round")],
        [],
        {1: "style_phrase: expected one"},
    ),
    "a chain of filesystems": ([GOOD.format("a").replace("reference.png", "s::x")], [], {1: "a chain of them"}),
    "nobody's home": ([GOOD.format("a").replace("ref", "~nobody-here/ref")], [], {1: "a user's home folder"}),
    "a reviewer who is never asked": ([GOOD.format("a")], [], {1: "rounds: expected at least 2"}),
    "no image": ([GOOD.format("a").replace("reference.png", "")], [], {1: "got 1 images and 1 phrases|got 0 images"}),
    "an empty name among images": (
        [GOOD.format("a").replace("reference.png", "reference.png|")],
        [],
        {1: "got an empty one"},
    ),
}


@pytest.mark.parametrize("case", LINES)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_what_is_wrong_with_a_line_of_a_csv_stays_in_its_row(
    tmp_path: Path, reference: Path, case: str, end: str
) -> None:
    lines, good, bad = LINES[case]
    path = tmp_path / "batch.csv"
    path.write_bytes(HEADING.strip() + end.encode() + end.join(lines).encode())
    settings = SETTINGS.model_copy(update={"feedback": "human", "rounds": 1} if "reviewer" in case else {})
    manifest = read_manifest(str(path), settings)
    assert [style.row for style in manifest.styles] == good
    found = reasons(manifest)
    assert set(found) == set(bad)
    for row, words in bad.items():
        assert re.search(words, found[row]), found[row]
        assert found[row].isprintable()
    assert all(problem.name.isprintable() for problem in manifest.problems)


@pytest.mark.parametrize("heading", ["", "Unnamed: 0"])
def test_the_index_that_pandas_writes_is_passed_over(tmp_path: Path, reference: Path, heading: str) -> None:
    path = tmp_path / "batch.csv"
    path.write_text(f"{heading},{HEADING.decode()}0,{GOOD.format('a')}\n1,{GOOD.format('b')}\nx,{GOOD.format('c')}\n")
    manifest = read_manifest(str(path), SETTINGS)
    assert [style.spec.name for style in manifest.styles] == ["a", "b"]
    assert "a column without a heading, got 'x'" in reasons(manifest)[3]
    pq.write_table(
        pa.table({**{key: [value] for key, value in ROW.items()}, "__index_level_0__": [7]}),
        path.with_suffix(".parquet"),
    )
    [style] = read_manifest(str(path.with_suffix(".parquet")), SETTINGS).styles
    assert style.spec.name == "disc"


def test_values_that_parquet_holds_and_python_does_not_spoil_one_row(tmp_path: Path, reference: Path) -> None:
    rows = [{**ROW, "name": name} for name in ("a", "b", "c", "d")]
    table = pa.Table.from_pylist([*rows, {key: None for key in ROW}])
    table = table.append_column("rounds", pa.array([2.0, float("nan"), None, 2.5, None]))
    seeds = pa.array([1, 2, 2**62, 3, None], pa.int64())
    pq.write_table(table.append_column("seed", seeds), tmp_path / "batch.parquet")
    manifest = read_manifest(str(tmp_path / "batch.parquet"), SETTINGS)
    assert [style.row for style in manifest.styles] == [1, 2]
    assert list(reasons(manifest)) == [3, 4]
    moments = pa.array([2**62, 0, 0, 0, None], pa.timestamp("us"))
    pq.write_table(table.append_column("consent_given", moments), tmp_path / "batch.parquet")
    assert len(read_manifest(str(tmp_path / "batch.parquet"), SETTINGS).problems) == 4


def test_a_parquet_file_that_unpacks_to_too_much_is_one_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pq.write_table(
        pa.table({key: [value * 1000] * 100 for key, value in ROW.items()}),
        tmp_path / "batch.parquet",
        use_dictionary=False,
    )
    monkeypatch.setattr(table, "MAX_BYTES_UNPACKED", 100_000)
    with pytest.raises(ManifestError, match="expected at most 10000 rows, got 100 of"):
        read_manifest(str(tmp_path / "batch.parquet"), SETTINGS)


ODD_ROWS: list[Any] = [
    5,
    "text",
    [1, 2],
    {**ROW, "images": {"a": 1}},
    {**ROW, "images": [["a.png"]]},
    {**ROW, "images": [None]},
    {**ROW, "content_phrase": {"a": 1}},
    {**ROW, "style_phrase": [{"a": 1}, {"b": 1}]},
    {**ROW, "style_phrase": 5},
    {**ROW, "name": ["a"]},
    {**ROW, "name": {"a": 1}},
    {**ROW, "name": 5},
    {**ROW, "references": 5},
    {**ROW, "first_round": "x"},
    {**ROW, "prompts": "dog"},
    {**ROW, "store": 5},
    {**ROW, "base": []},
    {**ROW, "seed": 1e400},
    {**ROW, "images": "file://server/a.png"},
    {**ROW, "images": "/dev/zero"},
    {**ROW, "images": "."},
    {**ROW, "consent": True},
    {**ROW, "consent": "N/A"},
    {**ROW, "licence": "?"},
    {**ROW, "rounds": True},
    {**ROW, "kind": "subject"},
    {**ROW, "references": [{"uri": "reference.png"}]},
    {**ROW, "content_phrase": "a \ufffd"},
]


def test_nothing_about_one_row_spoils_another(tmp_path: Path, reference: Path) -> None:
    odd = [
        {**row, "name": f"odd-{number}"} if isinstance(row, dict) and row["name"] == ROW["name"] else row
        for number, row in enumerate(ODD_ROWS)
    ]
    (tmp_path / "batch.yaml").write_text(yaml.safe_dump([*odd, None, {}, {"name": " "}, {**ROW, "name": "last"}]))
    manifest = read_manifest(str(tmp_path / "batch.yaml"), SETTINGS)
    assert [style.spec.name for style in manifest.styles] == ["last"]
    assert [problem.row for problem in manifest.problems] == list(range(1, len(ODD_ROWS) + 1))
    assert all(problem.reason and problem.reason.isprintable() for problem in manifest.problems)


def test_an_exception_that_nobody_thought_of_is_a_bad_row(
    tmp_path: Path, reference: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def torn(uri: str, fit: str) -> ReferenceImage:
        if uri.endswith("odd.png"):
            raise ZeroDivisionError("a decoder's own")
        return load_reference(uri)

    monkeypatch.setattr("data.documents.manifest.load_reference", torn)
    manifest = read_manifest(
        write(tmp_path / "batch.csv", [{**ROW, "name": "odd", "images": "odd.png"}, ROW]), SETTINGS
    )
    assert [style.spec.name for style in manifest.styles] == ["disc"]
    assert reasons(manifest) == {1: "ZeroDivisionError: a decoder's own"}


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
        ("batch.csv", HEADING, "got 0 rows"),
        ("batch.csv", b"", r"batch\.csv.* expected the columns name, .* got \[\]"),
        ("batch.csv", b"name,images\nx,y\n", r"expected the columns .* missing: \['licence', "),
        ("batch.csv", HEADING.replace(b",", b";"), "with ';' between them: separate them with commas"),
        ("batch.csv", HEADING.replace(b",", b"\t"), "with tabs between them"),
        ("batch.csv", HEADING.decode().encode("utf-16"), "expected UTF-8, got UTF-16"),
        ("batch.csv", HEADING.decode().encode("utf-16-le"), "expected UTF-8, got UTF-16"),
        ("batch.csv", HEADING + b"x,y,caf\xe9", "expected UTF-8, got the byte 0xe9 in line 2"),
        ("batch.csv", b"name," + HEADING, r"expected every column once, got \['name'\]"),
        ("batch.csv", b'"name,' + HEADING, "expected a heading with name, images"),
        ("batch.yaml", b"name: disc", "expected a list .*got dict"),
        ("batch.yaml", b"- [", r"expected YAML in .*batch\.yaml, got .* \(line 1, column 4\)"),
        ("batch.yaml", b"", "expected a list .*got nothing"),
        ("batch.yaml", b"- {name: a, name: b}", "the key 'name' twice"),
        ("batch.json", b"[{]", r"expected JSON in .*batch\.json, got .* \(line 1, column 3\)"),
        ("batch.parquet", b"PAR1", r"batch\.parquet.* expected Parquet, got 4 bytes"),
    ],
)
def test_a_file_that_is_no_manifest_is_one_error(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ManifestError, match=message):
        read_manifest(str(tmp_path / name), SETTINGS)


def test_a_manifest_that_is_not_there_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"expected a manifest at .*lost\.csv, got no such file"):
        read_manifest(str(tmp_path / "lost.csv"), SETTINGS)
