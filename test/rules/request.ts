import type { RequestFacts } from '../../src/rules/request-facts.ts'

type Values = Readonly<Record<string, string>>

/** A request of these facts and no others. */
export function request(facts: {
  readonly method?: string
  readonly path?: string
  readonly host?: string
  readonly ip?: string
  readonly headers?: Values
  readonly query?: Values
  readonly cookies?: Values
  readonly descriptors?: Values
}): RequestFacts {
  const { headers = {}, query = {}, cookies = {}, descriptors = {}, ...rest } = facts
  const reader = (values: Values) => {
    const known = new Map(Object.entries(values))
    return (name: string) => known.get(name)
  }
  return {
    ...rest,
    header: reader(headers),
    query: reader(query),
    cookie: reader(cookies),
    descriptor: reader(descriptors),
  }
}
