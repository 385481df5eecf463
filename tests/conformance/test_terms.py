"""Every public term under the same laws."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor

from latentatlas import geometry, landscape, models, terms
from latentatlas.build import build
from latentatlas.core import Charts, Edges, LatentLayout, MissingInput, to_spec
from latentatlas.terms import Objective, Term

Fields = dict[str, Any]

_N = 12


def _normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def _energy(z: Tensor) -> Tensor:
    """A double well along the first axis."""
    return (z[:, 0].square() - 1).square() + z[:, 1:].square().sum(dim=1)


def _decode(z: Tensor) -> Tensor:
    """A bent surface in five columns, of latents of three axes."""
    return torch.cat([z, z[:, :2].sin()], dim=1)


def _route(x: Tensor) -> Tensor:
    """Four charts from the first columns of the patterns."""
    return x[:, :4].softmax(dim=1)


def _jump(local: Tensor) -> Tensor:
    """From every chart to every chart: a little shorter, and shifted by the number of the chart."""
    shift = 0.1 * torch.arange(4, dtype=local.dtype)[:, None]
    return 0.9 * local[:, :, None] + shift


def _matrices() -> list[Tensor]:
    """Stacks of wide and of tall matrices."""
    return [_normal(11, 4, 2, 5), _normal(12, 4, 3, 2)]


def _chart(x: Tensor) -> Charts:
    """Four charts of two axes from the columns of the patterns."""
    return Charts(_route(x), torch.stack([x[:, k : k + 2].sin() for k in range(4)], dim=1))


def _charts() -> Charts:
    """Four charts of two axes with every field of a row, two of them decoded."""
    return Charts(
        weights=_normal(5, _N, 4).softmax(dim=1),
        local=_normal(13, _N, 4, 2),
        code=torch.arange(4 * _N).reshape(_N, 4) % 3,
        quantised=_normal(14, _N, 4, 2),
        detail=_normal(15, _N, 4, 2),
        texture=_normal(16, _N, 4, 2),
        shown=torch.stack([torch.arange(_N) % 4, (torch.arange(_N) + 1) % 4], dim=1),
        decoded=_normal(17, _N, 2, 5),
        decoder_weights=_normal(18, _N, 4).softmax(dim=1),
    )


def each_of(charts: Charts, change: Callable[[Tensor], Tensor]) -> Charts:
    """Every field that is there, changed."""
    return Charts(*(None if value is None else change(value) for value in charts))


def put(batch: Fields, name: str, value: Tensor) -> Fields:
    """The batch with another field; "charts" are the memberships, "charts.NAME" another field of the charts."""
    if not name.startswith("charts"):
        return batch | {name: value}
    part = name.removeprefix("charts").removeprefix(".") or "weights"
    return batch | {"charts": batch["charts"]._replace(**{part: value})}


def part_of(batch: Fields, name: str) -> Tensor:
    """What `put` puts."""
    if not name.startswith("charts"):
        return batch[name]
    return getattr(batch["charts"], name.removeprefix("charts").removeprefix(".") or "weights")


def _edges() -> Edges:
    source, target = torch.tensor([0, 2, 4, 4]), torch.tensor([1, 3, 5, 6])
    known = torch.eye(_N, dtype=torch.bool)
    known[source, target] = known[target, source] = True
    return Edges(source, target, known)


def fields() -> Fields:
    """One batch with every field that some term reads, in float64."""
    return {
        "x": _normal(0, _N, 5),
        "row": torch.arange(_N),
        "z": _normal(1, _N, 3),
        "recon": _normal(2, _N, 5),
        "mean": _normal(8, _N, 3),
        "log_variance": _normal(9, _N, 3),
        "map": _normal(3, _N, 2),
        "nuisance": torch.arange(_N) % 3,
        "label": torch.arange(_N) // 6,
        "environment": torch.arange(_N) // 2 % 2,
        "prediction": _normal(10, _N, 2),
        "weight": _normal(4, _N).exp(),
        "charts": _charts(),
        "edges": _edges(),
        "energy": _energy,
        "decode": _decode,
        "view": _normal(7, _N, 5),
        "prototypes": _normal(8, 4, 3),
        "route": _route,
        "z_view": _normal(11, _N, 3),
        "transform": _normal(12, _N, 2),
        "modalities": {"sound": _normal(13, _N, 3), "touch": _normal(14, _N, 3)},
        "chart": _chart,
        "jump": _jump,
        "matrices": _matrices,
    }


def permuted(batch: Fields, order: Tensor) -> Fields:
    """The same batch with its rows in another order."""
    place = torch.argsort(order)
    edges, charts = batch["edges"], batch["charts"]
    moved = {n: value[order] for n, value in batch.items() if isinstance(value, Tensor) and n != "prototypes"}
    known = edges.known[order][:, order]
    moved["modalities"] = {name: block[order] for name, block in batch["modalities"].items()}
    return (
        batch
        | moved
        | {
            "edges": Edges(place[edges.source], place[edges.target], known),
            "charts": each_of(charts, lambda value: value[order]),
        }
    )


def single(batch: Fields) -> Fields:
    """The same batch in float32."""
    narrow = {n: v.float() for n, v in batch.items() if isinstance(v, Tensor) and v.is_floating_point()}
    narrow["modalities"] = {name: block.float() for name, block in batch["modalities"].items()}
    charts = each_of(batch["charts"], lambda value: value.float() if value.is_floating_point() else value)
    weights = [value.float() for value in batch["matrices"]()]
    return batch | narrow | {"charts": charts, "matrices": lambda: weights}


class Case(NamedTuple):
    """A term and the fields with respect to which it is differentiable; none where it learns from a fixed target."""

    make: Callable[[], Term]
    differentiable: tuple[str, ...]


def _anchor() -> Term:
    """Anchors for all rows but every third."""
    term = terms.Anchor(_N, 3)
    term.hold(torch.arange(_N)[torch.arange(_N) % 3 > 0], _normal(6, 8, 3))
    return term


def _cover() -> Term:
    """Memberships for all rows but every third."""
    term = terms.MembershipAnchor(_N, 4)
    term.hold(torch.arange(_N)[torch.arange(_N) % 3 > 0], _normal(16, 8, 4).softmax(dim=1))
    return term


def _seats() -> Term:
    """Coordinates for all rows but every third, each in two charts."""
    term = terms.ChartAnchor(_N, 4, 2)
    rows = torch.arange(_N)[torch.arange(_N) % 3 > 0]
    term.hold(rows, _normal(17, 8, 4, 2), inside=torch.tensor([[True, False, True, False]] * 8))
    return term


def _assignment() -> Term:
    """Charts for all rows but every third."""
    term = terms.ChartAssignment(_N, 4)
    rows = torch.arange(_N)[torch.arange(_N) % 3 > 0]
    term.assign(rows, rows % 4)
    return term


def _energy_network() -> models.NeuralEnergy:
    torch.manual_seed(0)
    return models.NeuralEnergy(3, hidden=(4,))


def _chains() -> Term:
    """Contrastive divergence with some chains, in evaluation mode, where none moves."""
    term = terms.ContrastiveDivergence(_energy_network(), terms.ReplayBuffer(8, 3))
    term.buffer.keep(torch.arange(5), _normal(7, 5, 3))
    return term.eval()


def _hsic_of_reals() -> terms.HSIC:
    return terms.HSIC(latent_kernel=terms.GaussianKernel(2.0), nuisance_kernel=terms.GaussianKernel(0.5))


def _reading(term: Term) -> Term:
    """A discriminator with the same small weights every time, whatever the type of the latent."""
    for place, parameter in enumerate(term.parameters()):
        torch.nn.init.constant_(parameter, 0.1 * (place + 1))
    return term


_LAYOUT = LatentLayout(invariant=2, variant=1)


def _memory() -> Term:
    """The term of partition with some rows in its memory, in evaluation mode, where these stay."""
    bank = terms.MemoryBank(5, 2, reads=terms.SoftNegative(0.5))
    bank(torch.nn.functional.normalize(_normal(15, 4, 2)))
    return terms.Partition(_LAYOUT, form=terms.RatioForm(), negatives=bank).eval()


CASES = [
    Case(_memory, ("z", "z_view")),
    Case(lambda: terms.Partition(_LAYOUT), ("z", "z_view")),
    Case(lambda: terms.Partition(_LAYOUT, negatives=terms.MeanNegative()), ("z", "z_view")),
    Case(lambda: terms.Partition(_LAYOUT, negatives=terms.HardestNegative()), ("z", "z_view")),
    Case(lambda: terms.Partition(LatentLayout(variant={"a": 2, "b": 1}), form=terms.RatioForm()), ("z", "z_view")),
    Case(lambda: _reading(terms.BlockAllocation(LatentLayout(invariant=1, variant=1, free=1))), ("z", "z_view")),
    Case(lambda: _reading(terms.ReadableTransformation(_LAYOUT, (0, 1), hidden=(4,))), ()),  # scaled by its spread
    Case(terms.NTXent, ("z", "z_view")),
    Case(terms.VICReg, ("z", "z_view")),
    Case(terms.ModalityContrast, ()),
    Case(lambda: terms.OnBlock(terms.Covariance(), _LAYOUT, "invariant"), ("z",)),
    Case(lambda: terms.BetweenBlocks(_hsic_of_reals(), _LAYOUT, "invariant", "variant"), ("z",)),
    Case(_chains, ("z",)),
    Case(lambda: terms.NoiseContrast(_energy_network(), landscape.MixtureDensity(2, 3)).eval(), ("z",)),
    Case(lambda: terms.DenoisingScore(_energy_network(), 0.5).eval(), ("z",)),
    Case(lambda: terms.GaussianDivergence(0.01), ("mean", "log_variance")),
    Case(lambda: terms.EnergyPrior(_chains()).eval(), ("z", "log_variance")),
    Case(lambda: terms.Detached(terms.Covariance()), ()),
    Case(_assignment, ("charts",)),
    Case(lambda: terms.Reconstruction(2.0), ("recon", "x", "weight")),
    Case(lambda: terms.NeighborContrast(8.0), ("z",)),
    Case(lambda: terms.NeighborContrast(8.0, loss=terms.CrossEntropy(), against=terms.HardNegatives(3)), ("z",)),
    Case(lambda: terms.NeighborContrast(8.0, similarity=terms.GaussianSimilarity(4.0)), ("z",)),
    Case(
        lambda: terms.NeighborContrast(8.0, similarity=terms.ExponentialSimilarity(), geometry=geometry.DepthSpace()),
        ("z",),
    ),
    Case(lambda: terms.Triplet(3.0, geometry=geometry.DepthSpace()), ("z",)),
    Case(lambda: terms.LocalDistance(geometry=geometry.DepthSpace()), ("z",)),
    Case(lambda: terms.NeighborContrast(8.0, loss=terms.NegativeSampling()), ("z",)),
    Case(lambda: terms.Triplet(2.0), ("z",)),
    Case(terms.LocalDistance, ("z",)),
    Case(terms.Stress, ("z",)),
    Case(lambda: terms.Stress(geometry=geometry.DepthSpace()), ("z",)),
    Case(lambda: terms.Stress(1.0, scale=terms.FixedScale()), ("z",)),
    Case(terms.Signature, ("z",)),
    Case(lambda: terms.Signature(scale=terms.FixedScale()), ("z",)),
    Case(terms.RTDLite, ("z",)),
    Case(lambda: terms.Signature(geometry=geometry.DepthSpace()), ("z",)),
    Case(lambda: terms.RTDLite(geometry=geometry.DepthSpace()), ("z",)),
    Case(lambda: terms.NeighborReconstruction(geometry=geometry.DepthSpace()), ("z", "x")),
    Case(terms.NeighborReconstruction, ("z", "x")),
    Case(lambda: terms.HSIC(latent_kernel=terms.GaussianKernel(1.5)), ("z",)),
    Case(lambda: terms.HSIC(latent_kernel=terms.GaussianKernel(1.5), exact_rows=0, features=40), ("z",)),
    Case(lambda: terms.ConditionalHSIC(terms.HSIC(latent_kernel=terms.GaussianKernel(1.5))), ("z",)),
    Case(lambda: terms.ResidualHSIC(terms.LogLoss(), hsic=_hsic_of_reals()), ("x", "prediction")),
    Case(lambda: terms.WithinStrata(terms.Covariance(), rows=2), ("z",)),
    Case(terms.Prediction, ("prediction", "weight")),
    Case(terms.IRMv1, ("prediction", "weight")),
    Case(terms.VREx, ("prediction", "weight")),
    Case(terms.Fishr, ("z", "prediction", "weight")),
    Case(lambda: terms.MMD(terms.GaussianKernel(1.5)), ("z",)),
    Case(lambda: terms.MMD(terms.GaussianKernel(1.5), exact_rows=0, features=40), ("z",)),
    Case(terms.CORAL, ("z",)),
    Case(lambda: _reading(terms.Adversarial(3, 3, hidden=(4,))), ()),  # its gradient is reversed on purpose
    Case(lambda: _reading(terms.ConditionalAdversarial(3, 3, 2, hidden=(4,))), ()),
    Case(lambda: terms.TotalCorrelation(50), ("z", "mean", "log_variance")),
    Case(lambda: terms.TotalCorrelation(50, weights=terms.StratifiedWeights()), ("z", "mean", "log_variance")),
    Case(terms.Covariance, ("z",)),
    Case(terms.PrototypeEnergy, ("z",)),
    Case(lambda: terms.PrototypeSeparation(5.0), ("prototypes",)),
    Case(terms.ChartBalance, ("charts",)),
    Case(lambda: terms.UsageBand(0.95, 1.05), ("charts",)),
    Case(terms.MutualInformation, ("charts",)),
    Case(terms.Sharpening, ()),
    Case(lambda: terms.Sharpening(terms.MovingUsage(4, decay=0.0)), ()),
    Case(terms.BalancedAssignment, ()),
    Case(terms.SwappedAssignment, ()),
    Case(lambda: terms.ChartSmoothness(terms.VirtualAdversary(0.5)), ()),
    Case(lambda: terms.ChartReconstruction(2.0), ("charts", "charts.decoded", "x", "weight")),
    Case(terms.RoutingEntropy, ("charts",)),
    Case(lambda: terms.OverlapBand(0.4, 0.4, share=0.5), ("charts",)),
    Case(terms.RoutingConsistency, ("charts.decoder_weights",)),
    Case(lambda: terms.ChartVariance(2.0, rows=2), ("charts.local",)),
    Case(lambda: terms.ChartCovariance(rows=2), ("charts.local",)),
    Case(terms.ChartInvariance, ("charts.local", "view")),
    Case(terms.Orthogonality, ()),
    Case(terms.LipschitzBound, ()),
    Case(terms.Commitment, ("charts.local",)),
    Case(lambda: terms.Commitment(geometry=geometry.DepthSpace()), ("charts.local",)),
    Case(lambda: terms.DetailBudget(0.1), ("charts.detail",)),
    Case(lambda: terms.TextureBudget(rows=2), ("charts.texture",)),
    Case(terms.JumpConsistency, ()),  # its targets are fixed
    Case(_anchor, ("z",)),
    Case(_cover, ("charts",)),
    Case(_seats, ("charts.local",)),
    Case(lambda: terms.Rebind(terms.Covariance(), {"z": "map"}), ("map",)),
]
_IDS = [type(case.make()).__name__ for case in CASES]
every_term = pytest.mark.parametrize("case", CASES, ids=_IDS)


def value_of(term: Term, batch: Fields) -> Tensor:
    torch.manual_seed(0)  # some terms draw
    return term(**term.bind(batch))


def test_the_table_is_complete():
    public = {
        name
        for name in terms.__all__
        if inspect.isclass(getattr(terms, name)) and issubclass(getattr(terms, name), Term)
    }
    assert set(_IDS) == public - {"Term"}


@every_term
def test_a_finite_scalar_in_both_precisions(case: Case):
    term, batch = case.make(), fields()
    double, narrow = value_of(term, batch), value_of(case.make(), single(batch))
    for value, dtype in ((double, torch.float64), (narrow, torch.float32)):
        assert value.shape == ()
        assert value.dtype == dtype
        assert torch.isfinite(value)
    assert narrow.item() == pytest.approx(double.item(), rel=1e-4, abs=1e-5)


@every_term
def test_the_gradient_is_right_for_every_field_it_should_move(case: Case):
    term, batch = case.make(), fields()
    for name in case.differentiable:

        def loss(value: Tensor, name: str = name) -> Tensor:
            return value_of(term, put(batch, name, value))

        leaf = part_of(batch, name).clone().requires_grad_()
        assert torch.autograd.gradcheck(loss, leaf)
        (slope,) = torch.autograd.grad(loss(leaf), leaf)
        assert (slope != 0).any()


@every_term
def test_the_order_of_rows_does_not_matter(case: Case):
    term, batch = case.make(), fields()
    order = torch.randperm(_N, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(value_of(term, permuted(batch, order)), value_of(term, batch))


@every_term
def test_a_missing_field_is_named(case: Case):
    term = case.make()
    for entry in term.inputs():
        without = {name: value for name, value in fields().items() if name != entry.field}
        for batch in (without, without | {entry.field: None}):
            if entry.required:
                message = rf"^Term 'mine' \({type(term).__name__}\) reads `{entry.field}`, but the batch has none"
                with pytest.raises(MissingInput, match=message):
                    Objective({"mine": term})(batch, step=0)
            else:
                assert torch.isfinite(value_of(term, batch))


@every_term
def test_inputs_are_not_changed(case: Case):
    term, batch = case.make(), fields()
    value_of(term, batch)
    for name, before in fields().items():
        if isinstance(before, Tensor):
            assert torch.equal(batch[name], before)


@every_term
def test_specification_round_trip(case: Case):
    term = case.make()
    spec = json.loads(json.dumps(to_spec(term)))
    again = build(spec)
    again.train(term.training)
    again.load_state_dict(term.state_dict())  # buffers are no part of the specification
    assert type(again) is type(term)
    assert to_spec(again) == spec
    assert torch.equal(value_of(again, fields()), value_of(term, fields()))


@every_term
def test_a_constant_batch_is_finite_with_a_finite_gradient(case: Case):
    term, batch = case.make(), fields()
    constant = {n: torch.zeros_like(v) for n, v in batch.items() if isinstance(v, Tensor) and n != "weight"}
    constant["modalities"] = {name: torch.zeros_like(block) for name, block in batch["modalities"].items()}
    one_chart = torch.zeros(_N, 4, dtype=torch.float64)
    one_chart[:, 0] = 1
    charts = batch["charts"]
    still = each_of(charts, lambda value: value if value is charts.shown else torch.zeros_like(value))
    batch = batch | constant | {"charts": still._replace(weights=one_chart)}
    for name in case.differentiable:
        leaf = part_of(batch, name).clone().requires_grad_()
        value = value_of(term, put(batch, name, leaf))
        (slope,) = torch.autograd.grad(value, leaf)
        assert torch.isfinite(value)
        assert torch.isfinite(slope).all()
