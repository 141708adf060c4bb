"""The modules are torch's to whoever looks at them: type, parameters, state and text."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from torch import nn

import xent.torch as X  # noqa: N812

WEIGHT = torch.tensor([1.0, 2.0, 0.5])
Z, Y = torch.tensor([[2.0, 1.0, 0.1], [0.0, 1.0, -1.0]]), torch.tensor([0, 2])


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"weight": WEIGHT, "label_smoothing": 0.1},
        {"reduction": "none", "ignore_index": 2},
        {"reduction": "sum"},
    ],
)
def test_cross_entropy_is_torchs(options):
    ours, theirs = X.CrossEntropyLoss(**options), nn.CrossEntropyLoss(**options)
    assert isinstance(ours, nn.CrossEntropyLoss)
    assert repr(ours) == repr(theirs)
    assert ours.state_dict().keys() == theirs.state_dict().keys()
    ours.load_state_dict(theirs.state_dict())
    torch.testing.assert_close(ours(Z, Y), theirs(Z, Y))
    torch.testing.assert_close(pickle.loads(pickle.dumps(copy.deepcopy(ours)))(Z, Y), theirs(Z, Y))  # noqa: S301
    torch.testing.assert_close(ours.double()(Z.double(), Y), theirs.double()(Z.double(), Y))


def test_cross_entropy_has_the_other_options():
    options = {"temperature": 2.0, "z_loss": 0.1, "softcap": 3.0, "denominator": "rows", "on_empty": "zero"}
    rows = torch.tensor([1.0, 3.0])
    want = X.cross_entropy(Z, Y, WEIGHT, sample_weight=rows, **options)
    assert torch.equal(X.CrossEntropyLoss(WEIGHT, **options)(Z, Y, sample_weight=rows), want)
    assert want != X.cross_entropy(Z, Y, WEIGHT)
    with pytest.raises(ValueError, match="temperature"):
        X.CrossEntropyLoss(temperature=0)
    assert X.CrossEntropyLoss(size_average=False).reduction == "sum"


def test_binary_is_torchs():
    y = torch.tensor([[1.0, 0.0, 0.3], [0.0, 0.0, 1.0]])
    for options in ({}, {"weight": WEIGHT}, {"pos_weight": WEIGHT, "reduction": "none"}):
        ours, theirs = X.BCEWithLogitsLoss(**options), nn.BCEWithLogitsLoss(**options)
        assert isinstance(ours, nn.BCEWithLogitsLoss)
        assert repr(ours) == repr(theirs)
        assert ours.state_dict().keys() == theirs.state_dict().keys()
        torch.testing.assert_close(ours(Z, y), theirs(Z, y))


def test_label_smoothing_is_the_formula():
    logits, y = torch.randn(2, 4, 3, dtype=torch.float64), torch.randint(3, (2, 4))
    log_p = logits.log_softmax(-1)
    want = 0.8 * -log_p.gather(-1, y[..., None])[..., 0] + 0.2 * -log_p.mean(-1)
    criterion = X.LabelSmoothingCrossEntropy(epsilon=0.2)
    torch.testing.assert_close(criterion(logits, y), want.mean())
    torch.testing.assert_close(criterion(logits[0], y[0]), want[0].mean())
    torch.testing.assert_close(criterion(logits[0, 0], y[0, 0]), want[0, 0])
    assert repr(criterion) == "LabelSmoothingCrossEntropy(epsilon=0.2)"
    assert X.LabelSmoothingCrossEntropy().epsilon == 0.1
    with pytest.raises(ValueError, match="label_smoothing"):
        X.LabelSmoothingCrossEntropy(2)


def test_focal_loss_holds_its_alpha():
    criterion = X.FocalLoss(alpha=WEIGHT, reduction="sum")
    assert list(criterion.state_dict()) == ["alpha"]
    torch.testing.assert_close(criterion(Z, Y), X.focal_loss(Z, Y, alpha=WEIGHT, reduction="sum"))
    assert repr(X.FocalLoss(3.0, 0.25)) == "FocalLoss(gamma=3.0, alpha=0.25)"
    assert not X.FocalLoss().state_dict()
    with pytest.raises(ValueError, match="gamma"):
        X.FocalLoss(gamma=-1)
