import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

/** Addresses and networks such as `10.0.0.0/8`. What they say about whom they ask for is believed. */
export type TrustedProxies = readonly string[]

/** Proxies on this machine. */
export const LOOPBACK: TrustedProxies = ['127.0.0.0/8', '::1/128']

type Network = [ipaddr.IPv4 | ipaddr.IPv6, number]

/** Throws an error that says how to mend what is no network. */
export function parseNetwork(text: string): Network {
  try {
    const [address = '', bits] = text.split('/')
    if (isIP(address) === 0) throw new TypeError('not an address')
    if (bits !== undefined) return ipaddr.parseCIDR(text)
    const parsed = ipaddr.parse(text)
    return [parsed, parsed.kind() === 'ipv4' ? 32 : 128]
  } catch (cause) {
    throw new Error(
      `${JSON.stringify(text)} is not a network: write an address, or one with the length of its prefix, as in 10.0.0.0/8`,
      { cause },
    )
  }
}

/**
 * Whether an address is of a trusted proxy. A peer without one came through a Unix socket: who may connect to
 * that is trusted.
 */
export function trustOf(proxies: TrustedProxies): (address: string | undefined) => boolean {
  const networks = proxies.map(parseNetwork)
  return (text) => {
    if (text === undefined) return true
    if (isIP(text) === 0) return false
    const address = ipaddr.process(text)
    return networks.some(([network, bits]) => {
      return address.kind() === network.kind() && address.match(network, bits)
    })
  }
}
