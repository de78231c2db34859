"""The order of equal instants: (time, rank, key), never insertion order.

Problem: several things happen at one instant, and two engines that do the same things must do them in the same order.
Rule: fault, control, finish, deadline, probe or poll, retry, arrival; a finish beats its deadline. Within a rank the
key decides: `request << 16 | attempt` for what belongs to a request, a birth serial or tick number for the rest.
Trial: polled power of two, arrivals every .25 s, service .75 s: the six orders of tick, departure and arrival change
up to 2,214 of 4,000 rows. Keys are integers 0 <= key < 2**80, so that a request entity of 64 bits fits.
"""

from __future__ import annotations

FAULT, CONTROL, FINISH, DEADLINE, PROBE, RETRY, ARRIVAL = range(7)

KEY_MAX = (1 << 80) - 1
