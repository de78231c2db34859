"""Public traces that experiments name but do not ship: what to say when the file is not there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Source:
    """Where a public trace comes from."""

    title: str
    licence: str
    size: str


SOURCES = {
    "azure_llm_2023_code.csv": Source(
        "Azure LLM inference trace 2023, code service (Azure/AzurePublicDataset; Patel et al., Splitwise, ISCA 2024)",
        "CC-BY-4.0",
        "8,819 requests, 320 kB",
    ),
    "servegen_m-mid_client36.csv": Source(
        "one production client over 14 days in bins of 600 s (alibaba/ServeGen)", "Apache-2.0", "2,016 bins, 170 kB"
    ),
    "bighouse_search.service.cdf": Source(
        "service times of a web search (meisner/BigHouse, University of Michigan)", "BSD-style", "10,001 points, 180 kB"
    ),
    "bighouse_search.arrival.cdf": Source(
        "inter-arrival times of a web search (meisner/BigHouse, University of Michigan)",
        "BSD-style",
        "1,194 points, 26 kB",
    ),
}


EXAMPLE = "victor-sim init my-fleet leaves an example of a trace, my-fleet/trace.csv"


def missing(path: str) -> str:
    """The problem of a file that is not there, with its source where it is a known one."""
    source = SOURCES.get(path.rsplit("/", 1)[-1])
    if Path(path).is_dir():
        return "a folder; accepted is a file"
    if source is None:
        return "no such file"
    return f"no such file; it is the {source.title}, licence {source.licence}, {source.size}: put it there"
