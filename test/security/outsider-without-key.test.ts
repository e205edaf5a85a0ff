import { connect } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { generatePreSharedKey } from '../../cluster/libp2p/pre-shared-key.ts'
import { Libp2pTransports, until } from '../support/libp2p-transports.ts'
import { Recorder } from '../support/transport-recorder.ts'

// Who does not have the cluster's key is not linked, not heard, and told nothing. Whole nodes: test/e2e/outsiders.test.ts.

const transports = new Libp2pTransports()
afterEach(() => transports.stopAll())

describe('a stranger', () => {
  test('with another pre-shared key never links and is never heard', async () => {
    const a = await transports.start('a', { preSharedKey: generatePreSharedKey() })
    const heardByA = new Recorder(a)
    const b = await transports.start('b', {
      preSharedKey: generatePreSharedKey(),
      seeds: a.addresses,
    })
    const heardByB = new Recorder(b)
    heardByB.guarded.know(a.self, a.addresses)
    await until('it has failed twice', () => transports.faults('b').length >= 2)
    heardByB.guarded.broadcast(Uint8Array.of(1))
    expect(heardByB.guarded.send(a.self, Uint8Array.of(1))).toBe(false)
    expect([...heardByA.linkEvents, ...heardByB.linkEvents]).toEqual([])
    expect(heardByA.frames).toEqual([])
    expect(new Set(transports.faults('b').map(({ type }) => type))).toEqual(
      new Set(['dial-failed']),
    )
  })

  test('with the same pre-shared key links', async () => {
    const preSharedKey = generatePreSharedKey()
    const a = await transports.start('a', { preSharedKey })
    const heardByA = new Recorder(a)
    const b = await transports.start('b', { preSharedKey, seeds: a.addresses })
    new Recorder(b)
    await until('they are linked', () => heardByA.isLinked(b.self))
  })

  test('with no pre-shared key at all never links, and hears not even who is there', async () => {
    const a = await transports.start('a', { preSharedKey: generatePreSharedKey() })
    const heardByA = new Recorder(a)
    const { hostname, port } = new URL(`tcp://127.0.0.1:${portOf(a.addresses[0])}`)
    const said = await new Promise<string>((resolve) => {
      const socket = connect(Number(port), hostname)
      let heard = ''
      socket.on('data', (bytes) => {
        heard += bytes.toString('latin1')
      })
      socket.on('error', () => undefined)
      socket.on('close', () => resolve(heard))
      socket.write('\x13/multistream/1.0.0\n\x07/noise\n'.repeat(40))
    })
    expect(said).not.toContain('multistream')
    expect(said).not.toContain(a.self)
    expect(heardByA.linkEvents).toEqual([])
  })
})

function portOf(address: string | undefined): string {
  return /\/tcp\/(\d+)/.exec(address ?? '')?.[1] ?? ''
}
