"""Tabs, and waits for what the page shows later."""

import time

from ae_demo.tabs import TAB_GROUPS
from ae_demo.ui.i18n import TEXTS

ADDRESSES = {  # tab: its address
    tab.__name__.rpartition(".")[2]: "/".join([group, tab.__name__.rpartition(".")[2]][: min(len(tabs), 2)])
    for group, tabs in TAB_GROUPS.items()
    for tab in tabs
}


def open_tab(page, name):
    """Open a tab, in whichever group it is."""
    names = {key: [tab.TEXT["title"] for tab in tabs] for key, tabs in TAB_GROUPS.items()}
    group = next(key for key, titles in names.items() if name in titles)
    page.get_by_role("tab", name=TEXTS["groups"][group], exact=True).click()
    if len(names[group]) > 1:
        page.get_by_role("tab", name=name, exact=True).click()


def settled(page, look, seconds=20, still=8):
    """Return what look() shows once it has stayed the same for a while."""
    last, same = look(), 0
    for _ in range(10 * seconds):
        page.wait_for_timeout(100)
        now = look()
        same = same + 1 if now == last else 0
        if same >= still:
            return now
        last = now
    raise AssertionError("it never comes to rest")


def until(page, condition, what, seconds=20):
    """Wait for what the page shows later."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, what
        page.wait_for_timeout(100)
