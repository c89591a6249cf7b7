// promise-polyfill takes hold of setTimeout when it is imported; it never calls it here.
globalThis.setTimeout ??= () => 0;
