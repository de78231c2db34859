"""The status page's HTML, style and scripts, put together and hashed by `sim.integration.gateway.watch`."""
