/* The bodies of hooks on files, names and directories: all are the real call, by the fiber's async method. A program
 * with one thread goes straight to the real one. */
#ifndef COAX_FILES_H
#define COAX_FILES_H

#include "core/file.h"
#include "shim/hook.h"

/* As long as there is nothing else to see to, the call and its mark. */
#define LIGHT_CALL(light, type, name, params, args)                                                                    \
    LIGHT(type, name, params, args)                                                                                    \
    {                                                                                                                  \
        struct fiber *self = light();                                                                                  \
        if (unlikely(self == NULL))                                                                                    \
            return careful_##name args;                                                                                \
        method_light(self);                                                                                            \
        type result = real.name args;                                                                                  \
        method_light_end(self);                                                                                        \
        return result;                                                                                                 \
    }

/* `waits` says what is known of the call; it is asked for fibers only. */
#define METHOD_CALL(enter, type, name, params, args, waits)                                                            \
    GATED(type, name, params, args)                                                                                    \
    METHOD_BODY(enter, type, name, params, args, waits)
/* One of which nothing is known but whom its file asks. */
#define ASKING_CALL(type, name, params, args, asks)                                                                    \
    LIGHT_CALL(hook_light, type, name, params, args)                                                                   \
    CAREFUL(type, name, params, args)                                                                                  \
    METHOD_BODY(hook_enter, type, name, params, args, asks)

#define METHOD_BODY(enter, type, name, params, args, waits)                                                            \
    {                                                                                                                  \
        struct fiber *self = enter();                                                                                  \
        struct method_call call;                                                                                       \
        method_begin(&call, self, self != NULL && (waits), #name);                                                     \
        type result = real.name args;                                                                                  \
        method_end(&call);                                                                                             \
        return result;                                                                                                 \
    }                                                                                                                  \
    extern __typeof__(name) name

/* On a name, from the directory `dir`. */
#define NAME_CALL(type, name, params, args, dir, path) ASKING_CALL(type, name, params, args, file_asks_path(dir, path))

/* On a descriptor; `refuse` is how the call says an errno. */
#define FD_BODY(enter, refuse, type, name, params, args, fd, waits)                                                    \
    {                                                                                                                  \
        struct fiber *self = enter();                                                                                  \
        int refused = hook_refusal(self, fd);                                                                          \
        if (unlikely(refused != 0))                                                                                    \
            return refuse(refused);                                                                                    \
        struct method_call call;                                                                                       \
        method_begin(&call, self, self != NULL && (waits), #name);                                                     \
        type result = real.name args;                                                                                  \
        method_end(&call);                                                                                             \
        return result;                                                                                                 \
    }                                                                                                                  \
    extern __typeof__(name) name

static inline int files_fail(int error)
{
    errno = error;
    return -1;
}

/* One that waits where its file asks somebody. */
#define FD_CALL_(enter, refuse, type, name, params, args, fd)                                                          \
    LIGHT_CALL(hook_light_fd, type, name, params, args)                                                                \
    CAREFUL(type, name, params, args)                                                                                  \
    FD_BODY(enter, refuse, type, name, params, args, fd, file_asks(fd))

#define FD_CALL(type, name, params, args, fd) FD_CALL_(hook_enter, files_fail, type, name, params, args, fd)
/* At a cancellation point. */
#define FD_CALL_CANCEL(type, name, params, args, fd)                                                                   \
    FD_CALL_(hook_enter_cancel, files_fail, type, name, params, args, fd)
/* Returns an error number. */
#define FD_CALL_ERROR(name, params, args, fd) FD_CALL_(hook_enter, , int, name, params, args, fd)
/* One of which more is known; `enter` as it is a cancellation point, or not. */
#define FD_CALL_KNOWN(enter, type, name, params, args, fd, waits)                                                      \
    GATED(type, name, params, args)                                                                                    \
    FD_BODY(enter, files_fail, type, name, params, args, fd, waits)

/* An older version of a name; its real function is in struct real_old. */
#define OLD_CALL(type, old, name, version, params, args)                                                               \
    EXPORT type old params                                                                                             \
    {                                                                                                                  \
        struct method_call call;                                                                                       \
        method_begin(&call, hook_enter(), false, #name);                                                               \
        type result = real_old()->old args;                                                                            \
        method_end(&call);                                                                                             \
        return result;                                                                                                 \
    }                                                                                                                  \
    VERSION(old, name, version)

#endif
