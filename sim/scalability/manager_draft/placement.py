class Placement:
    def __init__(self, nodes): self._nodes = nodes
    def touch(self, entry): pass
    def choose(self, agent_type):
        c=[e for e in self._nodes if e.placeable]
        return min(c,key=lambda e:(len(e.agents)/e.info.capacity,e.serial),default=None)
    def placed(self, e, t): pass
    def unplaced(self, e, t): pass
