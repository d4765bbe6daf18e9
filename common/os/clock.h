/* The two clocks.  Engines never call these: they are handed the time. */
#ifndef VS_CLOCK_H
#define VS_CLOCK_H

#include <stdint.h>

/* A moment on both clocks, passed down to what decides. */
struct vs_now {
	int64_t mono_ms; /* CLOCK_BOOTTIME: never steps, counts sleep */
	int64_t wall_ms; /* since 1970, may jump */
};

struct vs_now vs_clock_now(void);
int64_t vs_clock_mono_ms(void);
int64_t vs_clock_mono_ns(void);
int64_t vs_clock_wall_ms(void);

#endif
