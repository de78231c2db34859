"""Faults as workloads: one small file a fault, composed by config, struck by the injector on virtual time."""
