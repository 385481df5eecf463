from __future__ import annotations

import numpy as np
import torch

from latentatlas.experiments import recall
from latentatlas.experiments.energies.digits import atlas_of_digits, digits
from latentatlas.experiments.energies.recalling import EXEMPLARS, PROTOTYPES, TOLD, WAYS, denoiser


def test_a_quick_run_judges_every_way():
    result = recall.run(quick=True, log=lambda _: None)
    pixels, latents = result["accuracy"].values()
    assert list(pixels) == list(WAYS)
    assert set(pixels) - set(latents) == {TOLD, "denoising autoencoder"}
    clean = {title: found["0"][0] for title, found in pixels.items() if title != "denoising autoencoder"}
    assert min(clean.values()) > 0.95
    assert latents["no recall"]["0.5"][0] < 0.95
    assert result["ARI of the basins"][0] > 0.95
    page = recall.to_markdown(result)
    assert "## Noise on latents" in page
    assert recall.pictures(result)["recall"].startswith(b"\x89PNG")


def test_latents_without_recall_are_those_of_the_rows_and_nearest_prototypes_are_prototypes():
    atlas, x = atlas_of_digits(0, quick=True), digits(quick=True).test.x[:20]
    z = atlas.transform(x)
    np.testing.assert_array_equal(WAYS["no recall"].from_rows(x, atlas, noise=0.5, quick=True), z)
    np.testing.assert_array_equal(WAYS[TOLD].from_rows(x, atlas, noise=0, quick=True), z)
    prototypes = atlas.model_.bank.prototypes.detach().numpy()
    found = WAYS["nearest prototype"].from_latents(z, atlas)
    np.testing.assert_array_equal(found, prototypes[atlas.basins(x)])


def test_retrieval_is_that_of_the_bank():
    atlas, x = atlas_of_digits(0, quick=True), digits(quick=True).test.x[:20]
    z = atlas.transform(x)
    wanted = atlas.model_.bank.retrieve(torch.from_numpy(z)).detach().numpy()
    np.testing.assert_allclose(WAYS[PROTOTYPES].from_latents(z, atlas), wanted, rtol=1e-4, atol=1e-4)


def test_the_denoiser_is_nearer_to_the_clean_rows_than_the_noise():
    x = torch.from_numpy(digits(quick=True).test.x)
    noisy = x + torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert (denoiser(quick=True)(noisy) - x).square().mean() < 0.2 * (noisy - x).square().mean()


def test_targets_are_computed_from_the_figures():
    accuracy = {title: {"0.5": [value, value]} for title, value in ((EXEMPLARS, 0.7), (TOLD, 0.85))}
    result = {
        "quick": False,
        "seeds": [0, 1],
        "rows": [60_000, 2_000],
        "accuracy": {"noise on pixels": accuracy, "noise on latents": accuracy},
        "ARI of the basins": [0.95, 0.91],
        "10,000 recalls, s": {PROTOTYPES: 0.4, EXEMPLARS: 1.2, TOLD: 0.9},
    }
    page = recall.to_markdown(result)
    assert "- met: ARI of the basins 0.9300 (wanted ≥ 0.9)" in page
    assert f"- **missed**: σ = .5 on pixels, {EXEMPLARS} 0.7000 (wanted ≥ 0.8)" in page
    assert f"- met: σ = .5 on pixels, {TOLD} 0.8500 (wanted ≥ 0.8)" in page
    assert f"- met: 10,000 recalls, s: {PROTOTYPES} 0.4000 (wanted ≤ 1)" in page
    assert f"- **missed**: 10,000 recalls, s: {EXEMPLARS} 1.2000 (wanted ≤ 1)" in page
    assert f"- met: 10,000 recalls, s: {TOLD} 0.9000 (wanted ≤ 1)" in page
