"""The article's own functions, as it prints them: the peer that a reader of it would otherwise use.

From "Cross-Entropy Loss: The Foundation of Classification", which this project answers. They stand here unimproved
(one temporary a line, `squeeze` included), because a peer that we improved would be no peer.
"""

from __future__ import annotations

import numpy as np

Array = np.ndarray


def softmax(logits: Array) -> Array:
    exp_logits = np.exp(logits - np.max(logits, axis=-1, keepdims=True))
    return exp_logits / np.sum(exp_logits, axis=-1, keepdims=True)


def softmax_cross_entropy(logits: Array, labels: Array) -> np.floating:
    max_logits = np.max(logits, axis=-1, keepdims=True)
    log_sum_exp = np.log(np.sum(np.exp(logits - max_logits), axis=-1))
    log_sum_exp += max_logits.squeeze()
    batch_size = labels.shape[0]
    true_class_logits = logits[np.arange(batch_size), labels]
    loss = -true_class_logits + log_sum_exp
    return np.mean(loss)


def softmax_cross_entropy_backward(logits: Array, labels: Array) -> Array:
    probs = softmax(logits)
    grad = probs.copy()
    batch_size = labels.shape[0]
    if len(labels.shape) == 1:
        grad[np.arange(batch_size), labels] -= 1
    else:
        grad -= labels
    grad /= batch_size
    return grad
