/* SPDX-License-Identifier: MIT
 * The thread pointer that thunks index to find the thread's ring. */
#ifndef PB_HOOK_THREAD_POINTER_H
#define PB_HOOK_THREAD_POINTER_H

#include <stdint.h>

static inline uintptr_t pb_thread_pointer(void)
{
	uintptr_t self;
	__asm__("mov %%fs:0, %0" : "=r"(self));
	return self;
}

#endif
