from PIL import Image

from data.pictures.contact_sheet import numbered_sheet
from data.records.onboarding import NearStyle, Run
from data.store.files import Store
from tasks.onboarding import show_candidates
from tasks.onboarding.show_candidates import write_question
from tests.tasks.onboarding.test_keep_candidates import candidates_of, question_of


def test_a_form_of_64_noisy_candidates_stays_under_400_kb(human_run: Run) -> None:
    images = [Image.effect_noise((512, 512), 100).convert("RGB") for _ in range(64)]
    candidates = candidates_of(human_run)
    sheet = show_candidates._as_webp(numbered_sheet(images, range(64), cell_px=show_candidates.THUMBNAIL_PX))
    blob = Store(human_run.store).write_blob("sheets", ".webp", sheet)
    near = (NearStyle(name="stickies", style_score=0.971), NearStyle(name="doodles", style_score=0.8))
    question = question_of(human_run, candidates).model_copy(
        update={"sheet": blob, "shown": tuple(range(64)), "nearest": near}
    )
    words = write_question.fn(question.model_copy(update={"refusal": "because"}))
    assert words.startswith("**because**\n\nStyle **disc**, round 1 of 2 planned")
    assert "Nearest published styles: 0.97 like stickies, 0.80 like doodles." in words
    assert len(words) < 400_000
