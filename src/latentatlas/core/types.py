"""The containers that pass between data, models and terms. NamedTuples, so Fabric, collate and pytrees take them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from jaxtyping import Bool, Float, Int, Shaped
from torch import Generator, Tensor

from latentatlas.core.errors import MissingInput

__all__ = ["Batch", "Charts", "Edges", "Latents", "Map", "Nuisance", "Reach", "ScalarField", "Transformation"]

Map = Callable[[Tensor], Tensor]
"""A batched map such as an encoder or a decoder: `(n, a) -> (n, b)`."""

ScalarField = Callable[[Tensor], Tensor]
"""An energy over points: `(n, dim) -> (n,)`."""

Nuisance = Shaped[Tensor, "n ..."] | Mapping[str, Shaped[Tensor, "n ..."]]
"""One column, or several by name: integer codes are categories, reals are numbers. Never joined into one matrix."""


@runtime_checkable
class Transformation(Protocol):
    """A change of rows whose parameters are drawn, and then known."""

    def sample(self, n: int, generator: Generator) -> Float[Tensor, "n parameters"]:
        """The parameters of n changes."""
        ...

    def apply(
        self, x: Float[Tensor, "n *features"], parameters: Float[Tensor, "n parameters"]
    ) -> Float[Tensor, "n *features"]:
        """The rows, each changed by its parameters."""
        ...


class Edges(NamedTuple):
    """Graph edges with both ends in the batch.

    Attributes:
        source: position in the batch of each edge's tail.
        target: position in the batch of each edge's head.
        known: True where two rows of the batch are neighbours in the WHOLE graph (or are the same row).
    """

    source: Int[Tensor, " edges"]
    target: Int[Tensor, " edges"]
    known: Bool[Tensor, "n n"] | None = None


class Batch(NamedTuple):
    """What goes into a model. All fields but `x` are optional.

    Attributes:
        x: patterns, one row each; images may keep their axes.
        row: row numbers in the training set.
        label: class or target of each row.
        nuisance: what must not matter: one column of integer codes or reals, or several such columns by name.
        environment: integer code of the environment of each row.
        view: a second, transformed view of `x`.
        weight: non-negative sample weights.
        edges: sampled graph edges between rows of this batch.
        transform: parameters of the transformation that made the view.
    """

    x: Float[Tensor, "n *features"]
    row: Int[Tensor, " n"] | None = None
    label: Shaped[Tensor, "n *labels"] | None = None
    nuisance: Nuisance | None = None
    environment: Int[Tensor, " n"] | None = None
    view: Float[Tensor, "n *features"] | None = None
    weight: Float[Tensor, " n"] | None = None
    edges: Edges | None = None
    transform: Float[Tensor, "n parameters"] | None = None


class Charts(NamedTuple):
    """Soft membership of each row in each chart, and where a model has them the coordinates within the charts.

    Attributes:
        weights: memberships w; every row sums to 1.
        local: coordinates z^(k) in each chart, centred on it; those of different charts are never added.
        code: number of the nearest code within each chart.
        quantised: that code e, in the chart's coordinates.
        detail: the part z_n of z^(k) − e that the base decoder sees.
        texture: coordinates of the rest, z_tex, which it does not see.
        shown: numbers of the charts that were decoded, the likeliest first; None where all were.
        decoded: the pattern as each of these charts decodes it.
        decoder_weights: memberships as the decoder reads them from the latent.
        active: which charts there are, where their number changes; None where all are. Others have no membership.
    """

    weights: Float[Tensor, "n charts"]
    local: Float[Tensor, "n charts dim"] | None = None
    code: Int[Tensor, "n charts"] | None = None
    quantised: Float[Tensor, "n charts dim"] | None = None
    detail: Float[Tensor, "n charts dim"] | None = None
    texture: Float[Tensor, "n charts rest"] | None = None
    shown: Int[Tensor, "n shown"] | None = None
    decoded: Float[Tensor, "n shown *features"] | None = None
    decoder_weights: Float[Tensor, "n charts"] | None = None
    active: Bool[Tensor, " charts"] | None = None

    def given(self, name: str, *, who: str) -> Tensor:
        """A field that must be there.

        Raises:
            MissingInput: if the model gave none.
        """
        value = getattr(self, name)
        if value is None:
            there = ", ".join(field for field, entry in self._asdict().items() if entry is not None)
            raise MissingInput(
                f"{who} reads `charts.{name}`, but the model gives none (there are: {there}). "
                "Take an AtlasAutoencoder that has this part, or drop what reads it."
            )
        return value


class Latents(NamedTuple):
    """What comes out of a model. A model fills what it has.

    Attributes:
        z: latent coordinates.
        recon: the decoded patterns, shaped like `x`.
        charts: soft chart membership, and coordinates within charts.
        map: two-dimensional coordinates for the picture; is `z` itself when `dim` is 2.
        mean: of the Gaussian that z was drawn from, in the units of z.
        log_variance: of that Gaussian, for each axis.
        prediction: of the label from z: one logit for each class, one for two classes, or the target itself.
        z_view: latent coordinates of the view, where the batch has one.
        prediction_view: of the label from these.
        modalities: what each of several kinds of measurement says of the invariant block, by name.
    """

    z: Float[Tensor, "n dim"]
    recon: Float[Tensor, "n *features"] | None = None
    charts: Charts | None = None
    map: Float[Tensor, "n 2"] | None = None
    mean: Float[Tensor, "n dim"] | None = None
    log_variance: Float[Tensor, "n dim"] | None = None
    prediction: Float[Tensor, "n *outputs"] | None = None
    z_view: Float[Tensor, "n dim"] | None = None
    prediction_view: Float[Tensor, "n *outputs"] | None = None
    modalities: Mapping[str, Float[Tensor, "n axes"]] | None = None


class Reach(NamedTuple):
    """What terms may reach of a model beside its latents. Whoever trains the model fills what it has.

    Attributes:
        encode: patterns to latents.
        decode: latents to patterns.
        route: patterns to chart memberships, `(n, features) -> (n, charts)`, rows summing to 1.
        energy: energy of latents.
        prototypes: the vectors that stand for the charts, in the space of the latents.
        critic: value of latents.
        chart: patterns to charts with local coordinates.
        jump: local coordinates in every chart, each taken to every other, from the second axis to the third:
            `(n, charts, dim) -> (n, charts, charts, dim)`.
        matrices: the weights of the model that are to be near isometries; stacks of matrices along the first axes.
    """

    encode: Map | None = None
    decode: Map | None = None
    route: Map | None = None
    energy: ScalarField | None = None
    prototypes: Float[Tensor, "charts dim"] | None = None
    critic: ScalarField | None = None
    chart: Callable[[Tensor], Charts] | None = None
    jump: Map | None = None
    matrices: Callable[[], Sequence[Tensor]] | None = None
