"""Rows and views in one pass, heads that read blocks, several modalities, windows of signals."""

from __future__ import annotations

import pytest
import torch

from latentatlas.core import Batch, LatentLayout, ShapeError, SpecError
from latentatlas.landscape import PrototypeBank
from latentatlas.models import (
    Autoencoder,
    Encoder,
    MLPEncoder,
    MultimodalEncoder,
    Predictor,
    ResidualSignalEncoder,
    TaskHead,
    VariationalEncoder,
)

LAYOUT = LatentLayout(invariant=2, variant=1, free=1)


def test_a_view_goes_through_the_encoder_with_the_rows():
    passes = []

    class Counting(Encoder):
        dim = 3

        def __init__(self):
            super().__init__()
            self.inner = MLPEncoder(5, 3, hidden=(8,))

        def forward(self, x):
            passes.append(len(x))
            return self.inner(x)

        def mirror(self):
            return self.inner.mirror()

    model = Autoencoder(Counting(), bank=PrototypeBank(4, 3)).eval()
    x, view = torch.randn(6, 5), torch.randn(6, 5)
    out = model(Batch(x, view=view))
    assert passes == [12]
    torch.testing.assert_close(out.z, model.encode(x))
    torch.testing.assert_close(out.z_view, model.encode(view))
    assert (out.recon.shape, out.charts.weights.shape) == ((6, 5), (6, 4))
    assert model(Batch(x)).z_view is None


def test_a_variational_encoder_gives_the_distribution_of_the_rows_alone():
    model = Autoencoder(VariationalEncoder(MLPEncoder(5, 4, hidden=(8,))))
    out = model(Batch(torch.randn(6, 5), view=torch.randn(6, 5)))
    assert (out.mean.shape, out.log_variance.shape, out.z_view.shape) == ((6, 2), (6, 2), (6, 2))


def test_a_view_of_another_shape(unchecked: None):
    model = Autoencoder(MLPEncoder(5, 3, hidden=(8,)))
    with pytest.raises(ShapeError, match=r"view shaped like the rows \(6, 5\); got \(6, 4\)"):
        model(Batch(torch.randn(6, 5), view=torch.randn(6, 4)))


def test_a_task_reads_its_blocks_and_moves_no_other():
    model = Predictor(MLPEncoder(5, 4, hidden=(8,), noise=0.0), TaskHead(LAYOUT, 3, reads=("variant", "free")))
    x, view = torch.randn(6, 5), torch.randn(6, 5)
    out = model(Batch(x, view=view))
    torch.testing.assert_close(out.prediction, model.predict(x))
    torch.testing.assert_close(out.prediction_view, model.predict(view))
    z = torch.randn(6, 4, requires_grad=True)
    model.head(z).square().sum().backward()
    assert not z.grad[:, :2].any()
    assert z.grad[:, 2:].all()


def test_bad_heads(unchecked: None):
    with pytest.raises(SpecError, match="free has none"):
        TaskHead(LatentLayout(invariant=2), 3)
    with pytest.raises(SpecError, match="no block 'fre'"):
        TaskHead(LAYOUT, 3, reads=("fre",))
    with pytest.raises(SpecError, match="outputs"):
        TaskHead(LAYOUT, 0)
    with pytest.raises(ShapeError, match="Predictor wants blocks that sum to the 5 axes"):
        Predictor(MLPEncoder(3, 5), TaskHead(LAYOUT, 2))


def test_modalities_share_the_mean_of_their_invariant_blocks():
    both = {name: MLPEncoder(columns, 4, hidden=(8,)) for name, columns in (("sound", 3), ("touch", 2))}
    model = Autoencoder(MultimodalEncoder(both, LAYOUT)).eval()
    x = torch.randn(6, 5)
    out = model(Batch(x, view=x.flip(0)))
    sound, touch = both["sound"](x[:, :3]), both["touch"](x[:, 3:])
    joint = model.encoder.joint.blocks(out.z)
    torch.testing.assert_close(joint["invariant"], (sound + touch)[:, :2] / 2)
    torch.testing.assert_close(joint["variant.touch"], touch[:, 2:3])
    torch.testing.assert_close(joint["free"], torch.cat([sound[:, 3:], touch[:, 3:]], dim=1))
    torch.testing.assert_close(out.modalities["sound"], sound[:, :2])
    torch.testing.assert_close(out.z_view, out.z.flip(0))
    torch.testing.assert_close(model.encoder.alone("touch", x[:, 3:]), touch[:, :2])


def test_a_decoder_of_modalities_gives_each_its_blocks():
    encoder = MultimodalEncoder({"a": MLPEncoder(3, 4, hidden=()), "b": MLPEncoder(2, 4, hidden=())}, LAYOUT)
    decoder = encoder.mirror().eval()
    z = torch.randn(5, encoder.dim)
    moved = z.clone()
    moved[:, encoder.joint.slice("variant.b")] += 1.0
    changed = decoder(moved) != decoder(z)
    assert not changed[:, :3].any()
    assert changed[:, 3:].any()


def test_bad_modalities():
    with pytest.raises(SpecError, match="two encoders or more; got 1"):
        MultimodalEncoder({"a": MLPEncoder(3, 4)}, LAYOUT)
    with pytest.raises(SpecError, match="'b' has 3"):
        MultimodalEncoder({"a": MLPEncoder(3, 4), "b": MLPEncoder(3, 3)}, LAYOUT)
    with pytest.raises(SpecError, match="no modality 'c'"):
        MultimodalEncoder({"a": MLPEncoder(3, 4), "b": MLPEncoder(3, 4)}, LAYOUT).alone("c", torch.zeros(2, 3))


def test_a_window_does_not_depend_on_its_batch_in_training_either():
    torch.manual_seed(0)
    encoder = ResidualSignalEncoder((2, 40), 3, channels=(8, 8))
    x = torch.randn(9, 80)
    torch.testing.assert_close(encoder.train()(x)[:1], encoder(x[:1]))


def test_parts_are_means_over_equal_times():
    encoder = ResidualSignalEncoder((1, 88), 5, channels=(4, 6), segments=3, spread=2.0)
    x = torch.randn(2, 88)
    h = encoder.over_time(x)
    assert h.shape == (2, 6, 12)
    parts = h.reshape(2, 6, 3, 4).mean(dim=3)
    by_hand = 2.0 * encoder.last(torch.cat([h.mean(dim=2), parts.flatten(1)], dim=1))
    torch.testing.assert_close(encoder(x), by_hand)


def test_without_segments_a_window_is_alike_wherever_its_event_lies():
    """Shifted by steps of the last layer, away from the ends: means over all times stay, those of parts do not."""
    torch.manual_seed(0)
    step, length = 8, 800
    signal = torch.zeros(2, length)
    signal[0, 400:420] = torch.randn(20)
    signal[1] = signal[0].roll(15 * step)
    with_parts = ResidualSignalEncoder((1, length), 4, channels=(8, 8), segments=8)
    without = ResidualSignalEncoder((1, length), 4, channels=(8, 8), segments=0)
    with torch.no_grad():
        apart = [float((z[0] - z[1]).norm() / z.norm()) for z in (with_parts(signal), without(signal))]
    assert apart[1] < 1e-5
    assert apart[0] > 1e-2


@pytest.mark.parametrize("settings", [{"segments": -1}, {"channels": ()}, {"channels": (0,)}, {"spread": 0.0}])
def test_bad_settings_of_the_signal_encoder(unchecked: None, settings: dict):
    with pytest.raises(SpecError):
        ResidualSignalEncoder((1, 32), 2, **settings)


def test_a_predictor_takes_items_with_their_axes():
    layout = LatentLayout(free=3)
    model = Predictor(ResidualSignalEncoder((2, 32), 3, channels=(4, 8)), TaskHead(layout, 2)).eval()
    x = torch.randn(5, 2, 32)
    with torch.no_grad():
        assert torch.equal(model.predict(x), model.predict(x.flatten(1)))
        torch.testing.assert_close(model(Batch(x, view=x)).z_view, model.encode(x))
