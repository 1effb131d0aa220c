/* SPDX-License-Identifier: MIT
 * Each thread's counts: given to it at its first hooked call, kept for the sum when it ends.
 */
#include "hook/watch_thread.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

__thread struct pb_watch_thread *pb_watch_current;

/* Threads are the process's, and so is their list. What a thread that has ended leaves is summed
 * up with the others and then given to the next new thread, so there are as many as threads at
 * once, and none is ever freed: another thread may just be adding up. */
static struct {
	pthread_once_t once;
	pthread_mutex_t mutex;
	pthread_key_t key;
	bool keyed;
	struct pb_watch_thread *first;
} threads = {.once = PTHREAD_ONCE_INIT, .mutex = PTHREAD_MUTEX_INITIALIZER};

static void lock(void)
{
	pthread_mutex_lock(&threads.mutex);
}

static void unlock(void)
{
	pthread_mutex_unlock(&threads.mutex);
}

static void leave(void *ended)
{
	struct pb_watch_thread *t = ended;
	pb_watch_current = NULL;
	lock();
	t->owned = false;
	unlock();
}

/* A fork while another thread holds the lock would leave the child without it. */
static void prepare(void)
{
	threads.keyed = pthread_key_create(&threads.key, leave) == 0;
	pthread_atfork(lock, unlock, unlock);
}

static void reset(struct pb_watch_thread *t)
{
	for (size_t i = 0; i < PB_WATCH_CHUNKS; i++) {
		for (size_t k = 0; t->chunks[i] && k < PB_WATCH_CHUNK; k++)
			free(t->chunks[i][k].bins);
		if (t->chunks[i])
			memset(t->chunks[i], 0, PB_WATCH_CHUNK * sizeof *t->chunks[i]);
	}
	while (t->keyed) {
		struct pb_watch_keyed *chunk = t->keyed;
		t->keyed = chunk->next;
		for (uint32_t i = 0; i < chunk->count; i++) {
			free(chunk->records[i].name);
			free(chunk->records[i].library);
			free(chunk->records[i].bins);
		}
		free(chunk);
	}
	free(t->table);
	t->table = NULL;
	t->table_mask = t->table_used = 0;
	t->depth = 0;
	pb_watch_look_now(t);
}

struct pb_watch_thread *pb_watch_attach(uint64_t epoch)
{
	struct pb_watch_thread *t = pb_watch_current;
	pthread_once(&threads.once, prepare);
	lock();
	for (t = t ? t : threads.first; t && t != pb_watch_current && t->owned;)
		t = t->next;
	if (!t && (t = calloc(1, sizeof *t))) {
		t->next = threads.first;
		threads.first = t;
	}
	if (t) {
		t->owned = true;
		if (t->epoch != epoch)
			reset(t);
		__atomic_store_n(&t->epoch, epoch, __ATOMIC_RELEASE);
	}
	unlock();
	if (t && threads.keyed)
		pthread_setspecific(threads.key, t);
	pb_watch_current = t;
	return t;
}

bool pb_watch_make_bins(struct pb_watch_record *r)
{
	struct pb_watch_bins *bins = calloc(1, sizeof *bins);
	__atomic_store_n(&r->bins, bins, __ATOMIC_RELEASE);
	return bins;
}

void pb_watch_returned(const struct pb_watch_record *r, uint64_t *calls, uint64_t *ticks)
{
	*calls = *ticks = 0;
	for (size_t i = 0; r->bins && i < PB_WATCH_BINS; i++) {
		*calls += pb_watch_read(&r->bins->of[i].calls);
		*ticks += pb_watch_read(&r->bins->of[i].ticks);
	}
}

struct pb_watch_record *pb_watch_make_indexed(struct pb_watch_thread *t, uint32_t index)
{
	struct pb_watch_record *chunk = calloc(PB_WATCH_CHUNK, sizeof *chunk);
	if (!chunk)
		return NULL;
	__atomic_store_n(&t->chunks[index / PB_WATCH_CHUNK], chunk, __ATOMIC_RELEASE);
	return &chunk[index % PB_WATCH_CHUNK];
}

static int grow(struct pb_watch_thread *t)
{
	size_t size = t->table ? 2 * (t->table_mask + 1) : 64;
	struct pb_watch_record **table = calloc(size, sizeof(void *));
	if (!table)
		return -1;
	for (size_t i = 0; t->table && i <= t->table_mask; i++) {
		struct pb_watch_record *r = t->table[i];
		if (!r)
			continue;
		size_t at = pb_watch_hash(r->hook, r->key) & (size - 1);
		while (table[at])
			at = (at + 1) & (size - 1);
		table[at] = r;
	}
	free(t->table);
	t->table = table;
	t->table_mask = size - 1;
	return 0;
}

static struct pb_watch_record *append(struct pb_watch_thread *t, const struct pb_watch_hook *hook,
				      uint64_t key)
{
	struct pb_watch_keyed *chunk = t->keyed;
	if (!chunk || chunk->count == sizeof chunk->records / sizeof chunk->records[0]) {
		chunk = calloc(1, sizeof *chunk);
		if (!chunk)
			return NULL;
		chunk->next = t->keyed;
		__atomic_store_n(&t->keyed, chunk, __ATOMIC_RELEASE);
	}
	struct pb_watch_record *r = &chunk->records[chunk->count];
	r->hook = hook;
	r->key = key;
	__atomic_store_n(&chunk->count, chunk->count + 1, __ATOMIC_RELEASE);
	return r;
}

struct pb_watch_record *pb_watch_find_keyed(struct pb_watch_thread *t,
					    const struct pb_watch_hook *hook, uint64_t key,
					    bool *fresh)
{
	size_t at = 0;
	if (t->table) {
		for (at = pb_watch_hash(hook, key) & t->table_mask; t->table[at];
		     at = (at + 1) & t->table_mask)
			if (t->table[at]->key == key && t->table[at]->hook == hook)
				return t->table[at];
	}
	if (!t->table || 2 * t->table_used > t->table_mask) {
		if (grow(t))
			return NULL;
		for (at = pb_watch_hash(hook, key) & t->table_mask; t->table[at];)
			at = (at + 1) & t->table_mask;
	}
	struct pb_watch_record *r = append(t, hook, key);
	if (!r)
		return NULL;
	t->table[at] = r;
	t->table_used++;
	*fresh = true;
	return r;
}

struct pb_watch_thread *pb_watch_threads_lock(void)
{
	lock();
	return threads.first;
}

void pb_watch_threads_unlock(void)
{
	unlock();
}
