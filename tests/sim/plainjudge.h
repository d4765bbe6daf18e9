/*
 * The judge where the server is a plain one (plainbox.h): it proves nothing,
 * so what it has is compared with the folder.
 */
#ifndef PLAINJUDGE_H
#define PLAINJUDGE_H

#include "tests/sim/world.h"

/*
 * Everything comes to rest, late requests included: the folder's files are
 * the server's, the manifest is the folder, and a second look sends nothing.
 */
bool plainjudge(struct world *w);

#endif
