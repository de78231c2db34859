"""How an agent answers, in numbers fitted to published measurements; `tests/world/surfaces` fits them again.

Temperature: 17 runs of GPT-3.5 chain-of-thought, 0 to 1.6, 100 questions each (Renze, Guven 2024, EMNLP Findings;
matthewrenze/jhu-llm-temperature, BSD-2-Clause): accuracy cap / (1 + exp((T - center) / width)), errors the same way up,
log of the growth of tokens a exp(b (T - 1)) up to 1.5; the slope of accuracy is that of 23 groups of runs within 0..1.
Output length: mean of those runs up to .5, log-sd of the Azure code trace 2023 (CC-BY-4.0; Patel et al. 2024).
Context needed: lognormal as its prompts. Score over context length: RULER (Hsieh et al. 2024),
Llama-3.1-70B. Task ability: Beta(.54, .35), which predicts tau-bench retail pass^3 .431 and pass^4 .392 (seen .430 and
.383; Yao et al. 2024, GPT-4o). Prefill and decoding: `sim.world.service.hardware`, h100-80gb-tp4; bytes of the cache
follow from the architecture (80 layers, 8 heads of 128, fp16). Prices: output tokens cost five times input tokens.
"""

from __future__ import annotations

TEMPERATURE_CAP = 0.616  # accuracy below the cliff
TEMPERATURE_CENTER, TEMPERATURE_WIDTH = 1.509, 0.0416
TEMPERATURE_SLOPE = 0.0167  # accuracy per unit within 0..1, all models
ERROR_CENTER, ERROR_WIDTH = 1.549, 0.0309
TOKEN_GROWTH, TOKEN_GROWTH_RATE = 0.0287, 6.44
OUTPUT_TOKENS_MEAN, OUTPUT_LOG_SD = 1_617.0, 0.85
NEED_TOKENS_MEDIAN, NEED_LOG_SD = 1_469.0, 1.36
ABILITY_A, ABILITY_B = 0.54, 0.35
RULER_TOKENS = (4_096.0, 8_192.0, 16_384.0, 32_768.0, 65_536.0, 131_072.0)
RULER_SCORE = (0.965, 0.958, 0.954, 0.948, 0.884, 0.666)
CACHE_BYTES_PER_TOKEN = 2 * 80 * 8 * 128 * 2
CACHE_BYTES = 4 * 80e9 - 140e9  # what 70 billion weights in fp16 leave of four cards
INPUT_PRICE_PER_TOKEN, OUTPUT_PRICE_PER_TOKEN = 1.0e-6, 5.0e-6  # dollars; only their ratio is borrowed
PATIENCE_S = 20.0  # first token: no decline of satisfaction up to here (arXiv 2604.06183: 2, 9 and 20 s)
