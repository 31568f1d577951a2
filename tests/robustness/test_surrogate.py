import math

import pytest
import torch
from scipy.stats import norm, rankdata

from zsad.robustness.surrogate import NOISE, _normal_scores, expected_improvement

LINE = torch.tensor([False])


def column(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)[:, None]


def test_scores_are_normal_quantiles_of_the_mean_ranks():
    values = torch.tensor([0.3, -1.0, 0.3, 7.0, 0.3, 2.0], dtype=torch.float64)
    expected = norm.ppf((rankdata(values.numpy()) - 0.5) / 6)
    assert _normal_scores(values).tolist() == pytest.approx(expected.tolist())
    assert _normal_scores(values.exp()).tolist() == _normal_scores(values).tolist()
    assert _normal_scores(torch.ones(4, dtype=torch.float64)).tolist() == [0] * 4


def test_nothing_is_expected_where_all_is_known_and_most_beyond_the_best():
    tried = column(0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    values = (tried[:, 0] - 0.5) ** 2 + 0.1 * tried[:, 0]
    candidates = torch.linspace(0, 1, 101, dtype=torch.float64)[:, None]
    gain = expected_improvement(tried, values, candidates, LINE)
    assert (gain > -1e-9).all()
    at_tries = expected_improvement(tried, values, tried, LINE)
    assert at_tries.max() < 0.1 * gain.max()
    assert 0.4 < candidates[gain.argmax(), 0] < 0.6, "between the two best, on either side of the minimum"
    assert gain[-10:].max() < 0.1 * gain.max(), "the far end is hopeless"


def test_a_circle_knows_its_other_end():
    """The valley lies at 0, seen from 0.1 alone; 0.95 is promising on a circle, and far away on a line."""
    tried = column(0.1, 0.3, 0.5, 0.7)
    values = torch.tensor([0.0, 1.0, 2.0, 1.1], dtype=torch.float64)
    candidates = column(0.97, 0.5)
    on_circle, on_line = (
        expected_improvement(tried, values, candidates, torch.tensor([periodic])) for periodic in (True, False)
    )
    assert on_circle[0] > on_circle[1]
    wrapped = expected_improvement(tried, values, candidates + 1, torch.tensor([True]))
    torch.testing.assert_close(wrapped, on_circle)
    assert not torch.allclose(on_circle, on_line)


def test_it_is_the_textbook_formula_for_the_most_probable_lengths(monkeypatch):
    """One length to choose from, and a regression written out with inverses."""
    monkeypatch.setattr("zsad.robustness.surrogate.LENGTHS", (0.4,))
    generator = torch.Generator().manual_seed(0)
    tried, candidates = torch.rand(9, 2, generator=generator).double(), torch.rand(5, 2, generator=generator).double()
    values = torch.rand(9, generator=generator).double()

    def kernel(one, other):
        total = 1.0
        for parameter in range(2):
            distance = (one[:, None, parameter] - other[None, :, parameter]).abs() / 0.4 * math.sqrt(3)
            total = total * (1 + distance) * torch.exp(-distance)
        return total

    scores = _normal_scores(values) / _normal_scores(values).std(correction=0)
    inverse = torch.linalg.inv(kernel(tried, tried) + NOISE * torch.eye(9))
    variance = scores @ inverse @ scores / 9
    cross = kernel(candidates, tried)
    mean = cross @ inverse @ scores
    deviation = (variance * (1 - (cross @ inverse @ cross.T).diagonal())).sqrt()
    gain = scores.min() - mean
    normal = torch.distributions.Normal(0.0, 1.0)
    expected = gain * normal.cdf(gain / deviation) + deviation * normal.log_prob(gain / deviation).exp()
    torch.testing.assert_close(expected_improvement(tried, values, candidates, torch.tensor([False, False])), expected)
