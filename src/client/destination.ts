/** Where a node's door is. */
export interface Destination {
  readonly origin: string
  /** Absent: TCP. */
  readonly socketPath?: string
}

const UNIX_PREFIX = 'unix:'

/** Reads `http://host:port`, `https://host:port` or `unix:/path`; undefined for anything else. */
export function destinationOf(address: string): Destination | undefined {
  if (address.startsWith(UNIX_PREFIX) && address !== UNIX_PREFIX) {
    return { origin: 'http://localhost', socketPath: address.slice(UNIX_PREFIX.length) }
  }
  const url = URL.canParse(address) ? new URL(address) : undefined
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return { origin: url.origin }
  return undefined
}
