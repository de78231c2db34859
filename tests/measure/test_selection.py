"""Racing and budgets: KN's constants and guarantee, screening that waits for nobody, OCBA's shares."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sim.measure.selection import RaceRules, correct_selection_prob, kn_h2, ocba_next, ocba_shares, race

TRIALS = 300


@pytest.mark.parametrize(
    ("first", "known"),
    [(10, (6.013, 11.429, 15.464, 19.882)), (20, (5.211, 9.015, 11.511, 14.008))],
)
def test_the_constants_of_kn(first: int, known: tuple[float, ...]) -> None:
    rules = RaceRules(1.0, first)
    assert [round(kn_h2(k, rules), 3) for k in (2, 5, 10, 20)] == list(known)
    apart = RaceRules(1.0, first, independent=True)
    assert kn_h2(2, apart) == pytest.approx(known[0], abs=5e-4)  # two systems: one comparison either way
    assert kn_h2(10, apart) < kn_h2(10, rules)


def _slippage(k: int, correlation: float, delta: float, seed: int, rows: int = 500) -> np.ndarray:
    """Everybody `delta` worse than the one in the middle; normal, of variance 1."""
    rng = np.random.default_rng(seed)
    common, own = rng.standard_normal((rows, 1)), rng.standard_normal((rows, k))
    worse = delta * (np.arange(k) != k // 2)
    return np.sqrt(correlation) * common + np.sqrt(1.0 - correlation) * own + worse  # type: ignore[no-any-return]


def _trials(k: int, correlation: float) -> tuple[float, float]:
    """Share of correct selections and mean replications over all systems, zone of half a standard deviation."""
    right, used = 0, 0
    for trial in range(TRIALS):
        values = _slippage(k, correlation, 0.5, 1000 * k + trial)
        found = race(values, RaceRules(0.5, 10, 0.95, independent=correlation == 0.0))
        assert found.best is not None, f"seed {1000 * k + trial}"
        right += found.best == k // 2
        used += found.seen * len(found.alive) + sum(found.fallen_at.values())
    return right / TRIALS, used / TRIALS


@pytest.mark.parametrize("k", [2, 5, 10])
def test_kn_selects_the_best_in_the_slippage_configuration(k: int) -> None:
    least = 0.95 - 2.6 * math.sqrt(0.95 * 0.05 / TRIALS)
    apart, apart_used = _trials(k, 0.0)
    paired, paired_used = _trials(k, 0.8)
    assert apart >= least
    assert paired >= least
    if k > 2:  # for two systems the first ten replications are already most of either race
        assert apart_used >= 3 * k * 10
        assert paired_used <= apart_used / 3


def test_screening_waits_for_whole_rows_whoever_finishes_first() -> None:
    values = _slippage(5, 0.5, 0.5, 3)
    whole = race(values, RaceRules(0.5))
    assert whole.best == 2
    ragged = values.copy()
    for system, fell in whole.fallen_at.items():
        ragged[fell:, system] = np.nan  # it was not run any further
    assert race(ragged, RaceRules(0.5)) == whole
    early = ragged.copy()
    early[15:, 2] = np.nan  # the best is late
    waiting = race(early, RaceRules(0.5))
    assert (waiting.best, waiting.seen) == (None, 15)
    assert waiting.fallen_at == {system: at for system, at in whole.fallen_at.items() if at <= 15}
    assert waiting.needed_max >= whole.seen


def test_a_race_has_not_begun_before_everybody_ran_the_first_replications() -> None:
    values = _slippage(3, 0.5, 0.5, 4)
    values[7, 1] = np.nan
    begun = race(values, RaceRules(0.5))
    assert (begun.alive, begun.best, begun.seen, begun.needed_max) == ((0, 1, 2), None, 7, 0)
    assert race(values[:5], RaceRules(0.5)).seen == 5


def test_the_same_system_under_two_names_ends_at_once() -> None:
    column = np.random.default_rng(5).standard_normal((10, 1))
    found = race(np.repeat(column, 3, axis=1), RaceRules(0.1))
    assert (found.alive, found.best, found.seen) == ((0, 1, 2), 0, 10)
    assert race(np.repeat(column, 2, axis=1) + np.array([0.0, 0.5]), RaceRules(0.1)).fallen_at == {1: 10}
    assert race(column, RaceRules(0.1)).best == 0


def test_within_the_zone_either_is_right_and_the_race_ends() -> None:
    rng = np.random.default_rng(6)
    values = rng.standard_normal((400, 2))  # equal means, own draws
    found = race(values, RaceRules(0.5))
    assert found.best is not None
    assert found.seen <= found.needed_max <= 400


@pytest.mark.parametrize("rules", [(0.0,), (math.nan,), (1.0, 2), (1.0, 10, 1.0)])
def test_rules_without_a_guarantee_are_refused(rules: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="accepted is"):
        RaceRules(*rules)  # type: ignore[arg-type]


def test_probability_of_correct_selection_from_the_data() -> None:
    values = np.array([[1.0, 2.0], [2.0, 4.0], [3.0, 3.0]])  # differences 1, 2, 0: mean 1, sd 1, t = sqrt(3)
    assert correct_selection_prob(values, 0) == pytest.approx(1.0 - 0.11270166537925835)  # t with 2 degrees
    assert correct_selection_prob(values, 1) == pytest.approx(0.11270166537925835)
    assert correct_selection_prob(values, 0, delta=10.0) > 0.99
    same = np.ones((4, 2))
    assert correct_selection_prob(same, 0) == 1.0
    assert correct_selection_prob(same + np.array([0.0, -1.0]), 0) == 0.0
    with pytest.raises(ValueError, match="needs two"):
        correct_selection_prob(values[:1], 0)


def test_ocba_shares_follow_the_ratios() -> None:
    shares = ocba_shares(np.array([0.0, 1.0, 2.0]), np.array([1.0, 1.0, 2.0]))
    # N1 : N2 = (1/1)^2 : (2/2)^2 = 1 : 1, Nb = 1 * sqrt(1 + 1/4)
    expected = np.array([math.sqrt(1.25), 1.0, 1.0])
    assert shares == pytest.approx(expected / expected.sum())
    assert ocba_shares(np.array([3.0]), np.array([1.0])) == pytest.approx([1.0])
    assert ocba_shares(np.array([3.0, 3.0]), np.array([1.0, 2.0])) == pytest.approx([0.5, 0.5])
    assert ocba_shares(np.array([3.0, 4.0]), np.zeros(2)) == pytest.approx([0.5, 0.5])


def test_ocba_next_gives_what_is_left_and_takes_nothing_back() -> None:
    means, deviations = np.array([0.0, 1.0, 2.0]), np.array([1.0, 1.0, 2.0])
    more = ocba_next(means, deviations, np.array([10, 10, 10]), 60)
    assert more.sum() == 30
    assert more.tolist() == [12, 9, 9]  # shares .3587 .3207 .3207 of 60: 21.5, 19.2, 19.2
    lopsided = ocba_next(means, deviations, np.array([10, 40, 10]), 80)
    assert lopsided[1] == 0
    assert lopsided.sum() == 20
    assert ocba_next(means, deviations, np.array([10, 10, 10]), 30).tolist() == [0, 0, 0]


def test_ocba_finds_the_best_more_often_than_equal_shares() -> None:
    """Ten systems a third of a standard deviation apart, a budget of 200: the claim of the method."""
    rng = np.random.default_rng(11)
    means = np.arange(10) / 3.0
    right = {"ocba": 0, "equal": 0}
    for _ in range(400):
        draws = means + rng.standard_normal((200, 10))
        right["equal"] += int(draws[:20].mean(axis=0).argmin() == 0)
        counts = np.full(10, 5)
        for budget in range(60, 201, 10):
            seen = [draws[:n, i] for i, n in enumerate(counts)]
            mean, deviation = np.array([s.mean() for s in seen]), np.array([s.std(ddof=1) for s in seen])
            counts = counts + ocba_next(mean, deviation, counts, budget)
        final = [draws[:n, i].mean() for i, n in enumerate(counts)]
        right["ocba"] += int(np.argmin(final) == 0)
    assert counts.sum() == 200
    assert right["ocba"] > right["equal"] + 20
