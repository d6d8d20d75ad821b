// SPDX-License-Identifier: GPL-3.0-or-later
// xoshiro256++ and splitmix64, written from the description in Blackman and Vigna's paper.
#include "unbraid/random.h"

#include <math.h>

static uint64_t rotate_left(uint64_t bits, unsigned count)
{
    return (bits << count) | (bits >> (64u - count));
}

ub_random ub_random_new(uint64_t seed)
{
    ub_random random;
    for (int i = 0; i < 4; i++) {
        seed += UINT64_C(0x9e3779b97f4a7c15);
        uint64_t z = seed;
        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        random.state[i] = z ^ (z >> 31);
    }
    return random;
}

uint64_t ub_random_bits(ub_random *random)
{
    uint64_t *s = random->state;
    const uint64_t bits = rotate_left(s[0] + s[3], 23) + s[0];
    const uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return bits;
}

float ub_random_uniform(ub_random *random)
{
    return (float)(ub_random_bits(random) >> 40) * 0x1p-24f;
}

double ub_random_normal(ub_random *random)
{
    for (;;) {
        const double x = (double)(ub_random_bits(random) >> 11) * 0x1p-52 - 1.0;
        const double y = (double)(ub_random_bits(random) >> 11) * 0x1p-52 - 1.0;
        const double square = x * x + y * y;
        if (square > 0.0 && square < 1.0) {
            return x * sqrt(-2.0 * log(square) / square);
        }
    }
}
