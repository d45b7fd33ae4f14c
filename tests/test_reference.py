from pathlib import Path

from docs.reference import page

REFERENCE = Path(__file__).parents[1] / "docs/reference.md"


def test_the_reference_is_what_the_code_says() -> None:
    assert REFERENCE.read_text(encoding="utf-8") == page(), (
        "write it anew: python -m docs.reference > docs/reference.md"
    )
