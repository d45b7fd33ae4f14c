from data.documents.prompts import CANDIDATE_PROMPTS, EVALUATION_PROMPTS, FEW_EVALUATION_PROMPTS


def test_no_phrase_is_in_both_lists_or_twice_in_one() -> None:
    phrases = (*CANDIDATE_PROMPTS, *EVALUATION_PROMPTS)
    assert len(set(phrases)) == len(phrases) == 30 + 58
    assert set(FEW_EVALUATION_PROMPTS) < set(EVALUATION_PROMPTS)
