from sim.scalability.manager.config import ManagerConfig as _C
class ManagerConfig(_C):
    health_checks = True
    def agents_bound(self): return self.agents_limit
def manager_config(given):
    return ManagerConfig(**dict(given or {}))
