import { queryReader } from '../http/field-readers.ts'
import type { RequestFacts } from '../rules/request-facts.ts'

/** A line of an access log in the combined format of Apache and nginx, or in the common one. */
export interface LoggedRequest {
  readonly atMs: number
  readonly facts: RequestFacts
}

const LINE =
  /^(?<ip>\S+) \S+ .*?\[(?<day>\d{2})\/(?<month>\w{3})\/(?<year>\d{4}):(?<time>\d{2}:\d{2}:\d{2}) (?<zone>[+-]\d{4})\] "(?<method>[A-Z]+) (?<path>\S+)[^"]*" \d{3} \S+(?: "(?<referer>(?:[^"\\]|\\.)*)" "(?<agent>(?:[^"\\]|\\.)*)")?/

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** Undefined for a line of another format. What the log does not hold, such as the host, is missing. */
export function parseLogLine(line: string): LoggedRequest | undefined {
  const { groups } = LINE.exec(line) ?? {}
  if (groups === undefined) return undefined
  const { ip = '', day, month = '', year, time, zone = '', method = '', path = '' } = groups
  const monthNumber = `${MONTHS.indexOf(month) + 1}`.padStart(2, '0')
  const offset = `${zone.slice(0, 3)}:${zone.slice(3)}`
  const atMs = Date.parse(`${year}-${monthNumber}-${day}T${time}${offset}`)
  if (Number.isNaN(atMs)) return undefined
  const headers = new Map(
    Object.entries({ referer: groups.referer, 'user-agent': groups.agent }).flatMap(
      ([name, value]) => (value === undefined || value === '-' ? [] : [[name, value] as const]),
    ),
  )
  return {
    atMs,
    facts: {
      ip,
      method,
      path,
      header: (name) => headers.get(name),
      query: queryReader(path),
      cookie: () => undefined,
      descriptor: () => undefined,
    },
  }
}
