from __future__ import annotations

import pytest
import torch
from sklearn.decomposition import PCA
from torch import Tensor

from latentatlas.core import ShapeError, SpecError
from latentatlas.models import PCAStem, ScaleStem
from latentatlas.models.stems import Stem


def cloud(n: int = 200, features: int = 6) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    mix = torch.randn(features, features, generator=generator)
    return torch.randn(n, features, generator=generator) @ mix + torch.arange(features)


def test_scale_by_hand():
    x = torch.tensor([[0.0, 10.0], [4.0, 10.0]])
    stem = ScaleStem(2).fit(x)
    assert stem.mean.tolist() == [2.0, 10.0]
    assert stem.spread.item() == pytest.approx(2**0.5)  # deviations 2, 2, 0, 0
    torch.testing.assert_close(stem.inverse(stem(x)), x)


@pytest.mark.parametrize("components", [1, 3, 6])
def test_pca_like_scikit_learn(components):
    x = cloud()
    stem = PCAStem(6, components).fit(x)
    reference = PCA(components).fit(x.double().numpy())
    scores = torch.from_numpy(reference.transform(x.double().numpy()))
    ours = (stem(x) * stem.spread).double()
    signs = (ours * scores).sum(dim=0).sign()
    torch.testing.assert_close(ours * signs, scores, atol=1e-4, rtol=1e-4)
    assert stem(x).var(dim=0, unbiased=False).mean().item() == pytest.approx(1, rel=1e-4)
    recovered = torch.from_numpy(reference.inverse_transform(scores.numpy())).float()
    torch.testing.assert_close(stem.inverse(stem(x)), recovered, atol=1e-4, rtol=1e-4)


def test_pca_is_an_isometry_up_to_one_factor():
    x = cloud()
    stem = PCAStem(6, 6).fit(x)
    torch.testing.assert_close(torch.pdist(stem(x)) * stem.spread, torch.pdist(x), rtol=1e-4, atol=1e-4)


def test_pca_projects():
    x = cloud()
    stem = PCAStem(6, 2).fit(x)
    once = stem.inverse(stem(x))
    torch.testing.assert_close(stem.inverse(stem(once)), once, atol=1e-4, rtol=1e-4)


def test_the_signs_are_fixed():
    x = cloud()
    basis = PCAStem(6, 6).fit(x).basis
    assert (basis.gather(0, basis.abs().argmax(dim=0, keepdim=True)) > 0).all()
    torch.testing.assert_close(PCAStem(6, 6).fit(x.flip(0)).basis, basis, atol=1e-4, rtol=0)


def test_a_block_of_rows_at_a_time_is_the_whole(monkeypatch):
    from latentatlas.models import stems

    x = cloud()
    whole = PCAStem(6, 3).fit(x)
    monkeypatch.setattr(stems, "_BLOCK_ROWS", 7)
    torch.testing.assert_close(PCAStem(6, 3).fit(x).basis, whole.basis, atol=1e-5, rtol=0)


@pytest.mark.parametrize(("offset", "scale"), [(1e6, 1.0), (0.0, 1e-6), (1.0, 1e-6), (-1e6, 1e3), (0.0, 1e12)])
@pytest.mark.parametrize("kind", [ScaleStem, PCAStem])
def test_far_origins_and_odd_scales(kind, offset, scale):
    x = (cloud().double() * scale + offset).float()
    exact = x.double() - x.double().mean(dim=0)
    stem = (ScaleStem(6) if kind is ScaleStem else PCAStem(6, 6)).fit(x)
    h = stem(x)
    assert torch.isfinite(h).all()
    assert h.square().mean().item() == pytest.approx(1, rel=0.01)
    spread = exact.square().mean().sqrt()
    assert stem.spread.item() == pytest.approx(spread.item(), rel=0.01)
    back = stem.inverse(h).double() - x.double()
    assert back.abs().max() < 1e-5 * max(abs(offset), spread.item())


@pytest.mark.parametrize("kind", [lambda: ScaleStem(3), lambda: PCAStem(3, 2)])
@pytest.mark.parametrize("n", [1, 20])
def test_constant_rows_become_zero(kind, n):
    x = torch.full((n, 3), 7.0)
    stem = kind().fit(x)
    assert (stem(x) == 0).all()
    torch.testing.assert_close(stem.inverse(stem(x)), x)


def test_constant_columns_are_kept_by_the_inverse():
    x = cloud()
    x[:, 2] = -3.0
    stem = PCAStem(6, 6).fit(x)
    torch.testing.assert_close(stem.inverse(stem(x)), x, atol=1e-4, rtol=1e-4)


def test_fewer_rows_than_components():
    x = cloud(3)
    stem = PCAStem(6, 5).fit(x)
    assert torch.isfinite(stem(x)).all()
    torch.testing.assert_close(stem.inverse(stem(x)), x, atol=1e-4, rtol=1e-4)


def test_nothing_is_trained():
    assert not list(PCAStem(6, 2).parameters())
    assert set(PCAStem(6, 2).state_dict()) == {"mean", "basis", "spread"}


def test_bad_input(unchecked):
    with pytest.raises(ShapeError, match=r"components ≤ features; got 4 > 3\. Lower components"):
        PCAStem(3, 4)
    for size in (0, 2.0, True):
        with pytest.raises(SpecError, match="features made of integers ≥ 1"):
            ScaleStem(size)
    for stem in (ScaleStem(3), PCAStem(3, 2)):
        with pytest.raises(ShapeError, match="wants 3 columns; got 4"):
            stem.fit(torch.zeros(5, 4))


@pytest.mark.parametrize("stem", [ScaleStem(6), PCAStem(6, 4)])
def test_covariance_of_noise_on_the_columns(stem: Stem):
    stem.fit(cloud(features=6))
    variance = torch.arange(1.0, 7.0)
    torch.manual_seed(0)
    noise = torch.randn(200_000, 6) * variance.sqrt()
    expected = torch.cov((stem(noise) - stem(torch.zeros(1, 6))).T)
    torch.testing.assert_close(stem.covariance_of(variance), expected, atol=0.03 * float(expected.abs().max()), rtol=0)
