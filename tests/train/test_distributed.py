from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

_SCRIPT = """
import sys
import torch
from lightning_fabric import Fabric
from latentatlas.core import Batch, Constant, Ramp
from latentatlas.graph import fuzzy_weights, knn_graph
from latentatlas.models import Autoencoder, MapHead, MLPEncoder
from latentatlas.terms import NeighborContrast, Objective, Rebind, Reconstruction
from latentatlas.train import EarlyStop, EdgeBatches, Recipe, fit

strategy, out = sys.argv[1:]
torch.set_num_threads(1)
fabric = Fabric(accelerator="cpu", devices=2, strategy=strategy)
fabric.launch()
x = torch.randn(120, 6, generator=torch.Generator().manual_seed(0))
graph = fuzzy_weights(knn_graph(x.numpy(), 6))
start = 4 if "unused" in strategy else 0  # a term that starts later leaves the map head unused
late = Ramp(start=start, stop=8) if start else Constant(1.0)
objective = Objective({
    "recon": Reconstruction(),
    "near": NeighborContrast(8.0),
    "map": (Rebind(NeighborContrast(8.0), {"z": "map"}), late),
})
torch.manual_seed(fabric.global_rank)  # other weights on every rank: the strategy must make them equal
model = Autoencoder(MLPEncoder(6, 3, hidden=(8,)), head=MapHead(3, hidden=(8,)))
source = EdgeBatches(Batch(x), graph, size=16, seed=fabric.global_rank)
stop = EarlyStop("loss", patience=1 + 3 * fabric.global_rank, tolerance=0.9, warmup=0.4)
history = fit(model, objective, source, Recipe(30, log_every=5), callbacks=[stop], fabric=fabric)
torch.save({"weights": model.state_dict(), **history.columns()}, f"{out}/{fabric.global_rank}.pt")
"""


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["ddp", "ddp_find_unused_parameters_true"])
def test_two_processes_end_with_equal_weights(tmp_path: Path, strategy: str):
    script = tmp_path / "script.py"
    script.write_text(_SCRIPT)
    command = [sys.executable, str(script), strategy, str(tmp_path)]
    done = subprocess.run(
        command, env=os.environ | {"MASTER_ADDR": "127.0.0.1"}, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr[-3000:]
    one, two = (torch.load(tmp_path / f"{rank}.pt", weights_only=False) for rank in (0, 1))
    for name, weight in one["weights"].items():
        assert torch.equal(weight, two["weights"][name]), name
    assert (one["value/recon"] != two["value/recon"]).any()  # each rank saw its own rows
    assert list(one["step"]) == list(two["step"])  # one rank wanted to stop, so both did
    assert one["step"][-1] < 29
    assert one["value/recon"][-1] < one["value/recon"][0]
