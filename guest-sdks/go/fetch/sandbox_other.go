//go:build !wasip1

package fetch

const inSandbox = false
