#include "core/state.h"
#include "core/mem.h"

#include <asm/prctl.h>
#include <sched.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

/* Newer than some headers. */
enum { SET_IO_FLUSHER = 57, SET_USER_DISPATCH = 59, SCHED_CORE = 62 };
enum { SET_CPUID = 0x1012, SINGLE_ISSUER = 1 << 12, ENABLE_RINGS = 12 };

enum state state_of_prctl(int option)
{
    switch (option) {
    case PR_SET_PDEATHSIG:
    case PR_SET_KEEPCAPS:
    case SET_USER_DISPATCH:
        return STATE_THREAD;
    case PR_SET_SECCOMP:
    case PR_SET_NO_NEW_PRIVS:
    case PR_CAPBSET_DROP:
    case PR_CAP_AMBIENT:
    case PR_SET_SECUREBITS:
    case PR_SET_TIMERSLACK:
    case PR_SET_TIMING:
    case PR_SET_TSC:
    case PR_SET_SPECULATION_CTRL:
    case PR_MCE_KILL:
    case SET_IO_FLUSHER:
    case SCHED_CORE:
        return STATE_INHERITED;
    default:
        return STATE_PROCESS;
    }
}

/* A user namespace, and what only a process can leave, is EINVAL with a second thread, as it is bare. */
enum state state_of_unshare(int flags)
{
    return (flags & (CLONE_NEWUSER | CLONE_THREAD | CLONE_SIGHAND | CLONE_VM)) != 0 || flags == 0 ? STATE_PROCESS
                                                                                                  : STATE_INHERITED;
}

/* A ring to which one thread alone may submit: of the parameters the flags. */
static bool one_issuer(const uint32_t *parameters)
{
    return mem_readable(parameters, 3 * sizeof *parameters) && (parameters[2] & SINGLE_ISSUER) != 0;
}

enum state state_of_syscall(long number, const long args[6])
{
    switch (number) {
    case SYS_unshare:
        return state_of_unshare((int)args[0]);
    case SYS_set_robust_list:
        return STATE_THREAD;
    case SYS_setns:
    case SYS_seccomp:
    case SYS_capset:
    case SYS_setuid:
    case SYS_setgid:
    case SYS_setreuid:
    case SYS_setregid:
    case SYS_setresuid:
    case SYS_setresgid:
    case SYS_setfsuid:
    case SYS_setfsgid:
    case SYS_setgroups:
    case SYS_set_mempolicy:
#ifdef SYS_landlock_restrict_self
    case SYS_landlock_restrict_self:
#endif
        return STATE_INHERITED;
    case SYS_personality:
        return (unsigned)args[0] == UINT32_MAX /* asks */ ? STATE_PROCESS : STATE_INHERITED;
    case SYS_arch_prctl: /* the base of GS; whether cpuid may be asked */
        return args[0] == ARCH_SET_GS || args[0] == SET_CPUID ? STATE_INHERITED : STATE_PROCESS;
    case SYS_io_uring_setup:
        return one_issuer((const uint32_t *)args[1]) ? STATE_THREAD : STATE_PROCESS;
    case SYS_io_uring_register: /* of a ring that was made disabled, who enables it is the issuer */
        return args[1] == ENABLE_RINGS ? STATE_THREAD : STATE_PROCESS;
    case SYS_keyctl: /* KEYCTL_JOIN_SESSION_KEYRING, KEYCTL_SET_REQKEY_KEYRING, KEYCTL_ASSUME_AUTHORITY */
        return args[0] == 1 || args[0] == 14 || args[0] == 16 ? STATE_INHERITED : STATE_PROCESS;
    default:
        return STATE_PROCESS;
    }
}
