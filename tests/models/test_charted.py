from __future__ import annotations

import torch

from latentatlas.models import ChartDecoder, ChartEncoder


def seated(charts: int = 3) -> tuple[ChartEncoder, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    encoder = ChartEncoder(4, 2, charts=charts, hidden=(8,)).eval()
    cells = torch.arange(30) % 3
    z = 10.0 * cells[:, None] + torch.randn(30, 2)
    encoder.seat(z, cells)
    return encoder, z, cells


def test_seats_are_means_and_spreads_of_the_cells():
    encoder, z, cells = seated()
    for k in range(3):
        inside = z[cells == k]
        torch.testing.assert_close(encoder.centres[k], inside.mean(dim=0))
        torch.testing.assert_close(encoder.radii[k], (inside - inside.mean(dim=0)).square().mean().sqrt())


def test_an_empty_cell_has_a_finite_seat():
    encoder, _, _ = seated(charts=5)
    assert encoder.centres[4].tolist() == [0.0, 0.0]
    assert encoder.radii[4] > 0


def test_the_latent_is_the_weighted_mean_of_the_charts_places():
    encoder, _, _ = seated()
    x = torch.randn(7, 4)
    latents = encoder.latents(x)
    assert latents.charts is not None
    h = encoder.net(x)
    by_hand = torch.zeros(7, 2)
    for k in range(3):
        offset = encoder.offsets(h)[:, k]
        by_hand += latents.charts.weights[:, k : k + 1] * (encoder.centres[k] + encoder.radii[k] * offset)
    torch.testing.assert_close(latents.z, by_hand)
    torch.testing.assert_close(latents.charts.weights.sum(dim=1), torch.ones(7))


def test_one_chart_is_a_perceptron_around_its_centre():
    encoder = ChartEncoder(4, 2, charts=1, hidden=(8,)).eval()
    x = torch.randn(5, 4)
    torch.testing.assert_close(encoder(x), encoder.centres + encoder.radii * encoder.offsets(encoder.net(x))[:, 0])


def test_noise_is_of_training_alone():
    encoder = ChartEncoder(4, 2, charts=2, hidden=(8,), noise=0.5)
    x = torch.randn(5, 4)
    assert not torch.equal(encoder.train()(x), encoder.train()(x))
    assert torch.equal(encoder.eval()(x), encoder.eval()(x))


def test_columns_without_variance_do_not_matter():
    encoder = ChartEncoder(3, 2, charts=2, hidden=(8,)).eval()
    rows = torch.randn(50, 3)
    rows[:, 1] = 4.0
    encoder.adapt(rows)
    other = rows.clone()
    other[:, 1] = -7.0
    assert torch.equal(encoder(rows), encoder(other))


def test_the_decoder_sees_how_near_the_charts_are():
    decoder = ChartDecoder(1, 1, charts=1, hidden=(), spread=2.0).eval()
    decoder.seat(torch.tensor([[0.0], [2.0]]), torch.tensor([0, 0]))  # centre 1, radius 1
    weight, bias = decoder.net[0].weight[0], decoder.net[0].bias[0]
    z = torch.tensor([[3.0]])
    wanted = weight[0] * 3.0 / 2.0 + weight[1] * torch.exp(torch.tensor(-2.0)) + bias
    torch.testing.assert_close(decoder(z)[0, 0], wanted)
