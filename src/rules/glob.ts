import { matchesText, matchesWildcard, type Wildcard } from './wildcard.ts'

/**
 * Paths and hosts by their segments: `*` is any text within one segment, and alone one whole segment, not
 * empty; `**` is any number of segments, also none.
 */
const SEGMENTS: Wildcard<string, string> = {
  isAny: (part) => part === '**',
  matchesOne: (part, item) => (part === '*' ? item !== '' : matchesText(part, item)),
}

/** `/v1/**` fits `/v1`, `/v1/` and `/v1/a/b`; `/v1/*` fits `/v1/a` alone. */
export function matchesPath(pattern: readonly string[], segments: readonly string[]): boolean {
  return matchesWildcard(pattern, segments, SEGMENTS)
}

/** `*.example.com` fits `api.example.com`. */
export function matchesHost(pattern: readonly string[], host: string): boolean {
  return matchesWildcard(pattern, host.split('.'), SEGMENTS)
}

/**
 * The segments of a request's path as a server would understand it: without query, percent-encoding
 * undone, `.` and `..` resolved, empty segments left out but the last. Otherwise a client could escape
 * a rule for `/login` by asking for `//login`, `/x/../login`, `/%6cogin` or `http://host/login`.
 */
export function pathSegments(path: string): readonly string[] {
  const [beforeQuery = ''] = path.replace(ORIGIN, '').split(/[?#]/, 1)
  const written = beforeQuery.split('/')
  const segments: string[] = ['']
  for (const [index, text] of written.entries()) {
    const segment = decoded(text)
    const isLast = index === written.length - 1
    if (segment === '..') {
      if (segments.length > 1) segments.pop()
    } else if (segment !== '' && segment !== '.') {
      segments.push(segment)
      continue
    }
    if (isLast) segments.push('')
  }
  return segments
}

/** The host as names are compared: lower case, without port and without the dot of the root. */
export function hostName(host: string): string {
  return host
    .toLowerCase()
    .replace(/:\d*$/, (port, at: number, whole: string) =>
      whole.startsWith('[') || whole.indexOf(':') === at ? '' : port,
    )
    .replace(/\.$/, '')
}

/** Requests to proxies name the whole address, and every server must accept it (RFC 9112, 3.2.2). */
const ORIGIN = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i

function decoded(segment: string): string {
  if (!segment.includes('%')) return segment
  try {
    return decodeURIComponent(segment)
  } catch {
    // Not an encoding of text: no pattern means it.
    return segment
  }
}
