"""How the fleet meets the outside: plugins that hook into the control plane."""
