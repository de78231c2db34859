"""The policies of the autoscaler, one rule a file, registered by name."""
