/** Where a node's door is. */
export interface Destination {
  readonly origin: string
  /** Absent: TCP. */
  readonly socketPath?: string
}

const UNIX_PREFIX = 'unix:'

/**
 * Reads `http://host:port`, `https://host:port` or `unix:/path`; undefined for anything else, also with
 * a user, a path or a query, which would be left out without a word.
 */
export function destinationOf(address: string): Destination | undefined {
  if (address.startsWith(UNIX_PREFIX) && address !== UNIX_PREFIX) {
    return { origin: 'http://localhost', socketPath: address.slice(UNIX_PREFIX.length) }
  }
  const url = URL.canParse(address) ? new URL(address) : undefined
  const isHttp = url?.protocol === 'http:' || url?.protocol === 'https:'
  return isHttp && url.href === `${url.origin}/` ? { origin: url.origin } : undefined
}

/** For whoever wrote another address, which is not repeated: there may be a password in it. */
export const HOW_TO_WRITE = 'write http://host:port or unix:/path, without a user, path or query'
