"""The page is told at once of the files that it needs."""

import re

from ae_demo.ui.document import PRELOADS_FILE
from tests.browser.preloads import files_of


def test_the_listed_files_are_those_that_a_page_asks_for_by_itself(browser, url):
    page = browser.new_page(reduced_motion="reduce")

    def answer_without_links(route):
        answer = route.fetch()
        route.fulfill(response=answer, body=re.sub('<link [^>]*href="./assets/[^>]*>', "", answer.text()))

    page.route(url, answer_without_links)
    assert set(files_of(page, url)) == set(PRELOADS_FILE.read_text().split()), "python -m tests.browser.preloads"
    page.close()
