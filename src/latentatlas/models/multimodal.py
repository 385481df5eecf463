"""One encoder for each kind of measurement, and a block that all of them share."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from latentatlas.core import LatentLayout, Latents, SpecError, did_you_mean
from latentatlas.models.decoders import Decoder
from latentatlas.models.encoders import Encoder
from latentatlas.models.layers import check_columns

__all__ = ["MultimodalDecoder", "MultimodalEncoder"]


@final
class MultimodalEncoder(Encoder):
    """Several encoders side by side; z = [mean of their invariant blocks | variant of each | free of each].

    Columns of x are those of the first modality, then of the second, and so on. What each modality alone says of the
    invariant block is given to terms as `modalities`: `terms.ModalityContrast` makes them agree. A row of which one
    modality is missing has `alone` of another.

    Args:
        encoders: by name, each of `layout.dim` axes.
        layout: the blocks of each modality.

    Attributes:
        joint: the layout of z; the variant block has a part for each modality.

    >>> from latentatlas.models import MLPEncoder
    >>> both = {"sound": MLPEncoder(3, 4, hidden=(8,)), "touch": MLPEncoder(2, 4, hidden=(8,))}
    >>> encoder = MultimodalEncoder(both, LatentLayout(invariant=2, variant=1, free=1)).eval()
    >>> str(encoder.joint), encoder(torch.zeros(5, 5)).shape
    ('invariant 2, variant.sound 1, variant.touch 1, free 2', torch.Size([5, 6]))

    Raises:
        SpecError: for fewer than two encoders, or other axes than those of the layout.
    """

    def __init__(self, encoders: Mapping[str, Encoder], layout: LatentLayout):
        super().__init__()
        if len(encoders) < 2:
            raise SpecError(f"MultimodalEncoder wants two encoders or more; got {len(encoders)}. Use one alone.")
        for name, encoder in encoders.items():
            if encoder.dim != layout.dim:
                raise SpecError(
                    f"MultimodalEncoder wants encoders of the {layout.dim} axes of {layout}; {name!r} has "
                    f"{encoder.dim}. Make both equal."
                )
        self.layout = layout
        self.encoders = dict(encoders)
        self.members = nn.ModuleDict(self.encoders)
        self.joint = joint_layout(layout, tuple(encoders))
        self.dim = self.joint.dim
        self.spread = getattr(next(iter(encoders.values())), "spread", 1.0)
        self._columns = [_columns(name, encoder) for name, encoder in encoders.items()]

    def forward(self, x: Float[Tensor, "n features"]) -> Float[Tensor, "n dim"]:
        """Those of the encoders."""
        return self.latents(x).z

    def latents(self, x: Float[Tensor, "n features"]) -> Latents:
        """The same, with the invariant block of each modality."""
        codes = {name: self.encoders[name](part) for name, part in self._parts(x).items()}
        invariant = {name: self.layout.block(code, "invariant") for name, code in codes.items()}
        mean = torch.stack(list(invariant.values())).mean(dim=0)
        others = [self.layout.block(code, block) for block in ("variant", "free") for code in codes.values()]
        return Latents(torch.cat([mean, *others], dim=1), modalities=invariant)

    def alone(self, name: str, x: Float[Tensor, "n columns"]) -> Float[Tensor, "n axes"]:
        """The invariant block, read from one modality.

        Raises:
            SpecError: for a modality that there is not.
        """
        if name not in self.encoders:
            raise SpecError(f"MultimodalEncoder has no modality {name!r}. {did_you_mean(name, self.encoders)}")
        return self.layout.block(self.encoders[name](x), "invariant")

    def mirror(self) -> MultimodalDecoder:
        """The mirrors of the encoders side by side."""
        decoders = {name: encoder.mirror() for name, encoder in self.encoders.items()}
        return MultimodalDecoder(decoders, self.layout)

    @torch.no_grad()
    def adapt(self, x: Float[Tensor, "n features"]) -> None:
        """Scales of each encoder from its columns."""
        for name, part in self._parts(x).items():
            self.encoders[name].adapt(part)

    def _parts(self, x: Tensor) -> dict[str, Tensor]:
        check_columns("MultimodalEncoder", x, sum(self._columns))
        return dict(zip(self.encoders, x.split(self._columns, dim=1), strict=True))


@final
class MultimodalDecoder(Decoder):
    """Each modality decoded from the shared block and its own; the mirror of `MultimodalEncoder`.

    Args:
        decoders: by name, each of `layout.dim` axes.
        layout: the blocks of each modality.
    """

    def __init__(self, decoders: Mapping[str, Decoder], layout: LatentLayout):
        super().__init__()
        self.decoders = dict(decoders)
        self.members = nn.ModuleDict(self.decoders)
        self.layout = layout
        self.joint = joint_layout(layout, tuple(decoders))
        self.dim = self.joint.dim
        self.spread = getattr(next(iter(decoders.values())), "spread", 1.0)

    def forward(self, z: Float[Tensor, "n dim"]) -> Float[Tensor, "n features"]:
        """Rows, modality by modality."""
        check_columns("MultimodalDecoder", z, self.dim)
        invariant = self.joint.block(z, "invariant")
        variant, free = (self.joint.block(z, block).chunk(len(self.decoders), dim=1) for block in ("variant", "free"))
        codes = [torch.cat([invariant, *own], dim=1) for own in zip(variant, free, strict=True)]
        return torch.cat([decode(code) for decode, code in zip(self.decoders.values(), codes, strict=True)], dim=1)

    @torch.no_grad()
    def adapt(self, x: Float[Tensor, "n features"]) -> None:
        """Scales of each decoder from its columns."""
        widths = [
            decode(torch.zeros(1, self.layout.dim, device=x.device)).shape[1] for decode in self.decoders.values()
        ]
        for decoder, part in zip(self.decoders.values(), x.split(widths, dim=1), strict=True):
            decoder.adapt(part)


def joint_layout(layout: LatentLayout, names: tuple[str, ...]) -> LatentLayout:
    """The blocks of several modalities with the same layout each, the invariant one shared."""
    parts = dict.fromkeys(names, layout.size("variant"))
    return LatentLayout(invariant=layout.invariant, variant=parts, free=layout.free * len(names))


def _columns(name: str, encoder: Encoder) -> int:
    """Columns that an encoder reads."""
    if hasattr(encoder, "in_features"):
        return int(encoder.in_features)  # type: ignore[arg-type]
    shape = getattr(encoder, "shape", None)
    if shape is None:
        raise SpecError(
            f"MultimodalEncoder wants encoders that tell their columns, by `in_features` or `shape`; {name!r} has "
            "neither. Add one of them."
        )
    return math.prod(shape)
