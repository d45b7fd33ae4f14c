"""One reader for YAML and JSON: what is wrong is one line with its place."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.documents.document import MAX_FILE_BYTES, parse_document, read_document
from data.errors import SpecError

LAUGHS = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12))

BROKEN = [
    ("a.yaml", b"null: 1", "the key 'null', which is no text (line 1, column 1)"),
    ("a.yaml", b"a: 1\n~: 2", "the key '~', which is no text (line 2, column 1)"),
    ("a.yaml", b"1: x", "the key '1', which is no text (line 1, column 1)"),
    ("a.yaml", b"no: x", "the key 'no', which is no text (line 1, column 1)"),
    ("a.yaml", b"? [a, b]\n: x", "the key 'a list or fields', which is no text (line 1, column 3)"),
    ("a.yaml", b"a: {b: 1, b: 2}", "the key 'b' twice (line 1, column 11)"),
    ("a.yaml", b"[" * 3000, "values nested too deeply (line 1, "),
    ("a.yaml", b"{a: " * 3000, "values nested too deeply (line 1, "),
    ("a.yaml", b"a: &x [*x]", "an alias of what it stands in (line 1, column 4)"),
    ("a.yaml", LAUGHS.encode(), "with its aliases written out (line 7, column 5)"),
    ("a.yaml", b"a: [", "(line 1, column 5)"),
    ("a.yaml", b"a: 1\n---\nb: 1", "but found another document (line 2, column 1)"),
    ("a.yaml", b"a: !!python/object:os.system {}", "could not determine a constructor"),
    ("a.yaml", b"a: !!int x", "invalid literal for int() with base 10: 'x' (line 1, column 4)"),
    ("a.yaml", b"a: " + b"9" * 5000, "Exceeds the limit"),
    ("a.yaml", b'a: "\\UFFFFFFFF"', "expected YAML in a.yaml"),
    ("a.yaml", b"a: \0", "the character U+0000, which is not allowed (line 1)"),
    ("a.yaml", "a: ä".encode("latin-1"), "a byte that is no UTF-8 (0xe4) (line 1)"),
    ("a.yaml", "a: b".encode("utf-16"), "a byte that is no UTF-8 (0xff) (line 1)"),
    ("a.json", b'{"a": 1, "a": 2}', "the key 'a' twice"),
    ("a.json", b'{"a": NaN}', "NaN, which is no number of JSON"),
    ("a.json", b"[" * 100_000, "values nested too deeply"),
    ("a.json", b'{"a":\n}', "(line 2, column 1)"),
    ("a.JSON", b"", "(line 1, column 1)"),
]


@pytest.mark.parametrize(("where", "content", "message"), BROKEN, ids=range(len(BROKEN)))
def test_a_broken_document_is_one_line_with_its_place(where: str, content: bytes, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_document(content, where)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 500


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b"consent: 2024-02-30", {"consent": "2024-02-30"}),
        (b"consent: 2024-02-28", {"consent": "2024-02-28"}),
        (b"consent: !!timestamp 2024-02-30", {"consent": "2024-02-30"}),
        (b"\xef\xbb\xbfa: 1", {"a": 1}),
        (b"base: &b {x: 1, y: 2}\nother: {<<: *b, y: 3}", {"base": {"x": 1, "y": 2}, "other": {"x": 1, "y": 3}}),
        (b"", None),
    ],
)
def test_dates_are_text_and_merged_keys_may_stand_twice(content: bytes, value: Any) -> None:
    assert parse_document(content, "a.yaml") == value


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere.yaml", "No such file or directory"),
        (".", "Is a directory"),
        ("a\0.yaml", "null byte"),
        ("x" * 300, "File name too long"),
        ("list.yaml", "got list"),
        ("empty.yaml", "got nothing"),
        ("text.yaml", "got str"),
        ("large.yaml", "expected at most 1 MB"),
    ],
)
def test_a_file_without_fields_is_one_error(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "list.yaml").write_text("- a")
    (tmp_path / "empty.yaml").write_text("# nothing")
    (tmp_path / "text.yaml").write_text("name")
    (tmp_path / "large.yaml").write_bytes(b" " * (MAX_FILE_BYTES + 1))
    with pytest.raises(SpecError, match=message):
        read_document(tmp_path / name, "a spec")


@given(st.binary(max_size=200) | st.text("[]{}:,-&*!?|>'\"\n ab<~0.", max_size=60).map(str.encode), st.booleans())
def test_whatever_the_bytes_only_one_error_comes_out(content: bytes, is_json: bool) -> None:
    try:
        parse_document(content, "a.json" if is_json else "a.yaml")
    except SpecError as error:
        assert "\n" not in str(error)
