"""The agent's coefficients are those that a fit to the published files gives again."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import curve_fit
from scipy.special import expit

from sim.world.surfaces import coefficients as c

DataFile = Callable[[str], Path]


def _runs(data_file: DataFile) -> list[dict[str, str]]:
    with data_file("jhu_temperature_results.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def _gpt35(data_file: DataFile) -> dict[str, np.ndarray]:
    key = ("gpt-35-turbo", "chain_of_thought", "comprehensive-100")
    rows = [run for run in _runs(data_file) if (run["Model Name"], run["Agent Name"], run["Exam Name"]) == key]
    assert len(rows) == 17
    names = ("Temperature", "Accuracy", "Output Tokens", "Num Errors")
    return {name: np.array([float(row[name]) for row in rows]) for name in names}


def test_the_cliff_of_accuracy_and_of_errors(data_file: DataFile) -> None:
    runs = _gpt35(data_file)
    temperature = runs["Temperature"]
    cap, center, width = curve_fit(
        lambda t, cap, center, width: cap * expit((center - t) / width), temperature, runs["Accuracy"], [0.6, 1.5, 0.05]
    )[0]
    assert cap == pytest.approx(c.TEMPERATURE_CAP, abs=5e-4)
    assert center == pytest.approx(c.TEMPERATURE_CENTER, abs=5e-4)
    assert width == pytest.approx(c.TEMPERATURE_WIDTH, abs=5e-5)
    center, width = curve_fit(
        lambda t, center, width: expit((t - center) / width), temperature, runs["Num Errors"] / 100.0, [1.55, 0.03]
    )[0]
    assert center == pytest.approx(c.ERROR_CENTER, abs=5e-4)
    assert width == pytest.approx(c.ERROR_WIDTH, abs=5e-5)


def test_the_growth_of_tokens(data_file: DataFile) -> None:
    runs = _gpt35(data_file)
    temperature, tokens = runs["Temperature"], runs["Output Tokens"]
    mean = tokens[temperature <= 0.5].mean()
    assert mean / 100.0 == pytest.approx(c.OUTPUT_TOKENS_MEAN, abs=0.5)
    below = temperature <= 1.5
    growth, rate = curve_fit(
        lambda t, growth, rate: np.exp(growth * np.exp(rate * (t - 1.0))),
        temperature[below],
        tokens[below] / mean,
        [0.02, 5.0],
    )[0]
    assert growth == pytest.approx(c.TOKEN_GROWTH, abs=5e-5)
    assert rate == pytest.approx(c.TOKEN_GROWTH_RATE, abs=5e-3)


def test_the_slope_below_the_cliff(data_file: DataFile) -> None:
    groups: dict[tuple[str, ...], list[tuple[float, float]]] = defaultdict(list)
    for run in _runs(data_file):
        if float(run["Temperature"]) <= 1.0:
            key = (run["Model Name"], run["Agent Name"], run["Exam Name"])
            groups[key].append((float(run["Temperature"]), float(run["Accuracy"])))
    assert len(groups) == 23
    centered = np.concatenate([np.array(group) - np.mean(group, axis=0) for group in groups.values()])
    slope = float(centered[:, 0] @ centered[:, 1] / (centered[:, 0] @ centered[:, 0]))
    assert slope == pytest.approx(c.TEMPERATURE_SLOPE, abs=5e-5)


def test_the_lengths_of_the_trace(data_file: DataFile) -> None:
    with data_file("azure_llm_2023_code.csv").open(newline="") as file:
        rows = [(int(row["ContextTokens"]), int(row["GeneratedTokens"])) for row in csv.DictReader(file)]
    prompt, output = (np.array(column, dtype=np.float64) for column in zip(*rows, strict=True))
    assert np.median(prompt) == c.NEED_TOKENS_MEDIAN
    assert np.log(prompt).std() == pytest.approx(c.NEED_LOG_SD, abs=5e-3)
    assert np.log(output[output > 0]).std() == pytest.approx(c.OUTPUT_LOG_SD, abs=5e-3)


def test_the_abilities_predict_repeated_passes() -> None:
    from scipy import stats

    ability = stats.beta(c.ABILITY_A, c.ABILITY_B)
    assert ability.moment(3) == pytest.approx(0.431, abs=5e-3)
    assert ability.moment(4) == pytest.approx(0.392, abs=5e-3)
