"""Rows of docs/article.md: smoothing and all that follows it in the article."""

from __future__ import annotations

from docs.cases import Row, Section

SECTIONS = (
    Section(
        "Label smoothing",
        "`label_smoothing`",
        "`xent.smooth_labels`, `label_smoothing=`",
        "The article defines the true class as 1 − ε + ε / K and the others as ε / K, and its code does "
        "that. The output it "
        "prints is that of the other convention, which spreads ε over the other classes. Ours has both, by name.",
        "labels = np.array([0, 1, 2])",
        (
            Row(
                "article.label_smoothing(labels, epsilon=0.1, num_classes=3)[0]",
                "xent.smooth_labels(labels, 0.1, 3)[0]",
                "what is printed is not what the code gives",
                "[0.9 0.05 0.05]",
            ),
            Row(
                "",
                'xent.smooth_labels(labels, 0.1, 3, convention="others")[0]',
                "the printed convention",
                "[0.9 0.05 0.05]",
            ),
            Row(
                "article.label_smoothing(labels[:2]).shape",
                "xent.smooth_labels(labels[:2]).shape",
                "labels.max() + 1 is the number of classes of this batch: a batch without the last class has fewer "
                "columns, "
                "and another ε / K",
            ),
            Row(
                "article.label_smoothing(np.array([-1]), 0.1, 3)",
                "xent.smooth_labels(np.array([-1]), 0.1, 3)",
                "−1 is the last class",
            ),
            Row(
                "article.label_smoothing(labels, 2.0, 3)[0]",
                "xent.smooth_labels(labels, 2.0, 3)[0]",
                "a target with a negative entry",
            ),
            Row(
                "article.label_smoothing(np.eye(3), 0.1, 5).shape",
                "xent.smooth_labels(np.eye(3), 0.1, 5).shape",
                "`num_classes` is ignored for one-hot rows, and the contradiction with it",
            ),
        ),
    ),
    Section(
        "Focal loss",
        "`focal_loss`",
        "`xent.focal_loss` (logits; binary and multi-class), `xent.from_probs.focal_loss`",
        "From probabilities, and so with their losses: the easy examples that the focal loss is about are "
        "the ones that clipping "
        "changes most.",
        "y_true = np.array([1, 0, 1, 1, 0])\ny_pred = np.array([0.9, 0.1, 0.8, 0.6, 0.3])\nz = "
        "np.array([20.0])\none = np.array([1])",
        (
            Row("article.focal_loss(y_true, y_pred)", "xent.from_probs.focal_loss(y_true, y_pred)"),
            Row(
                "article.focal_loss(one, article.sigmoid(z))",
                "xent.focal_loss(z, one, alpha=0.25)",
                "1 − p is 2e-9 here, and clipped to 1e-7: cubed",
            ),
            Row(
                "article.focal_loss(one, article.sigmoid(-z))",
                "xent.focal_loss(-z, one, alpha=0.25)",
                "the cap again, 16.118 α",
            ),
            Row(
                "article.focal_loss(np.array([0.9]), np.array([0.9]))",
                "xent.from_probs.focal_loss(np.array([0.9]), np.array([0.9]))",
                "a label that is not exactly 1 counts as 0",
            ),
        ),
    ),
    Section(
        "Negative log-likelihood",
        "`negative_log_likelihood`",
        "`xent.from_probs.negative_log_likelihood`",
        "Its arguments come in the other order than in the function that it calls, and its labels have to be "
        "one-hot.",
        "p = np.array([[0.2, 0.7, 0.1], [0.8, 0.1, 0.1], [0.3, 0.3, 0.4]])\nlabels = np.array([1, 0, 2])",
        (
            Row(
                "article.negative_log_likelihood(p, np.eye(3)[labels])",
                "xent.from_probs.negative_log_likelihood(p, np.eye(3)[labels])",
            ),
            Row(
                "article.negative_log_likelihood(p, labels)",
                "xent.from_probs.negative_log_likelihood(p, labels)",
                "class indices broadcast as above; ours takes them",
            ),
            Row(
                "article.negative_log_likelihood(np.eye(3)[labels], p)",
                "xent.from_probs.negative_log_likelihood(np.eye(3)[labels], p, epsilon=0)",
                "the arguments exchanged: a number made of the clipping constant. Unclipped, the exchange shows",
            ),
        ),
    ),
    Section(
        "Temperature",
        "`softmax_with_temperature`",
        "`temperature=`, `xent.distillation_loss`, `xent.calibration.fit_temperature`",
        "Neither of the two printed outputs is what the code gives.",
        "logits = np.array([2.0, 1.0, 0.1])\nstudent, teacher = np.array([[1.0, 1.0, 1.0]]), logits[None]\n"
        "scores = np.array([[4.0, 0.0], [4.0, 0.0], [4.0, 0.0], [0.0, 4.0]])\nanswers = np.array([0, 0, 1, 1])",
        (
            Row(
                "article.softmax_with_temperature(logits, 5.0)",
                "xent.softmax(logits, temperature=5.0)",
                "the printed numbers are wrong from the second digit on",
                "[0.387, 0.342, 0.271]",
            ),
            Row(
                "article.softmax_with_temperature(logits, 0.1)",
                "xent.softmax(logits, temperature=0.1)",
                "the printed second class is 22 times too likely",
                "[0.999, 0.001, 0.000]",
            ),
            Row(
                "article.softmax_with_temperature(logits, 0.0)",
                "xent.softmax(logits, temperature=0.0)",
                "0 divides by zero",
            ),
            Row(
                "article.softmax_with_temperature(logits, -1.0)",
                "xent.softmax(logits, temperature=-1.0)",
                "a negative temperature turns the order round and sums to 1",
            ),
            Row(
                "",
                "xent.distillation_loss(student, teacher, temperature=2.0)",
                "what the article names and does not show",
            ),
            Row("", "xent.calibration.fit_temperature(scores, answers).temperature", "4 / log 3, for 3 of 4 right"),
        ),
    ),
    Section(
        "Multi-label classification",
        "`multi_label_cross_entropy`",
        "`xent.binary_cross_entropy` on (…, K) logits and multi-hot targets",
        "1e-7 inside the logarithm changes every loss: small ones become negative, large ones are capped.",
        "logits = np.array([[3.0, -1.0, 0.5], [-2.0, 0.0, 4.0]])\nhot = np.array([[1, 0, 1], [0, 0, "
        "1]])\none = np.array([1])",
        (
            Row(
                "article.multi_label_cross_entropy(logits, hot)",
                "xent.binary_cross_entropy(logits, hot)",
                "in the seventh digit, for ordinary logits",
            ),
            Row(
                "article.multi_label_cross_entropy(np.array([40.0]), one)",
                "xent.binary_cross_entropy(np.array([40.0]), one)",
                "a negative loss",
            ),
            Row(
                "article.multi_label_cross_entropy(np.array([-40.0]), one)",
                "xent.binary_cross_entropy(np.array([-40.0]), one)",
                "capped at 16.118",
            ),
            Row(
                "article.multi_label_cross_entropy(np.array([-1000.0]), one)",
                "xent.binary_cross_entropy(np.array([-1000.0]), one)",
                "capped, after an overflow",
            ),
        ),
    ),
    Section(
        "Log-sum-exp",
        "`stable_log_sum_exp`, `stable_cross_entropy`",
        "`xent.logsumexp`, `xent.cross_entropy`",
        "Both are written for one row. Given a batch they do not fail: one takes the sum over the whole "
        "array, the other picks rows.",
        "row = np.array([2.0, 1.0, 0.1])\nbatch = np.array([[0.0, 0.0, 0.0], [900.0, 900.0, 900.0]])\nlabels "
        "= np.array([0, 1])",
        (
            Row("article.stable_log_sum_exp(row)", "xent.logsumexp(row)"),
            Row("article.stable_cross_entropy(row, 0)", "xent.cross_entropy(row, np.array(0))"),
            Row(
                "article.stable_log_sum_exp(batch)",
                "xent.logsumexp(batch)",
                "one number for all rows, and the maximum of another row: the first row is gone",
            ),
            Row(
                "article.stable_cross_entropy(batch, labels)",
                'xent.cross_entropy(batch, labels, reduction="none")',
                "`log_probs[labels]` picks rows 0 and 1 instead of a class of each",
            ),
            Row(
                "article.stable_log_sum_exp(np.array([-np.inf, -np.inf]))",
                "xent.logsumexp(np.array([-np.inf, -np.inf]))",
                "log 0 is −∞; −∞ − (−∞) is NaN",
            ),
            Row(
                "article.stable_cross_entropy(np.array([0.0, -40.0, -41.0]), 0)",
                "xent.cross_entropy(np.array([0.0, -40.0, -41.0]), np.array(0))",
                "rounded to 0",
            ),
        ),
    ),
    Section(
        "Gradient clipping",
        "`clip_gradients`",
        "`xent.clip_gradients`, `xent.global_norm`",
        "Right for ordinary numbers. The square overflows long before the norm does, and a NaN norm is not "
        "above any limit.",
        "g = [np.array([3.0, 0.0]), np.array([4.0])]\nhalf = [np.array([300.0, 400.0], np.float16)]",
        (
            Row("article.clip_gradients(g)[0]", "xent.clip_gradients(g)[0]"),
            Row("article.clip_gradients(g)[1]", "xent.clip_gradients(g)[1]"),
            Row(
                "article.clip_gradients(half)[0]",
                "xent.clip_gradients(half)[0]",
                "300² is above float16: the norm is ∞, and every gradient 0",
            ),
            Row(
                "article.clip_gradients([np.array([3e200, 4e200])])[0]",
                "xent.clip_gradients([np.array([3e200, 4e200])])[0]",
                "the same in float64",
            ),
            Row(
                "article.clip_gradients([np.array([np.nan, 1e6])])[0]",
                "xent.clip_gradients([np.array([np.nan, 1e6])])[0]",
                "not clipped at all",
            ),
            Row(
                "article.clip_gradients(g, max_norm=-1.0)[0]",
                "xent.clip_gradients(g, max_norm=-1.0)[0]",
                "a negative limit turns the gradient round",
            ),
        ),
    ),
    Section(
        "PyTorch",
        "`nn.BCEWithLogitsLoss`, `nn.CrossEntropyLoss`, `LabelSmoothingCrossEntropy`",
        "`xent.torch`, drop-in",
        "The article's class computes what `F.cross_entropy(label_smoothing=ε)` does, for a batch of rows "
        "and nothing else, "
        "and with it the first convention of smoothing, not the one that it printed.",
        "logits = torch.tensor([[2.0, 1.0, 0.1], [0.5, 2.5, 0.3]])\ntargets = torch.tensor([0, 1])\n"
        "padded = torch.tensor([0, -100])\nz = torch.tensor([2.0, -1.0])\ny = torch.tensor([1.0, 0.0])\n"
        "places = torch.arange(18.0).reshape(2, 3, 3) ** 2 % 7  # 2 rows, 3 classes, 3 places\nwhere = "
        "torch.tensor([[0, 1, 2], [2, 1, 0]])",
        (
            Row("torch.nn.BCEWithLogitsLoss()(z, y)", "xent.torch.BCEWithLogitsLoss()(z, y)"),
            Row("torch.nn.CrossEntropyLoss()(logits, targets)", "xent.torch.CrossEntropyLoss()(logits, targets)"),
            Row(
                "article.LabelSmoothingCrossEntropy(epsilon=0.1)(logits, targets)",
                "xent.torch.LabelSmoothingCrossEntropy(epsilon=0.1)(logits, targets)",
            ),
            Row(
                "article.LabelSmoothingCrossEntropy(epsilon=0.1)(logits, padded)",
                "xent.cross_entropy(logits, padded, label_smoothing=0.1, ignore_index=-100)",
                "`nll_loss` leaves the ignored row out, the smoothing does not, and the mean counts it",
            ),
            Row(
                "article.LabelSmoothingCrossEntropy(epsilon=0.1)(places, where)",
                "xent.cross_entropy(places, where, label_smoothing=0.1, axis=1)",
                "log-softmax over the last axis, `nll_loss` over axis 1: as many places as classes, and "
                "nothing fails",
            ),
        ),
    ),
    Section(
        "Loss landscape",
        "`visualize_loss_landscape`",
        "`xent.plots.loss_landscape`",
        "The picture of more than two classes has one curve for the true class and the same curve K − 1 "
        "times, under K − 1 names. "
        "In the picture of two, `true_label` changes nothing.",
        "",
        (
            Row(
                "np.array_equal(*article.curves(true_label=1, n_classes=3)[::2])",
                "",
                "the curves of class 0 and class 2 are one",
            ),
            Row(
                "np.array_equal(article.curves(true_label=0, n_classes=2), article.curves(true_label=1, "
                "n_classes=2))",
                "",
                "whatever the true label",
            ),
            Row("", "len(xent.plots.loss_landscape(classes=2, true_label=1).get_lines()) > 0", "draws"),
        ),
    ),
    Section(
        "Pitfalls",
        "five, in words",
        "[Numerics](numerics.md), [`xent audit`](findings.md) on your predictions",
        'Two of the five pieces of advice are pitfalls themselves. "Proper averaging over batch and classes": '
        "the loss is a sum over the classes, and a mean over them divides it by K. "
        '"Prevent log(0) errors" by clipping: see above.',
        "y_true = np.eye(3)[[1, 0, 2]]\ny_pred = np.array([[0.2, 0.7, 0.1], [0.8, 0.1, 0.1], [0.3, 0.3, 0.4]])",
        (
            Row(
                "np.mean(-y_true * np.log(y_pred))",
                "xent.from_probs.categorical_cross_entropy(y_true, y_pred)",
                "averaged over the batch and the classes: a third of the loss",
            ),
        ),
    ),
)
