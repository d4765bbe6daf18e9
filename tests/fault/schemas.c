/*
 * schemas owner|member - prints the migrations of that state's database, each
 * followed by a NUL, so that old ones can be made.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "agent/member/mirror_sql.h"
#include "agent/state/state_sql.h"

int main(int argc, char **argv)
{
	bool owner = argc == 2 && strcmp(argv[1], "owner") == 0;
	bool member = argc == 2 && strcmp(argv[1], "member") == 0;
	const char *const *sql =
	    owner ? state_sql_migrations : mirror_sql_migrations;
	int n = owner ? state_sql_version : mirror_sql_version;

	if (!owner && !member)
		return 2;
	for (int i = 0; i < n; i++)
		fwrite(sql[i], 1, strlen(sql[i]) + 1, stdout);
	return fflush(stdout) != 0;
}
