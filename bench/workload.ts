/** What is asked of the nodes: the same for whoever answers. */

export const RULE = 'bench'

export interface Limit {
  readonly perSecond: number
  readonly burst: number
}

/**
 * A limit that never refuses here, so that every check takes the longer way: it is admitted, recorded, and
 * its headers have all their parts.
 */
export const NEVER_REFUSED: Limit = { perSecond: 1_000, burst: 1_000 }

export function rulesYaml({ perSecond, burst }: Limit): string {
  return `version: 1
rules:
  - name: ${RULE}
    limits: [{ rate: ${perSecond}/s, burst: ${burst} }]
`
}

/** Keys in use at a time over HTTP. */
export const KEYS = 10_000
/** Connections of a load, each with one request in flight. */
export const CONNECTIONS = 64
/** Checks in a batch. */
export const BATCH_CHECKS = 100

/** 24 bytes, as an address, a user's id or an API key may have. */
export function keyText(number: number): string {
  return `customer:${String(number).padStart(15, '0')}`
}

export function keyTexts(count: number): string[] {
  return Array.from({ length: count }, (_, number) => keyText(number))
}

/** The requests of a load: one for each key, or for each batch of keys. */
export type Route = 'gate' | 'check' | 'batch' | 'keys'

export function requestBytes(route: Route, keys: readonly string[]): Buffer[] {
  switch (route) {
    case 'gate':
      return keys.map((key) => get(`/v1/gate?rule=${RULE}&key=${encodeURIComponent(key)}`))
    case 'check':
      return keys.map((key) => post('/v1/check', { rule: RULE, key }))
    case 'batch':
      return batchesOf(keys).map((batch) => {
        return post('/v1/check', { checks: batch.map((key) => ({ rule: RULE, key })) })
      })
    case 'keys':
      return batchesOf(keys).map((batch) => post('/v1/check', { rule: RULE, keys: batch }))
  }
}

/** Checks in one request. */
export function checksIn(route: Route): number {
  return route === 'batch' || route === 'keys' ? BATCH_CHECKS : 1
}

function batchesOf(keys: readonly string[]): string[][] {
  const batches = Math.floor(keys.length / BATCH_CHECKS)
  return Array.from({ length: batches }, (_, batch) =>
    keys.slice(batch * BATCH_CHECKS, (batch + 1) * BATCH_CHECKS),
  )
}

function get(path: string): Buffer {
  return Buffer.from(`GET ${path} HTTP/1.1\r\nhost: weir\r\n\r\n`)
}

function post(path: string, value: object): Buffer {
  const body = JSON.stringify(value)
  const head = `POST ${path} HTTP/1.1\r\nhost: weir\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}`
  return Buffer.from(`${head}\r\n\r\n${body}`)
}
