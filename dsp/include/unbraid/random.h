// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef UNBRAID_RANDOM_H
#define UNBRAID_RANDOM_H

#include "attributes.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
   Seeded pseudo-random numbers, the same on every machine: xoshiro256++ seeded by splitmix64
   (Blackman and Vigna, "Scrambled linear pseudorandom number generators", 2021).
*/
typedef struct ub_random {
    uint64_t state[4];
} ub_random;

/** A generator for this seed. Every seed is good, 0 too. */
UB_API UB_RT ub_random ub_random_new(uint64_t seed);

/** The next 64 random bits. */
UB_API UB_RT uint64_t ub_random_bits(ub_random *random);

/** A float in [0, 1), 24 random bits. */
UB_API UB_RT float ub_random_uniform(ub_random *random);

/** A standard normal double (Marsaglia's polar method). */
UB_API double ub_random_normal(ub_random *random);

#ifdef __cplusplus
}
#endif
#endif
