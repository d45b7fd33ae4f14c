from collections import Counter

from bench.load import outcome, rows


def test_of_ten_styles_two_fail_and_one_waits() -> None:
    made, kinds = rows(200)
    assert Counter(kinds.values()) == {"good": 140, "bad": 20, "gone": 20, "human": 20}
    assert len({row["name"] for row in made}) == 200
    assert all(kinds[row["name"]] == "gone" for row in made[-20:])


def test_a_style_that_is_nowhere_is_lost_and_one_published_twice_is_duplicated() -> None:
    _, kinds = rows(10)
    states = {
        "bad": ("bad row", "torn"),
        "gone": ("failed", "no such image"),
        "human": ("waiting", ""),
        "good": ("", ""),
    }
    states["good"] = ("published", "")
    report = [{"name": name, "state": states[kind][0], "reason": states[kind][1]} for name, kind in kinds.items()]
    published = {name: int(kind == "good") for name, kind in kinds.items()}
    whole = outcome(kinds, report, published)
    assert whole == {
        "expected": 7, "published": 7, "made_to_fail": 2, "named": 2, "human": 1, "waiting": 1, "lost": 0,
        "duplicated": 0,
    }  # fmt: skip
    broken = outcome(kinds, report[:-1], {**published, "good-000": 0, "good-001": 2})
    assert broken["lost"] == 2  # one that is good, and the last row, whose style waited
    assert (broken["published"], broken["waiting"], broken["duplicated"]) == (6, 0, 1)
