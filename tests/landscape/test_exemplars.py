from __future__ import annotations

import pytest
import torch

from latentatlas.core import ShapeError, SpecError
from latentatlas.landscape import (
    DistanceScore,
    DotScore,
    ExemplarMemory,
    HopfieldField,
    NearestRows,
    PrototypeBank,
    UniformRows,
)


def test_what_fits_is_kept_with_its_row_and_basin():
    memory = ExemplarMemory(3, 4, 2)
    z = torch.tensor([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]])
    memory.add(z, torch.tensor([2, 0, 2]), row=torch.tensor([10, 11, 12]))
    assert memory.counts.tolist() == [1, 0, 2]
    assert memory.basin.tolist() == [0, 2, 2]
    assert memory.row[0] == 11
    assert sorted(memory.row[1:].tolist()) == [10, 12]
    places = {int(row): place.tolist() for row, place in zip(memory.row, memory.bank().prototypes, strict=True)}
    assert places == {10: [0.0, 1.0], 11: [2.0, 3.0], 12: [4.0, 5.0]}


def test_uniform_rows_are_a_fair_sample_of_a_stream():
    torch.manual_seed(0)
    memory = ExemplarMemory(1, 300, 1)
    for start in range(0, 3000, 100):
        rows = torch.arange(start, start + 100)
        memory.add(rows[:, None].float(), torch.zeros(100, dtype=torch.long), row=rows)
    assert memory.row.unique().numel() == 300
    thirds = torch.bincount(memory.row // 1000, minlength=3)
    assert ((thirds - 100).abs() < 30).all()  # 3.7 standard deviations


def test_nearest_rows_are_those_nearest_the_prototype_in_whatever_order_they_come():
    z = torch.tensor([[5.0], [0.5], [-0.1], [0.2], [9.8], [11.0], [10.1]])
    basin = torch.tensor([0, 0, 0, 0, 1, 1, 1])
    found = []
    for order in (torch.arange(7), torch.tensor([6, 2, 4, 0, 5, 3, 1])):
        memory = ExemplarMemory(2, 2, 1, keep=NearestRows(PrototypeBank.at(torch.tensor([[0.0], [10.0]]))))
        for part in order.split(3):
            memory.add(z[part], basin[part], row=part)
        found.append(memory.row.tolist())
    assert found[0] == found[1] == [2, 3, 6, 4]


def test_retrieval_is_that_of_a_hopfield_network_over_all_exemplars():
    torch.manual_seed(0)
    z, basin = torch.randn(12, 3), torch.arange(12) % 4
    memory = ExemplarMemory(4, 3, 3, beta=5.0, score=DotScore())
    memory.add(z, basin)
    key = torch.randn(5, 3)
    hopfield = HopfieldField(z, beta=5.0 / 3**0.5)
    torch.testing.assert_close(memory.bank().retrieve(key, steps=2), hopfield.retrieve(key, steps=2))
    sharp = ExemplarMemory(4, 3, 3, beta=1e6)
    sharp.add(z, basin)
    torch.testing.assert_close(sharp.bank().retrieve(z + 0.01), z, atol=1e-4, rtol=0)


def test_memberships_by_hand_and_a_class_without_exemplars():
    memory = ExemplarMemory(3, 2, 1, score=DistanceScore(1.0))
    memory.add(torch.tensor([[0.0], [2.0], [2.0]]), torch.tensor([0, 2, 2]))
    w = torch.softmax(torch.tensor([-0.5, -0.5, -0.5]), dim=0)
    torch.testing.assert_close(memory.memberships(torch.tensor([[1.0]]))[0], torch.stack([w[0], 0 * w[0], w[1] + w[2]]))


def test_one_example_a_class_is_the_nearest_prototype():
    z = torch.randn(3, 4)
    memory = ExemplarMemory(3, 1, 4)
    memory.add(z, torch.tensor([2, 0, 1]))
    key = torch.randn(20, 4)
    nearest = torch.tensor([2, 0, 1])[torch.cdist(key, z).argmin(dim=1)]
    assert torch.equal(memory.memberships(key).argmax(dim=1), nearest)


@pytest.mark.parametrize("keep", [None, UniformRows(), NearestRows(PrototypeBank(2, 3))])
def test_state_comes_back(keep):
    first, second = (ExemplarMemory(2, 5, 3, keep=keep) for _ in range(2))
    first.add(torch.randn(20, 3), torch.arange(20) % 2, row=torch.arange(20))
    second.load_state_dict(first.state_dict())
    assert torch.equal(second.row, first.row)
    key = torch.randn(4, 3)
    assert torch.equal(second.memberships(key), first.memberships(key))


def test_nothing_offered_and_an_empty_batch():
    memory = ExemplarMemory(2, 3, 2)
    memory.add(torch.zeros(0, 2), torch.zeros(0, dtype=torch.long))
    assert memory.counts.tolist() == [0, 0]
    with pytest.raises(SpecError, match="wants rows before it is read"):
        memory.bank()


def test_bad_input():
    for sizes in ((0, 1, 1), (1, 0, 1), (1, 1, 0)):
        with pytest.raises(SpecError, match="of at least 1"):
            ExemplarMemory(*sizes)
    memory = ExemplarMemory(2, 3, 2)
    with pytest.raises(ShapeError, match="keys with 2 axes; got 3"):
        memory.add(torch.zeros(1, 3), torch.tensor([0]))
    for basin in (2, -1):
        with pytest.raises(ShapeError, match="basins 0 to 1"):
            memory.add(torch.zeros(1, 2), torch.tensor([basin]))
