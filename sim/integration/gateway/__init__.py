"""The gateway: requests from outside, checked, counted and limited, then handed to the real control plane."""
