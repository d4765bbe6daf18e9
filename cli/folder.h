/* Folders that are named on the command line. */
#ifndef FOLDER_H
#define FOLDER_H

#include <limits.h>
#include <stdbool.h>

#include "cli/trouble.h"

/* The real path of the folder arg into out; exit 4 if it is none. */
int folder_find(char out[PATH_MAX], const char *arg, struct trouble *f);

/*
 * As folder_find, but where only its last component is missing it is made,
 * and *made is true.  With made NULL nothing is made: out is how it will be
 * called.
 */
int folder_make(
    char out[PATH_MAX], const char *arg, bool *made, struct trouble *f);

#endif
