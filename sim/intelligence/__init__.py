"""The optimizer: what it keeps, what it believes, what it proposes, and how a proposal is proved before it stays."""
