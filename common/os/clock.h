/* The two clocks.  Engines never call these: they are handed the time. */
#ifndef VS_CLOCK_H
#define VS_CLOCK_H

#include <stdint.h>

/* A moment on both clocks, passed down to what decides. */
struct vs_now {
	int64_t mono_ms; /* CLOCK_BOOTTIME: never steps, counts sleep */
	int64_t wall_ms; /* since 1970, may jump */
};

/* Both, read one after the other. */
struct vs_now vs_clock_now(void);

/* The clock that never steps, for spans and deadlines. */
int64_t vs_clock_mono_ms(void);

/* The same in nanoseconds. */
int64_t vs_clock_mono_ns(void);

/* The time of day, for what people and other machines read. */
int64_t vs_clock_wall_ms(void);

#endif
