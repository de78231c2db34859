"""Who is well: detectors over heartbeats and active checks, outlier ejection, circuit breakers, the eligible set."""
