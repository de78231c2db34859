"""The live side: real sockets, real entropy, real processes around the same control plane."""
