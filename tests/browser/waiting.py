"""Waits for what the page shows later."""


def until(page, condition, what, seconds=10):
    """Wait for what the page shows later."""
    for _ in range(10 * seconds):
        if condition():
            return
        page.wait_for_timeout(100)
    raise AssertionError(what)
