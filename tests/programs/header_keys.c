/* Values that threads inherit: seen within the function and by the threads that are made there, for as long as they live;
 * freed once, by the last who could see them. */
#include <coax.h>
#include <setjmp.h>

static int wrong, freed;
static coax_key a, b;
static int one = 1, two = 2, three = 3;

static void check(int good, const char *what)
{
    if (!good) {
        printf("wrong: %s (%s)\n", what, strerror(errno));
        wrong = 1;
    }
}

static void frees(void *value)
{
    check(value == &one || value == &two || value == &three, "what is freed");
    __atomic_fetch_add(&freed, 1, __ATOMIC_SEQ_CST);
}

static void *grandchild(void *arg)
{
    coax_sleep(0.02);
    check(coax_get_value(a) == arg, "a grandchild's value");
    return coax_get_value(b);
}

static pthread_t late;

static void *child(void *arg)
{
    check(coax_get_value(a) == arg && coax_get_value(b) == NULL, "a child's value");
    pthread_create(&late, NULL, grandchild, arg);
    return NULL;
}

static int inner(void *arg)
{
    (void)arg;
    check(coax_get_value(a) == &two && coax_get_value(b) == &three, "the inner values");
    return 4;
}

static int with_b(void *arg) { return coax_with_value(b, &three, inner, arg); }

static int outer(void *arg)
{
    pthread_t t;
    check(coax_get_value(a) == &one && coax_get_value(b) == NULL, "the outer values");
    check(coax_with_value(a, &two, with_b, arg) == 4, "what the inner function returns");
    check(coax_get_value(a) == &one && coax_get_value(b) == NULL, "the outer values are back");
    check(freed == 2, "the inner ones are freed");
    pthread_create(&t, NULL, child, &one);
    pthread_join(t, NULL);
    return 5;
}

static jmp_buf out;

static int jumps(void *arg)
{
    (void)arg;
    longjmp(out, 1);
    return 0;
}

static int exits(void *arg)
{
    pthread_exit(arg);
    return 0;
}

static void *exits_within(void *arg)
{
    coax_with_value(a, &three, exits, arg);
    return NULL;
}

static int makes_many(void *arg)
{
    pthread_t t[50];
    int i;
    for (i = 0; i < 50; i++)
        pthread_create(&t[i], NULL, grandchild, arg);
    for (i = 0; i < 50; i++)
        pthread_join(t[i], NULL);
    return 0;
}

static int nothing(void *arg)
{
    (void)arg;
    return 0;
}

int main(int argc, char **argv)
{
    coax_key more;
    pthread_t t;
    int i;
    if (argc > 1) {
        if (coax_active())
            check(coax_key_create(&a, NULL) == 0, "create");
        else
            check(coax_key_create(&a, NULL) == -1 && errno == ENOSYS, "create");
        check(coax_get_value(a) == NULL, "no value");
        check(coax_with_value(a, &one, nothing, NULL) == -1 && errno == atoi(argv[1]), "with_value");
        printf("done\n");
        return wrong;
    }
    check(coax_get_value(0) == NULL && coax_get_value(-1) == NULL && coax_get_value(1 << 30) == NULL, "no keys");
    check(coax_with_value(0, &one, nothing, NULL) == -1 && errno == EINVAL, "no key yet");
    check(coax_key_create(NULL, frees) == -1 && errno == EINVAL, "nowhere to put it");
    check(coax_key_create(&a, frees) == 0 && coax_key_create(&b, frees) == 0 && a != b, "two keys");
    check(coax_with_value(a, &one, NULL, NULL) == -1 && errno == EINVAL, "no function");
    check(coax_with_value(-1, &one, nothing, NULL) == -1 && errno == EINVAL, "no such key");
    check(coax_with_value(a, &one, outer, NULL) == 5, "what the function returns");
    check(coax_get_value(a) == NULL, "none afterwards");
    check(freed == 2, "a grandchild still sees it");
    pthread_join(late, NULL);
    check(freed == 3, "it is freed when the last has ended");
    if (setjmp(out) == 0)
        coax_with_value(a, &one, jumps, NULL);
    check(coax_get_value(a) == NULL && freed == 4, "left by a jump");
    pthread_create(&t, NULL, exits_within, NULL);
    pthread_join(t, NULL);
    check(freed == 5, "left by an exit");
    check(coax_with_value(a, &two, makes_many, &two) == 0 && freed == 6, "many see it, and it is freed once");
    for (i = 0; i < 2000 && coax_key_create(&more, NULL) == 0; i++)
        ;
    check(i == 1022 && errno == EAGAIN, "how many there are");
    printf("done\n");
    return wrong;
}
