//go:build tools

// Package check names what checks the compose files, so that go.mod pins it.
package check

import _ "github.com/compose-spec/compose-go/v2/cmd"
