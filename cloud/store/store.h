/*
 * Where the cloud keeps things.  A struct of functions (store_sqlite.c; a
 * server-based one joins behind it): sets of rows in, sets of rows out, no
 * rule of the business.  One struct store belongs to one thread.
 */
#ifndef STORE_H
#define STORE_H

struct store;

#endif
