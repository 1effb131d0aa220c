/* SPDX-License-Identifier: MIT
 * Picks the counter reads of the CPU that this is compiled for.
 */
#ifndef PB_SYS_ARCH_H
#define PB_SYS_ARCH_H

#if defined(__x86_64__)
#include "sys/arch/x86_64/counter_arch.h"
#elif defined(__aarch64__)
#include "sys/arch/aarch64/counter_arch.h"
#else
#error "no counter reads for this CPU: add src/sys/arch/<cpu>/counter_arch.h and reference.S"
#endif

#endif
