# pyright: basic
"""The auditor inside a training program: torch.distributed, Hugging Face's Trainer, Lightning.

A loop of one's own needs none of this: ``auditor.update(logits, labels)`` where the loss is computed, and
``print(auditor.report())`` after the epoch. Tensors may be on any device and in any graph; they are only read.
"""

from __future__ import annotations

from typing import Any

from xent.auditor.arrays import Auditor
from xent.auditor.plan import AuditError

__all__ = ["all_reduce", "lightning_callback", "trainer_hook"]


def all_reduce(auditor: Auditor, /, group: Any = None) -> Auditor:
    """Give every process of a group the audit of all rows; each calls this once, after its last batch.

    Parameters
    ----------
    auditor : Auditor
        This process's own; it is not changed. A process without rows takes part as well.
    group : torch.distributed.ProcessGroup, optional
        Default: all processes.

    Returns
    -------
    Auditor
        The same, to the bit, in every process; to be reported, not updated.

    Raises
    ------
    AuditError
        torch.distributed has not been initialised, or the processes decided on different plans: give each the same
        ``kind`` and ``ignore_index``. It is raised in every process.

    Notes
    -----
    Rows keep the number of their process: positions count from rank · 2⁴⁰. A sampler that repeats rows so that each
    process has as many counts them twice, as any sum over processes does; the report says so (XE602).

    Examples
    --------
    >>> import numpy as np
    >>> auditor = Auditor(kind="logits")
    >>> auditor.update(np.zeros((4, 2)), np.array([0, 1, 1, 0]))
    >>> all_reduce(auditor)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    xent.auditor.plan.AuditError: torch.distributed is not initialised; call ...
    """
    import torch.distributed as dist

    if not (dist.is_available() and dist.is_initialized()):
        raise AuditError("torch.distributed is not initialised; call torch.distributed.init_process_group first.")
    parts: list[Any] = [None] * dist.get_world_size(group)
    rank = dist.get_rank(group)
    dist.all_gather_object(parts, None if auditor.summary is None else auditor.summary.moved(rank), group=group)
    merged = Auditor(kind=auditor.kind, ignore_index=auditor.ignore_index, names=auditor.names, name=auditor.name)
    for part in parts:
        merged.merge(Auditor(plan=None if part is None else part.plan, summary=part))
    return merged


def trainer_hook(auditor: Auditor, /, *, causal: bool = False) -> Any:
    """Give what Hugging Face's Trainer takes as ``preprocess_logits_for_metrics``: it audits every evaluation.

    Trainer keeps the logits of all rows for ``compute_metrics``, which for a language model is more than there is
    memory. This function audits each batch and hands on only the predicted classes.

    Parameters
    ----------
    auditor : Auditor
        Takes the batches; make a new one, or ``auditor.reset()``, before each evaluation.
    causal : bool
        Whether the label of a token is the next one, as Trainer's causal language models have it: the last scores
        and the first label of a sequence are then left out.

    Returns
    -------
    callable (logits, labels) → tensor
        argmax of the logits.

    Examples
    --------
    >>> import torch
    >>> auditor = Auditor()
    >>> hook = trainer_hook(auditor)  # Trainer(…, preprocess_logits_for_metrics=hook, compute_metrics=…)
    >>> hook(torch.tensor([[2.0, 0.0], [0.0, 1.0]]), torch.tensor([0, 0])).tolist()
    [0, 1]
    >>> auditor.report().numbers.accuracy
    0.5
    """

    def hook(logits: Any, labels: Any) -> Any:
        scores = logits[0] if isinstance(logits, tuple) else logits  # models give their hidden states too
        if causal:
            auditor.update(scores[:, :-1], labels[:, 1:])
        else:
            auditor.update(scores, labels)
        return scores.argmax(dim=-1)

    return hook


def lightning_callback(auditor: Auditor, /, *, logits: str = "logits", labels: str = "labels") -> Any:
    """Give a Lightning callback that audits what ``validation_step`` and ``test_step`` return.

    Parameters
    ----------
    auditor : Auditor
        Starts again with each epoch; after it, holds the audit of all processes' rows, and ``report`` is logged as
        ``audit/loss``, ``audit/ece`` and ``audit/errors``.
    logits, labels : str
        What the step's dictionary calls them.

    Raises
    ------
    AuditError
        Lightning is not installed; while it runs, a step that returns no such dictionary.

    Examples
    --------
    >>> callback = lightning_callback(Auditor())  # doctest: +SKIP
    >>> Trainer(callbacks=[callback])  # doctest: +SKIP
    """
    try:
        from lightning.pytorch import Callback  # pyright: ignore[reportMissingImports]
    except ImportError:
        try:
            from pytorch_lightning import Callback  # pyright: ignore[reportMissingImports]
        except ImportError:
            raise AuditError("Lightning is not installed; install it with: pip install lightning") from None

    class Audit(Callback):  # pyright: ignore[reportGeneralTypeIssues]
        """Feeds an auditor."""

        def start(self, *_: Any) -> None:
            auditor.reset()

        def batch(self, _trainer: Any, _module: Any, outputs: Any, *_: Any) -> None:
            if not (isinstance(outputs, dict) and logits in outputs and labels in outputs):
                raise AuditError(
                    f"The step has to return a dictionary with {logits!r} and {labels!r} for the audit; "
                    f"{sorted(outputs) if isinstance(outputs, dict) else type(outputs).__name__} came."
                )
            auditor.update(outputs[logits], outputs[labels])

        def end(self, trainer: Any, module: Any) -> None:
            if trainer.sanity_checking or auditor.summary is None:
                return
            whole = all_reduce(auditor) if trainer.world_size > 1 else auditor
            report = whole.report()
            auditor.plan, auditor.summary = whole.plan, whole.summary
            numbers = {"loss": report.numbers.loss, "ece": report.numbers.ece}
            numbers["errors"] = float(sum(f.severity == "error" for f in report.findings))
            module.log_dict({f"audit/{name}": value for name, value in numbers.items()}, rank_zero_only=True)

        on_validation_epoch_start = on_test_epoch_start = start
        on_validation_batch_end = on_test_batch_end = batch
        on_validation_epoch_end = on_test_epoch_end = end

    return Audit()
