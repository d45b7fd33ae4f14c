"""An address means exactly one place, or is refused."""

import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.addresses import absolute, file_uri, folder_of, has_unseen, is_relative, open_filesystem, read_file
from data.errors import AddressError


@pytest.mark.parametrize(
    ("address", "folder", "place"),
    [
        ("/a/b.png", "", "/a/b.png"),
        ("/a/b%20c.png", "", "/a/b%20c.png"),
        (" /a/b.png ", "", "/a/b.png"),
        ("b.png", "/a", "/a/b.png"),
        ("./~b.png", "/a", "/a/~b.png"),
        ("../b.png", "/a/c", "/a/b.png"),
        ("b:c.png", "/a", "/a/b:c.png"),
        ("~/b.png", "/a", "HOME/b.png"),
        ("~", "", "HOME"),
        ("file:///a/b%20c.png", "/x", "/a/b c.png"),
        ("file:///a/100%25.png", "/x", "/a/100%.png"),
        ("FILE://localhost/a/b.png", "/x", "/a/b.png"),
        ("S3://Bucket/Key.png", "/x", "s3://Bucket/Key.png"),
        ("b.png", "s3://bucket/in", "s3://bucket/in/b.png"),
        ("../b.png", "s3://bucket/in", "s3://bucket/b.png"),
        ("b.png", "file:///a%20c", "/a c/b.png"),
        ("memory://x/b.png", "", "memory://x/b.png"),
    ],
)
def test_an_address_is_one_place(
    address: str, folder: str, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert absolute(address, folder) == place.replace("HOME", str(tmp_path))


REFUSED = [
    ("", "", "got an empty one"),
    ("  ", "", "got an empty one"),
    ("a\0b.png", "", r"control characters in 'a\\x00b\.png'"),
    ("a\nb.png", "", "control characters"),
    ("a\u2028b.png", "", "control characters"),
    ("a\ud800.png", "", "control characters"),
    ("file:///a%00.png", "", "control characters"),
    ("s::x", "", "a chain of them in 's::x'"),
    ("simplecache::s3://bucket/a.png", "", "a chain of them"),
    ("C:\\pictures\\a.png", "", "of Windows"),
    ("c:/pictures/a.png", "", "of Windows"),
    ("\\\\server\\a.png", "", "of Windows"),
    ("nosuch://x/a.png", "", "one of file, s3, "),
    ("github://a:b@c/x.png", "", "one of file, s3, "),
    ("data://,x", "", "one of file, s3, "),
    ("local://a.png", "", "one of file, s3, "),
    ("zip://a.png", "", "one of file, s3, "),
    ("file:a.png", "", "expected '://' after the scheme"),
    ("S3:/bucket/a.png", "", "expected '://' after the scheme"),
    ("file://a.png", "", "three slashes"),
    ("file://server/a.png", "", "three slashes"),
    ("file:///a%ff.png", "", "expected UTF-8"),
    ("file:///a.png%20", "", "blanks at its ends"),
    ("file:///a:%3Ab.png", "", "without '::', '://'"),
    ("://", "", "a scheme before '://'"),
    ("/a/b://c.png", "", "a scheme before '://'"),
    ("s3://", "", "expected a place behind s3://"),
    ("s3:///", "", "expected a place behind s3://"),
    ("s3://bucket/../other/a.png", "", "no '.' or '..'"),
    ("../../other/a.png", "s3://bucket/in", "which leaves it"),
    ("~/a.png", "s3://bucket/in", "got the home folder"),
    ("~nobody-of-that-name/a.png", "", "expected a user's home folder"),
]


@pytest.mark.parametrize(("address", "folder", "message"), REFUSED)
def test_what_means_no_place_is_refused(address: str, folder: str, message: str) -> None:
    with pytest.raises(AddressError, match=message):
        absolute(address, folder)


def test_a_filesystem_that_is_not_installed_is_one_error() -> None:
    with pytest.raises(AddressError, match="can be opened here, got 'gs://bucket/a.png'"):
        open_filesystem("gs://bucket/a.png")


@pytest.mark.parametrize("address", ["a.png", "../a.png", "~/a.png", "store"])
def test_what_depends_on_who_asks_is_relative(address: str) -> None:
    assert is_relative(address)
    assert not is_relative(absolute(address))


NAMES = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"], exclude_characters="/"), min_size=1)


@given(NAMES.filter(lambda name: name.strip() == name and "::" not in name and name not in (".", "..")))
def test_a_path_survives_being_written_as_a_uri(name: str) -> None:
    assert absolute(file_uri(f"/a/{name}")) == absolute(f"/a/{name}") == f"/a/{name}"
    assert folder_of(file_uri(f"/a/{name}")) == "/a"


@given(
    st.text(st.sampled_from([*string.printable, "é", "\u200b", "\ud800"]), max_size=30),
    st.sampled_from(["/a", "s3://b/c"]),
)
def test_whatever_is_written_is_an_absolute_place_or_refused(address: str, folder: str) -> None:
    try:
        place = absolute(address, folder)
    except AddressError as error:
        assert str(error)
        return
    assert place.startswith(("/", *(f"{scheme}://" for scheme in ("s3", "gs", "abfs", "http", "https", "memory"))))
    assert absolute(place) == place and not is_relative(place) and not has_unseen(place)


def test_a_file_is_read_by_path_or_address_and_never_beyond_its_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "c.txt").write_bytes(b"two")
    monkeypatch.chdir(tmp_path)
    for address in (str(tmp_path / "c.txt"), "c.txt", "./c.txt", f"file://{tmp_path}/c.txt"):
        assert read_file(address, "a text", 3) == b"two"
    with pytest.raises(AddressError, match="expected at most 0 MB at c.txt"):
        read_file("c.txt", "a text", 2)
    with pytest.raises(AddressError, match="expected a text at d.txt, got no such file"):
        read_file("d.txt", "a text", 3)
