from concurrent.futures import ThreadPoolExecutor

import pytest

from ae_demo.tabs.colorize import HINT_COLORS
from ae_demo.tabs.dcgan import FACE_COLORS
from ae_demo.ui.i18n import (
    LANGUAGES,
    TEXTS,
    Phrase,
    current_language,
    format_number,
    in_language,
    load_texts,
    translate_name,
)
from ae_demo.ui.negotiation import choose_language


@pytest.mark.parametrize(("language", "expected"), [("en", "1,234.5 of 3 at 0.50"), ("id", "1.234,5 of 3 at 0,50")])
def test_numbers_have_the_marks_of_the_language(language, expected):
    written = in_language(Phrase("{a:,} of {b} at {c:.2f}").format, language)(a=1234.5, b=3, c=0.5)
    assert written == expected


def test_words_keep_their_marks():
    assert in_language(Phrase("{name}, {n}").format, "id")(name="v1.5", n=1.5) == "v1.5, 1,5"


def test_a_text_is_looked_up_when_it_is_used_in_the_language_of_that_moment():
    title = TEXTS["latent"]
    both = [in_language(lambda: title["title"], language)() for language in ("en", "id")]
    assert both == ["Latent space", "Ruang laten"]
    assert current_language.get() == "en"


def test_languages_of_two_threads_do_not_mix():
    def speak(language):
        return in_language(lambda: format_number(0.5, ".1f"), language)()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(speak, ["en", "id"] * 50)) == ["0.5", "0,5"] * 50


def test_a_name_without_translation_stays():
    assert translate_name("Ankle boot") == "Ankle boot"
    assert in_language(translate_name, "id")("Ankle boot") == "Sepatu bot"
    assert in_language(translate_name, "id")("7") == "7"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_colour_to_choose_has_a_name_of_its_own(language):
    names = load_texts(language)["colors"]
    assert {*HINT_COLORS, *FACE_COLORS} <= names.keys()
    assert len(set(names.values())) == len(names)


@pytest.mark.parametrize(
    ("query", "accepted", "expected"),
    [
        ("", "", "en"),
        ("", "id-ID,id;q=0.9,en;q=0.8", "id"),
        ("", "en-GB,en;q=0.9,id;q=0.8", "en"),
        ("", "fr,de;q=0.9,id;q=0.1", "id"),
        ("", "en;q=0.2,id;q=0.7", "id"),
        ("", "fr;q=x,;;,id;q=x", "id"),
        ("lang=id", "en", "id"),
        ("lang=en", "id", "en"),
        ("lang=xx", "id", "id"),
        ("lang=", "en", "en"),
        ("a=1&lang=ID", "en", "id"),
    ],
)
def test_the_address_comes_before_the_browser(query, accepted, expected):
    assert choose_language(query, accepted) == expected
