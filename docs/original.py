"""The article's functions, as it prints them, its mistakes included. Nothing else may use them.

Names, parameters and bodies are the article's; only the line breaks that its text had lost are put back, and the
lint is silenced where it objects. ``visualize_loss_landscape`` is run by :func:`curves` and its lines are read off.
"""
# ruff: noqa: N812, RET504, SIM108

from __future__ import annotations

from typing import Any

import numpy as np
import torch.nn.functional as F
from torch import nn


def binary_cross_entropy(y_true, y_pred, epsilon=1e-7):
    # Clip predictions to prevent log(0)
    y_pred = np.clip(y_pred, epsilon, 1 - epsilon)
    # Calculate loss
    loss = -y_true * np.log(y_pred) - (1 - y_true) * np.log(1 - y_pred)
    return np.mean(loss)


def categorical_cross_entropy(y_true, y_pred, epsilon=1e-7):
    # y_true: one-hot encoded labels [batch_size, num_classes]
    # y_pred: predicted probabilities [batch_size, num_classes]
    y_pred = np.clip(y_pred, epsilon, 1 - epsilon)
    # Calculate loss for each sample
    loss = -np.sum(y_true * np.log(y_pred), axis=1)
    return np.mean(loss)


def sparse_categorical_cross_entropy(y_true, y_pred, epsilon=1e-7):
    # y_true: integer labels [batch_size]
    # y_pred: predicted probabilities [batch_size, num_classes]
    y_pred = np.clip(y_pred, epsilon, 1 - epsilon)
    # Extract probability of true class for each sample
    batch_size = y_true.shape[0]
    loss = -np.log(y_pred[np.arange(batch_size), y_true])
    return np.mean(loss)


def softmax(logits):
    # Subtract max for numerical stability
    exp_logits = np.exp(logits - np.max(logits, axis=-1, keepdims=True))
    return exp_logits / np.sum(exp_logits, axis=-1, keepdims=True)


# Stable log-softmax computation
def log_softmax(logits):
    max_logits = np.max(logits, axis=-1, keepdims=True)
    return logits - max_logits - np.log(np.sum(np.exp(logits - max_logits), axis=-1, keepdims=True))


def softmax_cross_entropy(logits, labels):
    # Compute log-sum-exp term
    max_logits = np.max(logits, axis=-1, keepdims=True)
    log_sum_exp = np.log(np.sum(np.exp(logits - max_logits), axis=-1))
    log_sum_exp += max_logits.squeeze()
    # Extract logits for true classes
    batch_size = labels.shape[0]
    true_class_logits = logits[np.arange(batch_size), labels]
    # Compute loss
    loss = -true_class_logits + log_sum_exp
    return np.mean(loss)


def softmax_cross_entropy_backward(logits, labels):
    # Forward pass
    probs = softmax(logits)
    # Backward pass - gradient w.r.t. logits
    grad = probs.copy()
    # Subtract 1 from true class probabilities
    batch_size = labels.shape[0]
    if len(labels.shape) == 1:  # Sparse labels
        grad[np.arange(batch_size), labels] -= 1
    else:  # One-hot labels
        grad -= labels
    # Average over batch
    grad /= batch_size
    return grad


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def binary_cross_entropy_backward(logits, labels):
    probs = sigmoid(logits)
    return (probs - labels) / labels.shape[0]


def label_smoothing(labels, epsilon=0.1, num_classes=None):
    if len(labels.shape) == 1:  # Convert sparse to one-hot
        num_classes = num_classes or labels.max() + 1
        one_hot = np.eye(num_classes)[labels]
    else:
        one_hot = labels
        num_classes = labels.shape[1]
    # Apply smoothing
    smooth_labels = one_hot * (1 - epsilon) + epsilon / num_classes
    return smooth_labels


def focal_loss(y_true, y_pred, gamma=2.0, alpha=0.25):
    # For binary classification
    epsilon = 1e-7
    y_pred = np.clip(y_pred, epsilon, 1 - epsilon)
    # Calculate focal loss
    p_t = np.where(y_true == 1, y_pred, 1 - y_pred)
    alpha_t = np.where(y_true == 1, alpha, 1 - alpha)
    loss = -alpha_t * (1 - p_t) ** gamma * np.log(p_t)
    return np.mean(loss)


def negative_log_likelihood(predictions, labels):
    # Same as categorical cross-entropy!
    return categorical_cross_entropy(labels, predictions)


def softmax_with_temperature(logits, temperature=1.0):
    return softmax(logits / temperature)


def multi_label_cross_entropy(logits, labels):
    # Apply sigmoid to each logit independently
    probs = sigmoid(logits)
    # Binary cross-entropy for each class
    loss = -(labels * np.log(probs + 1e-7) + (1 - labels) * np.log(1 - probs + 1e-7))
    return np.mean(loss)


def stable_log_sum_exp(x):
    max_x = np.max(x)
    return max_x + np.log(np.sum(np.exp(x - max_x)))


# Use in cross-entropy computation
def stable_cross_entropy(logits, labels):
    log_sum_exp = stable_log_sum_exp(logits)
    log_probs = logits - log_sum_exp
    # Extract log probability of true class
    true_class_log_prob = log_probs[labels]
    return -true_class_log_prob


def clip_gradients(gradients, max_norm=1.0):
    total_norm = np.sqrt(sum(np.sum(g**2) for g in gradients))
    if total_norm > max_norm:
        scale = max_norm / total_norm
        gradients = [g * scale for g in gradients]
    return gradients


class LabelSmoothingCrossEntropy(nn.Module):
    def __init__(self, epsilon=0.1):
        super().__init__()
        self.epsilon = epsilon

    def forward(self, logits, targets):
        n_classes = logits.size(-1)  # noqa: F841
        log_probs = F.log_softmax(logits, dim=-1)
        # Standard cross-entropy
        loss = F.nll_loss(log_probs, targets, reduction="none")
        # Label smoothing: add uniform distribution
        smooth_loss = -log_probs.mean(dim=-1)
        loss = (1 - self.epsilon) * loss + self.epsilon * smooth_loss
        return loss.mean()


def visualize_loss_landscape(true_label=1, n_classes=3):
    import matplotlib.pyplot as plt

    probs = np.linspace(0.001, 0.999, 100)
    plt.figure(figsize=(10, 6))
    # Binary CE
    if n_classes == 2:
        loss_true = -np.log(probs)
        loss_false = -np.log(1 - probs)
        plt.plot(probs, loss_true, label="True class (y=1)")
        plt.plot(probs, loss_false, label="False class (y=0)")
    else:  # Multi-class CE
        for i in range(n_classes):
            if i == true_label:
                loss = -np.log(probs)
            else:
                # Assuming uniform distribution over other classes
                loss = -np.log((1 - probs) / (n_classes - 1))
            plt.plot(probs, loss, label=f"Class {i}")
    plt.xlabel("Predicted Probability")
    plt.ylabel("Loss")
    plt.title("Cross-Entropy Loss Landscape")
    plt.legend()
    plt.grid(True, alpha=0.3)
    plt.ylim(0, 5)
    plt.show()


def curves(**arguments: int) -> list[Any]:
    """Draw the article's landscape off the screen and give the y of its lines."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    shown, plt.show = plt.show, lambda: None
    try:
        visualize_loss_landscape(**arguments)
        return [line.get_ydata() for line in plt.gca().get_lines()]
    finally:
        plt.show = shown
        plt.close("all")


__all__ = [name for name in dir() if not name.startswith("_")]
