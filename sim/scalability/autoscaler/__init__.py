"""The autoscaler: how many nodes the fleet should have, and the loop that brings them and lets them go."""
