/*
 * A client's certificate is asked for and never verified: anybody may make
 * one.  What the handshake proves is that the client has the private key,
 * and so the pin says who it is.
 */
#include "common/net/httpd.h"

#include <assert.h>
#include <gnutls/gnutls.h>

#include "common/net/httpd_priv.h"

#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

/* libmicrohttpd does not write to what it is given here. */
static void *tls_text(const char *text)
{
	return (void *)(uintptr_t)text;
}

unsigned vs_httpd_tls_options(
    const struct vs_httpd_options *o, struct MHD_OptionItem out[HTTPD_TLS])
{
	unsigned flags = MHD_ALLOW_UPGRADE;
	int n = 0;

	assert((o->key_pem == NULL) == (o->cert_pem == NULL));
	if (o->key_pem != NULL) {
		flags = MHD_USE_TLS;
		out[n++] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_MEM_KEY, 0,
			tls_text(o->key_pem) };
		out[n++] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_MEM_CERT,
			0, tls_text(o->cert_pem) };
		/* With someone to trust it asks for certificates at all. */
		out[n++] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_MEM_TRUST,
			0, tls_text(o->cert_pem) };
		out[n++] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_PRIORITIES,
			0, tls_text(TLS_PRIORITIES) };
	}
	out[n++] = (struct MHD_OptionItem){ MHD_OPTION_END, 0, NULL };
	assert(n <= HTTPD_TLS);
	return flags;
}

static gnutls_session_t tls_session(const struct vs_httpd_req *r)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(r->mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);

	return info != NULL ? info->tls_session : NULL;
}

const char *vs_httpd_peer_pin(struct vs_httpd_req *r)
{
	const gnutls_datum_t *certs = NULL;
	unsigned count = 0;
	gnutls_session_t tls;

	if (!r->server->tls || r->conn->pin[0] != '\0')
		return r->conn->pin;
	tls = tls_session(r);
	if (tls != NULL)
		certs = gnutls_certificate_get_peers(tls, &count);
	if (certs != NULL && count > 0)
		vs_key_pin_of(certs[0].data, certs[0].size, r->conn->pin, NULL);
	return r->conn->pin;
}
