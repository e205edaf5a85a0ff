import { lookup, Resolver } from 'node:dns/promises'
import { DIAL_TIMEOUT_MS, SEED_ADDRESSES_MAX } from './limits.ts'

export interface IpAddress {
  readonly address: string
  readonly family: number
}

export interface HostAndPort {
  readonly host: string
  readonly port: number
}

/** What names stand for. Every question is asked anew; it rejects when there is no answer. */
export interface Names {
  /** `family`: 4, 6, or 0 for both. */
  addresses(host: string, family: 0 | 4 | 6): Promise<readonly IpAddress[]>
  /** Hosts and ports of a name's SRV records. */
  services(name: string): Promise<readonly HostAndPort[]>
}

/**
 * The system's names: hosts by its resolver, which knows `/etc/hosts` and search domains; services, for which it
 * has no question, by the name servers it is configured with. `servers` are asked for both instead, as `ip:port`.
 */
export function namesBy(servers: readonly string[] | undefined): Names {
  const resolver = () => {
    const made = new Resolver({ timeout: DIAL_TIMEOUT_MS, tries: 1 })
    if (servers !== undefined) made.setServers(servers)
    return made
  }
  return {
    async addresses(host, family) {
      const found =
        servers === undefined
          ? await lookup(host, { all: true, family })
          : await addressesBy(resolver(), host, family)
      return found.slice(0, SEED_ADDRESSES_MAX)
    },
    async services(name) {
      const records = await resolver().resolveSrv(name)
      const found = records.slice(0, SEED_ADDRESSES_MAX)
      return found.map((record) => ({ host: record.name, port: record.port }))
    },
  }
}

/** A name that has addresses of one family only has no answer for the other. */
async function addressesBy(
  resolver: Resolver,
  host: string,
  wanted: 0 | 4 | 6,
): Promise<IpAddress[]> {
  const asked = ([4, 6] as const).filter((family) => wanted === 0 || wanted === family)
  const answers = await Promise.allSettled(
    asked.map(async (family) => {
      const found = await (family === 4 ? resolver.resolve4(host) : resolver.resolve6(host))
      return found.map((address) => ({ address, family }))
    }),
  )
  const found = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []))
  const [failed] = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer] : []))
  if (found.length === 0 && failed !== undefined) throw failed.reason
  return found
}

/** The system's resolver cannot be interrupted, only outwaited. */
export async function within<T>(timeoutMs: number, promise: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const error = new Error(`${what} took longer than ${timeoutMs} ms`)
      error.name = 'TimeoutError'
      reject(error)
    }, timeoutMs)
  })
  try {
    return await Promise.race([promise, timeout])
  } finally {
    clearTimeout(timer)
  }
}
