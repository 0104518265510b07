"""Images, named tensors of equal length, and Dataset, a loader of them with its title, licence, splits and Hub id."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor
from tqdm import tqdm

Batch = dict[str, Tensor]
SAMPLES_DIR = Path(__file__).parent / "samples"  # held-out images shipped with the code: split "sample"


class DatasetError(RuntimeError):
    """Unavailable dataset; the message is one sentence that says what to do."""


class Images:
    """Named tensors of equal length. uint8 images (N, C, H, W) are returned as float in [0, 1], the rest unchanged."""

    def __init__(self, **tensors: Tensor):
        self.tensors = tensors

    def __len__(self) -> int:
        return len(next(iter(self.tensors.values())))

    def __getitem__(self, index) -> Batch:
        """Return the rows of a slice, list or tensor of indices as {name: tensor}."""
        picked = {name: tensor[index] for name, tensor in self.tensors.items()}
        return {name: t.float() / 255 if t.dtype == torch.uint8 else t for name, t in picked.items()}

    def take(self, index) -> "Images":
        """Return these rows only, as Images."""
        return Images(**{name: tensor[index] for name, tensor in self.tensors.items()})

    def to(self, device: torch.device) -> "Images":
        """Return these images on a device."""
        return Images(**{name: tensor.to(device) for name, tensor in self.tensors.items()})

    def spread(self, n: int) -> "Images":
        """Return n evenly spaced rows from first to last, or all rows if there are no more than n."""
        return self if n >= len(self) else self.take(torch.linspace(0, len(self) - 1, n).long())


Loader = Callable[..., Images]


@dataclass(frozen=True)
class Dataset:
    """Named source of images: `dataset(data_dir, split)` loads a split, once per process.

    `title` and `licence` are for model cards, `hub_id` is the name on the Hugging Face Hub, `labels` are the class
    names. A `generated` dataset is made locally instead of downloaded, with no more images than requested."""

    name: str
    load: Loader
    title: str
    licence: str
    splits: tuple[str, ...]
    labels: tuple[str, ...] = ()
    hub_id: str | None = None
    generated: bool = False
    _loaded: Loader = field(init=False, repr=False, compare=False)

    def __post_init__(self):
        object.__setattr__(self, "_loaded", cache(self.load))

    def __call__(self, data_dir: str = "data", split: str = "train", limit: int | None = None) -> Images:
        """Load a split from `data_dir`, downloading or drawing it first if necessary.

        A generated dataset may stop at `limit` images. Raises ValueError for an unknown split, DatasetError if the data
        is unavailable."""
        if split not in self.splits:
            raise ValueError(f"{self.name} has no split {split!r}: there are {', '.join(self.splits)}")
        return self._loaded(data_dir, split, limit) if self.generated else self._loaded(data_dir, split)


def dataset(
    title: str,
    licence: str,
    splits: Sequence[str],
    labels: Sequence[str] = (),
    hub_id: str | None = None,
    generated: bool = False,
) -> Callable[[Loader], Dataset]:
    """Turn the decorated loader, load(data_dir, split) -> Images, into a Dataset; the loader of a `generated` one takes
    a third argument `limit`."""

    def decorate(load: Loader) -> Dataset:
        made = Dataset(load.__name__, load, title, licence, tuple(splits), tuple(labels), hub_id, generated)
        object.__setattr__(made, "__doc__", load.__doc__)
        return made

    return decorate


@contextmanager
def atomic_write(target: Path) -> Iterator[Path]:
    """Yield a path beside `target` to write to, renamed to `target` at the end, so that `target` is always complete."""
    part = target.with_name(target.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.unlink(missing_ok=True)
    part.parent.mkdir(parents=True, exist_ok=True)
    yield part
    part.replace(target)


def missing_data_error(name: str, folder: Path, address: str, error: Exception) -> DatasetError:
    """Return the error for a dataset that is not in its folder and cannot be downloaded."""
    reason = str(error).strip().splitlines()[0]
    return DatasetError(
        f"{name} is not in {folder} and cannot be downloaded from {address} ({reason}): connect, or put it there."
    )


def from_pil(image: Image.Image) -> Tensor:
    """Convert a picture to (C, H, W) uint8, as torchvision does, whose import takes 150 MB."""
    return torch.from_numpy(np.array(image)).view(image.height, image.width, -1).permute(2, 0, 1).contiguous()


def read_sheet(name: str, size: int) -> Tensor:
    """Cut a sheet of sample images into its images, row by row: (N, C, size, size) uint8."""
    sheet = from_pil(Image.open(SAMPLES_DIR / f"{name}.png"))  # (C, rows · size, columns · size)
    return sheet.unfold(1, size, size).unfold(2, size, size).permute(1, 2, 0, 3, 4).flatten(0, 1).contiguous()


def draw_in_parallel(function: Callable, arguments: list, title: str) -> list:
    """Map a function over arguments on all cores, with a progress bar."""
    with ProcessPoolExecutor() as pool:
        return list(tqdm(pool.map(function, arguments, chunksize=32), desc=title, total=len(arguments), unit="picture"))


def load_cached_portions(
    folder: Path, n: int, portion: int, make: Callable[[range], dict[str, Tensor]], title: str
) -> Images:
    """Load n generated images from `folder`, cached there in files of `portion` images; make(indices) creates the
    missing ones, so that interrupted or shorter calls are resumed."""
    parts = []
    for first in tqdm(range(0, n, portion), desc=title, unit="portion", disable=None):
        cached = folder / f"{first}-{portion}.safetensors"
        if not cached.exists():
            made = make(range(first, first + portion))
            with atomic_write(cached) as part:
                save_file(made, part)
        parts.append(load_file(cached))
    return Images(**{name: torch.cat([part[name] for part in parts])[:n] for name in parts[0]})
