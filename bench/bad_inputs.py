"""Bad inputs, given to the code that reads them: each must be refused in words, and leave nothing in the store.

    python -m bench.bad_inputs

Specs, requests, manifests, documents, pictures, published versions and addresses; what is wrong in more than its form
goes as far as `prepare`, with the embedded base. "used" are those that can be:
a picture whose end is damaged, say. The last line is JSON; exit status 1 if anything else than an error of
`data.errors` came out, or a file was left. Needs seconds.
"""

import hashlib
import io
import itertools
import json
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from data.documents.document import parse_document
from data.documents.manifest import read_manifest
from data.documents.requests import EvaluateRequest, GenerateRequest, read_request
from data.documents.spec import StyleSettings
from data.documents.style_spec import parse_spec
from data.errors import PipelineError
from data.pictures.images import load_reference
from data.store.files import Store
from data.store.published_style import check_version, read_version
from tasks.onboarding.prepare import prepare

ADDRESSES = (
    "", " ", "s::x", "simplecache::s3://a/b", r"C:\a.png", r"\\host\a.png", "S3:/a", "ftp://a/b", "gopher://a/b", "s3://",
    "s3:///", "s3://a/../b", "s3://a/./b", "s3://key:secret@a/b", "https://u:p@host/a.png", "http://user@host/a.png",
    "file://host/a.png", "file://a.png", "file:///%ff.png", "file:///a%00.png", "a\x00.png", "a\nb.png", "file:///a%0ab",
    "http:a.png", "://a", "~nobody-here/a.png", "/no/such/file.png", "file:///no/such.png", "memory://nothing/here.png",
    "/dev/zero", "/", "/proc/self/environ", "http://127.0.0.1:9/a.png", "http://[::1", "https://h:99999/a.png", "s3a://b/a",
    "hf://a/b", "sftp://h/a", "//server/a.png", "\\a.png", "file:///a/%2e%2e/b.png", "file:////a.png", "$HOME/a.png",
    "a" * 5000, "/" + "a/" * 3000,
)  # fmt: skip
UNSEEN = tuple(
    "\x00\x07\x1b\x7f\x85\u00ad\u200b\u200d\u200e\u202e\u2028\u2060\u2066\u3164\ufeff\ud800\U000e0041\ue000\ufdd0\uffff\ufffc\ufffd"
)


def _each(field: str, *values: Any) -> list[tuple[str, Any]]:
    return [(field, value) for value in values]


FIELDS: tuple[tuple[str, Any], ...] = (
    *_each("name", "", "A", "a b", "a--b", "-a", "../a", "a/b", "a" * 65, "ä", None, 5),
    *_each("rounds", 0, 11, -1, "two", None, 1.5, True, float("inf"), "1e1", [2]),
    *_each("seed", -1, 2**31, "x", None, False, float("nan"), "1,000"),
    *_each("feedback", "nobody", "", None, 3),
    *_each("prompts", [], [""], ["a cat", "a cat"], ["x" * 400], "a cat", [5], ["a disc " * 20]),
    *_each("evaluation_prompts", [], ["Disc"], ["the disc"], ["ｄｉｓｃ"], ["a cat", "a cat"]),
    *_each("images_per_prompt", 0, 1025, "many"),
    *_each("kept_per_prompt", 0, 2000),
    *_each("references", [], None, "a.png", [{}], [5]),
    *_each("store", "", "s3://", "ftp://a/b", "a::b", None),
    *_each("base", "/no/such/base", "s3://bucket/base", "", "/dev"),
    *_each("licence", "", " ", None, "x" * 400, "-", "NOASSERTION", "nan", 1.0, ["CC0-1.0"]),
    *_each("consent", "", None, "N/A", "none", "...", True, {"by": "Ada"}),
    ("candidate_sampling", {"steps": 0}),
    ("candidate_sampling", {"temperature": -1}),
    ("evaluation_sampling", {"lambda_a": 99}),
    ("first_round", {"steps": 0}),
    ("first_round", {"learning_rate": float("nan")}),
    ("a_field_of_nobody", 1),
    ("kind", "subject"),
    ("rebuilds", "/no/such/version"),
    ("candidate_sampling", {"lambda_a": True}),
    ("reference_views", 10**9),
)
DOCUMENTS = (
    b"\xff\xfe\x00", b"{", b"[", b"a: [", b"\t- a", b"a: 1\na: 2", b"? [a]\n: b", b"null: 1", b"1: 2", b"[" * 3000,
    b"!!python/object/apply:os.system [id]", b"!!python/name:os.system", b"a: !!int x", b"a: 0x", b"&a [*a]",
    b"a: \x00",
    b"a: &x [" + b"1," * 999 + b"]\nb: [" + b"*x," * 999 + b"]", b"%YAML 9.9", b"a: *b",
)  # fmt: skip
HEADING = "name,images,content_phrase,style_phrase,licence,consent"
TABLES = (
    "", "\n", "\x00", HEADING, "name;images;content_phrase\na;b;c", "name\timages\na\tb", "name,name,images\na,b,c",
    "name,images\na,b", HEADING.upper(), f"{HEADING},wings\na,a.png,x,y,z,w,2", f'{HEADING}\na,"a.png,x,y,z,w',
    f"{HEADING}\na,no.png,x,y,z,w", f"{HEADING}\nA b,no.png,x,y,z,w", f"{HEADING}\na,a.png|b.png,x,y,z,w",
    f"{HEADING}\n\u200ba,no.png,x,y,z,w", f"{HEADING}\n../a,no.png,x,y,z,w", f"{HEADING}\na,../../etc/passwd,x,y,z,w",
    f"{HEADING}\na,no.png,x\x00,y,z,w", f"{HEADING},rounds\na,no.png,x,y,z,w,many", f"{HEADING}\n" + "a," * 50,
    f"{HEADING}\na,no.png,x,y,z,N/A", f"{HEADING},references\na,no.png,x,y,z,w,v", f"sep=,\n{HEADING}\na,no.png,x,y,z",
    f"\ufeff\ufeff{HEADING}\na,no.png,x,y,z,w", HEADING.replace("licence", "license") + "\na,no.png,x,y,z,w",
    f"{HEADING},kind\na,no.png,x,y,z,w,subject", f"{HEADING},prompts\na,no.png,x,y,z,w,a|b", "PK\3\4", f"#\n{HEADING}",
)  # fmt: skip
OTHER_MANIFESTS = {
    "a.jsonl": b'{"name": "a"}\n', "a.tsv": b"name\timages", "a.xlsx": b"PK\3\4", "a": b"name", "a.csv.gz": b"\x1f\x8b",
    "a.json": b'[{"name": NaN}]', "b.json": b"[" * 100_000, "c.json": b'[{"a": 1, "a": 2}]', "d.json": b'{"a": []}',
    "e.json": "[]".encode("utf-16"), "f.json": b"[" + b"9" * 5000 + b"]", "a.yaml": b"---\n- a\n---\n- b\n",
    "b.yaml": b"!!set {a}", "c.yaml": b"-\tname: x", "d.yaml": b"-\n-\n", "e.yaml": b"!!omap [a: 1]",
    "a.parquet": b"PAR1PAR1", "b.parquet": b"name,images",
}  # fmt: skip
POINTERS = (
    b"", b"{}", b"null", b"5", b"\xff", b'{"layout": "a"}', b'{"layout": 99}', b'{"layout": 1e400}', b"[" * 100_000,
    b"NaN", b'{"version": 5, "manifest_sha256": 5}', b'{"version": "../..", "manifest_sha256": "a"}',
    b'{"version": null, "manifest_sha256": null, "history": null}',
)  # fmt: skip
PATHS = (
    "../a",
    "/etc/a",
    "a/../../b",
    "a//b",
    "./a",
    ".ssh/a",
    "a\\..\\b",
    "a/\x00b",
    "~/a",
    "s3://a/b",
    "",
    " a",
    "a::b",
)


def main() -> int:
    """Try all, and print what became of them."""
    found: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as written:
        folder = Path(written)
        store = folder / "store"
        for what, try_it in _cases(folder, store):
            try:
                try_it()
                outcome = "used"
            except PipelineError as error:
                outcome = "refused" if str(error).isprintable() else "refused with what cannot be printed"
            except Exception as error:
                outcome = "tracebacks"
                print(f"{what}: {type(error).__name__}: {error}", file=sys.stderr)
            found[outcome] += 1
            if outcome == "used":
                shutil.rmtree(store, ignore_errors=True)  # it was good enough: its run is no trace
        left = [path for path in store.rglob("*") if path.is_file()]
    counts = {
        "tried": found.total(),
        "refused": found["refused"],
        "used": found["used"],
        "tracebacks": found["tracebacks"],
    }
    print(json.dumps({**counts, "left_in_store": len(left)}))
    return 0 if found.keys() <= {"refused", "used"} and not left else 1


def _cases(folder: Path, store: Path) -> Iterator[tuple[str, Callable[[], object]]]:
    image = _picture()
    image.save(folder / "a.png")
    good: dict[str, Any] = {
        "name": "disc", "licence": "CC0-1.0", "consent": "own work", "store": str(store),
        "references": [{"uri": str(folder / "a.png"), "content_phrase": "a disc", "style_phrase": "in flat style"}],
    }  # fmt: skip
    [reference] = good["references"]

    def onboard(**change: Any) -> Callable[[], object]:
        return lambda: prepare.fn(parse_spec({**good, **change}))

    for address in ADDRESSES:
        yield f"reference {address!a}", onboard(references=[{**reference, "uri": address}])
    for unseen, field in itertools.product(UNSEEN, ("content_phrase", "style_phrase")):
        yield f"{field} with {unseen!a}", onboard(references=[{**reference, field: f"a{unseen}b"}])
    for field, value in FIELDS:
        yield f"{field} {value!a:.60}", onboard(**{field: value})
    for content in DOCUMENTS:
        yield f"document {content[:40]!a}", partial(_read_spec, content)
        for kind in (GenerateRequest, EvaluateRequest):

            def ask(content: bytes = content, kind: type[GenerateRequest] | type[EvaluateRequest] = kind) -> object:
                (folder / "request.yaml").write_bytes(content)
                return read_request(folder / "request.yaml", kind)

            yield f"request {content[:40]!a}", ask
    for table in TABLES:

        def plan(table: str = table) -> object:
            (folder / "m.csv").write_bytes(table.encode("utf-8", "surrogatepass"))
            manifest = read_manifest(str(folder / "m.csv"), StyleSettings(store=str(store)))
            if manifest.styles:
                raise AssertionError("a bad table became a good style")
            return manifest.problems

        yield f"manifest {table[:40]!a}", plan
    for kind_of_file, damage in itertools.product(("PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP"), range(6)):

        def look(kind_of_file: str = kind_of_file, damage: int = damage) -> object:
            buffer = io.BytesIO()
            image.save(buffer, kind_of_file)
            (folder / "damaged").write_bytes(_damaged(buffer.getvalue(), damage))
            return load_reference(str(folder / "damaged"), "crop")

        yield f"{kind_of_file}, damage {damage}", look
    for name, content in OTHER_MANIFESTS.items():

        def plan_other(name: str = name, content: bytes = content) -> object:
            (folder / name).write_bytes(content)
            manifest = read_manifest(str(folder / name), StyleSettings(store=str(store)))
            if manifest.styles:
                raise AssertionError("a bad manifest became a good style")
            return manifest.problems

        yield f"manifest {name} {content[:20]!a}", plan_other
    for kind_of_file in ("GIF", "WEBP", "PNG", "TIFF", "AVIF"):

        def look_at_several(kind_of_file: str = kind_of_file) -> object:
            image.save(folder / "several", kind_of_file, save_all=True, append_images=[image.rotate(90)])
            return load_reference(str(folder / "several"), "crop")

        yield f"{kind_of_file} of two pictures", look_at_several
    for number, content in enumerate(POINTERS):

        def follow(number: int = number, content: bytes = content) -> object:
            styles = Store(str(folder / "pointers"))
            styles.write_new(f"styles/n{number}/current.json", content)
            return read_version(f"{styles.uri}/styles/n{number}")

        yield f"pointer {content[:40]!a}", follow
    for path_in_version in PATHS:
        yield f"version with {path_in_version!a}", partial(_check_version, folder, path_in_version)


def _read_spec(content: bytes) -> object:
    return parse_spec(parse_document(content, "spec.yaml"))


def _picture() -> Image.Image:
    image = Image.new("RGB", (48, 48), "cornsilk")
    ImageDraw.Draw(image).ellipse((8, 8, 36, 36), fill="navy")
    return image


def _damaged(content: bytes, kind: int) -> bytes:
    half = len(content) // 2
    return (
        content[:half],
        content[:12],
        b"",
        content[:20] + bytes(byte ^ 0x55 for byte in content[20:60]) + content[60:],
        content[:half] + b"\xff" * 64 + content[half:],
        b"<svg/>" + content,
    )[kind]


def _check_version(folder: Path, name: str) -> None:
    manifest = json.dumps({name: hashlib.sha256(b"x").hexdigest()}).encode()
    version = hashlib.sha256(manifest).hexdigest()[:16]
    versions = Store(str(folder / "elsewhere"))
    versions.write_same(f"styles/disc/versions/{version}/manifest.json", manifest)
    check_version(f"{versions.uri}/styles/disc/versions/{version}")
    raise AssertionError("a version led out of its folder")


if __name__ == "__main__":
    sys.exit(main())
