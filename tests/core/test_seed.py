from __future__ import annotations

import numpy as np
import pytest
import torch

from latentatlas.core import SpecError, available_threads, reproducible


def test_the_same_seed_gives_the_same_numbers():
    draws = []
    for seed in (3, 3, 4):
        with reproducible(seed):
            draws.append(torch.rand(5))
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])


def test_generator_and_threads_are_restored():
    before = torch.get_num_threads()
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    with reproducible(0, threads=before + 1) as threads:
        assert threads == torch.get_num_threads() == before + 1
        torch.rand(100)
    assert torch.get_num_threads() == before
    assert torch.equal(torch.rand(3), expected)


def test_restored_after_an_error():
    before, state = torch.get_num_threads(), torch.get_rng_state()
    with pytest.raises(KeyError), reproducible(0, threads=before + 1):
        {}[torch.rand(1)]
    assert torch.get_num_threads() == before
    assert torch.equal(torch.get_rng_state(), state)


def test_numpy_is_left_alone():
    np.random.seed(5)  # noqa: NPY002  the global generator is what must not change
    expected = np.random.rand()  # noqa: NPY002
    np.random.seed(5)  # noqa: NPY002
    with reproducible(0):
        pass
    assert np.random.rand() == expected  # noqa: NPY002


def test_default_threads():
    with reproducible(0) as threads:
        assert threads == available_threads() >= 1


@pytest.mark.parametrize(("seed", "threads"), [(-1, None), (0, 0)])
def test_bad_input(seed, threads):
    with pytest.raises(SpecError, match="got"), reproducible(seed, threads=threads):
        pass
