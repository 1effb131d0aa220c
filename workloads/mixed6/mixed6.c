/* SPDX-License-Identifier: MIT
 * Six arguments of six types and next to no work: the signature of nanobind's microbenchmark.
 */
#include <stdint.h>

float mixed6(uint16_t a, int32_t b, uint32_t c, int64_t d, uint64_t e, float f);

float mixed6(uint16_t a, int32_t b, uint32_t c, int64_t d, uint64_t e, float f)
{
	return (float)((uint64_t)a + (uint64_t)b + (uint64_t)c + (uint64_t)d + e) + f;
}
