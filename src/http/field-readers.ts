import { parseCookie } from 'cookie'

type Reader = (name: string) => string | undefined

/** Header fields by their names in lower case; a field that came several times is one list. */
export function headerReader(
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
): Reader {
  return (name) => {
    const value = Object.hasOwn(headers, name) ? headers[name] : undefined
    return typeof value === 'object' ? value.join(', ') : value
  }
}

/** Parameters of the query in a path; of one that comes several times, the first. */
export function queryReader(path: string | undefined): Reader {
  let parameters: URLSearchParams | undefined
  return (name) => {
    const start = path?.indexOf('?') ?? -1
    if (path === undefined || start < 0) return undefined
    parameters ??= new URLSearchParams(path.slice(start))
    return parameters.get(name) ?? undefined
  }
}

export function cookieReader(header: Reader): Reader {
  let cookies: Readonly<Record<string, string | undefined>> | undefined
  return (name) => {
    cookies ??= parseCookie(header('cookie') ?? '')
    return Object.hasOwn(cookies, name) ? cookies[name] : undefined
  }
}
