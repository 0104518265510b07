"""Shared by the benchmarks: data and checkpoints that are missing are one sentence, not a traceback."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from ae_demo.checkpoints import CheckpointError
from ae_demo.data.images import DatasetError


@contextmanager
def one_sentence() -> Iterator[None]:
    """End the program with the sentence of a missing dataset or checkpoint."""
    try:
        yield
    except (DatasetError, CheckpointError) as error:
        sys.exit(str(error))
