/* Who is logged in: one file and one place in it for the process. */
#include "shim/in_turn.h"

EXPORT void setutent(void)
{
    struct fiber *self = in_turn(TURN_UTMP, __func__);
    real.setutent();
    turn_drop(self, TURN_UTMP);
}

EXPORT void endutent(void)
{
    struct fiber *self = in_turn(TURN_UTMP, __func__);
    real.endutent();
    turn_drop(self, TURN_UTMP);
}

EXPORT int utmpname(const char *file)
{
    struct fiber *self = in_turn(TURN_UTMP, __func__);
    int r = real.utmpname(file);
    turn_drop(self, TURN_UTMP);
    return r;
}

EXPORT struct utmp *getutent(void)
{
    struct fiber *self = in_turn(TURN_UTMP, __func__);
    struct utmp *r = real.getutent();
    turn_drop(self, TURN_UTMP);
    return r;
}

EXPORT struct utmp *getutid(const struct utmp *id)
{
    struct fiber *self = in_turn(TURN_UTMP, __func__);
    struct utmp *r = real.getutid(id);
    turn_drop(self, TURN_UTMP);
    return r;
}

EXPORT struct utmp *getutline(const struct utmp *line)
{
    struct fiber *self = in_turn(TURN_UTMP, __func__);
    struct utmp *r = real.getutline(line);
    turn_drop(self, TURN_UTMP);
    return r;
}

EXPORT int getutent_r(struct utmp *record, struct utmp **result)
{
    struct fiber *self = in_turn(TURN_UTMP, __func__);
    int r = real.getutent_r(record, result);
    turn_drop(self, TURN_UTMP);
    return r;
}

EXPORT int getutid_r(const struct utmp *id, struct utmp *record, struct utmp **result)
{
    struct fiber *self = in_turn(TURN_UTMP, __func__);
    int r = real.getutid_r(id, record, result);
    turn_drop(self, TURN_UTMP);
    return r;
}

EXPORT int getutline_r(const struct utmp *line, struct utmp *record, struct utmp **result)
{
    struct fiber *self = in_turn(TURN_UTMP, __func__);
    int r = real.getutline_r(line, record, result);
    turn_drop(self, TURN_UTMP);
    return r;
}

EXPORT struct utmp *pututline(const struct utmp *record)
{
    struct fiber *self = in_turn(TURN_UTMP, __func__);
    struct utmp *r = real.pututline(record);
    turn_drop(self, TURN_UTMP);
    return r;
}

EXPORT void updwtmp(const char *file, const struct utmp *record)
{
    struct fiber *self = in_turn(TURN_UTMP, __func__);
    real.updwtmp(file, record);
    turn_drop(self, TURN_UTMP);
}

EXPORT void setutxent(void)
{
    struct fiber *self = in_turn(TURN_UTMP, __func__);
    real.setutxent();
    turn_drop(self, TURN_UTMP);
}

EXPORT void endutxent(void)
{
    struct fiber *self = in_turn(TURN_UTMP, __func__);
    real.endutxent();
    turn_drop(self, TURN_UTMP);
}

EXPORT int utmpxname(const char *file)
{
    struct fiber *self = in_turn(TURN_UTMP, __func__);
    int r = real.utmpxname(file);
    turn_drop(self, TURN_UTMP);
    return r;
}

EXPORT struct utmpx *getutxent(void)
{
    struct fiber *self = in_turn(TURN_UTMP, __func__);
    struct utmpx *r = real.getutxent();
    turn_drop(self, TURN_UTMP);
    return r;
}

EXPORT struct utmpx *getutxid(const struct utmpx *id)
{
    struct fiber *self = in_turn(TURN_UTMP, __func__);
    struct utmpx *r = real.getutxid(id);
    turn_drop(self, TURN_UTMP);
    return r;
}

EXPORT struct utmpx *getutxline(const struct utmpx *line)
{
    struct fiber *self = in_turn(TURN_UTMP, __func__);
    struct utmpx *r = real.getutxline(line);
    turn_drop(self, TURN_UTMP);
    return r;
}

EXPORT struct utmpx *pututxline(const struct utmpx *record)
{
    struct fiber *self = in_turn(TURN_UTMP, __func__);
    struct utmpx *r = real.pututxline(record);
    turn_drop(self, TURN_UTMP);
    return r;
}

EXPORT void updwtmpx(const char *file, const struct utmpx *record)
{
    struct fiber *self = in_turn(TURN_UTMP, __func__);
    real.updwtmpx(file, record);
    turn_drop(self, TURN_UTMP);
}
