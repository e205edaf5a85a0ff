import { describe, expect, test } from 'vitest'
import { namesBy } from '../../../cluster/libp2p/names.ts'
import {
  isLoopback,
  parsePeerAddress,
  reachableAddresses,
  readPeerAddress,
  resolvePeerAddress,
} from '../../../cluster/libp2p/peer-address.ts'

const PEER = '12D3KooWGrbZ7qDMqUTsyNL7cqvKBWnzKqQNZPVKqc3nk4CdDTwt'

describe('a peer address', () => {
  test.for([
    ['10.0.0.7:4001', '/ip4/10.0.0.7/tcp/4001'],
    ['[fd00::7]:4001', '/ip6/fd00::7/tcp/4001'],
    ['weir-2:4001', '/dns/weir-2/tcp/4001'],
    ['weir_2.example.org.:4001', '/dns/weir_2.example.org./tcp/4001'],
    ['127.0.0.1:0', '/ip4/127.0.0.1/tcp/0'],
    ['/ip4/10.0.0.7/tcp/4001', '/ip4/10.0.0.7/tcp/4001'],
    ['/dns4/weir-2/tcp/4001', '/dns4/weir-2/tcp/4001'],
    [`/ip6/::1/tcp/4001/p2p/${PEER}`, `/ip6/::1/tcp/4001/p2p/${PEER}`],
  ] as const)('%s is %s', ([text, address]) => {
    expect(parsePeerAddress(text)).toBe(address)
  })

  test.for([
    ['', 'it has no port'],
    ['weir-2', 'it has no port'],
    ['weir-2:', 'it has no port'],
    ['fd00::7:4001', 'more than one colon'],
    ['[weir-2]:4001', '"weir-2" is no IPv6 address'],
    ['weir-2:70000', 'port 70000 is above 65535'],
    ['10.0.0.300:4001', '"10.0.0.300" is no host name'],
    [':4001', '"" is no host name'],
    ['we ir:4001', '"we ir" is no host name'],
    ['/ip4/10.0.0.7', 'only TCP'],
    ['/ip4/10.0.0.7/udp/4001', 'only TCP'],
    ['/ip4/10.0.0.7/tcp/4001/ws', 'something other than /p2p/<id>'],
    [`/ip4/10.0.0.7/tcp/4001/p2p/${PEER}/p2p-circuit`, 'something other than /p2p/<id>'],
    ['/ip4/10.0.0.300/tcp/4001', 'Invalid IPv4 address'],
    ['/ip4/10.0.0.7/tcp/70000', '65535'],
    ['/ip4/10.0.0.7/tcp/4001/p2p/me', 'peer address "/ip4/10.0.0.7/tcp/4001/p2p/me": '],
    ['/unix/tmp', 'it begins with /unix'],
  ] as const)('"%s" is none, because %s', ([text, problem]) => {
    expect(() => parsePeerAddress(text)).toThrow(problem)
    expect(() => parsePeerAddress(text)).toThrow(/expected host:port \(10\.0\.0\.7:4001/)
  })

  test('is resolved to IP addresses each time anew, and keeps its port', async () => {
    const resolved = await resolvePeerAddress(
      readPeerAddress('/dns4/localhost/tcp/4001'),
      namesBy(undefined),
      5_000,
    )
    expect(resolved).toContain('/ip4/127.0.0.1/tcp/4001')
    const ip = readPeerAddress(`/ip4/10.0.0.7/tcp/1/p2p/${PEER}`)
    expect(await resolvePeerAddress(ip, namesBy(undefined), 1_000)).toEqual(['/ip4/10.0.0.7/tcp/1'])
  })

  test('of loopback is told to others only when there is no other', () => {
    const loopback = readPeerAddress('127.0.0.1:4001')
    const lan = readPeerAddress('10.0.0.7:4001')
    expect(['127.0.0.1:1', '[::1]:1', 'localhost:1'].map(readPeerAddress).every(isLoopback)).toBe(
      true,
    )
    expect(reachableAddresses([loopback, lan])).toEqual([lan])
    expect(reachableAddresses([loopback])).toEqual([loopback])
  })
})
