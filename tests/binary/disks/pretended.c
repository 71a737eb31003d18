/*
 * A disk that fails as it is told, put before the C library of a process (LD_PRELOAD): files below $PRETENDED_DATA meet what
 * is asked for by files in $PRETENDED_FAULTS:
 *
 *   full         no byte more is written, after one last write that takes half of what it was given
 *   read-only    nothing is written, made, renamed, cut or removed
 *   sync-fails   fdatasync fails with EIO, whatever was written
 *   bad-NAME     the file of that name is neither synced nor cut: EIO
 *   hangs        fdatasync does not return before the file is gone
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int is_asked(const char *fault) {
    char path[4096];
    const char *faults = getenv("PRETENDED_FAULTS");
    if (faults == NULL) return 0;
    snprintf(path, sizeof path, "%s/%s", faults, fault);
    return access(path, F_OK) == 0;
}

static int is_data(const char *path) {
    const char *data = getenv("PRETENDED_DATA");
    return data != NULL && strncmp(path, data, strlen(data)) == 0;
}

static int is_data_fd(int fd) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return is_data(path);
}

static int is_bad_fd(int fd) {
    char link[64], path[4096], fault[300];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    if (!is_data(path)) return 0;
    snprintf(fault, sizeof fault, "bad-%.255s", strrchr(path, '/') + 1);
    if (!is_asked(fault)) return 0;
    errno = EIO;
    return 1;
}

static int is_refused(const char *path) {
    if (!is_data(path) || !is_asked("read-only")) return 0;
    errno = EROFS;
    return 1;
}

static int is_refused_fd(int fd) {
    if (!is_data_fd(fd) || !is_asked("read-only")) return 0;
    errno = EROFS;
    return 1;
}

ssize_t write(int fd, const void *bytes, size_t count) {
    static int halved;
    if (fd > 2 && is_data_fd(fd)) {
        if (is_refused_fd(fd)) return -1;
        if (!is_asked("full")) {
            halved = 0;
        } else if (halved || count < 2) {
            errno = ENOSPC;
            return -1;
        } else {
            halved = 1;
            count /= 2;
        }
    }
    return REAL(write)(fd, bytes, count);
}

#define OPEN(name)                                                                              \
    int name(const char *path, int flags, ...) {                                                \
        va_list more;                                                                           \
        va_start(more, flags);                                                                  \
        mode_t mode = flags & O_CREAT ? va_arg(more, mode_t) : 0;                               \
        va_end(more);                                                                           \
        if ((flags & (O_CREAT | O_WRONLY | O_RDWR)) && is_refused(path)) return -1;             \
        return REAL(name)(path, flags, mode);                                                   \
    }
OPEN(open)
OPEN(open64)

static int is_not_cut(int fd) { return is_refused_fd(fd) || is_bad_fd(fd); }
int ftruncate(int fd, off_t length) { return is_not_cut(fd) ? -1 : REAL(ftruncate)(fd, length); }
int ftruncate64(int fd, off64_t length) { return is_not_cut(fd) ? -1 : REAL(ftruncate64)(fd, length); }
int rename(const char *from, const char *to) { return is_refused(to) ? -1 : REAL(rename)(from, to); }
int unlink(const char *path) { return is_refused(path) ? -1 : REAL(unlink)(path); }

int fdatasync(int fd) {
    int is_ours = is_data_fd(fd);
    while (is_ours && is_asked("hangs")) nanosleep(&(struct timespec){.tv_nsec = 10 * 1000 * 1000}, NULL);
    if (is_ours && is_asked("sync-fails")) {
        errno = EIO;
        return -1;
    }
    if (is_bad_fd(fd)) return -1;
    return REAL(fdatasync)(fd);
}
