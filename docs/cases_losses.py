"""Rows of docs/article.md: information, the losses, softmax, and the gradients."""

from __future__ import annotations

from docs.cases import Row, Section

SECTIONS = (
    Section(
        "Entropy, cross-entropy, KL",
        "formulas only",
        "`xent.information`",
        "The article has formulas here and no code. Its inequality H(p, q) ≥ H(p), with equality at p = q, "
        "holds in every digit.",
        "p = np.array([0.5, 0.25, 0.25])\nq = np.array([0.7, 0.2, 0.1])",
        (
            Row("", "xent.information.entropy(p)"),
            Row("", "xent.information.entropy(p, base=2)", "in bits"),
            Row("", "xent.information.cross_entropy(p, q)"),
            Row("", "xent.information.cross_entropy(p, p) - xent.information.entropy(p)", "equality at p = q"),
            Row("", "xent.information.kl_divergence(p, q)", "H(p, q) − H(p)"),
            Row("", "xent.information.mutual_information(np.array([[0.4, 0.1], [0.1, 0.4]]))", "a related concept"),
        ),
    ),
    Section(
        "Binary cross-entropy",
        "`binary_cross_entropy`",
        "`xent.binary_cross_entropy` (logits), `xent.from_probs.binary_cross_entropy`",
        "Clipping at ε hides how wrong a prediction is, and shapes that do not match are broadcast without a word.",
        "y_true = np.array([1, 0, 1, 1, 0])\ny_pred = np.array([0.9, 0.1, 0.8, 0.6, 0.3])\none = np.array([1.0])",
        (
            Row(
                "article.binary_cross_entropy(y_true, y_pred)",
                "xent.from_probs.binary_cross_entropy(y_true, y_pred)",
            ),
            Row(
                "article.binary_cross_entropy(one, np.array([1e-12]))",
                "xent.from_probs.binary_cross_entropy(one, np.array([1e-12]), epsilon=0)",
                "clipped: no loss is above −log 1e-7, and beyond it there is no gradient. Ours clips by default "
                "too, "
                ""
                "for those who have only probabilities, but need not",
            ),
            Row(
                "article.binary_cross_entropy(one, np.array([1.0]))",
                "xent.from_probs.binary_cross_entropy(one, np.array([1.0]), epsilon=0)",
                "clipped from above: a perfect prediction costs something",
            ),
            Row(
                "article.binary_cross_entropy(y_true, y_pred[:, None])",
                "xent.from_probs.binary_cross_entropy(y_true, y_pred[:, None])",
                "shapes (5,) and (5, 1) become 25 losses, of which 20 compare a label with another row's "
                "prediction",
            ),
            Row(
                "article.binary_cross_entropy(np.array([2]), np.array([0.9]))",
                "xent.from_probs.binary_cross_entropy(np.array([2]), np.array([0.9]))",
                "a label 2 gives a negative loss",
            ),
        ),
    ),
    Section(
        "Categorical cross-entropy",
        "`categorical_cross_entropy`",
        "`xent.cross_entropy` (logits), `xent.from_probs.categorical_cross_entropy`",
        "It takes one-hot rows and does not check that it got them.",
        "y_true = np.array([[0, 1, 0], [1, 0, 0], [0, 0, 1]])\n"
        "y_pred = np.array([[0.2, 0.7, 0.1], [0.8, 0.1, 0.1], [0.3, 0.3, 0.4]])\n"
        "indices = np.array([1, 0, 2])\n"
        "words = np.stack([y_pred[:2], y_pred[1:]])  # 2 sentences of 2 words, 3 classes\n"
        "right = np.stack([y_true[:2], y_true[1:]])",
        (
            Row(
                "article.categorical_cross_entropy(y_true, y_pred)",
                "xent.from_probs.categorical_cross_entropy(y_true, y_pred)",
            ),
            Row(
                "article.categorical_cross_entropy(indices, y_pred)",
                "xent.from_probs.categorical_cross_entropy(indices, y_pred)",
                "indices where one-hot rows are meant: with as many rows as classes they broadcast, and weight the "
                "logarithms of every row by (1, 0, 2)",
            ),
            Row(
                "article.categorical_cross_entropy(right, words)",
                "xent.from_probs.categorical_cross_entropy(right, words)",
                "with (N, T, K) arrays axis 1 is not the classes: it sums over the words and takes the mean "
                "over the "
                ""
                "classes, a loss wrong by the factor T / K",
            ),
            Row(
                "article.categorical_cross_entropy(y_true, 10 * y_pred)",
                "xent.from_probs.categorical_cross_entropy(y_true, 10 * y_pred)",
                "numbers that are no probabilities are clipped to 1 and cost nothing",
            ),
        ),
    ),
    Section(
        "Sparse categorical cross-entropy",
        "`sparse_categorical_cross_entropy`",
        "`xent.cross_entropy` (logits), `xent.from_probs.sparse_categorical_cross_entropy`",
        "NumPy's indexing counts from the end and broadcasts; both are legal here, and both are wrong.",
        "y_true = np.array([1, 0, 2])\ny_pred = np.array([[0.2, 0.7, 0.1], [0.8, 0.1, 0.1], [0.3, 0.3, 0.4]])",
        (
            Row(
                "article.sparse_categorical_cross_entropy(y_true, y_pred)",
                "xent.from_probs.sparse_categorical_cross_entropy(y_true, y_pred)",
            ),
            Row(
                "article.sparse_categorical_cross_entropy(np.array([1, 0, -1]), y_pred)",
                "xent.from_probs.sparse_categorical_cross_entropy(np.array([1, 0, -1]), y_pred)",
                "−1, often the mark for no label, is the last class",
            ),
            Row(
                "article.sparse_categorical_cross_entropy(y_true[:, None], y_pred)",
                "xent.from_probs.sparse_categorical_cross_entropy(y_true[:, None], y_pred)",
                "labels of shape (3, 1) pick 9 probabilities, 6 of them of other rows",
            ),
        ),
    ),
    Section(
        "Softmax and log-softmax",
        "`softmax`, `log_softmax`",
        "`xent.softmax`, `xent.log_softmax`",
        "Taking the maximum out prevents the overflow. It does not save the digits: log of 1 + tail is 0 "
        "where the tail is "
        "below the spacing of floats next to 1.",
        "logits = np.array([2.0, 1.0, 0.1])\nsure = np.array([0.0, -40.0, -41.0])\nhuge = np.array([1e4, 0.0])",
        (
            Row("article.softmax(logits)", "xent.softmax(logits)"),
            Row("article.log_softmax(logits)", "xent.log_softmax(logits)"),
            Row("article.softmax(huge)", "xent.softmax(huge)"),
            Row(
                "article.log_softmax(sure)", "xent.log_softmax(sure)", "the loss of the right class is rounded to 0"
            ),
            Row(
                "article.softmax(np.array([-np.inf, -np.inf]))",
                "xent.softmax(np.array([-np.inf, -np.inf]))",
                "NaN is right: nothing is left to choose from",
            ),
        ),
    ),
    Section(
        "Softmax and cross-entropy in one",
        "`softmax_cross_entropy`",
        "`xent.cross_entropy`",
        "Here the maximum is added back before the label's logit is subtracted, which costs more digits "
        "still; and `squeeze` and "
        "`arange` work for matrices only.",
        "logits = np.array([[2.0, 1.0, 0.1], [0.5, 2.5, 0.3]])\nlabels = np.array([0, 1])\n"
        "sure = np.array([[100.0, 60.0, 59.0]])\nfirst = np.array([0])\n"
        "words = np.arange(27.0).reshape(3, 3, 3) ** 2 % 5  # 3 sentences of 3 words, 3 classes\n"
        "right = np.array([[0, 1, 2], [2, 1, 0], [1, 1, 2]])",
        (
            Row("article.softmax_cross_entropy(logits, labels)", "xent.cross_entropy(logits, labels)"),
            Row(
                "article.softmax_cross_entropy(sure, first)",
                "xent.cross_entropy(sure, first)",
                "100 + tail is 100: rounded to 0",
            ),
            Row(
                "article.softmax_cross_entropy(logits, np.array([0, -2]))",
                "xent.cross_entropy(logits, np.array([0, -2]))",
                "−2 is class 1 counted from the end",
            ),
            Row(
                "article.softmax_cross_entropy(logits[0], np.array(0))",
                "xent.cross_entropy(logits[0], np.array(0))",
                "one row without a batch axis is refused",
            ),
            Row(
                "article.softmax_cross_entropy(words, right)",
                "xent.cross_entropy(words, right)",
                "labels pick words instead of classes, and with as many sentences as words and classes every "
                "shape fits",
            ),
        ),
    ),
    Section(
        "Its gradient",
        "`softmax_cross_entropy_backward`",
        "`xent.cross_entropy_with_grad`",
        "p − y is the right formula. At the label of a sure row p − 1 is 0, and the other entries no longer "
        "cancel it.",
        "logits = np.array([[2.0, 1.0, 0.1], [0.5, 2.5, 0.3]])\nlabels = np.array([0, 1])\n"
        "sure = np.array([[0.0, -40.0, -41.0]])\nfirst = np.array([0])\n"
        "words = np.zeros((1, 3, 3))  # 1 sentence of 3 words, 3 classes\nright = np.array([[2, 0, 1]])",
        (
            Row(
                "article.softmax_cross_entropy_backward(logits, labels)",
                "xent.cross_entropy_with_grad(logits, labels)[1]",
            ),
            Row(
                "article.softmax_cross_entropy_backward(logits, np.eye(3)[labels])",
                "xent.cross_entropy_with_grad(logits, np.eye(3)[labels])[1]",
            ),
            Row(
                "article.softmax_cross_entropy_backward(sure, first)",
                "xent.cross_entropy_with_grad(sure, first)[1]",
                "p − 1 rounded to 0",
            ),
            Row(
                "article.softmax_cross_entropy_backward(words, right)",
                "xent.cross_entropy_with_grad(words, right)[1]",
                "two axes of labels are taken for one-hot rows, and indices are subtracted from probabilities; and "
                "it "
                "divides by the sentences instead of the words",
            ),
        ),
    ),
    Section(
        "Sigmoid and the binary gradient",
        "`sigmoid`, `binary_cross_entropy_backward`",
        "`xent.sigmoid`, `xent.binary_cross_entropy_with_grad`",
        "The loss is a mean over all entries, and its gradient here is divided by the first axis alone: "
        "right for one "
        "logit a row, K times too large for K of them.",
        "z = np.array([2.0, -1.0, 0.5])\ny = np.array([1, 0, 1])\n"
        "many = np.array([[3.0, -1.0, 0.5], [-2.0, 0.0, 4.0]])\nhot = np.array([[1, 0, 1], [0, 0, 1]])",
        (
            Row("article.sigmoid(z)", "xent.sigmoid(z)"),
            Row(
                "article.sigmoid(np.array([-1000.0]))",
                "xent.sigmoid(np.array([-1000.0]))",
                "exp(1000) overflows on the way; where warnings are errors, so is this",
            ),
            Row("article.binary_cross_entropy_backward(z, y)", "xent.binary_cross_entropy_with_grad(z, y)[1]"),
            Row(
                "article.binary_cross_entropy_backward(many, hot)",
                "xent.binary_cross_entropy_with_grad(many, hot)[1]",
                "three times the gradient of the article's own loss",
            ),
            Row(
                "article.binary_cross_entropy_backward(z[:, None], y).shape",
                "xent.binary_cross_entropy_with_grad(z[:, None], y)[1].shape",
                "three logits get a gradient of nine entries",
            ),
            Row(
                "article.binary_cross_entropy_backward(np.array([40.0]), np.array([1]))",
                "xent.binary_cross_entropy_with_grad(np.array([40.0]), np.array([1]))[1]",
                "p − 1 rounded to 0",
            ),
        ),
    ),
)
