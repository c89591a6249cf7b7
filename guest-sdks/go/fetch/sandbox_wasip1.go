package fetch

const inSandbox = true
