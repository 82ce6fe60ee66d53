/* The smallest program that needs the header, the library and what the library needs. */
#include <microsandbox.h>
#include <stdio.h>

int main(void) {
    if (msb_abi_version() != MSB_ABI_VERSION) return 1;
    msb_error *error = NULL;
    printf("%s\n", msb_version());
    msb_handle_free(error);
    return 0;
}
