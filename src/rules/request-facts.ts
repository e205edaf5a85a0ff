/**
 * A request as rules see it. What is missing is undefined, and is not the same as what is empty. Names of
 * headers are asked for in lower case.
 */
export interface RequestFacts {
  readonly method?: string | undefined
  /** May have a query; it is not looked at. */
  readonly path?: string | undefined
  /** As in the header: may have a port. */
  readonly host?: string | undefined
  readonly ip?: string | undefined
  header(name: string): string | undefined
  query(name: string): string | undefined
  cookie(name: string): string | undefined
  descriptor(name: string): string | undefined
}

const nothing = (): undefined => undefined

/** Of a request that nothing is known of but its descriptors. */
export function factsOfDescriptors(descriptor: (name: string) => string | undefined): RequestFacts {
  return { header: nothing, query: nothing, cookie: nothing, descriptor }
}
