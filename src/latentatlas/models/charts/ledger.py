"""The book of parts that come and go: what is tried when, what changes by which evidence, and what is left alone."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple, final

import torch

from latentatlas.core import SpecError
from latentatlas.models.charts.parsimony import Parsimony
from latentatlas.models.charts.redundancy import nearest_pairs
from latentatlas.models.charts.trials import Cut, Parts, gain_of_cut, gain_of_two
from latentatlas.models.layers import positive_ints

__all__ = ["Changes", "ElasticEvent", "Ledger", "PartUse"]

_CUT = -1  # beside a part in the list of what waits: its next cut
SPLIT, MERGE, CLOSE, FULL, WHOLE, APART = "split", "merge", "close", "full", "whole", "apart"


class ElasticEvent(NamedTuple):
    """What was done with charts or codes, or tried and left, and why.

    Attributes:
        step: after which it was.
        of: charts, or codes of a chart.
        kind: split, merge, close or full where something happened; whole or apart where a trial changed nothing.
        parts: slots; of a split the old and the new one, of a merger the kept and the lost one.
        gain: nats per held-out row of the parts by which more parts do better; for a closed part its share of the rows.
        threshold: what the gain, or the share, was held against.
        why: in words.
    """

    step: int
    of: str
    kind: str
    parts: tuple[int, ...]
    gain: float
    threshold: float
    why: str


class PartUse(NamedTuple):
    """Which share of the training rows each slot had at a review; 0 where there is no part."""

    step: int
    share: tuple[float, ...]


class Changes(ABC):
    """What a ledger may do with parts."""

    @abstractmethod
    def split(self, part: int, into: int, cut: Cut) -> None:
        """A free slot has the rows on one side of the cut."""

    @abstractmethod
    def merge(self, kept: int, lost: int, share: float) -> None:
        """One part has the rows of both; `share` of them were those of the lost one."""

    @abstractmethod
    def close(self, part: int) -> None:
        """A part has no rows any more."""


@final
class Ledger:
    r"""Reviews of parts: mergers where one does nearly as well, a split where halves do better, closures of the unused.

    Gains are those of `gain_of_cut` and `gain_of_two`; `rule` says what they must be. A review closes what is dead,
    then merges pair by pair among each part's three nearest, least gain first, then splits the one part that gains
    most. Parts begin as many and become fewer: a cut in two often gains little where one in four would gain much.

    It comes to rest: mergers are harder than splits; a part that changed is left alone for `cool` reviews; a trial that
    changed nothing waits twice as long each time; and from mergers to splits or back it turns only `cool` reviews after
    it last did, then twice, four times as many, so that in n reviews there are at most about log₂ n turns.

    Args:
        of: what the parts are called.
        rule: what a part must gain.
        dead: share of the even use below which a part is closed, 0 to 1; 0 never does.
        cool: reviews for which a changed part is left alone.

    Attributes:
        events: what happened.
        trials: what was tried and left.
        uses: shares of the rows, one entry a review.

    Raises:
        SpecError: for numbers out of range.
    """

    def __init__(self, of: str, rule: Parsimony, *, dead: float = 0.05, cool: int = 1):
        positive_ints("Ledger", cool=cool)
        if not 0 <= dead < 1:
            raise SpecError(f"Ledger wants 0 ≤ dead < 1, in even shares; got {dead}. 0.05 is usual.")
        self.of = of
        self.rule = rule
        self.dead = dead
        self.cool = cool
        self.events: list[ElasticEvent] = []
        self.trials: list[ElasticEvent] = []
        self.uses: list[PartUse] = []
        self._reviews = 0
        self._calm = cool
        self._turned = 0
        self._last = ""
        self._waits: dict[tuple[int, ...], tuple[int, int]] = {}

    @classmethod
    def restored(cls, state: dict[str, Any] | None) -> Ledger | None:
        """One that was saved, to be read; None where there was none."""
        if state is None:
            return None
        ledger = cls(state["of"], Parsimony())
        ledger.load_state_dict(state)
        return ledger

    def review(self, step: int, parts: Parts, there: Sequence[int], room: int, changes: Changes) -> None:
        """Look at the parts that are there, of `room` slots."""
        self._reviews += 1
        use = torch.bincount(parts.part[0], minlength=room) / len(parts.part[0])
        self.uses.append(PartUse(step, tuple(use.tolist())))
        left = self._close_dead(step, list(there), changes)
        left = self._merge_alike(step, parts, left, changes)
        self._split_best(step, parts, left, room, changes)

    @property
    def last_change(self) -> int:
        """The step of the last part that came or went; −1 if none did."""
        return max((event.step for event in self.events if event.kind != FULL), default=-1)

    def rested(self, since: int) -> bool:
        """Whether nothing has changed from a step on."""
        return self.last_change < since

    def state_dict(self) -> dict[str, Any]:
        """Events, uses, and what is left alone until when."""
        return {
            "of": self.of,
            "events": [tuple(event) for event in self.events],
            "trials": [tuple(event) for event in self.trials],
            "uses": [tuple(use) for use in self.uses],
            "reviews": self._reviews,
            "calm": self._calm,
            "turned": self._turned,
            "last": self._last,
            "waits": [[list(key), *wait] for key, wait in self._waits.items()],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self.events, self.trials = ([_event(entry) for entry in state[name]] for name in ("events", "trials"))
        self.uses = [PartUse(step, tuple(share)) for step, share in state["uses"]]
        self._reviews, self._last = state["reviews"], state["last"]
        self._calm, self._turned = state["calm"], state["turned"]
        self._waits = {tuple(key): (until, patience) for key, until, patience in state["waits"]}

    def _close_dead(self, step: int, there: list[int], changes: Changes) -> list[int]:
        share = self.uses[-1].share
        for part in sorted(there, key=lambda part: share[part]):
            threshold = self.dead / len(there)
            if len(there) > 1 and share[part] < threshold and self._due(part):
                changes.close(part)
                there.remove(part)
                self._note(step, CLOSE, (part,), share[part], threshold, f"It had {share[part]:.1%} of the rows.")
        return there

    def _merge_alike(self, step: int, parts: Parts, there: list[int], changes: Changes) -> list[int]:
        if not self._may(MERGE):
            return there
        near = nearest_pairs(parts.x[0], parts.part[0], [part for part in there if self._due(part)])
        known = {pair: gain_of_two(parts, *pair) for pair in near if self._due(*pair)}
        middle = sorted(near.values())[len(near) // 2] if near else 1.0
        middle = middle if middle > 0 else 1.0
        for pair, found in sorted(known.items(), key=lambda entry: entry[1] or 0.0):
            if not set(pair) <= set(there) or not all(self._due(part) for part in pair):
                continue
            gain, said = found or 0.0, f"redundancy {math.exp(-near[pair] / middle):.2f}; "
            if not self.rule.merges(gain):
                self._leave(step, APART, pair, gain, self.rule.bar, said + "apart they do better")
                continue
            said += "too few rows to tell" if found is None else "one does nearly as well"
            share = self.uses[-1].share
            kept, lost = sorted(pair, key=lambda part: -share[part])
            changes.merge(kept, lost, share[lost] / max(share[kept] + share[lost], 1e-12))
            there.remove(lost)
            self._note(step, MERGE, (kept, lost), gain, self.rule.bar, said)
        return there

    def _split_best(self, step: int, parts: Parts, there: list[int], room: int, changes: Changes) -> None:
        if not self._may(SPLIT):
            return
        cost = self.rule.margin
        cuts = {part: gain_of_cut(parts, part) for part in there if self._due(part) and self._due(part, _CUT)}
        worth = {part: cut for part, cut in cuts.items() if cut and self.rule.splits(cut.gain)}
        best = max(worth, key=lambda part: worth[part].gain, default=None)
        for part, cut in cuts.items():
            if part not in worth:
                why = "it has too few rows" if cut is None else "halves do too little better"
                self._leave(step, WHOLE, (part,), 0.0 if cut is None else cut.gain, cost, why)
        if best is None:
            return
        free = sorted(set(range(room)) - set(there))
        if not free:
            self._leave(
                step, FULL, (best,), worth[best].gain, cost, f"halves do better, but all {room} slots are taken"
            )
            return
        changes.split(best, free[0], worth[best])
        self._note(step, SPLIT, (best, free[0]), worth[best].gain, cost, "halves do better")

    def _note(self, step: int, kind: str, changed: tuple[int, ...], gain: float, threshold: float, why: str) -> None:
        """Something changed: it is left alone for a while."""
        self.events.append(ElasticEvent(step, self.of, kind, changed, gain, threshold, why))
        if kind != CLOSE:
            if self._last not in ("", kind):
                self._calm, self._turned = 2 * self._calm, self._reviews
            self._last = kind
        self._waits = {key: wait for key, wait in self._waits.items() if not set(key) & set(changed)}
        for part in changed:
            self._waits[(part,)] = (self._reviews + self.cool, self.cool)

    def _leave(self, step: int, kind: str, key: tuple[int, ...], gain: float, threshold: float, why: str) -> None:
        """A trial changed nothing: the next one waits."""
        event = ElasticEvent(step, self.of, kind, key, gain, threshold, why)
        (self.events if kind == FULL else self.trials).append(event)
        name = key if len(key) > 1 else (*key, _CUT)
        patience = 2 * self._waits[name][1] if name in self._waits else self.cool
        self._waits[name] = (self._reviews + patience, patience)

    def _may(self, kind: str) -> bool:
        """Whether the other direction was left long enough ago, if it was."""
        return self._last in ("", kind) or self._reviews > self._turned + self._calm

    def _due(self, *key: int) -> bool:
        return self._reviews > self._waits.get(key, (0, 0))[0]


def _event(entry: Sequence[Any]) -> ElasticEvent:
    step, of, kind, parts, gain, threshold, why = entry
    return ElasticEvent(step, of, kind, tuple(parts), gain, threshold, why)
