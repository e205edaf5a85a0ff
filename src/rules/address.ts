import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

/** Leading bits of an address that count; the rest is set to zero. */
export interface PrefixLengths {
  readonly v4: number
  readonly v6: number
}

/**
 * One way of writing for each address: IPv6 as in RFC 5952, and an IPv4 address that came as IPv6 is IPv4.
 * With prefix lengths, the network: `2001:db8:1:2::/64`. Undefined when it is no address.
 */
export function canonicalAddress(text: string, prefix?: PrefixLengths): string | undefined {
  if (isIP(text) === 0) return undefined
  const address = ipaddr.process(text)
  if (address instanceof ipaddr.IPv4) {
    if (prefix === undefined) return address.toString()
    const cidr = `${address.toString()}/${prefix.v4}`
    return `${ipaddr.IPv4.networkAddressFromCIDR(cidr).toString()}/${prefix.v4}`
  }
  if (prefix === undefined) return address.toRFC5952String()
  // A zone names a link of this machine, not a network.
  const [withoutZone = ''] = address.toRFC5952String().split('%', 1)
  const cidr = `${withoutZone}/${prefix.v6}`
  return `${ipaddr.IPv6.networkAddressFromCIDR(cidr).toRFC5952String()}/${prefix.v6}`
}
