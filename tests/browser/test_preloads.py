"""The page is told at once of the files that it needs."""

from ae_demo.ui.document import PRELOADS_FILE
from tests.browser.preloads import needed_files


def test_the_listed_files_are_those_that_a_page_asks_for_by_itself(browser, url):
    page = browser.new_page(reduced_motion="reduce")
    assert set(needed_files(page, url)) == set(PRELOADS_FILE.read_text().split()), "python -m tests.browser.preloads"
    page.close()
