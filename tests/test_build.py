"""Plain data to objects and back, run folders to atlases, and what an import costs."""

from __future__ import annotations

import inspect
import json
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_iris

import latentatlas as la
from latentatlas import checks, core, data, erasure, geometry, graph, landscape, metrics, models, spectral, terms, train
from latentatlas.build import build, public_names
from latentatlas.core import SpecError, StoreError, to_spec
from latentatlas.data import Table, read_table, transformations
from latentatlas.estimator import Atlas, ChartSettings
from latentatlas.store import Run

LAYOUT = core.LatentLayout(invariant=2, variant={"turn": 1, "scale": 0}, free=1)
_EACH = core.LatentLayout(invariant=2, variant=1, free=1)


def _modalities() -> models.MultimodalEncoder:
    encoders = {"a": models.MLPEncoder(5, 4, hidden=(4,)), "b": models.SignalEncoder((1, 16), 4, channels=(2,))}
    return models.MultimodalEncoder(encoders, _EACH)


def _charted() -> models.AtlasAutoencoder:
    return models.charted_autoencoder(5, 2, charts=3, codes=4, width=4, top=2)


EXAMPLES: dict[str, Callable[[], Any]] = {
    "core.LatentLayout": lambda: LAYOUT,
    "core.Constant": lambda: core.Constant(0.5),
    "core.Cosine": lambda: core.Cosine(start=1, stop=5, low=0.1, high=2.0),
    "core.Geometric": lambda: core.Geometric(start=1, stop=5, low=0.1, high=2.0),
    "core.Logistic": lambda: core.Logistic(start=1, stop=5, high=2.0, steepness=3.0),
    "core.OnPlateau": lambda: core.OnPlateau("recon", patience=2, tolerance=0.1, ramp=7, high=3.0),
    "core.Ramp": lambda: core.Ramp(start=1, stop=5, low=0.1, high=2.0),
    "geometry.DepthSpace": geometry.DepthSpace,
    "geometry.Euclidean": geometry.Euclidean,
    "geometry.PoincareBall": lambda: geometry.PoincareBall(2.0),
    "geometry.ProductGeometry": lambda: geometry.ProductGeometry([geometry.DepthSpace(), geometry.Euclidean()], [2, 3]),
    "graph.CosineDistance": graph.CosineDistance,
    "graph.EuclideanDistance": graph.EuclideanDistance,
    "landscape.AdaptiveBandwidth": lambda: landscape.AdaptiveBandwidth(7),
    "landscape.FixedBandwidth": lambda: landscape.FixedBandwidth(0.5),
    "landscape.MinMaxScale": lambda: landscape.MinMaxScale(-1.0, 2.0),
    "landscape.NeighbourBandwidth": lambda: landscape.NeighbourBandwidth(7),
    "landscape.ExemplarMemory": lambda: landscape.ExemplarMemory(
        3, 5, 2, beta=4.0, score=landscape.DotScore(), keep=landscape.NearestRows(landscape.PrototypeBank(3, 2))
    ),
    "landscape.NearestRows": lambda: landscape.NearestRows(landscape.PrototypeBank(3, 2)),
    "landscape.UniformRows": landscape.UniformRows,
    "landscape.PrototypeField": lambda: landscape.PrototypeField(landscape.PrototypeBank(2, 3)),
    "landscape.ScottBandwidth": landscape.ScottBandwidth,
    "landscape.DistanceScore": lambda: landscape.DistanceScore(0.5, geometry=geometry.Euclidean()),
    "landscape.MixtureDensity": lambda: landscape.MixtureDensity(3, 2),
    "landscape.ShortRun": lambda: landscape.ShortRun(7, step=0.1),
    "landscape.DotScore": landscape.DotScore,
    "landscape.PrototypeBank": lambda: landscape.PrototypeBank(3, 2, beta=4.0, score=landscape.DotScore()),
    "models.Autoencoder": lambda: models.Autoencoder(
        models.MLPEncoder(5, 3, hidden=(4,)), head=models.MapHead(3, hidden=(4,)), bank=landscape.PrototypeBank(2, 3)
    ),
    "models.ChartBlock": lambda: models.ChartBlock(_charted()),
    "models.StackedAutoencoder": lambda: models.StackedAutoencoder(
        [models.Autoencoder(models.MLPEncoder(5, 2, hidden=(4,))), models.ChartBlock(_charted())], 5, decay=0.5
    ),
    "models.ChartDecoder": lambda: models.ChartDecoder(2, 5, charts=3, hidden=(4,), spread=3.0),
    "models.ArrangedDecoder": lambda: models.ArrangedDecoder(models.MLPDecoder(3, 2, hidden=(8,)), (2, 0), 3),
    "models.ArrangedEncoder": lambda: models.ArrangedEncoder(models.MLPEncoder(3, 4, hidden=(8,)), (2, 0)),
    "models.AtlasAutoencoder": lambda: _charted(),
    "models.AtlasEncoder": lambda: _charted().encoder,
    "models.AttentiveRouter": lambda: models.AttentiveRouter(
        landscape.PrototypeBank(3, 2, beta=2.0), key=models.LinearKey(4, 2)
    ),
    "models.AutoencoderJumps": lambda: models.AutoencoderJumps(_charted()),
    "models.CurvedDecoder": lambda: models.CurvedDecoder(models.MLPDecoder(2, 5), geometry.PoincareBall(0.1)),
    "models.CurvedEncoder": lambda: models.CurvedEncoder(models.MLPEncoder(5, 2), geometry.PoincareBall(0.1)),
    "models.ElasticCodebook": lambda: models.ElasticCodebook(3, 4, 2, decay=0.9),
    "models.ElasticRouter": lambda: models.ElasticRouter(models.MLPRouter(4, 3)),
    "models.Ledger": lambda: models.Ledger("charts", models.Parsimony(0.4), dead=0.1, cool=2),
    "models.Parsimony": lambda: models.Parsimony(0.4, hysteresis=0.3),
    "models.ChartCodebook": lambda: models.ChartCodebook(3, 4, 2, decay=0.9, dead=0.1),
    "models.ChartHeads": lambda: models.ChartHeads(4, 3, 2),
    "models.ChartProjectors": lambda: models.ChartProjectors(3, 2, 4),
    "models.ChartRenderer": lambda: models.ChartRenderer(3, 2, 5, width=4, hidden=(6,)),
    "models.FactorizedJumps": lambda: models.FactorizedJumps(3, 2, rank=1),
    "models.Gate": lambda: models.Gate(0.5, hardness=0.25),
    "models.LinearKey": lambda: models.LinearKey(4, 2),
    "models.MLPRouter": lambda: models.MLPRouter(4, 3, hidden=(6,)),
    "models.Placements": lambda: models.Placements(3, 2, frame=4, spread=3.0),
    "models.ResidualFilter": lambda: models.ResidualFilter(3, 2, 1),
    "models.TiedJumps": lambda: models.TiedJumps(3, 2),
    "models.TopologicalDecoder": lambda: _charted().decoder,
    "models.ChartEncoder": lambda: models.ChartEncoder(5, 2, charts=3, hidden=(4,), noise=0.1, spread=3.0),
    "models.HopfieldEncoder": lambda: models.HopfieldEncoder(
        models.MLPEncoder(5, 2, hidden=(4,)), models.HopfieldLayer(3, 2, beta=2.0, steps=2)
    ),
    "models.HopfieldLayer": lambda: models.HopfieldLayer(3, 2, beta=2.0, steps=2),
    "models.MultimodalDecoder": lambda: _modalities().mirror(),
    "models.MultimodalEncoder": _modalities,
    "models.Predictor": lambda: models.Predictor(models.MLPEncoder(5, 4, hidden=(4,)), models.TaskHead(LAYOUT, 3)),
    "models.ResidualSignalEncoder": lambda: models.ResidualSignalEncoder(
        (1, 16), 2, channels=(2, 4), segments=2, spread=3.0
    ),
    "models.TaskHead": lambda: models.TaskHead(LAYOUT, 3, reads=("variant", "free"), hidden=(4,), spread=3.0),
    "models.NeuralEnergy": lambda: models.NeuralEnergy(2, hidden=(4, 3), spread=3.0),
    "models.VariationalEncoder": lambda: models.VariationalEncoder(models.MLPEncoder(5, 4, hidden=(4,), spread=1.0)),
    "models.ImageDecoder": lambda: models.ImageDecoder(2, (1, 8, 8), channels=(4, 2), hidden=8, spread=3.0),
    "models.ImageEncoder": lambda: models.ImageEncoder((1, 8, 8), 2, channels=(2, 4), hidden=8, spread=3.0),
    "models.MLPDecoder": lambda: models.MLPDecoder(2, 5, hidden=(4,), spread=3.0),
    "models.MLPEncoder": lambda: models.MLPEncoder(5, 2, hidden=(4, 3), spread=3.0, noise=0.1),
    "models.MapHead": lambda: models.MapHead(4, hidden=(3,), spread=2.0),
    "models.PCAStem": lambda: models.PCAStem(5, 2),
    "models.ScaleStem": lambda: models.ScaleStem(5),
    "models.SignalDecoder": lambda: models.SignalDecoder(2, (1, 16), channels=(4, 2), hidden=8, spread=3.0),
    "models.SignalEncoder": lambda: models.SignalEncoder((1, 16), 2, channels=(2, 4), hidden=8, spread=3.0),
    "spectral.DispersionLambda": spectral.DispersionLambda,
    "spectral.FeatureLaplacianFitter": lambda: spectral.FeatureLaplacianFitter(k=3, keep_negative=True),
    "spectral.HNSWCandidates": lambda: spectral.HNSWCandidates(9, links=8, effort=20),
    "spectral.InvertedFileCandidates": lambda: spectral.InvertedFileCandidates(9, min_recall=0.8, seed=1),
    "spectral.RayleighLambda": spectral.RayleighLambda,
    "spectral.SyntheticLambda": spectral.SyntheticLambda,
    "terms.HSIC": lambda: terms.HSIC(latent_kernel=terms.GaussianKernel(2.0), nuisance_kernel=terms.DeltaKernel()),
    "terms.Adversarial": lambda: terms.Adversarial(3, 2, hidden=(4,), risk=terms.SquaredError(), reversal=0.5),
    "terms.ConditionalAdversarial": lambda: terms.ConditionalAdversarial(3, 2, 4, hidden=(4,), reversal=0.5),
    "terms.ConditionalHSIC": lambda: terms.ConditionalHSIC(terms.HSIC(together=terms.Jointly(), features=7)),
    "terms.CORAL": terms.CORAL,
    "terms.IRMv1": lambda: terms.IRMv1(terms.SquaredError()),
    "terms.Jointly": terms.Jointly,
    "terms.LargestWeight": terms.LargestWeight,
    "terms.LogLoss": terms.LogLoss,
    "terms.MMD": lambda: terms.MMD(terms.MultiscaleKernel((0.5, 2.0)), features=7, exact_rows=9),
    "terms.MinibatchWeights": terms.MinibatchWeights,
    "terms.MultiscaleKernel": lambda: terms.MultiscaleKernel((0.5, 2.0)),
    "terms.Prediction": lambda: terms.Prediction(terms.SquaredError()),
    "terms.ResidualHSIC": lambda: terms.ResidualHSIC(
        terms.LogLoss(), hsic=terms.HSIC(nuisance_kernel={"day": terms.GaussianKernel(2.0)}, exact_rows=9)
    ),
    "terms.Separately": terms.Separately,
    "terms.SquaredError": terms.SquaredError,
    "terms.StratifiedWeights": terms.StratifiedWeights,
    "terms.TotalCorrelation": lambda: terms.TotalCorrelation(9, weights=terms.StratifiedWeights()),
    "terms.Unscaled": terms.Unscaled,
    "terms.Fishr": lambda: terms.Fishr(terms.SquaredError()),
    "terms.VREx": lambda: terms.VREx(terms.SquaredError()),
    "terms.WithinStrata": lambda: terms.WithinStrata(terms.MMD(), rows=9),
    "terms.ChartAnchor": lambda: terms.ChartAnchor(5, 3, 2),
    "terms.MembershipAnchor": lambda: terms.MembershipAnchor(5, 3),
    "terms.Anchor": lambda: terms.Anchor(5, 2),
    "terms.ChartAssignment": lambda: terms.ChartAssignment(5, 3),
    "terms.BalancedAssignment": lambda: terms.BalancedAssignment(0.2, iterations=3),
    "terms.BatchUsage": terms.BatchUsage,
    "terms.ChartBalance": terms.ChartBalance,
    "terms.ChartSmoothness": lambda: terms.ChartSmoothness(terms.VirtualAdversary(0.5, iterations=2)),
    "terms.MovingUsage": lambda: terms.MovingUsage(3, decay=0.9),
    "terms.MutualInformation": terms.MutualInformation,
    "terms.Covariance": terms.Covariance,
    "terms.ContrastiveDivergence": lambda: terms.ContrastiveDivergence(
        models.NeuralEnergy(2, hidden=(4,)),
        terms.ReplayBuffer(9, 2, fresh=0.1, reach=3.0),
        sampler=landscape.ShortRun(7, step=0.1),
        alpha=0.1,
        jitter=0.2,
    ),
    "terms.DenoisingScore": lambda: terms.DenoisingScore(models.NeuralEnergy(2, hidden=(4,)), 0.5),
    "terms.Detached": lambda: terms.Detached(terms.Covariance()),
    "terms.EnergyPrior": lambda: terms.EnergyPrior(
        terms.ContrastiveDivergence(models.NeuralEnergy(2, hidden=(4,)), terms.ReplayBuffer(9, 2))
    ),
    "terms.GaussianDivergence": lambda: terms.GaussianDivergence(0.5, spread=2.0),
    "terms.NoiseContrast": lambda: terms.NoiseContrast(
        models.NeuralEnergy(2, hidden=(4,)), landscape.MixtureDensity(3, 2), ratio=2
    ),
    "terms.ReplayBuffer": lambda: terms.ReplayBuffer(9, 2, fresh=0.1, reach=3.0),
    "terms.DeltaKernel": terms.DeltaKernel,
    "terms.GaussianKernel": lambda: terms.GaussianKernel(2.0),
    "terms.AllNegatives": terms.AllNegatives,
    "terms.CauchySimilarity": terms.CauchySimilarity,
    "terms.CrossEntropy": lambda: terms.CrossEntropy(0.01),
    "terms.FixedScale": lambda: terms.FixedScale(2.0),
    "terms.FreeScale": terms.FreeScale,
    "terms.ExponentialSimilarity": lambda: terms.ExponentialSimilarity(2.0),
    "terms.GaussianSimilarity": lambda: terms.GaussianSimilarity(2.0),
    "terms.HardNegatives": lambda: terms.HardNegatives(4),
    "terms.InfoNCE": terms.InfoNCE,
    "terms.LandmarkGeodesics": lambda: terms.LandmarkGeodesics(9, 3),
    "terms.LinearExpansion": terms.LinearExpansion,
    "terms.LocalDistance": lambda: terms.LocalDistance(scale=terms.FixedScale(2.0)),
    "terms.NegativeSampling": lambda: terms.NegativeSampling(0.5),
    "terms.NeighborContrast": lambda: terms.NeighborContrast(
        8.0, similarity=terms.GaussianSimilarity(2.0), loss=terms.CrossEntropy(), against=terms.HardNegatives(4)
    ),
    "terms.NeighborReconstruction": lambda: terms.NeighborReconstruction(terms.QuadraticExpansion()),
    "terms.Objective": lambda: terms.Objective(
        {"recon": terms.Reconstruction(), "spread": (terms.Covariance(), core.Ramp(start=0, stop=9))},
        scaling=terms.LargestWeight(),
    ),
    "terms.PrototypeEnergy": terms.PrototypeEnergy,
    "terms.ChartCovariance": lambda: terms.ChartCovariance(rows=4),
    "terms.ChartInvariance": terms.ChartInvariance,
    "terms.ChartReconstruction": lambda: terms.ChartReconstruction(2.0),
    "terms.ChartVariance": lambda: terms.ChartVariance(0.5, rows=4),
    "terms.Commitment": terms.Commitment,
    "terms.DetailBudget": lambda: terms.DetailBudget(0.3),
    "terms.JumpConsistency": lambda: terms.JumpConsistency(rows=5, floor=0.1),
    "terms.LipschitzBound": lambda: terms.LipschitzBound(2.0),
    "terms.Orthogonality": terms.Orthogonality,
    "terms.OverlapBand": lambda: terms.OverlapBand(0.2, 0.4, share=0.3),
    "terms.RoutingConsistency": terms.RoutingConsistency,
    "terms.RoutingEntropy": terms.RoutingEntropy,
    "terms.TextureBudget": lambda: terms.TextureBudget(rows=4),
    "terms.PrototypeSeparation": lambda: terms.PrototypeSeparation(2.0, geometry=geometry.Euclidean()),
    "terms.Sharpening": lambda: terms.Sharpening(terms.MovingUsage(3)),
    "terms.SwappedAssignment": lambda: terms.SwappedAssignment(0.2, iterations=3),
    "terms.UsageBand": lambda: terms.UsageBand(0.2, 3.0),
    "terms.VirtualAdversary": lambda: terms.VirtualAdversary(0.5, iterations=2),
    "terms.QuadraticExpansion": terms.QuadraticExpansion,
    "terms.RTDLite": lambda: terms.RTDLite(0.5),
    "terms.Rebind": lambda: terms.Rebind(terms.Covariance(), {"z": "map"}),
    "terms.BetweenBlocks": lambda: terms.BetweenBlocks(terms.HSIC(features=7), LAYOUT, "invariant", "free"),
    "terms.BlockAllocation": lambda: terms.BlockAllocation(
        _EACH, form=terms.RatioForm(0.1), beta=2.0, price=3.0, temperature=core.Ramp(start=0, stop=9, low=1.0, high=0.1)
    ),
    "terms.Concatenation": terms.Concatenation,
    "terms.Difference": terms.Difference,
    "terms.HardestNegative": terms.HardestNegative,
    "terms.LogForm": lambda: terms.LogForm(0.1),
    "terms.MeanNegative": terms.MeanNegative,
    "terms.MemoryBank": lambda: terms.MemoryBank(9, 2, reads=terms.HardestNegative()),
    "terms.ModalityContrast": lambda: terms.ModalityContrast(0.2),
    "terms.NTXent": lambda: terms.NTXent(0.2),
    "terms.OnBlock": lambda: terms.OnBlock(terms.Covariance(), LAYOUT, "invariant"),
    "terms.OuterProduct": terms.OuterProduct,
    "terms.Partition": lambda: terms.Partition(
        LAYOUT, form=terms.RatioForm(0.1), negatives=terms.MemoryBank(9, 2), beta=core.Ramp(start=0, stop=9)
    ),
    "terms.RatioForm": lambda: terms.RatioForm(0.1),
    "terms.ReadableTransformation": lambda: terms.ReadableTransformation(
        LAYOUT, (1, 2), block="variant.turn", pairing=terms.Concatenation(), hidden=(4,)
    ),
    "terms.SoftNegative": lambda: terms.SoftNegative(0.2),
    "terms.VICReg": lambda: terms.VICReg(agree=1.0, spread=2.0, uncorrelated=3.0, target=10.0),
    "terms.Reconstruction": lambda: terms.Reconstruction(2.0),
    "terms.Signature": lambda: terms.Signature(scale=terms.FixedScale(2.0)),
    "terms.Stress": lambda: terms.Stress(1.0, scale=terms.FixedScale(), geodesics=terms.LandmarkGeodesics(9, 3)),
    "terms.Triplet": lambda: terms.Triplet(0.5, against=terms.WeightedNegatives(2.0)),
    "terms.WeightedNegatives": lambda: terms.WeightedNegatives(2.0),
    "data.Images": lambda: data.Images((4, 6), colour=True),
    "data.Interactions": lambda: data.Interactions("film", "user", "stars", components=3, seed=1),
    "data.SentenceEncoder": lambda: data.SentenceEncoder("folder", batch=3, device="cuda", max_tokens=9),
    "data.AroundEvents": lambda: data.AroundEvents(at=3),
    "data.DropFlat": data.DropFlat,
    "data.InsideSegments": data.InsideSegments,
    "data.InterpolatedGaps": lambda: data.InterpolatedGaps(5),
    "data.MarkFlat": data.MarkFlat,
    "data.NearestEvent": data.NearestEvent,
    "data.RefuseFlat": data.RefuseFlat,
    "data.Signals": lambda: data.Signals(data.Windows(8, 4, room=(1, 2)), rate=50.0, channels=("x",)),
    "data.Sliding": data.Sliding,
    "data.SplitAtGaps": data.SplitAtGaps,
    "data.Windows": lambda: data.Windows(8, 4, gaps=data.InterpolatedGaps(5), flat=data.MarkFlat()),
    "data.AdditiveNoise": lambda: transformations.AdditiveNoise(0.5),
    "data.AmplitudeScaling": lambda: transformations.AmplitudeScaling(3.0),
    "data.AxisRotation": lambda: transformations.AxisRotation((0.1, 0.2, 0.3), triads=((0, 1, 2),)),
    "data.BaselineWander": lambda: transformations.BaselineWander(360.0, 0.5, highest=0.4),
    "data.BrightnessContrast": lambda: transformations.BrightnessContrast(0.1, 2.0, colour=1.2, channels=3),
    "data.Chain": lambda: transformations.Chain({"noise": transformations.AdditiveNoise(0.5)}),
    "data.ChannelDropout": lambda: transformations.ChannelDropout(3, 0.4),
    "data.CircularShift": lambda: transformations.CircularShift(-3, 4),
    "data.CoordinateDropout": lambda: transformations.CoordinateDropout(0.3),
    "data.CropResize": lambda: transformations.CropResize(0.3),
    "data.ImageRotation": lambda: transformations.ImageRotation(1.0),
    "data.ImageShift": lambda: transformations.ImageShift(0.3),
    "data.UniformRotation": lambda: transformations.UniformRotation(((0, 1, 2),)),
    "data.WindowSlide": lambda: transformations.WindowSlide(8, before=1, after=2),
    "data.Texts": lambda: data.Texts("title", data.SentenceEncoder("folder")),
    "train.Anneal": lambda: train.Anneal(landscape.PrototypeBank(3, 2), core.Ramp(start=0, stop=5, low=1.0)),
    "train.AnnealGate": lambda: train.AnnealGate(models.Gate(), hardness=core.Ramp(start=0, stop=5)),
    "train.MovingAverage": lambda: train.MovingAverage(landscape.PrototypeBank(3, 2), decay=0.9, dead=0.1),
    "train.Checkpoint": lambda: train.Checkpoint("fit.safetensors", every=5.0),
    "train.RecordFile": lambda: train.RecordFile("fit.json", every=5.0),
    "train.EarlyStop": lambda: train.EarlyStop("loss", patience=3, tolerance=0.1, warmup=0.5),
    "train.History": train.History,
    "train.Never": train.Never,
    "train.Progress": lambda: train.Progress("Working"),
    "train.Recipe": lambda: train.Recipe(9, rate=0.1, decay=0.0, clip=1.0, warmup=0.2, log_every=3),
    "train.Silent": train.Silent,
    "train.EqualScores": lambda: train.EqualScores(0.01),
    "train.Everyone": train.Everyone,
    "train.ExtrapolatedScore": lambda: train.ExtrapolatedScore(2.0),
    "train.LeaveOneEnvironmentOut": train.LeaveOneEnvironmentOut,
    "train.MeanScore": train.MeanScore,
    "train.WithinEnvironments": lambda: train.WithinEnvironments(0.3, seed=1),
    "train.WorstScore": train.WorstScore,
    "metrics.AdjustedMutualInfo": metrics.AdjustedMutualInfo,
    "metrics.AdjustedRand": metrics.AdjustedRand,
    "metrics.BettiDifference": lambda: metrics.BettiDifference(0, landmarks=50, prime=3),
    "metrics.Completeness": lambda: metrics.Completeness(seed=1),
    "metrics.ConservedLabels": lambda: metrics.ConservedLabels(metrics.AdjustedRand(), seed=1),
    "metrics.CramersV": metrics.CramersV,
    "metrics.Disentanglement": lambda: metrics.Disentanglement(seed=1),
    "metrics.GraphConnectivity": lambda: metrics.GraphConnectivity(7),
    "metrics.Informativeness": lambda: metrics.Informativeness(seed=1),
    "metrics.LabelLISI": lambda: metrics.LabelLISI(30),
    "metrics.MLPProbe": lambda: metrics.MLPProbe(8, passes=3, seed=1),
    "metrics.MixingAcceptance": lambda: metrics.MixingAcceptance(25, alpha=0.1),
    "metrics.MixingLISI": lambda: metrics.MixingLISI(30),
    "metrics.MutualInformationGap": lambda: metrics.MutualInformationGap(10),
    "metrics.SeparatedAttributePredictability": lambda: metrics.SeparatedAttributePredictability(held_out=0.2, seed=1),
    "metrics.TreeProbe": lambda: metrics.TreeProbe(2),
    "metrics.ClusteringAccuracy": metrics.ClusteringAccuracy,
    "metrics.Continuity": lambda: metrics.Continuity(k=3, rows=10, seed=1),
    "metrics.DebiasedCKA": lambda: metrics.DebiasedCKA(metrics.LinearKernel(), rows=50, seed=1),
    "metrics.DeltaKernel": metrics.DeltaKernel,
    "metrics.DensityKL": lambda: metrics.DensityKL(sigma=0.2),
    "metrics.DiagramDistance": lambda: metrics.DiagramDistance(0, landmarks=50, prime=3),
    "metrics.DistanceRMSE": metrics.DistanceRMSE,
    "metrics.ChartLiveness": metrics.ChartLiveness,
    "metrics.CocycleError": metrics.CocycleError,
    "metrics.CodeLiveness": lambda: metrics.CodeLiveness(4, least=0.2),
    "metrics.InverseError": metrics.InverseError,
    "metrics.OverlapShare": lambda: metrics.OverlapShare(0.1),
    "metrics.RoutingEntropy": metrics.RoutingEntropy,
    "metrics.RoutingGap": metrics.RoutingGap,
    "metrics.TransitionError": lambda: metrics.TransitionError(0.1),
    "metrics.TransitionR2": lambda: metrics.TransitionR2(0.1),
    "checks.TreeLikeness": lambda: checks.TreeLikeness(5, most=0.9, rows=100, seed=1),
    "metrics.FlatDistortion": lambda: metrics.FlatDistortion(5),
    "metrics.Hyperbolicity": lambda: metrics.Hyperbolicity(100, seed=1),
    "metrics.LinkMAP": metrics.LinkMAP,
    "metrics.LinkRank": metrics.LinkRank,
    "metrics.StarDistortion": metrics.StarDistortion,
    "metrics.TreeDistortion": lambda: metrics.TreeDistortion(3),
    "metrics.EffectiveRank": metrics.EffectiveRank,
    "metrics.ExplainedVariance": metrics.ExplainedVariance,
    "metrics.GaussianKernel": lambda: metrics.GaussianKernel(2.0),
    "metrics.LinearKernel": metrics.LinearKernel,
    "metrics.LinearProbe": lambda: metrics.LinearProbe(0.5),
    "metrics.MRRTop0": lambda: metrics.MRRTop0(k=3),
    "metrics.MeanAveragePrecision": lambda: metrics.MeanAveragePrecision(k=3),
    "metrics.PredictionConsistency": metrics.PredictionConsistency,
    "metrics.RecallAtK": lambda: metrics.RecallAtK(k=3),
    "metrics.MeanReciprocalRank": lambda: metrics.MeanReciprocalRank(k=3),
    "metrics.MeanSquaredError": metrics.MeanSquaredError,
    "metrics.NDCG": lambda: metrics.NDCG(k=3),
    "metrics.NeighbourAccuracy": lambda: metrics.NeighbourAccuracy(k=3),
    "metrics.NeighbourOverlap": lambda: metrics.NeighbourOverlap(k=3, rows=10, seed=1),
    "metrics.NeighbourProbe": lambda: metrics.NeighbourProbe(3),
    "metrics.NormalizedMutualInfo": metrics.NormalizedMutualInfo,
    "metrics.ProbeScore": lambda: metrics.ProbeScore(metrics.NeighbourProbe(3), held_out=0.2, rows=50, seed=1),
    "metrics.Purity": metrics.Purity,
    "metrics.TripletAccuracy": lambda: metrics.TripletAccuracy(3, seed=1),
    "metrics.Trustworthiness": lambda: metrics.Trustworthiness(k=3, rows=10, seed=1),
    "metrics.VMeasure": lambda: metrics.VMeasure(0.5),
    "checks.BasinLiveness": lambda: checks.BasinLiveness(min_share=0.2),
    "checks.ChartCollapse": lambda: checks.ChartCollapse(min_share=0.3),
    "checks.ChartRouting": lambda: checks.ChartRouting(min_use=0.1, min_decided=0.2),
    "checks.ChartsAtRest": lambda: checks.ChartsAtRest(min_rest=0.5),
    "checks.CodeUse": lambda: checks.CodeUse(4, min_share=0.5),
    "checks.Collapse": lambda: checks.Collapse(min_share=0.3),
    "checks.Leakage": lambda: checks.Leakage(
        max_excess=0.1, probes=[metrics.ProbeScore(rows=50)], dependence=metrics.DebiasedCKA(rows=50), permutations=9
    ),
    "checks.Removal": lambda: checks.Removal(
        max_loss=0.1, tolerance=0.2, alpha=0.05, probes=[metrics.ProbeScore(rows=50)], permutations=9
    ),
    "checks.Neighbourhood": lambda: checks.Neighbourhood(3, trustworthiness=0.8, continuity=0.7, rows=50, seed=1),
    "checks.Calibration": lambda: checks.Calibration(max_excess=0.1, chance=0.05),
    "checks.InvariantBlock": lambda: checks.InvariantBlock(max_r2=0.2, probes=[metrics.ProbeScore(rows=50)]),
    "checks.LabelKept": lambda: checks.LabelKept(max_loss=0.2),
    "checks.VariantBlock": lambda: checks.VariantBlock(min_r2=0.2, probes=[metrics.ProbeScore(rows=50)]),
    "checks.ViewSimilarity": lambda: checks.ViewSimilarity(margin=0.2),
    "checks.Overfit": lambda: checks.Overfit(max_ratio=2.0),
    "erasure.KernelEraser": lambda: erasure.KernelEraser(
        clusters=7, softness=0.5, balance=0.2, bins=3, numeric=["age"], rows=99, seed=1
    ),
    "erasure.LinearEraser": lambda: erasure.LinearEraser(numeric=["age"], tolerance=1e-6),
    "estimator.ChartSettings": lambda: ChartSettings(4, codes=8, dim=2, top=2, jumps=models.TiedJumps(4, 2)),
    "estimator.Atlas": lambda: Atlas(
        dim=3,
        encoder=models.MLPEncoder(4, 3, hidden=(8,)),
        neighbour_term=(terms.NeighborContrast(8.0), core.Constant(0.5)),
        nuisance_term=2.0,
        basin_term=None,
        layout=core.LatentLayout(invariant=2, free=1),
        partition_term=None,
    ),
}

NOT_CONFIGURATION = {
    "train.RiemannianAdam": "holds parameters",
    **dict.fromkeys(("models.Peeled", "train.BlockReport", "train.StackFit", "checks.GeometryAdvice"), "is a result"),
    **dict.fromkeys(("core.Batch", "core.Charts", "core.Edges", "core.Latents", "core.Reach"), "holds tensors"),
    **dict.fromkeys(
        ("terms.Report", "terms.Reweighting", "terms.TermInput", "metrics.ProbeReport", "checks.Verdict"), "is a result"
    ),
    **dict.fromkeys(("metrics.ColumnTest", "metrics.HeldOut", "metrics.OverCorrection"), "is a result"),
    **dict.fromkeys(("metrics.GalleryReport", "metrics.ProbeMatrix", "metrics.SimilarityCurve"), "is a result"),
    **dict.fromkeys(("checks.Reading", "checks.Trace", "checks.Utility"), "is a result"),
    **dict.fromkeys(
        ("checks.CrossCalibrated", "estimator.Basin", "estimator.FewShot", "estimator.Passage"), "is a result"
    ),
    "estimator.LangevinRefinement": "holds a callable",
    **dict.fromkeys(("estimator.Drift", "graph.Connected", "graph.SpanningTree", "metrics.Estimate"), "is a result"),
    **dict.fromkeys(
        ("graph.Neighbours", "landscape.Landscape", "metrics.NeighbourRanks", "checks.Evidence"), "holds arrays"
    ),
    **dict.fromkeys(("data.Table", "data.InteractionMatrix", "data.Ratings", "data.Retrieval"), "holds arrays"),
    **dict.fromkeys(("data.Events", "data.Recording", "data.HeldOutGroups", "data.Transformed"), "holds arrays"),
    **dict.fromkeys(("data.GroupValue", "data.Hierarchy", "data.ShardSample", "data.Shards"), "holds data"),
    **dict.fromkeys(("data.Corpus", "data.CorpusFile", "data.Edition"), "describes files"),
    **dict.fromkeys(("erasure.Grouping", "erasure.KernelErasure", "erasure.LinearErasure"), "is fitted"),
    **dict.fromkeys(("train.EdgeBatches", "train.RowBatches", "train.ViewBatches"), "holds the training rows"),
    "terms.Allocation": "is a result",
    **dict.fromkeys(("spectral.DiffusionMap", "spectral.FeatureClusters", "spectral.FeatureLaplacian"), "holds arrays"),
    **dict.fromkeys(("spectral.Hits", "spectral.RayleighEnergy", "spectral.SpectralIndex"), "holds arrays"),
    **dict.fromkeys(("spectral.MixingField", "spectral.RayleighField", "spectral.StationaryField"), "holds arrays"),
    **dict.fromkeys(("train.At", "landscape.Blend", "landscape.ReconstructionDynamics"), "holds a function"),
    "terms.Augmented": "holds a function",
    **dict.fromkeys(
        ("landscape.DensityField", "landscape.GaussianWells", "landscape.HopfieldField", "landscape.RankScale"),
        "is fitted",
    ),
    **dict.fromkeys(
        ("landscape.Candidate", "landscape.Descent", "landscape.Partition", "landscape.Pathway"), "is a result"
    ),
    **dict.fromkeys(("landscape.GaussianCells", "landscape.Samples", "landscape.Wells"), "is a result"),
    **dict.fromkeys(("landscape.LogPartition", "models.Reconstructions"), "is a result"),
    "estimator.ChartCoordinates": "is a result",
    **dict.fromkeys(("metrics.ChartChanges", "metrics.Orientation", "metrics.Transitions"), "is a result"),
    "metrics.PairTransitions": "is a result",
    **dict.fromkeys(("models.ElasticCells", "models.ElasticEvent", "models.PartUse"), "is a result"),
    **dict.fromkeys(("train.ElasticCharts", "train.ElasticCodes"), "belongs to one model and its rows"),
    **dict.fromkeys(("train.Selection", "train.Split"), "is a result"),
    **dict.fromkeys(("checks.Status", "checks.Tier"), "is a word"),
    **dict.fromkeys(("terms.Term", "train.Callback"), "is a base class"),
}


def is_concrete(cls: type) -> bool:
    return not (inspect.isabstract(cls) or getattr(cls, "_is_protocol", False) or issubclass(cls, Exception))


# ---------------------------------------------------------------- build


def test_the_table_is_complete():
    concrete = {name for name, cls in public_names().items() if is_concrete(cls)}
    assert set(EXAMPLES) | set(NOT_CONFIGURATION) == concrete
    assert not set(EXAMPLES) & set(NOT_CONFIGURATION)


@pytest.mark.parametrize("name", EXAMPLES)
def test_round_trip(name: str):
    made = EXAMPLES[name]()
    spec = to_spec(made)
    assert spec["type"] == name
    assert public_names()[name] is type(made)
    again = build(json.loads(json.dumps(spec)))
    assert type(again) is type(made)
    assert to_spec(again) == spec


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_argument_that_does_not_exist(name: str):
    with pytest.raises(SpecError, match=rf"^{name} has no argument 'wrong_argument'\. (Did you mean|There are)"):
        build(to_spec(EXAMPLES[name]()) | {"wrong_argument": 1})


def test_plain_data_stay_plain():
    for value in (None, True, 3, 0.5, "text", [1, [2]], {"a": {"b": [1]}}, {}):
        assert build(value) == value


def test_objects_inside_plain_data():
    built = build({"a": [{"type": "core.Constant", "weight": 2.0}], "b": 1})
    assert built["a"][0].weight == 2.0
    assert built["b"] == 1


def test_defaults_may_be_left_out():
    assert build({"type": "terms.NeighborContrast"}).negatives == 64.0


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"type": "terms.NeighbourContrast"}, r"^build has no type .*Did you mean 'terms\.NeighborContrast'\?$"),
        ({"type": "os.system", "command": "true"}, r"^build has no type 'os\.system'\."),
        (
            {"type": "terms.NeighborContrast", "negative": 1},
            r"no argument 'negative'\. Did you mean 'negatives'\?$",
        ),
        ({"type": "core.Ramp", "stop": 3}, r"^core\.Ramp wants start; not given\. Add start = \.\.\. to the table\.$"),
        ({"type": "train.Recipe", "steps": "ten"}, r"^train\.Recipe cannot be built: .* Check the types"),
        ({"type": "geometry.Geometry"}, r"^geometry\.Geometry is an interface and cannot be built\. Name a class that"),
        ({"type": "core.Schedule"}, r"^core\.Schedule is an interface and cannot be built"),
        ({"type": "core.Constant", "weight": -1}, r"^Constant wants a finite weight ≥ 0; got -1"),
        ([{"a": {"type": "core.Constnat"}}], r"^build has no type 'core\.Constnat'\. Did you mean 'core\.Constant'\?$"),
    ],
)
def test_a_wrong_specification(unchecked: None, spec: Any, message: str):
    with pytest.raises(SpecError, match=message):
        build(spec)


# ---------------------------------------------------------------- load

_QUICK = {"dim": 2, "steps": 20, "n_basins": 3, "batch_edges": 32, "threads": 1}


def _flowers(**roles: Any) -> Table:
    x, y = load_iris(return_X_y=True)
    return Table(
        x.astype(np.float32), label=np.array(list("abc"))[y], ids=np.array([f"f{i}" for i in range(150)]), **roles
    )


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Atlas, Path]:
    """An atlas of four axes with everything that is known about its rows, and its run folder."""
    rng = np.random.default_rng(0)
    table = _flowers(
        nuisance={"author": np.array(["ann", "bob"] * 75), "energy": rng.normal(size=150)},
        environment=np.arange(150) % 4,
        metadata={"text": np.array([f"row {i}" for i in range(150)], dtype=object), "x": np.arange(150.0)},
        name="flowers",
        item_shape=(2, 2),
    )
    atlas = Atlas(**(_QUICK | {"dim": 4})).fit(table)
    path = tmp_path_factory.mktemp("runs") / "run"
    atlas.save(path)
    return atlas, path


def test_everything_comes_back(saved: tuple[Atlas, Path]):
    atlas, path = saved
    loaded = la.load(path)
    x = atlas.table_.x
    for method in ("transform", "map", "basins", "memberships", "energy", "anomaly_score", "recall"):
        np.testing.assert_array_equal(getattr(loaded, method)(x), getattr(atlas, method)(x), err_msg=method)
    np.testing.assert_array_equal(loaded.sample(5, random_state=3), atlas.sample(5, random_state=3))
    np.testing.assert_array_equal(loaded.inverse_transform(atlas.latent_), atlas.inverse_transform(atlas.latent_))
    for name in ("latent_", "map_", "labels_", "held_out_"):
        before, after = getattr(atlas, name), getattr(loaded, name)
        np.testing.assert_array_equal(after, before)
        assert after.dtype == before.dtype
    assert loaded.get_params() == atlas.get_params()
    assert (loaded.n_basins_, loaded.n_features_in_, loaded.threads_) == (3, 4, 1)
    assert loaded.seconds_ == atlas.seconds_
    assert to_spec(loaded.objective_) == to_spec(atlas.objective_)
    for name, column in atlas.history_.items():
        np.testing.assert_array_equal(loaded.history_[name], column)
    for graph_name in ("graph_", "latent_graph_"):
        np.testing.assert_array_equal(getattr(loaded, graph_name).indices, getattr(atlas, graph_name).indices)


def test_the_table_comes_back(saved: tuple[Atlas, Path]):
    atlas, path = saved
    before, after = atlas.table_, la.load(path).table_
    assert (after.name, after.columns, after.item_shape, after.pointer) == ("flowers", before.columns, (2, 2), None)
    np.testing.assert_array_equal(after.x, before.x)
    assert after.ids.tolist() == before.ids.tolist()
    assert after.label.tolist() == before.label.tolist()
    assert after.environment.tolist() == before.environment.tolist()
    for part in ("nuisance", "metadata"):
        assert list(getattr(after, part)) == list(getattr(before, part))
        for name, column in getattr(before, part).items():
            assert getattr(after, part)[name].tolist() == column.tolist(), name


def test_the_certificate_comes_back(saved: tuple[Atlas, Path]):
    atlas, path = saved
    loaded = la.load(path)
    assert [verdict.to_dict() for verdict in loaded.check()] == Run(path).verdicts
    assert loaded.measure() == pytest.approx(Run(path).metrics)
    points = loaded.points()
    for name, column in atlas.points().items():
        assert points[name].tolist() == column.tolist(), name


def test_a_loaded_atlas_is_saved_and_loaded_again(saved: tuple[Atlas, Path], tmp_path: Path):
    atlas, path = saved
    loaded = la.load(path)
    loaded.save(tmp_path / "copy")
    np.testing.assert_array_equal(la.load(tmp_path / "copy").transform(atlas.table_.x), atlas.latent_)


def test_a_run_that_is_open_already(saved: tuple[Atlas, Path]):
    atlas, path = saved
    np.testing.assert_array_equal(la.load(Run(path)).transform(atlas.table_.x), atlas.latent_)


@pytest.fixture
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Saving draws nothing, since pictures take seconds."""
    monkeypatch.setattr("latentatlas.estimator.saving.figures_of", lambda _: {"map": b"\x89PNG"})


@pytest.mark.parametrize(
    "settings",
    [
        {"dim": 16, "metric": "cosine"},
        {"dim": 2, "standardize": True, "metric": "cosine"},
        {"dim": 2, "held_out": 0},
        {"dim": 2, "encoder": models.MLPEncoder(4, 2, hidden=(8,)), "n_basins": None},
        {"dim": 1, "neighbour_term": (terms.NeighborContrast(8.0), core.Constant(0.5))},
    ],
    ids=["cosine", "standardize", "nothing held out", "encoder", "term"],
)
def test_transforms_are_bit_equal_after_loading(
    settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(
        "latentatlas.estimator.saving.figures_of", lambda _: {"map": b"\x89PNG"}
    )  # pictures take seconds
    table = _flowers()
    atlas = Atlas(**(_QUICK | settings)).fit(table)
    atlas.save(tmp_path / "run")
    loaded = la.load(tmp_path / "run")
    np.testing.assert_array_equal(loaded.transform(table), atlas.transform(table))
    np.testing.assert_array_equal(loaded.recall(table), atlas.recall(table))
    np.testing.assert_array_equal(loaded.describe(table)["anomaly_p"], atlas.describe(table)["anomaly_p"])
    assert to_spec(loaded) == to_spec(atlas)


def _damage(path: Path, name: str) -> None:
    content = bytearray((path / name).read_bytes())
    content[-3] ^= 1
    (path / name).write_bytes(content)


@pytest.fixture
def copied(saved: tuple[Atlas, Path], tmp_path: Path) -> Path:
    """A copy of the run folder to spoil."""
    import shutil

    return Path(shutil.copytree(saved[1], tmp_path / "copy"))


@pytest.mark.parametrize("name", ["weights.safetensors", "spec.json", "points.parquet", "patterns/patterns.npy"])
def test_one_flipped_bit_is_noticed(copied: Path, name: str):
    _damage(copied, name)
    with pytest.raises(StoreError, match=rf"wants {name} as it was written; its checksum does not match"):
        la.load(copied)


def test_weights_that_do_not_fit_the_specification(saved: tuple[Atlas, Path], copied: Path):
    run = Run(copied)
    run.spec["model"]["encoder"]["hidden"] = [3]
    with pytest.raises(StoreError, match=r"(?s)^load wants the weights that spec\.json describes; .*Save the run"):
        la.load(run)


def test_no_run_at_all(tmp_path: Path):
    with pytest.raises(StoreError, match=r"^Run wants a run folder; .*nowhere does not exist"):
        la.load(tmp_path / "nowhere")


def test_a_corpus_that_has_changed(tmp_path: Path, no_pictures: None, monkeypatch: pytest.MonkeyPatch):
    digits = read_table("digits")
    atlas = Atlas(**_QUICK).fit(digits)
    atlas.save(tmp_path / "run")
    np.testing.assert_array_equal(la.load(tmp_path / "run").transform(digits.x[:9]), atlas.transform(digits.x[:9]))

    other = Table(digits.x + 1, name="digits", pointer="digits")
    monkeypatch.setattr("latentatlas.build.read_table", lambda source: other)
    message = r"^load wants the rows the run was fitted on; 'digits' now has other rows \(fingerprint .*\)\. Fit again"
    with pytest.raises(StoreError, match=message):
        la.load(tmp_path / "run")


def test_loading_never_unpickles(saved: tuple[Atlas, Path], monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("something was unpickled")

    for module, name in ((pickle, "load"), (pickle, "loads"), (pickle, "Unpickler"), (torch, "load")):
        monkeypatch.setattr(module, name, refuse)
    atlas, path = saved
    np.testing.assert_array_equal(la.load(path).transform(atlas.table_.x), atlas.latent_)
    assert not any(file.suffix in (".pkl", ".pt", ".pth", ".joblib") for file in path.rglob("*"))


# ---------------------------------------------------------------- import


def _modules_after(code: str) -> set[str]:
    command = f"{code}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in done.stdout.splitlines()[-1].split()}


def test_an_import_loads_nothing_heavy():
    heavy = {
        "sklearn",
        "lightning_fabric",
        "matplotlib",
        "pyarrow",
        "pandas",
        "polars",
        "faiss",
        "scipy",
        "torch",
        "rich",
    }
    assert not _modules_after("import latentatlas") & heavy


def test_the_command_line_answers_without_torch():
    heavy = {"torch", "sklearn", "lightning_fabric", "matplotlib", "pyarrow", "pandas", "faiss", "scipy"}
    lines = (
        "import contextlib, sys",
        "sys.argv = ['latentatlas', 'fit', '--help']",
        "from latentatlas.cli import main",
        "with contextlib.suppress(SystemExit): main()",
    )
    assert not _modules_after("\n".join(lines)) & heavy


def test_reading_a_run_needs_no_model():
    heavy = {"sklearn", "lightning_fabric", "matplotlib", "faiss"}
    assert not _modules_after("import latentatlas.store") & heavy


def test_every_part_is_reached_by_name():
    for name in la.__all__:
        assert getattr(la, name) is not None
    assert set(dir(la)) == set(la.__all__)
    with pytest.raises(AttributeError, match="no attribute 'atlas'"):
        la.atlas  # noqa: B018
