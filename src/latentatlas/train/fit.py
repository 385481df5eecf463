"""One training loop, on Lightning Fabric: processor, one accelerator, or several."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, final

import torch
from torch import nn

from latentatlas.core import Batch, DataError, Latents, Reach, SpecError, to_spec
from latentatlas.geometry import curved_parameters
from latentatlas.landscape import PrototypeBank
from latentatlas.terms import Objective, Report, gather_fields
from latentatlas.train.batches import BatchSource, move_rows, take_rows
from latentatlas.train.callbacks import Callback, History, Never, Silent
from latentatlas.train.riemannian import RiemannianAdam

if TYPE_CHECKING:
    from lightning_fabric import Fabric

__all__ = ["Recipe", "fit"]

_HELD_OUT_ROWS = 4096


@final
class Recipe:
    """How the optimiser runs: AdamW with a one-cycle rate; weight decay on matrices only; clipped gradients.

    While the rate rises and falls the momentum goes from .95 to .85 and back, as the one-cycle rule has it.

    Args:
        steps: optimiser steps.
        rate: highest learning rate, reached after `warmup` of the steps.
        decay: weight decay.
        clip: largest gradient norm.
        warmup: share of the steps with a rising rate.
        log_every: steps between records.
        mixed: whether networks multiply in bfloat16 where the device is fast at it; gradients and sums stay float32.
    """

    def __init__(
        self,
        steps: int,
        *,
        rate: float = 3e-3,
        decay: float = 1e-2,
        clip: float = 5.0,
        warmup: float = 0.1,
        log_every: int = 50,
        mixed: bool = False,
    ):
        if steps < 1 or log_every < 1 or not (rate > 0 and clip > 0):
            given = (steps, rate, clip, log_every)
            raise SpecError(f"Recipe wants steps, rate, clip and log_every > 0; got {given}. Raise them.")
        if not (decay >= 0 and 0 <= warmup < 1):
            raise SpecError(f"Recipe wants decay ≥ 0 and 0 ≤ warmup < 1; got {decay}, {warmup}. Mend the two.")
        self.steps = steps
        self.rate = rate
        self.decay = decay
        self.clip = clip
        self.warmup = warmup
        self.log_every = log_every
        self.mixed = mixed

    def optimiser(self, module: nn.Module) -> torch.optim.Optimizer:
        """AdamW over all parameters, with the decay on those of two axes or more.

        Where some are points of a curved space, such as the prototypes of a bank in a `PoincareBall`, it is
        `RiemannianAdam`; these have no decay.
        """
        trained, curved = [p for p in module.parameters() if p.requires_grad], curved_parameters(module)
        matrices = [p for p in trained if p.ndim > 1 and p not in curved]
        others = [p for p in trained if p.ndim <= 1 or p in curved]
        groups = [{"params": matrices, "weight_decay": self.decay}, {"params": others, "weight_decay": 0.0}]
        groups = [group for group in groups if group["params"]]
        if curved:
            return RiemannianAdam(groups, curved, lr=self.rate, betas=(0.95, 0.98))
        return torch.optim.AdamW(groups, lr=self.rate, betas=(0.95, 0.98), fused=True)

    def schedule(self, optimiser: torch.optim.Optimizer) -> torch.optim.lr_scheduler.LRScheduler:
        """The one-cycle rate; constant where the rise would take no more than one step."""
        if self.steps * self.warmup <= 1:
            return torch.optim.lr_scheduler.ConstantLR(optimiser, factor=1.0, total_iters=1)
        return torch.optim.lr_scheduler.OneCycleLR(optimiser, self.rate, total_steps=self.steps, pct_start=self.warmup)


@final
class _Training(nn.Module):
    """Model and objective as one module, so that Fabric wraps the whole forward pass."""

    def __init__(self, model: nn.Module, objective: Objective, *, mixed: bool):
        super().__init__()
        self.model = model
        self.objective = objective
        self.mixed = mixed

    def forward(self, batch: Batch, step: int) -> tuple[Report, Latents]:
        """The report, and the latents without gradient."""
        with self.products(batch.x.device):
            latents = self.model(batch)
            return self.objective(gather_fields(batch, latents, self._reach()), step=step), _detached(latents)

    def products(self, device: torch.device) -> torch.autocast:
        """Within it networks multiply in bfloat16, if they are to and the device is fast at it."""
        return torch.autocast(device.type, torch.bfloat16, enabled=self.mixed and _multiplies_bfloat16(device))

    def _reach(self) -> Reach:
        names = ("encode", "decode", "route", "chart", "jump", "matrices")
        return self.landscape()._replace(**{name: getattr(self.model, name, None) for name in names})

    def landscape(self) -> Reach:
        """Energy and prototypes of the model's bank, where it has one; else the model's own prototypes, if any."""
        bank = getattr(self.model, "bank", None)
        if not isinstance(bank, PrototypeBank):
            return Reach(prototypes=getattr(self.model, "prototypes", None))
        return Reach(energy=bank.energy, prototypes=bank.prototypes)


def fit(
    model: nn.Module,
    objective: Objective,
    batches: BatchSource,
    recipe: Recipe,
    *,
    held_out: Batch | None = None,
    callbacks: Sequence[Callback] = (),
    fabric: Fabric | None = None,
) -> History:
    """Train a model `Batch -> Latents` on an objective; the model is changed in place and left in evaluation mode.

    Records every term's raw value, weight and gradient share every `recipe.log_every` steps, and the value of the
    terms that need neither edges nor other callables than the energy on the held-out rows.

    Args:
        model: may offer `encode`, `decode`, `route`, `chart`, `jump`, `matrices` and a `bank` or `prototypes`, which
            terms then reach (`core.Reach`).
        objective: terms and schedules; its own parameters are trained too.
        batches: source of training batches.
        recipe: optimiser, rate and number of steps.
        held_out: rows that are never trained on; of more than 4,096 that many are taken, evenly spaced.
        callbacks: progress, early stop, checkpoints, staged events.
        fabric: where to run; None is the processor. With several devices the caller launches it and gives every
            rank a source with its own seed; the strategy is "ddp_find_unused_parameters_true" where a schedule starts
            at 0, since parameters are then unused for a while.

    Returns:
        The history of this fit; of this rank where there are several.

    Raises:
        DataError: if a gradient becomes NaN or infinite.
        StoreError: if there is a checkpoint, but not of this fit.
    """
    history = History()
    hooks = [history, *(callbacks or (Silent(), Never()))]
    loop = _Loop(model, objective, batches, recipe, hooks=hooks, fabric=fabric or _processor())
    aside = None if held_out is None else move_rows(_thinned(held_out), loop.fabric.device)
    try:
        for hook in hooks:
            hook.on_start(recipe.steps)
        for hook in hooks:
            hook.on_optimiser(loop.optimiser)
        for hook in hooks:
            hook.on_ready(loop)
        while loop.step < recipe.steps and not loop.stopped:
            for hook in hooks:
                hook.on_step(loop.step)
            loop.advance(aside)
        for hook in hooks:
            hook.on_finish()
    finally:
        for hook in hooks:
            hook.on_end()
    loop.training.to("cpu").eval()
    return history


@final
class _Loop:
    """A fit between two steps: all that decides how it goes on."""

    def __init__(
        self,
        model: nn.Module,
        objective: Objective,
        batches: BatchSource,
        recipe: Recipe,
        *,
        hooks: Sequence[Callback],
        fabric: Fabric,
    ):
        self.training = _Training(model, objective, mixed=recipe.mixed)
        self.recipe = recipe
        self.hooks = hooks
        self.fabric = fabric
        self.step = 0
        self.stopped = False
        self._wrapped, self._optimiser = fabric.setup(self.training, recipe.optimiser(self.training))
        self._batches = batches.to(fabric.device)
        self._rate = recipe.schedule(self._optimiser)
        self._started = time.perf_counter()

    @property
    def optimiser(self) -> torch.optim.Optimizer:
        """As the recipe made it."""
        return getattr(self._optimiser, "optimizer", self._optimiser)

    def advance(self, held_out: Batch | None) -> None:
        """One optimiser step, and a record of it where one is due."""
        step = self.step
        self.training.train()
        batch = self._batches.draw()
        report, latents = self._wrapped(batch, step)
        logging = step % self.recipe.log_every == 0 or step == self.recipe.steps - 1
        shares = _gradient_shares(self.training, report) if logging else {}
        self._optimiser.zero_grad()
        self.fabric.backward(report.total)
        norm = self.fabric.clip_gradients(
            self._wrapped, self._optimiser, max_norm=self.recipe.clip, error_if_nonfinite=False
        )
        if norm is not None and not torch.isfinite(norm):
            raise _not_finite(step, report)
        self._optimiser.step()
        used_rate = float(self._rate.get_last_lr()[0])
        self._rate.step()
        self.step += 1
        for hook in self.hooks:
            hook.on_batch(step, batch, latents)
        if logging:
            record = _record(report, shares, seconds=time.perf_counter() - self._started, rate=used_rate)
            self._log(step, record | _held_out_values(self.training, held_out, step), report.weights)

    def _log(self, step: int, record: dict[str, float], names: Mapping[str, float]) -> None:
        self.training.objective.observe(step, {name: record[f"value/{name}"] for name in names})
        for hook in self.hooks:
            hook.on_log(step, record)
        stop = any(hook.stop for hook in self.hooks)
        self.stopped = self.fabric.strategy.reduce_boolean_decision(stop, all=False)

    def _named_hooks(self) -> dict[str, Callback]:
        """Hooks that have a state; progress bars and the like may differ when a fit goes on."""
        keeping = [hook for hook in self.hooks if hook.state_dict()]
        return {f"{number} {type(hook).__name__}": hook for number, hook in enumerate(keeping)}

    def _about(self) -> dict[str, Any]:
        names = list(self.training.objective.terms)
        return {"recipe": to_spec(self.recipe), "terms": names, "batches": type(self._batches).__name__}

    def state_dict(self) -> dict[str, Any]:
        """Everything that changes from step to step."""
        if self.fabric.world_size > 1:
            raise SpecError(
                f"Checkpoint wants a fit on one device; this one runs on {self.fabric.world_size}. Leave the "
                "checkpoint out, or use one device."
            )
        on_device = self.fabric.device.type == "cuda"
        return {
            "fit": self._about(),
            "step": self.step,
            "stopped": self.stopped,
            "seconds": time.perf_counter() - self._started,
            "training": self.training.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "rate": self._rate.state_dict(),
            "batches": self._batches.state_dict(),
            "hooks": {name: hook.state_dict() for name, hook in self._named_hooks().items()},
            "random": torch.get_rng_state(),
            "random_on_device": torch.cuda.get_rng_state(self.fabric.device) if on_device else None,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to a state."""
        if state["fit"] != self._about():
            raise ValueError(f"it was {state['fit']}")
        self.training.load_state_dict(state["training"])
        self._optimiser.load_state_dict(state["optimiser"])
        self._rate.load_state_dict(state["rate"])
        self._batches.load_state_dict(state["batches"])
        for name, hook in self._named_hooks().items():
            hook.load_state_dict(state["hooks"][name])
        torch.set_rng_state(state["random"])
        if state["random_on_device"] is not None:
            torch.cuda.set_rng_state(state["random_on_device"], self.fabric.device)
        self.step, self.stopped = state["step"], state["stopped"]
        self._started = time.perf_counter() - state["seconds"]


def _detached(value: Any) -> Any:
    """The same tensors, inside of named tuples and mappings too, without gradient."""
    if isinstance(value, torch.Tensor):
        return value.detach()
    if isinstance(value, Mapping):
        return {name: _detached(entry) for name, entry in value.items()}
    return type(value)(*map(_detached, value)) if isinstance(value, tuple) else value


def _multiplies_bfloat16(device: torch.device) -> bool:
    """Whether the device has instructions for products of bfloat16; emulated ones would be slow."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    capabilities = getattr(torch.cpu, "get_capabilities", dict)()
    return device.type == "cpu" and any(capabilities.get(name) for name in ("avx512_bf16", "amx_bf16"))


def _processor() -> Fabric:
    from lightning_fabric import Fabric

    return Fabric(accelerator="cpu", devices=1)


def _thinned(held_out: Batch) -> Batch:
    """Evenly spaced rows, since some terms compare every pair."""
    n = len(held_out.x)
    if n <= _HELD_OUT_ROWS:
        return held_out
    return take_rows(held_out, torch.linspace(0, n - 1, _HELD_OUT_ROWS, dtype=torch.float64).long())


def _not_finite(step: int, report: Report) -> DataError:
    values = ", ".join(f"{name} {float(value.detach()):.4g}" for name, value in report.values.items())
    return DataError(
        f"fit wants finite gradients; at step {step} they are not (terms: {values}). "
        "Look for NaN and very large numbers in the data, scale them, or lower the rate."
    )


def _gradient_shares(training: nn.Module, report: Report) -> dict[str, float]:
    """Each term's share of Σ_t ‖λ_t ∇L_t‖ over all parameters; costs one backward pass per term."""
    parameters = [p for p in training.parameters() if p.requires_grad]
    norms = {}
    for name, value in report.values.items():
        if not value.requires_grad:
            norms[name] = 0.0
            continue
        gradients = torch.autograd.grad(value, parameters, retain_graph=True, allow_unused=True)
        squares = [g.square().sum() for g in gradients if g is not None]
        norms[name] = report.weights[name] * float(torch.stack(squares).sum().sqrt()) if squares else 0.0
    total = sum(norms.values())
    return {name: norm / total if total > 0 else 0.0 for name, norm in norms.items()}


def _record(report: Report, shares: dict[str, float], *, seconds: float, rate: float) -> dict[str, float]:
    record = {"seconds": seconds, "loss": float(report.total.detach()), "learning_rate": rate}
    for name, weight in report.weights.items():
        record[f"weight/{name}"] = weight
        record[f"value/{name}"] = float(report.values[name].detach()) if name in report.values else float("nan")
        record[f"share/{name}"] = shares.get(name, 0.0)
    return record


@torch.no_grad()
def _held_out_values(training: _Training, held_out: Batch | None, step: int) -> dict[str, float]:
    if held_out is None:
        return {}
    training.eval()
    with training.products(held_out.x.device):
        latents = training.model(held_out)
    fields = gather_fields(held_out, latents, training.landscape())
    fields = {name: value for name, value in fields.items() if value is not None}
    values = {}
    for name, (term, schedule) in training.objective.terms.items():
        if all(entry.field in fields for entry in term.inputs() if entry.required):
            active = schedule(step) > 0
            values[f"held_out/{name}"] = float(term(**term.bind(fields, name=name))) if active else math.nan
    return values
