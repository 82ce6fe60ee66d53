package microsandbox

import "github.com/superradcompany/microsandbox/sdk/go/internal/capi"

// CloseDefaultHome lets tests count what is left when everything is closed.
func CloseDefaultHome() error {
	defaultHome.Lock()
	defer defaultHome.Unlock()
	client := defaultHome.client
	if defaultHome.client = nil; client == nil {
		return nil
	}
	return client.Close()
}

// Internals for tests.
var (
	LiveHandles   = capi.LiveHandles
	HeaderVersion = capi.HeaderVersion
)

// StatusOf gives tests the rows of the library's table.
func StatusOf(value int) (name, tag string, kind ErrorKind) {
	status := capi.Status(value)
	return status.Name(), status.Tag(), kindOf(status)
}

// KindCount is the number of kinds.
const KindCount = len(kindNames)
