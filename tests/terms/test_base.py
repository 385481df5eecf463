from __future__ import annotations

from typing import final

import pytest
import torch
from torch import Tensor

from latentatlas.core import MissingInput, SpecError
from latentatlas.terms import HSIC, Covariance, Rebind, Reconstruction, Term, TermInput


@final
class _Difference(Term):
    """Two inputs whose order matters, and an optional one."""

    def forward(self, first: Tensor, second: Tensor, third: Tensor | None = None) -> Tensor:
        return first - second + (0 if third is None else third)


def test_the_signature_is_the_declaration():
    assert Reconstruction().inputs() == (
        TermInput("x", "x", required=True),
        TermInput("recon", "recon", required=True),
        TermInput("weight", "weight", required=False),
    )


def test_optional_inputs_are_taken_when_they_are_there():
    term, fields = _Difference(), {"first": torch.tensor(5.0), "second": torch.tensor(3.0), "other": 1}
    assert set(term.bind(fields)) == {"first", "second"}
    assert set(term.bind(fields | {"third": None})) == {"first", "second"}
    assert term(**term.bind(fields | {"third": torch.tensor(1.0)})) == 3


def test_the_message_for_a_missing_input():
    fields = {"x": torch.zeros(2, 2), "row": None, "label": torch.zeros(2), "nuisance": None}
    with pytest.raises(MissingInput) as caught:
        HSIC().bind(fields | {"z": torch.zeros(2, 2)}, name="author")
    assert str(caught.value) == (
        "Term 'author' (HSIC) reads `nuisance`, but the batch has none (there are: x, label, z). "
        "Pass nuisance=..., or drop the term."
    )
    with pytest.raises(MissingInput, match=r"^Term HSIC reads `z`, but the batch has none \(there are: x, label\)\."):
        HSIC().bind(fields)


def test_rebind_reads_other_fields():
    term = Rebind(_Difference(), {"first": "second", "second": "first"})
    fields = {"first": torch.tensor(5.0), "second": torch.tensor(3.0)}
    assert term(**term.bind(fields)) == -2
    assert term.inputs()[2] == TermInput("third", "third", required=False)


def test_rebind_of_rebind():
    inner = Rebind(_Difference(), {"first": "map"})
    outer = Rebind(inner, {"second": "z"})
    assert [entry.field for entry in outer.inputs()] == ["map", "z", "third"]
    assert outer(**outer.bind({"map": torch.tensor(5.0), "z": torch.tensor(1.0)})) == 4


def test_rebind_names_the_missing_field_and_the_wrong_parameter():
    with pytest.raises(MissingInput, match="reads `map`, but the batch has none"):
        Rebind(Covariance(), {"z": "map"}).bind({"z": torch.zeros(3, 2)})
    with pytest.raises(SpecError, match=r"inputs of Reconstruction; got 'recom'\. Did you mean 'recon'"):
        Rebind(Reconstruction(), {"recom": "map"})


def test_rebind_owns_the_parameters_of_the_inner_term():
    inner = Covariance()
    inner.factor = torch.nn.Parameter(torch.ones(()))
    assert list(Rebind(inner, {"z": "map"}).parameters()) == [inner.factor]
