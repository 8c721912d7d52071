/* The headers of every hooked call, and the prototypes that no header shows: fortified twins, older names. */
#ifndef COAX_PROTOS_H
#define COAX_PROTOS_H

#include <aliases.h>
#include <aio.h>
#include <dirent.h>
#include <fcntl.h>
#include <gnu/libc-version.h>
#include <grp.h>
#include <gshadow.h>
#include <ftw.h>
#include <glob.h>
#include <link.h>
#include <mqueue.h>
#include <netdb.h>
#include <netinet/ether.h>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <resolv.h>
#include <sched.h>
#include <semaphore.h>
#include <setjmp.h>
#include <shadow.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/quota.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/swap.h>
#include <sys/sem.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <syslog.h>
#include <termios.h>
#include <threads.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>
#include <utmp.h>
#include <utmpx.h>
#include <wordexp.h>

#include <sys/xattr.h>
#include <utime.h>

#undef p_type /* resolv.h, of a member of an ELF header */

#pragma GCC diagnostic ignored "-Wdeprecated-declarations" /* the older names are hooked, too */

ssize_t __read_chk(int fd, void *buf, size_t n, size_t size);
ssize_t __readlink_chk(const char *path, char *buf, size_t n, size_t size);
ssize_t __readlinkat_chk(int dir, const char *path, char *buf, size_t n, size_t size);
char *__realpath_chk(const char *path, char *to, size_t size);
char *__getcwd_chk(char *buf, size_t n, size_t size);
FILE *_IO_fopen(const char *path, const char *mode);
char *__getwd_chk(char *buf, size_t size);
int __open_2(const char *path, int flags);
int __openat_2(int dir, const char *path, int flags);
int __xstat(int version, const char *path, struct stat *st);
int __xstat64(int version, const char *path, struct stat64 *st);
int __lxstat(int version, const char *path, struct stat *st);
int __lxstat64(int version, const char *path, struct stat64 *st);
int __fxstat(int version, int fd, struct stat *st);
int __fxstat64(int version, int fd, struct stat64 *st);
int __fxstatat(int version, int dir, const char *path, struct stat *st, int flags);
int __fxstatat64(int version, int dir, const char *path, struct stat64 *st, int flags);
int __xmknod(int version, const char *path, mode_t mode, dev_t *dev);
int __xmknodat(int version, int dir, const char *path, mode_t mode, dev_t *dev);
ssize_t __pread_chk(int fd, void *buf, size_t n, off_t offset, size_t size);
ssize_t __pread64_chk(int fd, void *buf, size_t n, off64_t offset, size_t size);
ssize_t __recv_chk(int fd, void *buf, size_t n, size_t size, int flags);
ssize_t __recvfrom_chk(int fd, void *buf, size_t n, size_t size, int flags, __SOCKADDR_ARG addr, socklen_t *len);
int __poll_chk(struct pollfd *fds, nfds_t n, int timeout, size_t size);
int __ppoll_chk(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask, size_t size);
int isfdtype(int fd, int type);
int __ttyname_r_chk(int fd, char *buf, size_t size, size_t room);
int __libc_start_main(int (*main)(int, char **, char **), int argc, char **argv, void (*init)(void), void (*fini)(void),
                      void (*rtld_fini)(void), void *stack_end);
int __register_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void), void *dso);

int __getlogin_r_chk(char *name, size_t size, size_t room);
void __syslog_chk(int priority, int flag, const char *format, ...);
void __vsyslog_chk(int priority, int flag, const char *format, va_list args);

int __sigpause(int value, int is_signal);
int __xpg_sigpause(int sig);

/* Older versions (HOOK_VERSION). */
int pthread_cond_wait_old(pthread_cond_t *c, pthread_mutex_t *m);
int pthread_cond_timedwait_old(pthread_cond_t *c, pthread_mutex_t *m, const struct timespec *until);
int pthread_cond_signal_old(pthread_cond_t *c);
int pthread_cond_broadcast_old(pthread_cond_t *c);
int sched_getaffinity_old(pid_t pid, cpu_set_t *cpus);
int sched_setaffinity_old(pid_t pid, const cpu_set_t *cpus);
int pthread_kill_old(pthread_t thread, int sig);
int pthread_getaffinity_np_old(pthread_t thread, cpu_set_t *cpus);
int pthread_setaffinity_np_old(pthread_t thread, const cpu_set_t *cpus);
__typeof__(timer_create) timer_create_234;
__typeof__(lio_listio) lio_listio_234;
__typeof__(lio_listio64) lio_listio64_234;
__typeof__(timer_settime) timer_settime_234;
__typeof__(timer_gettime) timer_gettime_234;
__typeof__(timer_delete) timer_delete_234;
__typeof__(pthread_getaffinity_np) pthread_getaffinity_np_234;
__typeof__(pthread_setaffinity_np) pthread_setaffinity_np_234;
__typeof__(posix_spawn) posix_spawn_old;
__typeof__(posix_spawnp) posix_spawnp_old;
__typeof__(nftw) nftw_old;
__typeof__(nftw64) nftw64_old;
__typeof__(glob) glob_old;
__typeof__(glob64) glob64_old;
__typeof__(realpath) realpath_old;

void _IO_list_lock(void);
void _IO_list_unlock(void);

int capset(void *header, const void *data);
int arch_prctl(int code, unsigned long address);
int capget(void *header, void *data);
int __sigaction(int sig, const struct sigaction *act, struct sigaction *old);
void __longjmp_chk(struct __jmp_buf_tag env[1], int value) __attribute__((noreturn));

#endif
