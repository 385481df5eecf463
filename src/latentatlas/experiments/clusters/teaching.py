"""Networks that are taught groups, and better them: by views of the same image, or by what neighbours agree on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, final

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from latentatlas.core import reproducible
from latentatlas.experiments.clusters.base import Rows
from latentatlas.experiments.clusters.priors import grey, moved
from latentatlas.graph import Neighbours

__all__ = ["Agreement", "ViewTeaching"]

_BLOCK_ROWS = 2_000
_TINY = 1e-8

Predict = Callable[[Rows], np.ndarray]


@final
class ViewTeaching(NamedTuple):
    """Groups are learnt from moved images, and the network's own answers to unmoved ones are the next groups.

    A row that lies in the wrong group beside its like is outvoted: the network cannot tell it from them. Each round
    minimises the cross-entropy of the answers to `moved` images with labels smoothed by .1, AdamW under a one-cycle
    rate. Two convolutions of stride 2, then two linear layers; grey images.

    Attributes:
        shape: of an image.
        rounds: how often groups are replaced.
        steps: of each round.
        rows: a step.
    """

    shape: tuple[int, ...]
    rounds: int = 3
    steps: int = 300
    rows: int = 256

    def __call__(self, x: Rows, groups: Int[np.ndarray, " n"], *, seed: int) -> tuple[np.ndarray, Predict]:
        """The groups after the last round, and the network's answer to any rows. O(rounds · (steps · rows + n))."""
        with reproducible(seed):
            pixels = torch.from_numpy(np.ascontiguousarray(x, dtype=np.float32))
            scale = float(pixels.abs().max())
            target = torch.from_numpy(groups.astype(np.int64))
            network = _small_convolutions(self.shape, int(target.max()) + 1)

            def answer(rows: Tensor) -> Tensor:
                network.eval()
                with torch.no_grad():
                    parts = [network(grey(block, self.shape) / scale) for block in rows.split(_BLOCK_ROWS)]
                return torch.cat(parts).argmax(dim=1)

            for _ in range(self.rounds):
                self._round(network, pixels, target, scale)
                target = answer(pixels)
        return target.numpy(), lambda new: answer(torch.from_numpy(np.ascontiguousarray(new, np.float32))).numpy()

    def _round(self, network: nn.Module, pixels: Tensor, target: Tensor, scale: float) -> None:
        optimiser = torch.optim.AdamW(network.parameters(), 4e-3)
        rate = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, total_steps=self.steps)
        network.train()
        for _ in range(self.steps):
            drawn = torch.randint(len(pixels), (min(self.rows, len(pixels)),))
            views = moved(grey(pixels[drawn], self.shape) / scale)
            loss = F.cross_entropy(network(views), target[drawn], label_smoothing=0.1)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            rate.step()


def _small_convolutions(shape: Sequence[int], groups: int) -> nn.Module:
    height, width = ((side + 3) // 4 for side in shape[:2])  # halved twice, rounded up
    return nn.Sequential(
        nn.Conv2d(1, 16, 5, 2, 2),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.Conv2d(16, 32, 5, 2, 2),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(32 * height * width, 128),
        nn.BatchNorm1d(128),
        nn.ReLU(),
        nn.Linear(128, groups),
    )


@final
class Agreement(NamedTuple):
    r"""A linear softmax p(x) on which neighbours agree while groups stay even.

    After a warm-up on the groups it is given it minimises, over rows i and one random neighbour j of each,

        −mean log p(xᵢ)·p(xⱼ) − evenness · H(mean p),

    the objective of SCAN, with the weight and the number of neighbours of that paper. H of the mean is highest where
    all groups are equally large, so groups that are truly uneven are not for this.

    Attributes:
        evenness: weight of the entropy.
        neighbours: that a row is asked to agree with.
        steps: in all; a fifth of them is the warm-up.
        rows: a step.

    References:
        Van Gansbeke et al., SCAN: Learning to classify images without labels, ECCV 2020.
    """

    evenness: float = 5.0
    neighbours: int = 20
    steps: int = 500
    rows: int = 1024

    def __call__(
        self, x: Rows, groups: Int[np.ndarray, " n"], near: Neighbours, *, seed: int
    ) -> tuple[np.ndarray, Predict]:
        """The most likely group of each row, and the same for any rows. O(steps · rows · features)."""
        with reproducible(seed):
            rows = torch.from_numpy(np.ascontiguousarray(x, dtype=np.float32))
            spread = float(rows.std(dim=0).norm()) / rows.shape[1] ** 0.5
            target = torch.from_numpy(groups.astype(np.int64))
            partners = torch.from_numpy(near.indices[:, : self.neighbours].astype(np.int64))
            head = nn.Linear(rows.shape[1], int(target.max()) + 1)
            nn.init.zeros_(head.weight)
            nn.init.zeros_(head.bias)
            self._train(head, rows / spread, target, partners)

        def predict(new: Rows) -> np.ndarray:
            with torch.no_grad():
                return head(torch.from_numpy(np.ascontiguousarray(new, np.float32)) / spread).argmax(dim=1).numpy()

        return predict(x), predict

    def _train(self, head: nn.Linear, rows: Tensor, target: Tensor, partners: Tensor) -> None:
        optimiser = torch.optim.AdamW(head.parameters(), 2e-3)
        rate = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: min(1.0, 2 * (1 - step / self.steps)))
        size = min(self.rows, len(rows))
        for step in range(self.steps):
            drawn = torch.randint(len(rows), (size,))
            if 5 * step < self.steps:
                loss = F.cross_entropy(head(rows[drawn]), target[drawn])
            else:
                partner = partners[drawn, torch.randint(partners.shape[1], (size,))]
                loss = self._loss(head(rows[drawn]).softmax(dim=1), head(rows[partner]).softmax(dim=1))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            rate.step()

    def _loss(self, here: Float[Tensor, "n k"], there: Float[Tensor, "n k"]) -> Tensor:
        mean = (here.mean(dim=0) + there.mean(dim=0)) / 2
        apart = -((here * there).sum(dim=1) + _TINY).log().mean()
        return apart - self.evenness * torch.special.entr(mean).sum()
