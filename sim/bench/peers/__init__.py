"""Scripts that run the yardstick on other engines, each alone in an interpreter that has its package.

`python SCRIPT requests seed nodes agents rate_per_s` prints one line of JSON: the CPU seconds of the run, set-up and
imports left out, the mean sojourn in seconds (service mean 1 s) and the version of what ran. No script imports another
file of the house, and each draws by the means of its own engine.
"""
