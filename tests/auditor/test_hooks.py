"""The auditor in real training programs: two processes of torch.distributed, Trainer, Lightning."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

import xent
from xent.auditor import AuditError, Auditor
from xent.auditor.hooks import all_reduce, lightning_callback, trainer_hook

RANK = """
import pickle, sys
import numpy as np, torch.distributed as dist
from xent.auditor import Auditor
from xent.auditor.hooks import all_reduce

rank, store, out = int(sys.argv[1]), sys.argv[2], sys.argv[3]
dist.init_process_group("gloo", init_method="file://" + store, rank=rank, world_size=3)
rng = np.random.default_rng(rank)
auditor = Auditor(kind="logits")
for _ in range(rank * 2):  # the first has no rows at all
    auditor.update(rng.normal(size=(50, 4)), rng.integers(0, 4, 50))
whole = all_reduce(auditor)
with open(out + str(rank), "wb") as file:
    pickle.dump(whole.summary, file)
dist.destroy_process_group()
"""


def test_every_process_gets_the_audit_of_all(tmp_path):
    import pickle

    command = [sys.executable, "-c", RANK]
    running = [
        subprocess.Popen([*command, str(rank), str(tmp_path / "store"), str(tmp_path / "out")]) for rank in range(3)
    ]
    assert [process.wait(120) for process in running] == [0, 0, 0]
    found = [pickle.loads((tmp_path / f"out{rank}").read_bytes()) for rank in range(3)]  # noqa: S301 - our own
    alone = Auditor(kind="logits")
    for rank in (1, 2):
        rng, part = np.random.default_rng(rank), Auditor(kind="logits", part=rank)
        for _ in range(rank * 2):
            part.update(rng.normal(size=(50, 4)), rng.integers(0, 4, 50))
        alone.merge(part)
    assert found[0] == found[1] == found[2] == alone.summary
    assert found[0].counts["rows"] == 300


def test_without_a_group_it_is_said():
    with pytest.raises(AuditError, match="init_process_group"):
        all_reduce(Auditor())


def test_a_loop_of_batches_is_the_audit_of_all():
    torch.manual_seed(0)
    z, y = torch.randn(100, 5, requires_grad=True), torch.randint(0, 5, (100,))
    auditor = Auditor(kind="logits")
    for a in range(0, 100, 32):
        auditor.update(z[a : a + 32], y[a : a + 32])
    assert auditor.summary == xent.audit(z, y, kind="logits").summary
    half = Auditor(kind="logits")
    half.update(z.detach().bfloat16(), y)
    assert half.report().numbers.loss == pytest.approx(auditor.report().numbers.loss, rel=0.01)


def test_causal_labels_are_the_next_tokens():
    z, tokens = torch.randn(3, 6, 11), torch.randint(0, 11, (3, 6))
    auditor = Auditor(kind="logits")
    assert trainer_hook(auditor, causal=True)((z, "hidden states"), tokens).shape == (3, 6)
    want = torch.nn.functional.cross_entropy(z[:, :-1].reshape(-1, 11), tokens[:, 1:].reshape(-1))
    assert auditor.report().numbers.loss == pytest.approx(float(want), rel=1e-6)


# --------------------------------------------------------------------------------------- the frameworks themselves


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the framework's own
def test_trainer(tmp_path):
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = transformers.GPT2Config(vocab_size=23, n_positions=16, n_embd=16, n_layer=1, n_head=2)
    model = transformers.GPT2LMHeadModel(config).eval()
    # The first label predicts nothing; unless it is ignored, Trainer divides by it as well.
    tokens = torch.randint(0, 23, (20, 12)).tolist()
    rows = [{"input_ids": row, "labels": [-100, *row[1:]]} for row in tokens]
    auditor = Auditor(kind="logits")
    trainer = transformers.Trainer(
        model=model,
        args=transformers.TrainingArguments(
            output_dir=str(tmp_path), per_device_eval_batch_size=8, report_to=[], use_cpu=True
        ),
        eval_dataset=rows,
        preprocess_logits_for_metrics=trainer_hook(auditor, causal=True),
        compute_metrics=lambda prediction: {"seen": prediction.predictions.size},
    )
    found = trainer.evaluate()
    numbers = auditor.report().numbers
    assert found["eval_seen"] == 20 * 12
    assert numbers.rows == 20 * 11
    assert numbers.loss == pytest.approx(found["eval_loss"], rel=1e-5)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_lightning(tmp_path):
    lightning = pytest.importorskip("lightning.pytorch")

    class Model(lightning.LightningModule):
        def __init__(self, result):
            super().__init__()
            self.layer, self.result = torch.nn.Linear(4, 3), result

        def training_step(self, batch, _):
            return torch.nn.functional.cross_entropy(self.layer(batch[0]), batch[1])

        def validation_step(self, batch, _):
            z = self.layer(batch[0])
            self.log("loss", torch.nn.functional.cross_entropy(z, batch[1]), batch_size=len(z))
            return {"logits": z, "labels": batch[1]} if self.result else None

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.1)

    torch.manual_seed(0)
    data = torch.utils.data.TensorDataset(torch.randn(50, 4), torch.randint(0, 3, (50,)))
    loader = torch.utils.data.DataLoader(data, batch_size=16)
    auditor = Auditor(kind="logits")
    trainer = lightning.Trainer(
        max_epochs=2, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, default_root_dir=tmp_path, callbacks=[lightning_callback(auditor)],
    )  # fmt: skip
    trainer.fit(Model(True), loader, loader)
    assert auditor.report().numbers.rows == 50
    assert float(trainer.callback_metrics["audit/loss"]) == pytest.approx(
        float(trainer.callback_metrics["loss"]), rel=1e-5
    )
    with pytest.raises(AuditError, match="'logits' and 'labels'"):
        trainer.validate(Model(False), loader, verbose=False)
