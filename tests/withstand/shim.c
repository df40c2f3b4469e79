/* Faults of a disk, for one process: loaded with LD_PRELOAD, armed by a call, quiet until then.
 *
 * Counts the writes or syncs that reach files under one folder, and at the n-th of them fails, tears the
 * write in half, or ends the process as kill -9 would. Everything else goes through untouched.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

enum { WRITES = 1, SYNCS = 2 };
enum { COUNT = 0, FAIL = 1, END = 2, TEAR_AND_END = 3, TEAR_AND_FAIL = 4 };

static char folder[4096];
static int watched, action, error_number, lasting;
static long nth, seen;
static volatile int armed;

void withstand_arm(const char *under, int what, long at, int doing, int error, int from_then_on)
{
    armed = 0;
    strncpy(folder, under, sizeof folder - 1);
    watched = what;
    nth = at;
    action = doing;
    error_number = error;
    lasting = from_then_on;
    seen = 0;
    armed = 1;
}

long withstand_disarm(void)
{
    armed = 0;
    return seen;
}

static int is_ours(int fd)
{
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return 0;
    path[length] = 0;
    return strncmp(path, folder, strlen(folder)) == 0;
}

/* What to do with this call: -1 pass it on, else one of the actions. */
static int verdict(int fd, int what)
{
    if (!armed || watched != what || !is_ours(fd))
        return -1;
    long now = ++seen;
    if (action == COUNT || now < nth || (now > nth && !lasting))
        return -1;
    if (now > nth && action == TEAR_AND_FAIL)
        return FAIL;
    return action;
}

static void end_here(void)
{
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

#define REAL(name) ((__typeof__(name) *)dlsym(RTLD_NEXT, #name))

#define FAULTY_WRITE(half, whole)                                                                                 \
    switch (verdict(fd, WRITES)) {                                                                                 \
    case FAIL:                                                                                                     \
        errno = error_number;                                                                                      \
        return -1;                                                                                                 \
    case END:                                                                                                      \
        end_here();                                                                                                \
    case TEAR_AND_END:                                                                                             \
        (void)!(half);                                                                                             \
        end_here();                                                                                                \
    case TEAR_AND_FAIL:                                                                                            \
        return half;                                                                                               \
    }                                                                                                              \
    return whole

ssize_t write(int fd, const void *bytes, size_t count)
{
    FAULTY_WRITE(REAL(write)(fd, bytes, count / 2), REAL(write)(fd, bytes, count));
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at)
{
    FAULTY_WRITE(REAL(pwrite)(fd, bytes, count / 2, at), REAL(pwrite)(fd, bytes, count, at));
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at)
{
    FAULTY_WRITE(REAL(pwrite64)(fd, bytes, count / 2, at), REAL(pwrite64)(fd, bytes, count, at));
}

#define FAULTY_SYNC(whole)                                                                                         \
    switch (verdict(fd, SYNCS)) {                                                                                  \
    case FAIL:                                                                                                     \
    case TEAR_AND_FAIL:                                                                                            \
        errno = error_number;                                                                                      \
        return -1;                                                                                                 \
    case END:                                                                                                      \
    case TEAR_AND_END:                                                                                             \
        end_here();                                                                                                \
    }                                                                                                              \
    return whole

int fsync(int fd)
{
    FAULTY_SYNC(REAL(fsync)(fd));
}

int fdatasync(int fd)
{
    FAULTY_SYNC(REAL(fdatasync)(fd));
}
