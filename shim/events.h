/* What coax.h calls for signals, notifications, jobs and the pool: entries of the table in coax.c. */
#ifndef COAX_EVENTS_H
#define COAX_EVENTS_H

#include "core/coax.h"

coax_signal_handler *events_on_signal(int sig, void (*fn)(int, void *), void *arg);
int events_disable_signal_handler(coax_signal_handler *handler);
int events_make_notification(int once, void (*fn)(void *), void *arg);
int events_send_notification(int id);
int events_stop_notification(int id);
int events_set_notification(int id, void (*fn)(void *), void *arg);

int events_execute_job(int method, void (*run)(void *), void *job, int (*result)(void *), void (*free_job)(void *));
int events_pool_size(void);
int events_set_pool_size(int size);
int events_thread_count(void);
int events_thread_waiting_count(void);
int events_get_cpu(void);

#endif
