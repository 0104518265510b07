"""MNIST and Fashion-MNIST, downloaded and checked by torchvision."""

import shutil
from pathlib import Path
from urllib.error import URLError

import torch

from ae_demo.data.images import Images, dataset, missing_data_error, read_sheet

IDX_BYTES = {
    "train-images-idx3-ubyte": 47_040_016, "train-labels-idx1-ubyte": 60_008,
    "t10k-images-idx3-ubyte": 7_840_016, "t10k-labels-idx1-ubyte": 10_008,
}  # fmt: skip
IDX_SPLITS = ("train", "held_out", "sample")
DIGIT_LABELS = tuple("0123456789")
FASHION_LABELS = (
    "T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip


@dataset("MNIST", "CC BY-SA 3.0", IDX_SPLITS, labels=DIGIT_LABELS, hub_id="ylecun/mnist")
def mnist(data_dir: str, split: str) -> Images:
    """60,000 / 10,000 handwritten digits: image (1, 28, 28), label 0 to 9."""
    return _load_idx("MNIST", data_dir, split)


@dataset("Fashion-MNIST", "MIT", IDX_SPLITS, labels=FASHION_LABELS, hub_id="zalando-datasets/fashion_mnist")
def fashion_mnist(data_dir: str, split: str) -> Images:
    """60,000 / 10,000 articles of clothing: image (1, 28, 28), label (index into FASHION_LABELS)."""
    return _load_idx("FashionMNIST", data_dir, split)


def _load_idx(name: str, data_dir: str, split: str) -> Images:
    if split == "sample":
        image = read_sheet(name.lower(), 28)
        return Images(image=image, label=torch.arange(10).repeat_interleave(len(image) // 10))
    from torchvision import datasets as tv  # 2 s and 150 MB, so only on use

    home, folder = getattr(tv, name), Path(data_dir) / name
    if any(not (f := folder / "raw" / n).is_file() or f.stat().st_size != size for n, size in IDX_BYTES.items()):
        part = folder.with_name(f"{name}.part")
        try:
            home(str(part), train=True, download=True)  # torchvision verifies the checksums
            shutil.rmtree(folder, ignore_errors=True)
            (part / name).replace(folder)
        except (URLError, RuntimeError, OSError) as error:
            raise missing_data_error(name, folder, home.mirrors[-1], error) from error
        finally:
            shutil.rmtree(part, ignore_errors=True)
    read = home(data_dir, train=split == "train")
    return Images(image=read.data.unsqueeze(1), label=read.targets.long())
