/* Names and messages that are shown. */
#include "cli/quote.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static struct vs_buf buf;

static const char *name(const char *s)
{
	vs_buf_reset(&buf);
	quote_name(&buf, s);
	assert_int_equal(vs_buf_error(&buf), 0);
	return vs_buf_str(&buf);
}

static const char *text(const char *s)
{
	vs_buf_reset(&buf);
	quote_text(&buf, s);
	return vs_buf_str(&buf);
}

static void test_plain_names_stay(void **state)
{
	static const char *const plain[] = { "a", "scenes/12/a_b-c.mov",
		"100%,x:y@z+1=2", "caf\xc3\xa9", "\xe6\x97\xa5\xe6\x9c\xac",
		"\xf0\x9f\x8e\xac.mov" };

	(void)state;
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		assert_string_equal(name(plain[i]), plain[i]);
}

static void test_signs_of_the_shell_get_quotes(void **state)
{
	(void)state;
	assert_string_equal(name("a b"), "'a b'");
	assert_string_equal(name("it's"), "'it'\\''s'");
	assert_string_equal(name("$(x)"), "'$(x)'");
	assert_string_equal(name("a\\b"), "'a\\b'");
	assert_string_equal(name("~"), "'~'");
	assert_string_equal(name("-rf"), "'-rf'");
	assert_string_equal(name("=ls"), "'=ls'");
	assert_string_equal(name(""), "''");
}

static void test_control_characters_are_escaped(void **state)
{
	(void)state;
	assert_string_equal(name("a\nb"), "$'a\\nb'");
	assert_string_equal(name("\t\r"), "$'\\t\\r'");
	assert_string_equal(name("\033[2J"), "$'\\e[2J'");
	assert_string_equal(name("\x7f\x01"), "$'\\x7f\\x01'");
	assert_string_equal(name("'\\\n"), "$'\\'\\\\\\n'");
}

static void test_text_that_hides_is_escaped(void **state)
{
	(void)state;
	assert_string_equal(name("\xe2\x80\xaegnp"), "$'\\u202egnp'");
	assert_string_equal(name("\xc2\x9b"), "$'\\u009b'");
	assert_string_equal(name("\xe2\x80\x8b"), "$'\\u200b'");
	assert_string_equal(name("\xef\xbb\xbf"), "$'\\ufeff'");
	assert_string_equal(name("\xf3\xa0\x81\x81"), "$'\\U000e0041'");
}

static void test_bytes_that_are_no_utf8_are_escaped(void **state)
{
	(void)state;
	assert_string_equal(name("\xff"), "$'\\xff'");
	assert_string_equal(name("a\xc3"), "$'a\\xc3'");
	assert_string_equal(name("\xc0\xae"), "$'\\xc0\\xae'");
	assert_string_equal(name("\xed\xa0\x80"), "$'\\xed\\xa0\\x80'");
	assert_string_equal(name("\xe0\x80\x80"), "$'\\xe0\\x80\\x80'");
	/* A letter in too many bytes. */
	assert_string_equal(name("\xe0\x81\x81"), "$'\\xe0\\x81\\x81'");
	assert_string_equal(
	    name("\xf4\x90\x80\x80"), "$'\\xf4\\x90\\x80\\x80'");
	assert_string_equal(name("\xe2\x82"), "$'\\xe2\\x82'");
	assert_string_equal(name("\x80x"), "$'\\x80x'");
}

static void test_a_message_is_one_line(void **state)
{
	(void)state;
	assert_string_equal(text("it's a b"), "it's a b");
	assert_string_equal(
	    text("a\nb\033[31m\xe2\x80\xae\xff"), "a\\nb\\e[31m\\u202e\\xff");
}

static void test_no_byte_can_drive_a_terminal(void **state)
{
	(void)state;
	for (int c = 1; c < 256; c++) {
		char one[2] = { (char)c, '\0' };
		for (const char *s = name(one); *s != '\0'; s++)
			assert_in_range((unsigned char)*s, ' ', '~');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain_names_stay),
		cmocka_unit_test(test_signs_of_the_shell_get_quotes),
		cmocka_unit_test(test_control_characters_are_escaped),
		cmocka_unit_test(test_text_that_hides_is_escaped),
		cmocka_unit_test(test_bytes_that_are_no_utf8_are_escaped),
		cmocka_unit_test(test_a_message_is_one_line),
		cmocka_unit_test(test_no_byte_can_drive_a_terminal),
	};
	int rc;

	vs_buf_init(&buf, 4096);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	vs_buf_release(&buf);
	return rc;
}
