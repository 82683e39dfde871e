"""What the fused network has to beat: logistic regression on the frozen towers' pooled features."""

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, normalize

from model.network.text_tower import TextTower
from training.examples import BOTH, Examples
from training.losses import ABSENT

#: The strength of regularisation is chosen on dev from these.
_CS = (0.001, 0.003, 0.01, 0.03, 0.1)


def frozen_features(tower: TextTower, examples: Examples) -> NDArray[np.float64]:
    """Unit vectors of the untuned text tower and of the image tower, side by side: [N, Dt + Di]."""
    tower.eval()
    rows = []
    with torch.inference_mode():
        for at in range(0, len(examples), 32):
            inputs = examples.batch(list(range(at, min(at + 32, len(examples)))), BOTH).inputs
            pooled, _ = tower(inputs[3], inputs[4])
            shown = (inputs[0] * inputs[2][:, None]).numpy()  # zeros for a sample without a picture
            rows.append(np.hstack([normalize(pooled.numpy()), normalize(shown)]))
    return np.vstack(rows).astype(np.float64)


def logistic_regression(
    train: NDArray[np.float64],
    train_labels: NDArray[np.int64],
    dev: NDArray[np.float64],
    dev_labels: NDArray[np.int64],
    test: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Probabilities [N_test] of the model whose regularisation does best on dev; ``ABSENT`` labels are left out."""
    known, dev_known = train_labels != ABSENT, dev_labels != ABSENT
    fitted = [
        make_pipeline(StandardScaler(), LogisticRegression(C=c, max_iter=2000)).fit(train[known], train_labels[known])
        for c in _CS
    ]
    best = max(
        fitted, key=lambda model: roc_auc_score(dev_labels[dev_known], model.predict_proba(dev[dev_known])[:, 1])
    )
    return np.asarray(best.predict_proba(test)[:, 1], dtype=np.float64)
