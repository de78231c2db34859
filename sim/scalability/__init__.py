"""The control plane of the fleet: manager and balancer, written once for every runtime."""
