"""Where a plugin's code runs: in a worker process behind the kernel's walls, in Monty, or in WebAssembly."""
