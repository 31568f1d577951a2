import math

import pytest
import torch
from scipy.stats import norm, rankdata, zscore

from zsad.robustness.surrogate import JUDGES, NOISE, GaussianProcess, _scores, probable_lengths

LINE = torch.tensor([False])


def column(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)[:, None]


def expected_of_one(tried, values, candidates, periodic):
    """For a single image, with the lengths that its evaluations make most probable."""
    lengths = probable_lengths(tried[None], values[None], periodic)
    return GaussianProcess(tried[None], values[None], periodic, lengths).expected_improvement(candidates[None])[0]


def some_tries(images: int, evaluations: int, parameters: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Landscapes that change fast along the first parameter and slowly along the others, each image its own."""
    generator = torch.Generator().manual_seed(0)
    tried = torch.rand(images, evaluations, parameters, generator=generator, dtype=torch.float64)
    phase = torch.rand(images, 1, generator=generator, dtype=torch.float64)
    return tried, torch.sin(12 * (tried[..., 0] + phase)) + tried[..., 1:].sum(2)


def test_scores_are_half_the_values_and_half_their_ranks():
    values = torch.tensor([[0.3, -1.0, 0.3, 7.0, 0.3, 2.0]], dtype=torch.float64)
    quantiles = norm.ppf((rankdata(values[0].numpy()) - 0.5) / 6)
    expected = zscore(zscore(values[0].numpy()) + zscore(quantiles))
    assert _scores(values)[0].tolist() == pytest.approx(expected.tolist())
    torch.testing.assert_close(_scores(3 * values + 5), _scores(values))
    assert _scores(torch.ones(1, 4, dtype=torch.float64)).tolist() == [[0] * 4]


@pytest.mark.parametrize("evaluations", [20, 3 * JUDGES])
def test_many_images_at_once_are_modelled_as_one_by_one(evaluations):
    tried, values = some_tries(5, evaluations, 3)
    candidates = torch.rand(5, 40, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    periodic = torch.tensor([False, True, False])
    lengths = probable_lengths(tried, values, periodic)
    gain = GaussianProcess(tried, values, periodic, lengths).expected_improvement(candidates)
    for i in range(5):
        alone = slice(i, i + 1)
        assert torch.equal(probable_lengths(tried[alone], values[alone], periodic)[0], lengths[i])
        of_one = GaussianProcess(tried[alone], values[alone], periodic, lengths[alone])
        torch.testing.assert_close(of_one.expected_improvement(candidates[alone])[0], gain[i], rtol=1e-7, atol=1e-15)


def test_lengths_are_short_where_a_landscape_changes_fast():
    tried, values = some_tries(4, 40, 2)
    lengths = probable_lengths(tried, values, torch.tensor([False, False]))
    assert (lengths[:, 0] < lengths[:, 1]).all()


def test_nothing_is_expected_where_all_is_known_and_most_beyond_the_best(monkeypatch):
    """Where evaluations repeat themselves exactly."""
    monkeypatch.setattr("zsad.robustness.surrogate.NOISE", 1e-4)
    tried = column(0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    values = (tried[:, 0] - 0.5) ** 2 + 0.1 * tried[:, 0]
    candidates = torch.linspace(0, 1, 101, dtype=torch.float64)[:, None]
    gain = expected_of_one(tried, values, candidates, LINE)
    assert (gain > -1e-9).all()
    at_tries = expected_of_one(tried, values, tried, LINE)
    assert at_tries.max() < 0.2 * gain.max()
    assert 0.4 < candidates[gain.argmax(), 0] < 0.6, "between the two best, on either side of the minimum"
    assert gain[-10:].max() < 0.1 * gain.max(), "the far end is hopeless"


def test_a_circle_knows_its_other_end():
    """The valley lies at 0, seen from 0.1 alone; 0.95 is promising on a circle, and far away on a line."""
    tried = column(0.1, 0.3, 0.5, 0.7)
    values = torch.tensor([0.0, 1.0, 2.0, 1.1], dtype=torch.float64)
    candidates = column(0.97, 0.5)
    on_circle, on_line = (
        expected_of_one(tried, values, candidates, torch.tensor([periodic])) for periodic in (True, False)
    )
    assert on_circle[0] > on_circle[1]
    wrapped = expected_of_one(tried, values, candidates + 1, torch.tensor([True]))
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

    scores = _scores(values[None])[0]
    inverse = torch.linalg.inv(kernel(tried, tried) + NOISE * torch.eye(9))
    variance = scores @ inverse @ scores / 9
    cross = kernel(candidates, tried)
    mean = cross @ inverse @ scores
    deviation = (variance * (1 - (cross @ inverse @ cross.T).diagonal())).sqrt()
    gain = scores.min() - mean
    normal = torch.distributions.Normal(0.0, 1.0)
    expected = gain * normal.cdf(gain / deviation) + deviation * normal.log_prob(gain / deviation).exp()
    torch.testing.assert_close(expected_of_one(tried, values, candidates, torch.tensor([False, False])), expected)
