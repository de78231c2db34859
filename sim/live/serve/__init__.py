"""The real control plane behind real sockets: manager, balancer, health, autoscaler and gateway on asyncio."""
