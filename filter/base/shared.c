#include "base/shared.h"

#include <errno.h>
#include <sys/mman.h>

#include "base/fail.h"

void *shared_new(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		fail_out_of_memory();
	return p;
}

void shared_free(void *p, size_t bytes)
{
	munmap(p, bytes);
}

void shared_lock_init(pthread_mutex_t *lock)
{
	pthread_mutexattr_t shared;
	pthread_mutexattr_init(&shared);
	pthread_mutexattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&shared, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(lock, &shared);
	pthread_mutexattr_destroy(&shared);
}

bool shared_lock(pthread_mutex_t *lock)
{
	int error = pthread_mutex_lock(lock);
	bool is_left = error == EOWNERDEAD;
	if (is_left)
		error = pthread_mutex_consistent(lock);
	BUG_IF(error != 0);
	return is_left;
}
