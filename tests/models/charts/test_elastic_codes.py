from __future__ import annotations

import pytest
import torch

from latentatlas.core import SpecError
from latentatlas.models import ElasticCodebook


def _book() -> ElasticCodebook:
    book = ElasticCodebook(2, 3, 1, decay=0.0)
    book.inner.started.fill_(True)
    book.inner.places.copy_(torch.tensor([[[0.0], [4.0], [9.0]], [[0.0], [1.0], [2.0]]]))
    book.inner.usage.copy_(torch.tensor([[3.0, 1.0, 1.0], [1.0, 1.0, 1.0]]))
    return book


def test_a_code_that_is_not_there_has_no_rows_and_stays():
    book = _book()
    book.close(0, 1)
    rows = torch.tensor([[[4.0], [1.0]]])
    assert book(rows)[0].tolist() == [[0, 1]]  # 0 is nearer than 9
    book.learn(rows, torch.ones(1, 2))
    assert book.places[0, 1].item() == 4.0
    assert book.inner.usage[0, 1].item() == 0.0


def test_a_merger_is_weighted_by_use():
    book = _book()
    book.merge(0, 0, 1)
    assert book.places[0, 0].item() == 1.0  # (3 · 0 + 1 · 4)/4
    assert book.inner.usage[0].tolist() == [4.0, 0.0, 1.0]
    assert book.inner.sums[0, 0].item() == 4.0


def test_split_then_merge_restores_the_code():
    book = _book()
    book.close(0, 2)
    before = {name: value.clone() for name, value in book.state_dict().items()}
    book.split(0, 0, 2, offset=torch.tensor([0.5]))
    assert sorted(book.places[0, [0, 2]].flatten().tolist()) == [-0.5, 0.5]
    assert book.inner.usage[0].tolist() == [1.5, 1.0, 1.5]
    book.merge(0, 0, 2)
    assert torch.equal(book.present, before["present"])
    torch.testing.assert_close(book.places[0, :2], before["inner.places"][0, :2])
    torch.testing.assert_close(book.inner.usage, before["inner.usage"])


def test_bad_changes():
    book = _book()
    with pytest.raises(SpecError, match="wants a free slot of 2 × 3; got code 1 of chart 0"):
        book.split(0, 0, 1, offset=torch.zeros(1))
    with pytest.raises(SpecError, match="wants a code that is there"):
        book.close(2, 0)
    with pytest.raises(SpecError, match="wants two codes; got 1 twice"):
        book.merge(0, 1, 1)
    book.close(0, 0)
    book.close(0, 1)
    with pytest.raises(SpecError, match="is the last of chart 0"):
        book.close(0, 2)
