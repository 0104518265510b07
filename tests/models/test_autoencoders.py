"""What the autoencoders of each kind promise about their codes."""

import pytest
import torch

from ae_demo.data.mnist import fashion_mnist
from ae_demo.models.code import CodeLinear
from ae_demo.models.pca import PCA
from ae_demo.models.residual import ResidualAutoencoder
from ae_demo.models.restoration import Restoration, enlarge
from ae_demo.models.stacked import Stacked
from ae_demo.models.vae import MAX_ABS_CODE, VAE


@pytest.fixture
def x():
    return fashion_mnist(split="sample")[::250]["image"]


def test_a_code_is_not_rounded_to_bfloat16():
    layer, z = CodeLinear(2, 3), torch.randn(4, 2)
    with torch.autocast("cpu", torch.bfloat16):
        assert layer(z).dtype == torch.float32
        exact, rounded = layer(z), torch.nn.functional.linear(z, layer.weight, layer.bias)
    assert torch.allclose(exact, z @ layer.weight.T + layer.bias, atol=1e-6)
    assert rounded.dtype == torch.bfloat16 and not torch.allclose(exact, rounded.float(), atol=1e-6)


@pytest.mark.parametrize("latent_dim", [2, 32, 1024])
def test_the_residual_autoencoder_has_codes_of_its_size(latent_dim, x):
    model = ResidualAutoencoder(latent_dim, width=8).eval()
    assert model.encode(x).shape == (4, latent_dim)
    recon = model(x)
    assert recon.shape == x.shape and 0 <= recon.min() and recon.max() <= 1


def test_of_a_nested_code_only_the_first_numbers_count_and_the_decoder_knows_how_many(x):
    model = ResidualAutoencoder(16, width=8, nested=True).eval()
    z = model.encode(x)
    other = z.clone()
    other[:, 5:] += 9
    assert torch.equal(model.decode(z, 5), model.decode(other, 5))
    assert not torch.equal(model.decode(z, 6), model.decode(other, 6))
    z[:, 5] = 0
    assert not torch.equal(model.decode(z, 5), model.decode(z, 6)), "a number that is not there is not a zero"
    each = model.decode(z, torch.tensor([5, 6, 5, 6]))
    assert torch.allclose(each[::2], model.decode(z, 5)[::2], atol=1e-6)
    assert torch.equal(model(x), model(x, 16))


def test_a_decoder_with_tied_weights_is_the_encoder_transposed(x):
    model = Stacked([32, 8], activation="linear", tied=True)
    h = x.flatten(1)
    first, second = (layer.weight for layer in model.down)
    z = (h @ first.T + model.down[0].bias) @ second.T + model.down[1].bias
    expected = (z @ second + model.bias[1]) @ first + model.bias[0]
    assert torch.allclose(model.train()(x).flatten(1), expected, atol=1e-5)
    assert sum(p.numel() for p in model.parameters()) < sum(p.numel() for p in Stacked([32, 8]).parameters())


def test_binary_codes_are_bits_and_noise_is_only_in_training(x):
    model = Stacked([16], code="binary").eval()
    z = model.encode(x)
    assert set(z.unique().tolist()) <= {0.0, 1.0} and torch.equal(z, model.encode(x))
    model.train()
    assert not torch.equal(model.encode(x), model.encode(x))


@pytest.mark.parametrize(("code", "low", "high"), [("relu", 0.0, 1e9), ("sigmoid", 0.0, 1.0)])
def test_sparse_codes_are_in_their_range(code, low, high, x):
    z = Stacked([16], code=code).encode(x)
    assert low <= z.min() and z.max() <= high


def test_the_first_components_of_pca_are_a_code_and_all_of_them_give_the_picture_back(x):
    model = PCA(latent_dim=784).eval()
    model.mean.data = x.mean(0).flatten()
    model.components.data = torch.linalg.qr(torch.randn(784, 784)).Q
    assert torch.allclose(model(x), x, atol=1e-4)
    z = model.encode(x)
    padded = torch.cat([z[:, :5], torch.zeros(4, 779)], dim=1)
    assert torch.allclose(model.decode(z, 5), model.decode(padded), atol=1e-6)


def test_a_multi_rate_vae_is_told_beta_and_keeps_its_codes_within_reach(x):
    model = VAE(width=8, rates=True).eval()
    for block in [*model.encoder.blocks, *model.decoder.blocks]:
        torch.nn.init.normal_(block.gate.weight, std=3)
    mu, _ = model.encode(100 * x, beta=0.01)
    assert mu.abs().max() <= MAX_ABS_CODE
    assert not torch.equal(model.encode(x, beta=0.01)[0], model.encode(x, beta=1.0)[0])
    assert torch.equal(model.encode(x)[0], model.encode(x, beta=1.0)[0])
    z = torch.randn(4, 2)
    each = model.decode(z, beta=torch.tensor([0.0, 1.0, 0.0, 1.0]))
    assert torch.allclose(each[1::2], model.decode(z)[1::2], atol=1e-6)
    assert not torch.allclose(each[::2], model.decode(z)[::2], atol=1e-6)


def test_a_conditional_vae_paints_another_picture_for_another_label(x):
    model = VAE(width=8, num_classes=10).eval()
    z, y = torch.zeros(2, 2), torch.tensor([3, 7])
    three, seven = model.decode(z, y)
    assert not torch.equal(three, seven)
    assert not torch.equal(*(model.encode(x[:1], torch.tensor([label]))[0] for label in (3, 7)))


@pytest.mark.parametrize(("channels", "scale", "patch", "size"), [(1, 1, 2, 28), (1, 2, 2, 14), (3, 4, 4, 32)])
def test_restoration_adds_to_what_is_there(channels, scale, patch, size):
    model = Restoration(channels, width=8, scale=scale, patch=patch).eval()
    x = torch.rand(2, channels, size, size)
    assert model(x).shape == (2, channels, scale * size, scale * size)
    torch.nn.init.zeros_(model.head.weight)
    torch.nn.init.zeros_(model.head.bias)
    assert torch.allclose(model(x), enlarge(x, scale), atol=1e-6)
