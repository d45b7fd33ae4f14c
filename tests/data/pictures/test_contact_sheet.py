from PIL import Image

from data.pictures.contact_sheet import GAP_PX, Row, comparison_sheet, numbered_sheet

RED = Image.new("RGB", (8, 8), "red")


def red_pixels(sheet: Image.Image) -> int:
    return sum(count for count, colour in sheet.getcolors(1 << 16) or [] if colour == (255, 0, 0))


def test_every_image_is_on_the_comparison_sheet_even_when_rows_differ_in_length() -> None:
    sheet = comparison_sheet(
        ["a cat", "a very long phrase for a column"],
        [Row(label="base", images=[RED, RED]), Row(label="round 1", images=[RED])],
        cell_px=40,
    )
    assert red_pixels(sheet) == 3 * 40 * 40


def test_every_candidate_is_on_the_numbered_sheet() -> None:
    sheet = numbered_sheet([RED] * 9, range(9), columns=4, cell_px=30)
    assert red_pixels(sheet) == 9 * 30 * 30
    assert sheet.width == 4 * (30 + GAP_PX) + GAP_PX


def test_letters_that_the_font_lacks_are_spelt_out() -> None:
    greek, spelt = (comparison_sheet((), [Row(label=label, images=[RED])]) for label in ("γ 0.5", "gamma 0.5"))
    assert greek.tobytes() == spelt.tobytes()
