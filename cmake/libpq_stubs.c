/* What Debian's libpq.a asks of GSSAPI and LDAP, which have no static libraries there. Every call fails in the way that
   their own headers define, so libpq says that it cannot authenticate by Kerberos, or that a service file names an LDAP
   server in vain. The driver sets gssencmode=disable, and none of this is reached otherwise. */
#include <stddef.h>

#define FAILS_GSS(NAME) \
    unsigned NAME(void); \
    unsigned NAME(void) { return 16u << 16; } /* GSS_S_UNAVAILABLE */
FAILS_GSS(gss_acquire_cred)
FAILS_GSS(gss_delete_sec_context)
FAILS_GSS(gss_display_status)
FAILS_GSS(gss_import_name)
FAILS_GSS(gss_init_sec_context)
FAILS_GSS(gss_release_buffer)
FAILS_GSS(gss_release_cred)
FAILS_GSS(gss_release_name)
FAILS_GSS(gss_unwrap)
FAILS_GSS(gss_wrap)
FAILS_GSS(gss_wrap_size_limit)
const void* GSS_C_NT_HOSTBASED_SERVICE = NULL;

#define FAILS_LDAP(NAME) \
    int NAME(void);      \
    int NAME(void) { return -1; } /* LDAP_SERVER_DOWN; of no entry, and of no result */
FAILS_LDAP(ldap_count_entries)
FAILS_LDAP(ldap_result)
FAILS_LDAP(ldap_search_st)
FAILS_LDAP(ldap_set_option)
FAILS_LDAP(ldap_simple_bind)
FAILS_LDAP(ldap_msgfree)
FAILS_LDAP(ldap_unbind)

#define GIVES_NOTHING(NAME) \
    void* NAME(void);       \
    void* NAME(void) { return NULL; }
GIVES_NOTHING(ldap_first_entry)
GIVES_NOTHING(ldap_get_values_len)
GIVES_NOTHING(ldap_init)
GIVES_NOTHING(ldap_value_free_len)

const char* ldap_err2string(int error);
const char* ldap_err2string(int error) {
    (void)error;
    return "this build has no LDAP";
}
