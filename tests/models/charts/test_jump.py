from __future__ import annotations

import pytest
import torch

from latentatlas.core import SpecError
from latentatlas.models import AutoencoderJumps, FactorizedJumps, Jumps, TiedJumps, charted_autoencoder

MAKES = {
    "factorised": lambda: FactorizedJumps(4, 2),
    "of rank 1": lambda: FactorizedJumps(4, 2, rank=1),
    "tied": lambda: TiedJumps(4, 2),
    "autoencoder": lambda: AutoencoderJumps(charted_autoencoder(5, 2, charts=4, codes=3, width=8)),
}


def stirred(jumps: Jumps, seed: int = 0) -> Jumps:
    """With weights that are no longer those of the beginning."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in jumps.parameters():
        parameter.data += 0.3 * torch.randn(parameter.shape, generator=generator)
    return jumps.eval()


@pytest.mark.parametrize("make", [MAKES["factorised"], MAKES["tied"]])
def test_it_begins_as_the_identity(make):
    local = torch.randn(5, 4, 2)
    assert torch.equal(make()(local), local[:, :, None].expand(-1, -1, 4, -1))


@pytest.mark.parametrize("make", MAKES.values(), ids=MAKES)
def test_a_pair_is_one_of_all_pairs(make):
    torch.manual_seed(0)
    jumps, local = stirred(make()), torch.randn(20, 4, 2)
    every = jumps(local)
    source, target = torch.randint(4, (20,)), torch.randint(4, (20,))
    rows = torch.arange(20)
    torch.testing.assert_close(jumps.pair(local[rows, source], source, target), every[rows, source, target])


def test_factorised_jumps_by_hand():
    jumps, z = stirred(FactorizedJumps(3, 2)), torch.randn(3, 2)
    taken = jumps.pair(z, torch.tensor([0, 2, 1]), torch.tensor([1, 1, 0]))
    for row, (i, j) in enumerate([(0, 1), (2, 1), (1, 0)]):
        frame = jumps.into[i] @ z[row] + jumps.shift[i]
        torch.testing.assert_close(taken[row], jumps.out[j] @ frame + jumps.offset[j])


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_tied_jumps_are_consistent_whatever_the_weights(dim: int):
    torch.manual_seed(0)
    jumps = stirred(TiedJumps(5, dim).double())
    local = torch.randn(7, 5, dim, dtype=torch.float64)
    once, twice = jumps(local), jumps.twice(local)
    own = torch.arange(5)
    torch.testing.assert_close(twice, once[:, :, None].expand_as(twice), atol=1e-6, rtol=0)
    torch.testing.assert_close(once[:, own, own], local, atol=1e-6, rtol=0)
    back = twice[:, own, :, own].movedim(0, 1)
    torch.testing.assert_close(back, local[:, :, None].expand_as(back), atol=1e-6, rtol=0)


def test_factorised_jumps_are_not():
    jumps, local = stirred(FactorizedJumps(5, 2)), torch.randn(7, 5, 2)
    twice = jumps.twice(local)
    assert (twice - jumps(local)[:, :, None]).abs().max() > 0.1


def test_a_jump_of_lower_rank_loses_axes():
    jumps, local = stirred(FactorizedJumps(3, 2, rank=1)), torch.randn(50, 3, 2)
    reached = jumps(local)[:, 0, 1]
    assert torch.linalg.matrix_rank(reached - reached.mean(dim=0), atol=1e-4) == 1


def test_jumps_of_an_autoencoder_decode_and_encode_again():
    torch.manual_seed(0)
    model = charted_autoencoder(5, 2, charts=3, width=8).eval()
    jumps, local = AutoencoderJumps(model), torch.randn(4, 3, 2)
    decoded = model.decoder.base(local)
    for i in range(3):
        torch.testing.assert_close(jumps(local)[:, i], model.encoder(decoded[:, i]).local)


def test_a_model_without_jumps_goes_through_its_frame():
    torch.manual_seed(0)
    model = charted_autoencoder(5, 2, charts=3, width=8).eval()
    local = torch.randn(4, 3, 2)
    placed = model.encoder.placements(local)
    for i in range(3):
        torch.testing.assert_close(model.jump(local)[:, i], model.encoder.placements.local(placed[:, i]))
    model.jumps = FactorizedJumps(3, 2)
    assert model.jump is model.jumps


def test_wrong_input(unchecked: None):
    with pytest.raises(SpecError, match="FactorizedJumps wants a rank from 1 to the 2 axes of a chart; got 3"):
        FactorizedJumps(4, 2, rank=3)
    with pytest.raises(SpecError, match="FactorizedJumps wants a rank from 1"):
        FactorizedJumps(4, 2, rank=0)
    with pytest.raises(SpecError, match="charts made of integers"):
        TiedJumps(0, 2)
