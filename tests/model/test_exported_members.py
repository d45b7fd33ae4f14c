import styledrop


def test_the_public_names_are_these() -> None:
    assert [name for name in dir(styledrop) if not name.startswith("_") and name[0].isupper()] == [
        name for name in styledrop.__all__ if name[0].isupper()
    ]
    assert sorted(styledrop.__all__) == styledrop.__all__
    assert all(hasattr(styledrop, name) for name in styledrop.__all__)
