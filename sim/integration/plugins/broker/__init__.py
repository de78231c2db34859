"""The only way out of a plugin: host functions, each granted by its manifest and by the operator, each written down."""
