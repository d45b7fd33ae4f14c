"""Images that say how they were made, read back by the tools of others."""

import io
import json
from typing import Any

import c2pa
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from PIL import Image

from data.pictures.images import to_png
from data.pictures.provenance import ASSERTION, ImageSigner, root_certificate, with_text

KEY, OTHER = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
PICTURE = Image.linear_gradient("L").resize((24, 24)).convert("RGB")
FACTS = {"prompt": "a fish, 魚, in ink", "style": "ink", "version": "0123456789abcdef", "seed": "7"}


def read(png: bytes, anchor: str = "") -> tuple[str, dict[str, Any], set[str]]:
    """State, active manifest and codes of what is wrong, as c2pa reads them."""
    trust = {"trust": {"trust_anchors": anchor}} if anchor else {}
    context = c2pa.Context.from_dict({"verify": {"remote_manifest_fetch": False}, **trust})
    with c2pa.Reader("image/png", io.BytesIO(png), context=context) as reader:
        found = json.loads(reader.json())
    codes = {status["code"] for status in found.get("validation_status") or ()}
    return found["validation_state"], found["manifests"][found["active_manifest"]], codes


def test_text_is_read_by_any_tool_and_leaves_the_pixels_alone() -> None:
    png = with_text(to_png(PICTURE), FACTS)
    assert png == with_text(to_png(PICTURE), FACTS)
    with Image.open(io.BytesIO(png)) as image:
        image.load()
        assert {name: str(value) for name, value in image.info.items()} == FACTS
        assert image.tobytes() == PICTURE.tobytes()


def test_a_signed_image_is_trusted_by_who_trusts_the_key_and_says_how_it_was_made() -> None:
    png = ImageSigner(KEY, "styledrop 1.2").sign(with_text(to_png(PICTURE), FACTS), FACTS)
    state, manifest, codes = read(png, root_certificate(KEY))
    assert (state, codes) == ("Trusted", set())
    said = {assertion["label"]: assertion["data"] for assertion in manifest["assertions"]}
    assert said[ASSERTION] == FACTS
    [action] = said["c2pa.actions.v2"]["actions"]
    assert action["action"] == "c2pa.created"
    assert action["digitalSourceType"].endswith("/trainedAlgorithmicMedia")
    generator = manifest["claim_generator_info"][0]
    assert (generator["name"], generator["version"]) == ("styledrop", "1.2")
    assert manifest["signature_info"]["alg"] == "Ed25519"
    with Image.open(io.BytesIO(png)) as image:
        assert image.tobytes() == PICTURE.tobytes()
        assert image.info["prompt"] == FACTS["prompt"]


@pytest.mark.parametrize(
    ("change", "anchor", "state", "code"),
    [
        (lambda png: png, root_certificate(OTHER), "Valid", "signingCredential.untrusted"),
        (lambda png: png.replace(b"version\x000123", b"version\x00f123"), "", "Invalid", "assertion.dataHash"),
        (lambda png: png.replace(b"0123456789abcdef", b"f123456789abcdef", 1), "", "Invalid", "assertion.hashedURI"),
        (lambda png: png[:-20] + bytes([png[-20] ^ 1]) + png[-19:], "", "Invalid", "assertion.dataHash"),
    ],
    ids=["another key", "other text", "other facts", "other pixels"],
)
def test_another_key_is_not_trusted_and_a_changed_image_is_not_valid(
    change: Any, anchor: str, state: str, code: str
) -> None:
    png = ImageSigner(KEY, "styledrop 1.2").sign(with_text(to_png(PICTURE), FACTS), FACTS)
    found, _, codes = read(change(png), anchor or root_certificate(KEY))
    assert found == state
    assert any(one.startswith(code) for one in codes), codes


def test_a_key_always_has_the_same_certificate() -> None:
    assert root_certificate(KEY) == root_certificate(KEY) != root_certificate(OTHER)
