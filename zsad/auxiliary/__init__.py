"""Detectors that learn from anomalies of other products, with masks: their data, losses and training.

Nothing here takes part in a prediction. What was learned is kept as `zsad.detectors.learned` says.
"""

from __future__ import annotations

from zsad.auxiliary.anomalyclip import AnomalyCLIPLearner
from zsad.auxiliary.april_gan import AprilGANLearner
from zsad.auxiliary.learner import Learner, LearnerKind, Training

__all__ = ["LEARNERS", "Learner", "LearnerKind", "Training"]

LEARNERS: dict[str, LearnerKind] = {
    "anomalyclip": AnomalyCLIPLearner,
    "april_gan": AprilGANLearner,
}
"""What can be trained, by the name of its detector."""
