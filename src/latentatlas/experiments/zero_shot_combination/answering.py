"""What is judged: something that tells a shape and, where it can, shows a shape in another colour."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, final

import numpy as np
import torch

from latentatlas.core import Batch
from latentatlas.erasure import Erasure, LinearEraser
from latentatlas.experiments.zero_shot_combination.methods import Parted
from latentatlas.experiments.zero_shot_combination.rows import Pairs, colour_of, gray, label_of
from latentatlas.metrics import LinearProbe

__all__ = ["Answering", "Erased", "Gray", "Guess", "MeanImage", "Mixing", "Moving", "Nearest"]


class Answering(ABC):
    """Tells the shape of images; may have a latent, and may combine a shape with a colour."""

    @abstractmethod
    def shapes(self, rows: Batch) -> np.ndarray:
        """The number of the shape of each row."""

    def latent(self, rows: Batch) -> np.ndarray | None:
        """What must not tell the colour; None where there is no latent."""
        return None

    def combined(self, pairs: Pairs) -> np.ndarray | None:
        """Images of the shape of the sources in the colour of the donors; None where none are made."""
        return None


class _Network(Answering, ABC):
    """A trained autoencoder, its latent and its head."""

    def __init__(self, model: Parted):
        self.model = model

    @torch.no_grad()
    def latent(self, rows: Batch) -> np.ndarray:
        """The part of the latent that the head reads."""
        return self.model(rows).z.numpy()

    @torch.no_grad()
    def shapes(self, rows: Batch) -> np.ndarray:
        """The answer of the head."""
        return self.model(rows).prediction.argmax(dim=1).numpy()


@final
class Mixing(_Network):
    """Decodes z of the source with the free axes and the told colour of the donor."""

    @torch.no_grad()
    def combined(self, pairs: Pairs) -> np.ndarray:
        """Both at once."""
        return self.model.mixed(pairs.source, pairs.donor).numpy()


@final
class Moving(_Network):
    """Moves z of the source by the difference between the mean of the wanted colour and that of its own."""

    def __init__(self, model: Parted, rows: Batch):
        super().__init__(model)
        colour = colour_of(rows).numpy()
        self.means = np.stack([self.latent(rows)[colour == which].mean(axis=0) for which in range(3)])

    @torch.no_grad()
    def combined(self, pairs: Pairs) -> np.ndarray:
        """Arithmetic of means."""
        before, after = (self.means[colour_of(part).numpy()] for part in (pairs.source, pairs.donor))
        z = torch.from_numpy(self.latent(pairs.source) + after - before)
        return self.model.decoder(z).numpy()


@final
class Erased(Answering):
    """A frozen latent with the colour erased, and a new head; what was erased of the donor is its colour.

    Args:
        model: an autoencoder without a penalty.
        rows: to fit the eraser and the head on.
        within: whether the colour is erased within shapes.
    """

    def __init__(self, model: Parted, rows: Batch, *, within: Any = None):
        self.plain = Mixing(model)
        self.erasure: Erasure = LinearEraser().fit(self.plain.latent(rows), colour_of(rows).numpy(), within).erasure
        self.head = LinearProbe().classifier().fit(self.latent(rows), label_of(rows).numpy())

    def latent(self, rows: Batch) -> np.ndarray:
        """Without what the eraser takes."""
        return self.erasure(self.plain.latent(rows))

    def shapes(self, rows: Batch) -> np.ndarray:
        """The answer of the new head."""
        return self.head.predict(self.latent(rows))

    @torch.no_grad()
    def combined(self, pairs: Pairs) -> np.ndarray:
        """The erased latent of the source with what was erased of the donor."""
        taken = self.plain.latent(pairs.donor) - self.latent(pairs.donor)
        return self.plain.model.decoder(torch.from_numpy(self.latent(pairs.source) + taken)).numpy()


@final
class Gray(Answering):
    """A network that sees gray images; it cannot show a colour."""

    def __init__(self, model: Parted):
        self.plain = Mixing(model)

    def latent(self, rows: Batch) -> np.ndarray:
        """Of the gray image."""
        return self.plain.latent(gray(rows))

    def shapes(self, rows: Batch) -> np.ndarray:
        """Of the gray image."""
        return self.plain.shapes(gray(rows))


@final
class Nearest(Answering):
    """The nearest seen image; of the wanted colour, and in gray, where a colour is wanted."""

    def __init__(self, rows: Batch):
        self.rows = rows

    def shapes(self, rows: Batch) -> np.ndarray:
        """The shape of the nearest image."""
        return label_of(self.rows)[torch.cdist(rows.x, self.rows.x).argmin(dim=1)].numpy()

    def combined(self, pairs: Pairs) -> np.ndarray:
        """A seen image in the colour of the donor."""
        far = torch.cdist(gray(pairs.source).x, gray(self.rows).x)
        far[colour_of(pairs.donor)[:, None] != colour_of(self.rows)[None]] = torch.inf
        return self.rows.x[far.argmin(dim=1)].numpy()


@final
class MeanImage(Answering):
    """The most frequent shape, and the mean of all images."""

    def __init__(self, rows: Batch):
        self.rows = rows

    def shapes(self, rows: Batch) -> np.ndarray:
        """The same for all."""
        return np.full(len(rows.x), int(torch.bincount(label_of(self.rows)).argmax()))

    def combined(self, pairs: Pairs) -> np.ndarray:
        """The same for all."""
        return self.rows.x.mean(dim=0).expand_as(pairs.source.x).numpy()


@final
class Guess(Answering):
    """A shape drawn at random, and a seen image drawn at random."""

    def __init__(self, rows: Batch, *, seed: int):
        self.rows = rows
        self.rng = np.random.default_rng(seed)

    def shapes(self, rows: Batch) -> np.ndarray:
        """Each as likely as the others."""
        return self.rng.integers(0, 3, len(rows.x))

    def combined(self, pairs: Pairs) -> np.ndarray:
        """Whatever comes."""
        return self.rows.x.numpy()[self.rng.integers(0, len(self.rows.x), len(pairs.source.x))]
