/*
 * Loaded before the C library of single processes (LD_PRELOAD): their wall clock is wrong by so many seconds, and a
 * disk takes nothing new. Both are told through a file that is mapped: two 64-bit numbers, at once and for everybody.
 *
 *   CHAOS_FAULTS  the file
 *   CHAOS_DISK    what lies below this path is on the disk that may be full
 *
 * A full disk refuses what would be written over as well, as a file system does that never writes in place.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static volatile long long nothing[2], *told = nothing;
static const char *disk = NULL;

#define REAL(type, name, ...) \
    static type (*real)(__VA_ARGS__) = NULL; \
    if (!real) real = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("CHAOS_FAULTS");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    disk = getenv("CHAOS_DISK");
    if (fd < 0) return;
    void *mapped = mmap(NULL, 2 * sizeof(long long), PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (mapped != MAP_FAILED) told = mapped;
}

/* --- the wall clock ------------------------------------------------------------------------- */

int clock_gettime(clockid_t which, struct timespec *at) {
    REAL(int, "clock_gettime", clockid_t, struct timespec *);
    int failed = real(which, at);
    if (!failed && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE)) at->tv_sec += told[0];
    return failed;
}

int gettimeofday(struct timeval *at, void *zone) {
    REAL(int, "gettimeofday", struct timeval *, void *);
    int failed = real(at, zone);
    if (!failed) at->tv_sec += told[0];
    return failed;
}

time_t time(time_t *at) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at) *at = now.tv_sec;
    return now.tv_sec;
}

/* --- the disk --------------------------------------------------------------------------------- */

static int full(int fd) {
    char link[64], path[4096];
    struct stat now;
    if (!told[1] || !disk) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    if (strncmp(path, disk, strlen(disk)) || fstat(fd, &now) || !S_ISREG(now.st_mode)) return 0;
    errno = ENOSPC;
    return 1;
}

ssize_t write(int fd, const void *data, size_t count) {
    REAL(ssize_t, "write", int, const void *, size_t);
    return full(fd) ? -1 : real(fd, data, count);
}

ssize_t pwrite(int fd, const void *data, size_t count, off_t at) {
    REAL(ssize_t, "pwrite", int, const void *, size_t, off_t);
    return full(fd) ? -1 : real(fd, data, count, at);
}

ssize_t pwrite64(int fd, const void *data, size_t count, off64_t at) {
    REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
    return full(fd) ? -1 : real(fd, data, count, at);
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at) {
    REAL(ssize_t, "pwritev", int, const struct iovec *, int, off_t);
    return full(fd) ? -1 : real(fd, parts, count, at);
}

int ftruncate(int fd, off_t size) {
    REAL(int, "ftruncate", int, off_t);
    return full(fd) ? -1 : real(fd, size);
}

int ftruncate64(int fd, off64_t size) {
    REAL(int, "ftruncate64", int, off64_t);
    return full(fd) ? -1 : real(fd, size);
}

int posix_fallocate(int fd, off_t at, off_t count) {
    REAL(int, "posix_fallocate", int, off_t, off_t);
    return full(fd) ? ENOSPC : real(fd, at, count);
}
