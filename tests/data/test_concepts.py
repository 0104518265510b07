"""One vocabulary for emoji, doodles and words."""

import pytest

from ae_demo.data.concepts import (
    CATEGORIES,
    CONCEPTS,
    INDEX,
    UNKNOWN,
    concept_index,
    concept_name,
    emoji_character,
    find_concepts,
)


def test_there_are_all_categories_of_doodles_and_every_concept_once():
    assert len(CATEGORIES) == len({category.name for category in CATEGORIES}) == 345
    assert len(CONCEPTS) == len(INDEX) == UNKNOWN > 1500
    assert len({category.concept for category in CATEGORIES}) == 345, "no two share one"
    assert all(picture in INDEX for category in CATEGORIES for picture in category.pictures)
    assert {category.name for category in CATEGORIES if not category.pictures} == {"line", "zigzag"}
    assert sum(category.has_emoji for category in CATEGORIES) == 239


@pytest.mark.parametrize("language", ["en", "id"])
def test_every_concept_has_a_name(language):
    names = [concept_name(concept, language) for concept in CONCEPTS]
    assert all(name.strip() == name and name and ":" not in name.strip("\u2236") for name in names)
    assert len(set(names)) > 0.97 * len(names)


@pytest.mark.parametrize(
    ("concept", "character", "english", "indonesian"),
    [("1f438", "🐸", "frog", "katak"), ("1f9d1-1f3eb", "🧑\u200d🏫", "teacher", "guru"),
     ("barn", "", "barn", "lumbung"), ("1f416", "🐖", "pig", "babi"), ("windmill", "", "windmill", "kincir angin")],
)  # fmt: skip
def test_names_are_those_of_the_doodles_and_of_the_cldr(concept, character, english, indonesian):
    assert emoji_character(concept) == character
    assert concept_name(concept) == english and concept_name(concept, "id") == indonesian


@pytest.mark.parametrize(
    ("codes", "concept"),
    [(["1f438"], "1f438"), (["2764", "fe0f"], "2764"), (["1f469", "200d", "1f3eb"], "1f9d1-1f3eb"),
     (["1f1ee", "1f1e9"], None), (["e050"], None)],
)  # fmt: skip
def test_code_points_are_found_without_gender_and_selectors(codes, concept):
    assert concept_index(codes) == (UNKNOWN if concept is None else INDEX[concept])


@pytest.mark.parametrize(
    ("text", "language", "first"),
    [("frog", "en", "1f438"), ("  FROG ", "en", "1f438"), ("🐸", "en", "1f438"), ("katak", "id", "1f438"),
     ("frog", "id", "1f438"), ("pig", "en", "1f416"), ("house", "en", "1f3e0"), ("windm", "en", "windmill"),
     ("kincir a", "id", "windmill")],
)  # fmt: skip
def test_a_word_finds_its_concept(text, language, first):
    assert find_concepts(text, language)[0] == first


@pytest.mark.parametrize("text", ["", "   ", "qqqq", "\ud800", "\0", "x" * 100_000])
def test_what_is_no_word_finds_nothing(text):
    assert find_concepts(text) == []


def test_no_more_is_found_than_asked_for():
    assert len(find_concepts("a", n=5)) == 5 and len(set(find_concepts("cat", n=20))) == len(find_concepts("cat", n=20))
