/* The yardstick in C, by hand: the floor under every engine.

   FIFO nodes, Poisson arrivals, exponential service of mean 1 s, each request to the less loaded of two random nodes.
   A binary heap of departures over agents in service, a growing ring of waiting arrivals a node, splitmix64 draws.
   floor requests seed nodes agents rate_per_s prints one line of JSON, as the scripts beside it. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

typedef struct {
    double at, arrived_at;
    int node;
} departure;

typedef struct {
    double *arrived_at;
    size_t first, count, room; /* room is a power of two */
} line;

static uint64_t state;

static inline double uniform(void) {
    uint64_t z = state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    z ^= z >> 31;
    return ((double)(z >> 12) + 0.5) * 0x1p-52;
}

static inline double exponential(double mean_s) { return -log(uniform()) * mean_s; }

static void wait(line *here, double arrived_at) {
    if (here->count == here->room) {
        size_t room = here->room ? 2 * here->room : 64;
        double *grown = malloc(room * sizeof *grown);
        if (!grown) exit(1);
        for (size_t i = 0; i < here->count; i++) grown[i] = here->arrived_at[(here->first + i) & (here->room - 1)];
        free(here->arrived_at);
        here->arrived_at = grown, here->first = 0, here->room = room;
    }
    here->arrived_at[(here->first + here->count++) & (here->room - 1)] = arrived_at;
}

static double next_waiting(line *here) {
    double arrived_at = here->arrived_at[here->first];
    here->first = (here->first + 1) & (here->room - 1);
    here->count--;
    return arrived_at;
}

/* An entry at the end moves up; one at the root moves down. */
static void rise(departure *heap, size_t place, departure entry) {
    while (place) {
        size_t parent = (place - 1) / 2;
        if (heap[parent].at <= entry.at) break;
        heap[place] = heap[parent];
        place = parent;
    }
    heap[place] = entry;
}

static void sink(departure *heap, size_t size, departure entry) {
    size_t place = 0, child;
    while ((child = 2 * place + 1) < size) {
        child += child + 1 < size && heap[child + 1].at < heap[child].at;
        if (heap[child].at >= entry.at) break;
        heap[place] = heap[child];
        place = child;
    }
    heap[place] = entry;
}

static double cpu_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

int main(int count, char **words) {
    if (count != 6) return 2;
    const long requests = atol(words[1]);
    const int nodes = atoi(words[3]), agents = atoi(words[4]);
    const double gap_s = 1.0 / atof(words[5]);
    state = strtoull(words[2], NULL, 10);
    departure *heap = malloc((size_t)nodes * (size_t)agents * sizeof *heap);
    line *lines = calloc((size_t)nodes, sizeof *lines);
    int *held = calloc((size_t)nodes, sizeof *held);
    if (!heap || !lines || !held) return 1;
    const double started = cpu_s();
    double total_s = 0.0, next_at = exponential(gap_s);
    size_t size = 0;
    long coming = requests;
    while (coming || size) {
        if (coming && (!size || next_at < heap[0].at)) {
            int node = (int)(uniform() * nodes), other = (int)(uniform() * nodes);
            if (held[other] < held[node]) node = other;
            if (++held[node] <= agents)
                rise(heap, size++, (departure){next_at + exponential(1.0), next_at, node});
            else
                wait(&lines[node], next_at);
            next_at += exponential(gap_s);
            coming--;
        } else {
            const departure left = heap[0];
            total_s += left.at - left.arrived_at;
            held[left.node]--;
            if (lines[left.node].count)
                sink(heap, size, (departure){left.at + exponential(1.0), next_waiting(&lines[left.node]), left.node});
            else if (--size)
                sink(heap, size, heap[size]);
        }
    }
    const double used_s = cpu_s() - started;
    printf("{\"cpu_s\": %.6f, \"mean_sojourn_s\": %.6f, \"requests\": %ld, \"version\": \"%s\"}\n", used_s,
           total_s / (double)requests, requests, "C, " __VERSION__);
    return 0;
}
